"""What can go wrong: one exception class per status code of the C ABI (pinnate/common.h)."""

from __future__ import annotations

import enum
from typing import ClassVar, Dict, Type


class Status(enum.IntEnum):
    """The status codes of the C ABI, by their names there without the prefix."""

    OK = 0
    INVALID = 1
    NOT_FOUND = 2
    CONFLICT = 3
    REFUSED = 4
    UNREACHABLE = 5
    TIMEOUT = 6
    CLOSED = 7
    BUSY = 8
    TOO_LARGE = 9
    NO_SPACE = 10
    IO = 11
    CORRUPT = 12
    INCOMPATIBLE = 13
    FAILED = 14
    NO_MEMORY = 15
    WRONG_THREAD = 16
    FORKED = 17
    IN_USE = 18
    CANCELLED = 19
    INTERRUPTED = 20
    UNSUPPORTED = 21
    OVERLOADED = 22
    INTERNAL = 23


class PinnateError(Exception):
    """The base of all errors of this package.

    `status` is the status code; `message` says in words what happened, to which thing, and what to
    do.
    """

    status: int = Status.INTERNAL

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class InvalidError(PinnateError, ValueError):
    """An argument, an option, a name or a file is malformed."""

    status = Status.INVALID


class NotFoundError(PinnateError, LookupError):
    """There is no such function, release, engine or file."""

    status = Status.NOT_FOUND


class ConflictError(PinnateError):
    """This version was published with other bytes, or this id is already linked."""

    status = Status.CONFLICT


class RefusedError(PinnateError):
    """The peer, or a rule, does not allow it; the words say which."""

    status = Status.REFUSED


class UnreachableError(PinnateError):
    """There is no link to the tier, or to any engine that could answer."""

    status = Status.UNREACHABLE


class TimedOutError(PinnateError, TimeoutError):
    """The stated limit passed; what was asked for may still be going on."""

    status = Status.TIMEOUT


class ClosedError(PinnateError):
    """The handle is closing or closed."""

    status = Status.CLOSED


class BusyError(PinnateError):
    """A bounded queue is full; try again later."""

    status = Status.BUSY


class TooLargeError(PinnateError):
    """Something is over a stated limit."""

    status = Status.TOO_LARGE


class NoSpaceError(PinnateError):
    """The disk, or a cache's limit, is full."""

    status = Status.NO_SPACE


class IoError(PinnateError):
    """The operating system reported an error."""

    status = Status.IO


class CorruptError(PinnateError):
    """Bytes do not match their digest, or a file is not what it claims."""

    status = Status.CORRUPT


class IncompatibleError(PinnateError):
    """The platform, ABI version, protocol version or folder version is a wrong one."""

    status = Status.INCOMPATIBLE


class FailedError(PinnateError):
    """The module itself reported failure. `result` is what its service said besides the words,
    mostly b"".
    """

    status = Status.FAILED

    def __init__(self, message: str = "", result: bytes = b"") -> None:
        super().__init__(message)
        self.result = result


class NoMemoryError(PinnateError, MemoryError):
    """An allocation failed."""

    status = Status.NO_MEMORY


class WrongThreadError(PinnateError):
    """It would block the library's thread: the thread that callbacks run on."""

    status = Status.WRONG_THREAD


class ForkedError(PinnateError):
    """Called in a child of fork() on what its parent had opened. What the child opens is its own."""

    status = Status.FORKED


class InUseError(PinnateError):
    """The address or folder is in use by another process or handle."""

    status = Status.IN_USE


class CancelledError(PinnateError):
    """Given up because the handle closed or the caller asked for it."""

    status = Status.CANCELLED


class InterruptedCallError(PinnateError):
    """The link was lost after the call was sent: it may or may not have run."""

    status = Status.INTERRUPTED


class UnsupportedError(PinnateError):
    """Not in this build of the library, or not known to the peer."""

    status = Status.UNSUPPORTED


class OverloadedError(PinnateError):
    """Not taken: too much waits to be called already."""

    status = Status.OVERLOADED


class InternalError(PinnateError):
    """A defect of Pinnate; please report the words."""

    status = Status.INTERNAL


class LibraryNotFoundError(PinnateError, ImportError):
    """The shared library libpinnate.so could not be found or loaded; the words list what was
    tried.
    """

    status: ClassVar[int] = Status.NOT_FOUND


_CLASSES: Dict[int, Type[PinnateError]] = {
    int(kind.status): kind for kind in PinnateError.__subclasses__() if kind is not LibraryNotFoundError
}


def error_for(status: int, message: str) -> PinnateError:
    """Makes the exception for a status code; a plain PinnateError for a code that is not known
    here.
    """
    kind = _CLASSES.get(status)
    if kind is None:
        error = PinnateError(message or f"status {status}")
        error.status = status
        return error
    return kind(message or Status(status).name.lower().replace("_", " "))
