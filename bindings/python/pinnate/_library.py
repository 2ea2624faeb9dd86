"""Finds libpinnate.so and loads it, once, when it is first needed."""

from __future__ import annotations

import ctypes
import ctypes.util
import glob
import os
import threading
from typing import Any, Dict, Iterator, List, Optional

from . import _abi, _prototypes
from .errors import IncompatibleError, LibraryNotFoundError, error_for

SONAME = "libpinnate.so.0"

_lock = threading.Lock()
_loaded: Optional[ctypes.CDLL] = None


def _forked() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent's may have had the one before


os.register_at_fork(after_in_child=_forked)


def candidates() -> Iterator[str]:
    """What to try, best first."""
    named = os.environ.get("PINNATE_LIBRARY")
    if named:
        yield named
        return  # the only one: a wrong path must not go unnoticed
    folder = os.path.dirname(os.path.abspath(__file__))
    beside = glob.glob(os.path.join(glob.escape(folder), "libpinnate.so*"))
    # The soname says which ABI it is, so it goes before a longer version and the linker's bare
    # name.
    yield from sorted(beside, key=lambda path: (os.path.basename(path) != SONAME, path))
    yield SONAME
    # Asked last: it starts programs to search with, and may name a library of another ABI.
    found = ctypes.util.find_library("pinnate")
    if found:
        yield found


def load() -> ctypes.CDLL:
    """The library, with its functions' types set. LibraryNotFoundError lists what was tried."""
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _open_first()
    return _loaded


# Functions that neither wait nor call back before they return, and so short that to let the
# interpreter's lock go would take longer: they keep it.
_SHORT = ("pinnate_controller_call", "pinnate_gateway_call", "pinnate_engine_call", "pinnate_client_call")
_short: Dict[str, Any] = {}


def function(name: str) -> Any:
    """A function of the library."""
    return _short.get(name) or getattr(load(), name)


def _open_first() -> ctypes.CDLL:
    failures: List[str] = []
    for candidate in candidates():
        try:
            # CDLL, not PyDLL: the interpreter's lock is let go during every call, since the
            # library's thread may need it for a callback before the call can return.
            library = ctypes.CDLL(candidate)
        except OSError as error:
            failures.append(str(error))
            continue
        _check_version(library, candidate)
        for name in _SHORT:
            result, arguments = _prototypes.PROTOTYPES[name]
            _short[name] = ctypes.PYFUNCTYPE(result, *arguments)((name, library))
        return library
    raise LibraryNotFoundError(
        "libpinnate was not found; set PINNATE_LIBRARY to its path. Tried: " + "; ".join(failures)
    )


def _check_version(library: ctypes.CDLL, path: str) -> None:
    try:
        _prototypes.bind(library)
    except AttributeError as error:
        raise IncompatibleError(f"{path} does not fit this version of the Python package: {error}") from None
    version = (library.pinnate_version() or b"").decode()
    if version.split(".")[0] != str(_abi.VERSION_MAJOR):
        raise IncompatibleError(
            f"{path} is Pinnate {version}; this version of the Python package needs {_abi.VERSION_MAJOR}.x"
        )


def check(status: int) -> None:
    """Raises the exception for a status that is not OK, in the library's words, on the thread that
    got it.
    """
    if status:
        raise error_for(status, (load().pinnate_last_error() or b"").decode("utf-8", "replace"))


def version() -> str:
    """The version of the loaded library, such as "0.1.0"."""
    return load().pinnate_version().decode()


def platform() -> str:
    """The platform this process runs on, as artifacts name it: "linux-x86_64", "linux-aarch64",
    ...
    """
    return load().pinnate_platform().decode()
