"""Teaching an engine another kind of artifact."""

from __future__ import annotations

from typing import Any, Optional, Protocol

from ._values import copied
from .errors import ClosedError


class CreatedService(Protocol):
    """What a module's create() gives. It may also have check_health() and close().

    check_health() raises, or returns False, when the service cannot take calls; without it the
    service is always healthy. close() ends the service: every call is answered by then.
    """

    def call(self, payload: bytes) -> Any:
        """Answers one call; see Loader. What it raises is the call's failure, in words."""


class LoadedModule(Protocol):
    """What Loader.load() gives. It may also have unload(), which runs after its last service was
    closed.
    """

    def create(self, config: bytes) -> CreatedService:
        """Makes a service from the release's configuration bytes. What it raises is the failure, in
        words.
        """


class Image:
    """The artifact as a loader gets it.

    What is named by address, descriptor or path is valid until the module was unloaded.
    """

    def __init__(
        self, name: str, version: str, digest: str, fd: int, fd_path: str, address: Optional[int], size: int
    ) -> None:
        """For the engine; loaders receive images."""
        self.name = name
        """The module's name."""
        self.version = version
        """The module's version."""
        self.digest = digest
        """SHA-256 of the artifact, 64 hex digits."""
        self.fd = fd
        """A sealed memory file, read-only, owned by the library: duplicate it (os.dup) to keep
        it.
        """
        self.fd_path = fd_path
        """A path that opens it and belongs to this image alone."""
        self.size = size
        """Of the artifact, in bytes."""
        self._address = address

    def read(self) -> bytes:
        """A copy of the artifact's bytes. ClosedError once the module was unloaded."""
        if self._address is None:
            raise ClosedError(f"module '{self.name}' {self.version}: its image is gone, for it was unloaded")
        return copied(self._address, self.size)

    def _invalidate(self) -> None:
        self._address = None

    def __repr__(self) -> str:
        return f"<pinnate.Image '{self.name}' {self.version}, {self.size} bytes>"


class Loader:
    """Makes services from artifacts of one kind. Subclass it and define load().

    All functions of a loader's modules and services but call() run on threads of the library's, one
    at a time per module. call() runs on worker threads, or on the thread that calls in process.
    None of them is the thread that callbacks run on, so they may themselves call and ask. An
    exception in any of them is a failure that the fleet is told of, in words: its last line and
    where it was raised. A PinnateError stands for its message alone. On a thread that calls in
    process, KeyboardInterrupt, SystemExit and what a signal handler raises reach the caller as they
    are.

    call() may have a parameter named `call`, which is given the ModuleCall. Its answer is bytes, or
    whatever has a contiguous buffer. It may also be a coroutine, which runs on an asyncio loop of
    this package's and is cancelled soon after its caller gave up, or a future of asyncio's or of
    concurrent.futures.
    """

    kind: str = ""
    """What Controller.publish(loader=...) names: 1 to 31 of [a-z0-9._-]."""

    calls_may_overlap: bool = False
    """Whether call() of one service may run on several threads at once. Without it, one call at a
    time.
    """

    def load(self, image: Image) -> Any:
        """Loads an artifact and gives a LoadedModule: an object with create(config: bytes)."""
        raise NotImplementedError(f"{type(self).__name__} does not define load(image)")
