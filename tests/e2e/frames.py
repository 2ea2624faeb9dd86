"""As much of the wire as these tests look at: frames, and what kind of message each begins.

A frame: u16 payload bytes, u8 class, u8 flags (1: the last of its message), u32 stream. A message: a msgpack array whose
first element is its type.
"""

import struct

PUBLISHED, CHUNK_BYTES = 25, 19
_LAST, _CREDIT = 1, 2


def _number(data, at):
    """A msgpack unsigned integer: value and where the next element begins."""
    first = data[at]
    if first < 0x80:
        return first, at + 1
    size = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}[first]
    return int.from_bytes(data[at + 1:at + 1 + size], "big"), at + 1 + size


def chunk_of(message):
    """(manifest, artifact, index) of a chunk's first bytes."""
    assert message[2:4] == b"\xc4\x20", message[:8]
    artifact, at = _number(message, 36)
    index, _ = _number(message, at)
    return message[4:36], artifact, index


class Frames:
    """Takes one direction of a link, in pieces of any size, and tells of every message that became whole."""

    def __init__(self, on_message):
        self._on_message = on_message  # (type, the first bytes of the message)
        self._rest = b""
        self._begun = {}

    def take(self, data):
        self._rest += data
        while len(self._rest) >= 8:
            size, priority, flags, stream = struct.unpack_from(">HBBI", self._rest)
            if len(self._rest) < 8 + size:
                return
            payload, self._rest = self._rest[8:8 + size], self._rest[8 + size:]
            if flags & _CREDIT:
                continue
            first = self._begun.pop((priority, stream), None) or payload[:64]
            if flags & _LAST:
                kind = _number(first, 1)[0] if first[0] & 0xF0 == 0x90 else _number(first, 3)[0]
                self._on_message(kind, first)
            else:
                self._begun[(priority, stream)] = first
