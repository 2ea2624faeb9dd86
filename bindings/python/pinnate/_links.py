"""Links to other tiers: dialling them, and hearing how they fare."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any, Callable, Optional

from . import _abi, _callbacks, _records, _slots
from ._callbacks import Executor
from ._handle import Handle
from ._thread_states import keep
from ._unique import Unique
from ._values import function, required
from ._watching import Watch, feed_of
from .fleet import Link, LinkState


def end(handle: "weakref.ref[Handle]", ticket: int) -> None:
    """Ends what a ticket of a handle stands for, unless either is gone."""
    open_handle = handle()
    if open_handle is not None:
        open_handle._end(ticket)


class Source(Unique):
    """Where a gateway looks for members, until close() or until the gateway is closed. It does not
    keep that open.
    """

    def __init__(self, handle: Handle, uri: str, ticket: int) -> None:
        """For the package; sources come from Gateway.add_source()."""
        self._handle = weakref.ref(handle)
        self._ticket = ticket
        self.uri = uri
        """As it was given."""

    def close(self) -> None:
        """Looks there no more: whom no other source names is let go of in a while, unless its link is
        up. Waits for the library's thread. Does nothing the second time.
        """
        end(self._handle, self._ticket)

    def __repr__(self) -> str:
        return f"<pinnate.Source {self.uri}>"


class Dial(Unique):
    """An address that is dialled again whenever its link is lost, until close() or until its handle
    is closed. It does not keep its handle open.
    """

    def __init__(self, handle: Handle, address: str, ticket: int) -> None:
        """For the package; dials come from dial() and the like."""
        self._handle = weakref.ref(handle)
        self._ticket = ticket
        self.address = address
        """As it was given."""

    def close(self) -> None:
        """Ends the link and dials no more; waits for the library's thread. Does nothing the second
        time.
        """
        end(self._handle, self._ticket)

    def __repr__(self) -> str:
        return f"<pinnate.Dial of {self.address}>"


@_abi.LinkFn
def _ON_LINK(slot: Optional[int], pointer: Any) -> None:
    keep()
    feed = _slots.get(slot)
    if feed is not None and pointer:
        link, dial = _records.link(pointer)
        # Of what the peer dialled there may be several with one address, such as that of a socket.
        gone = link.state == LinkState.DOWN and link.next_try is None
        feed.tell(dial or (link.address, link.id), link, last=gone)


class Linked(Handle):
    """A handle that has links."""

    def watch_links(self, callback: Callable[[Link], Any], *, executor: Optional[Executor] = None) -> Watch:
        """Calls `callback(link)` soon for each dial, as it fares, and then for every link that
        comes and goes, until the Watch that this gives is closed, or the handle.

        Callbacks run on a thread of this package's, or where `executor` runs them; of changes of
        one link that come meanwhile the newest alone is told.
        """
        function(callback, "callback")
        return Watch(feed_of(self, _ON_LINK, "watch_links"), callback, _callbacks.executor(executor), "links")

    def _dial(self, verb: str, address: str) -> Dial:
        ticket = ctypes.c_uint64()
        self._invoke(verb, required(address, "address"), ctypes.byref(ticket))
        return Dial(self, address, ticket.value)
