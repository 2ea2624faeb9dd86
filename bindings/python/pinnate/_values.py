"""Python values to C values and back, with errors that name the argument."""

from __future__ import annotations

import ctypes
import math
import operator
import os
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Mapping, Optional, Type, TypeVar, Union

from . import _abi
from .errors import InvalidError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    BytesLike = ReadableBuffer
else:
    BytesLike = Any  # whatever has a contiguous buffer: bytes, bytearray, memoryview, array, mmap, numpy's

Path = Union[str, "os.PathLike[str]"]

_MOST_MS = 2**32 - 1
_Enum = TypeVar("_Enum", bound=int)


def wrong(what: str, wanted: str, value: Any) -> TypeError:
    """The words for an argument of a wrong type. A value is quoted where that is short enough to
    help.
    """
    shown = repr(value) if isinstance(value, (str, int, float, type(None))) else ""
    told = shown if 0 < len(shown) <= 40 else f"a value of type {type(value).__name__}"
    return TypeError(f"{what} must be {wanted}, not {told}")


def label_array(labels: Optional[Mapping[str, str]], what: str = "labels") -> Any:
    return _pairs(labels, what, _abi.Label)


def header_array(headers: Optional[Mapping[str, str]]) -> Any:
    return _pairs(headers, "headers", _abi.Header)


def _pairs(given: Optional[Mapping[str, str]], what: str, kind: Any) -> Any:
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise wrong(what, "a mapping of str to str", given)
    return _abi.array(
        [
            kind(key=required(key, f"a key of {what}"), value=required(value, f"{what}[{key!r}]"))
            for key, value in given.items()
        ],
        kind,
    )


def text(value: Optional[str], what: str) -> Optional[bytes]:
    """UTF-8 for a C string. None stays None: the default."""
    return None if value is None else required(value, what)


def required(value: str, what: str) -> bytes:
    """The same where there is no default."""
    if not isinstance(value, str):
        raise wrong(what, "a str", value)
    return _without_nul(value.encode("utf-8", "surrogateescape"), what)


def path(value: Optional[Path], what: str) -> Optional[bytes]:
    """A file's path as the operating system spells it. None stays None: the default."""
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise wrong(what, "a path (str or os.PathLike)", value)
    return _without_nul(os.fsencode(value), what)


def _without_nul(encoded: bytes, what: str) -> bytes:
    # C would silently take what stands before the NUL for the whole.
    if b"\0" in encoded:
        raise InvalidError(f"{what} contains a NUL character: {encoded!r}")
    return encoded


def is_bytes(value: Any) -> bool:
    """Whether it has a buffer, and so stands for bytes."""
    try:
        memoryview(value).release()
    except TypeError:
        return False
    return True


def as_bytes(value: BytesLike, what: str) -> bytes:
    """The bytes of a buffer; copied only where they could still change."""
    if type(value) is bytes:
        return value
    try:
        view = memoryview(value)
    except TypeError:
        raise wrong(what, "bytes, or another object with a buffer", value) from None
    with view:
        if not view.contiguous:
            raise TypeError(f"{what} must be contiguous in memory; copy it first")
        return view.tobytes("A")


def point_at(target: _abi.Bytes, value: bytes) -> None:
    """Lets a range of bytes name `value`. The caller keeps `value` alive as long as the C side
    reads it.
    """
    target.data = ctypes.cast(ctypes.c_char_p(value), ctypes.c_void_p).value
    target.size = len(value)


def copied(address: Optional[int], size: int) -> bytes:
    """A copy of memory that belongs to the C side."""
    return ctypes.string_at(address, size) if address and size else b""


def number(value: Any, what: str, wanted: str = "a number of seconds") -> float:
    """Whatever is a number by __float__ or __index__. A bool is none, nor is text."""
    kind = type(value)
    if kind is float or kind is int:
        return value  # type: ignore[no-any-return]
    if isinstance(value, bool) or not (hasattr(kind, "__float__") or hasattr(kind, "__index__")):
        raise wrong(what, wanted, value)
    try:
        return float(value)
    except TypeError:  # an array of several, say
        raise wrong(what, wanted, value) from None


def whole(value: Any, what: str, wanted: str = "an int") -> int:
    """Whatever is a whole number by __index__. A bool is none."""
    if type(value) is int:
        return value
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise wrong(what, wanted, value) from None


def milliseconds(seconds: Optional[float], what: str) -> int:
    """A time in seconds as milliseconds, at least 1. None gives 0: the library's default."""
    if seconds is None:
        return 0
    seconds = number(seconds, what)
    if not seconds > 0 or seconds * 1000 > _MOST_MS:
        raise InvalidError(
            f"{what} must be more than 0 and at most {_MOST_MS // 1000} seconds, not {seconds}"
        )
    return math.ceil(seconds * 1000)


def limit_ms(timeout: Optional[float], what: str = "timeout") -> int:
    """What the C side calls a timeout. None is no limit, as for every timeout."""
    return _MOST_MS if timeout is None else milliseconds(timeout, what)


def count(value: Optional[int], what: str, most: int = 2**63 - 1) -> int:
    """A whole number above 0. None gives 0: the library's default."""
    if value is None:
        return 0
    value = whole(value, what)
    if not 0 < value <= most:
        raise InvalidError(f"{what} must be between 1 and {most}, not {value}")
    return value


def flag(value: Any, what: str) -> int:
    if not isinstance(value, bool):
        raise wrong(what, "True or False", value)
    return int(value)


def member(value: Any, kind: Type[_Enum], what: str) -> _Enum:
    """A member of an enumeration, or its number."""
    try:
        return kind(whole(value, what))
    except TypeError:
        raise wrong(what, f"a {kind.__name__}, such as {next(iter(kind))!r}", value) from None  # type: ignore[call-overload]
    except ValueError:
        raise InvalidError(f"{what} must be a {kind.__name__}, and {value} is none of them") from None


def function(value: Callable[..., Any], what: str) -> None:
    """Refuses what cannot be called."""
    if not callable(value):
        raise wrong(what, "callable", value)


def several(value: Any, what: str, of: str) -> List[Any]:
    """What an iterable holds."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise wrong(what, f"an iterable of {of}", value)
    return list(value)


def said(value: Optional[bytes]) -> str:
    """A C string that the library handed out."""
    return (value or b"").decode("utf-8", "replace")
