"""A leaf of the fleet: loads modules, makes services, takes calls."""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Callable, Iterable, List, Mapping, Optional, Tuple

from . import _abi, _library, _records, _slots
from ._calling import call_out, call_struct
from ._handle import TierSettings
from ._library_thread import on_library_thread
from ._listening import Listening
from ._loading import loader_struct
from ._logging import Log
from ._requests import ON_TIERS, ask
from ._values import BytesLike, Path, copied, count, function, milliseconds, path, required, several, text, wrong
from .errors import FailedError
from .fleet import Service, Tier
from .loader import Loader


@_abi.ServiceFn
@on_library_thread
def _ON_SERVICE(number: Optional[int], service: Any) -> None:
    callback = _slots.get(number)
    if callback is not None:
        callback(_records.service(service))


class Engine(Listening):
    """Stands inside one container or agent.

    A context manager: leaving the `with` block drains and destroys all services, closes, and waits. All
    methods may be called on any thread.
    """

    _noun = "engine"

    def __init__(
        self,
        state_dir: Optional[Path] = None,
        *,
        loaders: Iterable[Loader] = (),
        fleet: Optional[str] = None,
        id: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        log: Optional[Log] = None,
        log_level: int = logging.DEBUG,
        heartbeat: Optional[float] = None,
        backoff_min: Optional[float] = None,
        backoff_max: Optional[float] = None,
        link_limit: Optional[int] = None,
        platform: Optional[str] = None,
        worker_threads: Optional[int] = None,
        queued_calls: Optional[int] = None,
        close_limit: Optional[float] = None,
    ) -> None:
        """Opens an engine; link it with dial_upstream() or listen().

        `state_dir`: where artifacts, desired state and notes of what was running survive, made if missing;
        default: memory only. `loaders`: as by add_loader(), and there before the engine loads what `state_dir`
        holds; at most 64. `platform`: default pinnate.platform().
        `worker_threads`: threads for calls that come over links, 1 to 64; default 2. `queued_calls`: calls
        that may wait for one of them; default 1024. `close_limit`: seconds that closing takes at most,
        whatever a module does; default 5. The other arguments are those of Controller.
        """
        most = 2**32 - 1
        options = _abi.EngineOptions(
            state_dir=path(state_dir, "state_dir"),
            platform=text(platform, "platform"),
            worker_threads=count(worker_threads, "worker_threads", most),
            queued_calls=count(queued_calls, "queued_calls", most),
            close_limit_ms=milliseconds(close_limit, "close_limit"),
        )

        def add_loaders() -> None:
            given = several(loaders, "loaders", "pinnate.Loader")
            tables = [ctypes.pointer(self._table(loader)) for loader in given]
            options.loaders = (ctypes.POINTER(_abi.Loader) * len(tables))(*tables)
            options.loader_count = len(tables)

        self._open(
            options,
            TierSettings(fleet, id, labels, log, log_level, heartbeat, backoff_min, backoff_max, link_limit),
            add_loaders,
        )

    def _table(self, loader: Loader) -> _abi.Loader:
        if not isinstance(loader, Loader):
            raise wrong("loader", "a pinnate.Loader", loader)
        return loader_struct(loader, self._keep(loader))

    def add_loader(self, loader: Loader) -> None:
        """Makes a kind of artifact loadable; before any dial or listen. One loader may serve several engines.

        "native" is there from the start and may be replaced. The engine keeps `loader` until it is closed. One
        with a `state_dir` is to be opened with its `loaders`: it has begun to load by the time it is open.
        """
        self._invoke("add_loader", ctypes.byref(self._table(loader)))

    def dial_upstream(self, address: str) -> None:
        """Keeps a link to the gateway or controller above at `address`. One upstream link at a time."""
        self._invoke("dial_upstream", required(address, "address"))

    def call(self, name: str, payload: BytesLike = b"", *, timeout: Optional[float] = 10.0) -> bytes:
        """Calls a function of this very engine in process, on the calling thread where the module allows.

        `payload`: at most 1 MiB. `timeout` is also bounded by the release's call limit. NotFoundError: this
        engine does not serve it; see call_tree(). FailedError: the service said so, in its words. Also
        TimedOutError, BusyError, and WrongThreadError inside a callback.
        """
        call, alive = call_struct(name, payload, None, timeout, False)
        result = ctypes.c_void_p()
        size = ctypes.c_size_t()
        try:
            self._invoke("call_wait", ctypes.byref(call), ctypes.byref(result), ctypes.byref(size))
            return copied(result.value, size.value)
        except FailedError as error:
            error.result = copied(result.value, size.value)
            raise
        finally:
            del alive  # no longer read
            if result.value:
                _library.load().pinnate_result_free(result)

    def call_tree(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
    ) -> bytes:
        """Calls a function anywhere: on this engine if it serves it, else through the tree.

        The arguments and errors are those of Controller.call().
        """
        return call_out(self, name, payload, engine, timeout, idempotent)

    def services(self, *, timeout: Optional[float] = 10.0) -> List[Service]:
        """What this engine has: one row per release that selects it."""
        page: Tuple[List[Tier], str] = ask(
            self, "services", ON_TIERS, what="listing services", timeout=timeout
        )
        return [service for tier in page[0] for service in tier.services]

    def watch(self, callback: Optional[Callable[[Service], Any]]) -> None:
        """Calls `callback(service)` now for each release and then on every change of phase, until closed.

        Returns at once. Callbacks run on the library's thread, so they must be brief; what they raise goes to
        sys.unraisablehook. A second watch replaces the first; None ends it.
        """
        function(callback, "callback")
        self._watch_with(_ON_SERVICE, callback)
