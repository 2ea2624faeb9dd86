"""Accepting links, as Controller, Gateway and Engine do."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

from ._handle import Handle
from ._links import Linked, end
from ._values import required

_LONGEST_ADDRESS = 1024


class Listener(str):
    """The address that is bound, to be dialled by others, until close() or until its handle is
    closed. It does not keep its handle open. Its copies in other processes are plain text.
    """

    _handle: "weakref.ref[Handle]"
    _ticket: int

    def close(self) -> None:
        """Accepts no more links there; those that are up stay. Waits for the library's thread. Does
        nothing the second time.
        """
        end(self._handle, self._ticket)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return str, (str(self),)


class Listening(Linked):
    """A handle that other tiers can dial."""

    def listen(self, address: str) -> Listener:
        """Accepts links at "tcp://HOST:PORT" (port 0: any free one) or "unix:/PATH"; gives the
        bound address, whose close() ends it.

        Addresses beyond loopback need the word: "insecure+tcp://0.0.0.0:7070", else RefusedError.
        "fd:N" takes a socket that listens already, such as systemd hands over; it is duplicated,
        and stays the program's. InUseError: somebody else listens there.
        """
        bound, ticket = ctypes.create_string_buffer(_LONGEST_ADDRESS), ctypes.c_uint64()
        self._invoke("listen", required(address, "address"), bound, len(bound), ctypes.byref(ticket))
        listener = Listener(bound.value.decode("utf-8", "replace"))
        listener._handle, listener._ticket = weakref.ref(self), ticket.value
        return listener
