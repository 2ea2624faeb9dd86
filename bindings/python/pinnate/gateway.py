"""A relay between a controller, or another gateway, and what is below."""

from __future__ import annotations

import ctypes
import logging
from typing import Iterable, Mapping, Optional

from . import _abi
from ._asking import Asking
from ._calling import Calling
from ._handle import TierSettings
from ._links import Dial, Source
from ._listening import Listening
from ._logging import Log
from .fleet import MemberCounts
from ._values import Path, count, milliseconds, path, required


class Gateway(Asking, Calling, Listening):
    """Fronts an edge node or a container cluster, any number deep.

    call() goes to a function below it or, when none below serves it, through the upstream;
    status(), engines() and tiers() tell what is below, also while the upstream is away. A context
    manager: leaving the `with` block closes it and waits. All methods may be called on any thread.
    """

    _noun = "gateway"

    def __init__(
        self,
        cache_dir: Optional[Path] = None,
        *,
        fleet: Optional[str] = None,
        id: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        log: Optional[Log] = None,
        log_level: int = logging.DEBUG,
        heartbeat: Optional[float] = None,
        backoff_min: Optional[float] = None,
        backoff_max: Optional[float] = None,
        link_limit: Optional[int] = None,
        cache_limit: Optional[int] = None,
        forget_after: Optional[float] = None,
        folder_wait: Optional[float] = None,
    ) -> None:
        """Opens a gateway; link it with dial_upstream(), listen() and dial_downstream().

        `cache_dir`: where artifacts, desired state and known engines survive a restart, made if
        missing; default: memory only. `labels`: inherited by all below. `cache_limit`: bytes of all
        artifacts held; over it, those that no current release needs are given up, the longest
        unused first. The others never are, and a limit too small for them is a notice of status();
        default 1 GiB. The other arguments are those of Controller.
        """
        options = _abi.GatewayOptions(
            cache_dir=path(cache_dir, "cache_dir"),
            cache_limit_bytes=count(cache_limit, "cache_limit"),
            forget_after_ms=milliseconds(forget_after, "forget_after"),
        )
        self._open(
            options,
            TierSettings(fleet, id, labels, log, log_level, heartbeat, backoff_min, backoff_max, link_limit, folder_wait),
        )

    def dial_upstream(self, address: str) -> Dial:
        """Keeps a link to the controller or gateway above at `address`, until the Dial that this
        gives is closed. One upstream link at a time.
        """
        return self._dial("dial_upstream", address)

    def dial_downstream(self, address: str) -> Dial:
        """Keeps a link to an engine or gateway below that listens at `address`, until the Dial that
        this gives is closed; once per address.
        """
        return self._dial("dial_downstream", address)

    def add_source(self, uri: str) -> Source:
        """Looks for members there, until the Source that this gives is closed:

        "static:ADDRESS,ADDRESS", "file:PATH" (an address on each line), "dns:NAME:PORT", "srv:NAME",
        "kubernetes:NAMESPACE/SERVICE:PORT" or "docker:SOCKET?label=KEY=VALUE". Options stand behind
        '?', as the README lists them. Whom a source names is dialled. One that fails, is incomplete
        or suddenly names nobody takes nobody away: its last good set stands, and status() says since
        when it is stale and why. members() lists both.
        """
        ticket = ctypes.c_uint64()
        self._invoke("add_source", required(uri, "uri"), ctypes.byref(ticket))
        return Source(self, uri, ticket.value)

    def member_counts(self) -> MemberCounts:
        """How its members stand, as numbers to be exported."""
        counts = _abi.MemberCounts(size=ctypes.sizeof(_abi.MemberCounts))
        self._invoke("member_counts", ctypes.byref(counts))
        return MemberCounts(*(getattr(counts, name) for name, _ in _abi.MemberCounts._fields_[1:]))

    def set_members(self, source: str, addresses: Iterable[str]) -> None:
        """Names the engines and gateways below that `source`, a word for where they are known from,
        knows of now: the addresses that they listen at. Each call gives the whole set of that
        source. All that any source names is dialled; one that is named no more is dialled for 30 s
        longer, and a link that is up stays for as long as it lives.
        """
        encoded = [required(address, "an address") for address in addresses]
        array = (ctypes.c_char_p * len(encoded))(*encoded)
        self._invoke("set_members", required(source, "source"), array, len(encoded))
