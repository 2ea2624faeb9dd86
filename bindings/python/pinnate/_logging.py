"""Passes the library's log lines to a callable or a logging.Logger."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional, Union

from . import _abi, _slots
from ._library_thread import on_library_thread
from ._values import said, whole, wrong

LogCallback = Callable[[int, str], Any]
Log = Union[LogCallback, logging.Logger]

# By pinnate_log_level. Hosts see the numbers of `logging`, so that `logger.log` is such a callable.
_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


def callback_of(log: Optional[Log]) -> Optional[LogCallback]:
    """What to call with each line; None for no logs."""
    if log is None:
        return None
    if isinstance(log, logging.Logger):
        logger = log
        # "%s": a line may hold per cent signs.
        return lambda level, message: logger.log(level, "%s", message)
    if not callable(log):
        raise wrong("log", "a callable or a logging.Logger", log)
    return log


def c_level(level: int) -> int:
    """The pinnate_log_level of a level of `logging`."""
    level = whole(level, "log_level", "a level of logging, such as logging.INFO")
    return sum(level > known for known in _LEVELS[:-1])


@_abi.LogFn
@on_library_thread  # or on any other: a log callback must not call back into the library
def ON_LOG(number: Optional[int], level: int, message: Optional[bytes]) -> None:
    log = _slots.get(number)
    if log is not None:
        log(_LEVELS[min(max(level, 0), len(_LEVELS) - 1)], said(message))
