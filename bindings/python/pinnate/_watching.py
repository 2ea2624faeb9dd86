"""Being told when the roll-up changes, as Controller and Client have it."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

from . import _abi, _records, _slots
from ._handle import Handle
from ._library_thread import on_library_thread
from ._values import function, said
from .errors import PinnateError, error_for
from .fleet import Rollup


class _Watcher(NamedTuple):
    callback: Callable[[Rollup], Any]
    on_error: Optional[Callable[[PinnateError], Any]]


@_abi.RollupFn
@on_library_thread
def _ON_CHANGE(number: Optional[int], status: int, error: Optional[bytes], rollup: Any) -> None:
    watcher = _slots.get(number)
    if watcher is None:
        return
    if not status:
        watcher.callback(_records.rollup(rollup))
    elif watcher.on_error is not None:
        watcher.on_error(error_for(status, said(error)))


class Watching(Handle):
    """A handle that follows the fleet."""

    def watch(
        self,
        callback: Optional[Callable[[Rollup], Any]],
        on_error: Optional[Callable[[PinnateError], Any]] = None,
    ) -> None:
        """Calls `callback(rollup)` now and whenever the roll-up changed, at most ten times a second, until
        closed.

        Returns at once. Callbacks run on the library's thread, so they must be brief; what they raise goes to
        sys.unraisablehook. A second watch replaces the first; None ends it. `on_error(error)` hears why no
        roll-up comes, such as UnreachableError while a client's link is away.
        """
        function(callback, "callback")
        function(on_error, "on_error")
        self._watch_with(_ON_CHANGE, None if callback is None else _Watcher(callback, on_error))
