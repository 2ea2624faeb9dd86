"""Python values to C values and back, with errors that name the argument."""

from __future__ import annotations

import ctypes
import math
import os
from typing import Any, Mapping, Optional, Union

from . import _abi
from .errors import InvalidError

BytesLike = Union[bytes, bytearray, memoryview]
Path = Union[str, "os.PathLike[str]"]

_MOST_MS = 2**32 - 1


def mapping(value: Optional[Mapping[str, str]], what: str) -> Mapping[str, str]:
    """None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a mapping of str to str, not {type(value).__name__}")
    return value


def label_array(labels: Optional[Mapping[str, str]]) -> Any:
    given = mapping(labels, "labels")
    return _abi.array(
        [_abi.Label(key=text(key, "label"), value=text(value, f"label {key}")) for key, value in given.items()],
        _abi.Label,
    )


def text(value: Optional[str], what: str) -> Optional[bytes]:
    """UTF-8 for a C string. None stays None: the default."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {type(value).__name__}")
    return _without_nul(value.encode("utf-8", "surrogateescape"), what)


def path(value: Optional[Path], what: str) -> Optional[bytes]:
    """A file's path as the operating system spells it."""
    return None if value is None else _without_nul(os.fsencode(value), what)


def _without_nul(encoded: bytes, what: str) -> bytes:
    # C would silently take what stands before the NUL for the whole.
    if b"\0" in encoded:
        raise InvalidError(f"{what} contains a NUL character: {encoded!r}")
    return encoded


def is_bytes(value: Any) -> bool:
    """Whether it is one of the types that stand for bytes."""
    return isinstance(value, (bytes, bytearray, memoryview))


def as_bytes(value: BytesLike, what: str) -> bytes:
    """The bytes themselves; copied only where they could still change."""
    if not is_bytes(value):
        raise TypeError(f"{what} must be bytes, not {type(value).__name__}")
    return value if isinstance(value, bytes) else bytes(value)


def point_at(target: _abi.Bytes, value: bytes) -> None:
    """Lets a range of bytes name `value`. The caller keeps `value` alive as long as the C side reads it."""
    target.data = ctypes.cast(ctypes.c_char_p(value), ctypes.c_void_p).value
    target.size = len(value)


def copied(address: Optional[int], size: int) -> bytes:
    """A copy of memory that belongs to the C side."""
    return ctypes.string_at(address, size) if address and size else b""


def milliseconds(seconds: Optional[float], what: str) -> int:
    """A time in seconds as milliseconds, at least 1. None gives 0: the default."""
    if seconds is None:
        return 0
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        raise TypeError(f"{what} must be a number of seconds, not {type(seconds).__name__}")
    if not seconds > 0 or seconds * 1000 > _MOST_MS:
        raise InvalidError(
            f"{what} must be more than 0 and at most {_MOST_MS // 1000} seconds, not {seconds}"
        )
    return math.ceil(seconds * 1000)


def limit_ms(seconds: float, what: str) -> int:
    """The same where there must be a limit."""
    if seconds is None:
        raise TypeError(f"{what} must be a number of seconds, not None")
    return milliseconds(seconds, what)


def count(value: Optional[int], what: str, most: int = 2**63 - 1) -> int:
    """A whole number above 0. None gives 0: the default."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be an int, not {type(value).__name__}")
    if not 0 < value <= most:
        raise InvalidError(f"{what} must be between 1 and {most}, not {value}")
    return value


def said(value: Optional[bytes]) -> str:
    """A C string that the library handed out."""
    return (value or b"").decode("utf-8", "replace")
