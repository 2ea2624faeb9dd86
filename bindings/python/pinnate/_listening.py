"""Accepting links, as Controller, Gateway and Engine do."""

from __future__ import annotations

import ctypes

from ._handle import Handle
from ._values import required

_LONGEST_ADDRESS = 1024


class Listening(Handle):
    """A handle that other tiers can dial."""

    def listen(self, address: str) -> str:
        """Accepts links at "tcp://HOST:PORT" (port 0: any free one) or "unix:/PATH"; gives the
        bound address.

        Addresses beyond loopback need the word: "insecure+tcp://0.0.0.0:7070", else RefusedError.
        InUseError: somebody else listens there.
        """
        bound = ctypes.create_string_buffer(_LONGEST_ADDRESS)
        self._invoke("listen", required(address, "address"), bound, len(bound), None)
        return bound.value.decode("utf-8", "replace")
