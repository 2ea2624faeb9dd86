"""Asks and orders over a link, without being a tier."""

from __future__ import annotations

import logging
from typing import Mapping, Optional

from . import _abi
from ._asking import Asking
from ._calling import Calling
from ._handle import TierSettings
from ._links import Linked
from ._logging import Log
from ._publishing import Publishing
from ._values import milliseconds, required
from ._watching import Watching


class Client(Publishing, Watching, Asking, Calling, Linked):
    """Publishes, asks and calls at a tier that runs elsewhere.

    That tier must be a controller for publish(), unpublish() and releases(), else they raise
    RefusedError; any tier answers the others. A context manager: leaving the `with` block closes it
    and waits. All methods may be called on any thread.
    """

    _noun = "client"

    def __init__(
        self,
        to: str,
        *,
        connect_timeout: Optional[float] = None,
        fleet: Optional[str] = None,
        id: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        log: Optional[Log] = None,
        log_level: int = logging.DEBUG,
        heartbeat: Optional[float] = None,
        backoff_min: Optional[float] = None,
        backoff_max: Optional[float] = None,
        link_limit: Optional[int] = None,
    ) -> None:
        """Begins to dial `to`, "tcp://HOST:PORT" or "unix:/PATH"; does not wait for the link.

        `connect_timeout`: seconds that requests made while there is no link wait for one before
        they raise UnreachableError; default 5. The other arguments are those of Controller. A peer
        that refuses the link (another fleet, an incompatible protocol) makes every request raise
        RefusedError with its words.
        """
        options = _abi.ClientOptions(
            to=required(to, "to"), connect_timeout_ms=milliseconds(connect_timeout, "connect_timeout")
        )
        self._open(
            options,
            TierSettings(fleet, id, labels, log, log_level, heartbeat, backoff_min, backoff_max, link_limit),
        )
