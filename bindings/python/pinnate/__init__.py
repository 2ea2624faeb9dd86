"""Pinnate: publish a function once, live everywhere.

The Python package of the Pinnate library, by ctypes alone. A Controller takes publish requests,
Gateways relay them, Engines load the modules and serve calls; a Client publishes, asks and calls
over a link. All are context managers.

    import pinnate

    with pinnate.Engine(id="agent-7", loaders=[pinnate.PythonLoader()]) as engine:
        engine.dial_upstream("tcp://gateway:7070")
        ...
        answer = engine.call("greet", b"world")        # in a coroutine: await engine.acall(...)

The library is found through PINNATE_LIBRARY, beside this package, then the system's way; it is
loaded when it is first needed. Times are seconds, sizes bytes. Errors are subclasses of
PinnateError, one per status code. Callbacks (watches, logs) run on a thread of this package's, so a
slow one delays no link, only other callbacks; watch(executor=...) runs them elsewhere.
"""

from __future__ import annotations

import logging

from ._library import platform, version
from .client import Client
from .controller import Controller
from .engine import Engine
from .errors import (
    BusyError,
    CancelledError,
    ClosedError,
    ConflictError,
    CorruptError,
    FailedError,
    ForkedError,
    IncompatibleError,
    InternalError,
    OverloadedError,
    InterruptedCallError,
    InUseError,
    InvalidError,
    IoError,
    LibraryNotFoundError,
    NoMemoryError,
    NoSpaceError,
    NotFoundError,
    PinnateError,
    RefusedError,
    Status,
    TimedOutError,
    TooLargeError,
    UnreachableError,
    UnsupportedError,
    WrongThreadError,
)
from .fleet import (
    Checked,
    Failure,
    Finding,
    KeptImage,
    Limits,
    Link,
    LinkState,
    Member,
    MemberCounts,
    MemberState,
    Phase,
    Published,
    Release,
    ReleaseStatus,
    Role,
    Rollup,
    Service,
    Tier,
)
from .gateway import Gateway
from .loader import CreatedService, Image, LoadedModule, Loader
from .module_call import ModuleCall
from .python_loader import PythonLoader
from ._links import Dial, Source
from ._listening import Listener
from ._publishing import check
from ._watching import Watch

__all__ = [
    "BusyError",
    "CancelledError",
    "Checked",
    "Client",
    "ClosedError",
    "ConflictError",
    "Controller",
    "CorruptError",
    "CreatedService",
    "Dial",
    "Engine",
    "FailedError",
    "Failure",
    "Finding",
    "ForkedError",
    "Gateway",
    "Image",
    "InUseError",
    "IncompatibleError",
    "InternalError",
    "InterruptedCallError",
    "InvalidError",
    "IoError",
    "KeptImage",
    "LibraryNotFoundError",
    "Limits",
    "Link",
    "LinkState",
    "Listener",
    "LoadedModule",
    "Loader",
    "Member",
    "MemberCounts",
    "MemberState",
    "ModuleCall",
    "NoMemoryError",
    "NoSpaceError",
    "NotFoundError",
    "OverloadedError",
    "Phase",
    "PinnateError",
    "Published",
    "PythonLoader",
    "RefusedError",
    "Release",
    "ReleaseStatus",
    "Role",
    "Rollup",
    "Service",
    "Source",
    "Status",
    "Tier",
    "TimedOutError",
    "TooLargeError",
    "UnreachableError",
    "UnsupportedError",
    "Watch",
    "WrongThreadError",
    "check",
    "platform",
    "version",
]

# A library stays silent unless its host configures logging.
logging.getLogger("pinnate").addHandler(logging.NullHandler())
