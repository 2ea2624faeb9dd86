"""A leaf of the fleet: loads modules, makes services, takes calls."""

from __future__ import annotations

import ctypes
import logging
import threading
from ctypes import byref, c_int, c_size_t, c_void_p
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from . import _abi, _callbacks, _library, _records, _slots
from ._callbacks import Executor
from ._caller import caller
from ._calling import BeginningCalls, call_out, order_of
from ._closing import Closing
from ._handle import TierSettings
from ._links import Dial
from ._listening import Listening
from ._loading import LoaderSeat, loader_struct
from ._logging import Log
from ._requests import ON_TIERS, ask
from ._values import BytesLike, Path, copied, count, flag, function, milliseconds, path, required, several, text, wrong
from ._watching import Watch, feed_of, heard
from .errors import BusyError, ClosedError, FailedError, NotFoundError, TimedOutError
from .fleet import Phase, Service, Tier
from .loader import Loader


@_abi.ServiceFn
def _ON_SERVICE(slot: Optional[int], service: Any) -> None:
    feed = _slots.get(slot)
    if feed is not None and service:
        row = _records.service(service)
        feed.tell(row.release, row, last=row.phase == Phase.NOT_SELECTED)


_TRY_CALL = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_size_t)
_CALL_WAIT = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t)

_MOST_BYTES = 1024 * 1024  # of a result


class Engine(BeginningCalls, Listening):
    """Stands inside one container or agent.

    A context manager: leaving the `with` block drains and destroys all services, closes, and waits.
    All methods may be called on any thread.
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
        close_limit: Optional[float] = 1.0,
        ephemeral: bool = False,
        instance: Optional[str] = None,
        folder_wait: Optional[float] = None,
        kept_images_limit: Optional[int] = None,
        kept_bytes_limit: Optional[int] = None,
    ) -> None:
        """Opens an engine; link it with dial_upstream() or listen().

        `state_dir`: where artifacts, desired state and notes of what was running survive, made if
        missing; default: memory only. `loaders`: as by add_loader(), and there before the engine
        loads what `state_dir` holds; at most 64. `platform`: default pinnate.platform().
        `worker_threads`: threads for calls that come over links, 1 to 64; default 2.
        `queued_calls`: calls that may wait for one of them; default 1024. `close_limit`: seconds
        that closing takes at most, whatever a module does: how long calls under way may go on;
        None: 5. `ephemeral`: forgotten by those above when its link ends, where others would be
        offline rows for a day. `instance`: names this life where `id` names a slot, such as that of
        a pool's worker: the id in the fleet is "ID.INSTANCE", so that a new worker may come before
        the old one is gone; default: none, or made at random for an ephemeral engine whose id is
        given or kept. `kept_images_limit`, `kept_bytes_limit`: how many modules that cannot be unmapped
        may stay in memory (Tier.kept), and of how many bytes together; default 16 and 256 MiB. The
        other arguments are those of Controller.
        """
        most = 2**32 - 1
        options = _abi.EngineOptions(
            state_dir=path(state_dir, "state_dir"),
            platform=text(platform, "platform"),
            worker_threads=count(worker_threads, "worker_threads", most),
            queued_calls=count(queued_calls, "queued_calls", most),
            close_limit_ms=milliseconds(close_limit, "close_limit"),
            instance=text(instance, "instance"),
            ephemeral=flag(ephemeral, "ephemeral"),
            kept_images_limit=count(kept_images_limit, "kept_images_limit", most),
            kept_bytes_limit=count(kept_bytes_limit, "kept_bytes_limit", 2**64 - 1),
        )

        self._patience = (options.close_limit_ms or 5000) / 1e3

        def add_loaders() -> None:
            given = several(loaders, "loaders", "pinnate.Loader")
            tables = [ctypes.pointer(self._table(loader)) for loader in given]
            options.loaders = (ctypes.POINTER(_abi.Loader) * len(tables))(*tables)
            options.loader_count = len(tables)

        self._open(
            options,
            TierSettings(fleet, id, labels, log, log_level, heartbeat, backoff_min, backoff_max, link_limit, folder_wait),
            add_loaders,
        )
        # As they are declared in _abi.py, but that an Order fits.
        library = _library.load()
        self._call_wait = _CALL_WAIT(("pinnate_engine_call_wait", library))
        self._try_call = _TRY_CALL(("pinnate_engine_try_call", library))
        self._free = library.pinnate_result_free
        self._rooms: List[Any] = []  # for results of calls that are tried; one for each that is under way

    def _table(self, loader: Loader) -> _abi.Loader:
        if not isinstance(loader, Loader):
            raise wrong("loader", "a pinnate.Loader", loader)
        return loader_struct(loader, self._keep(LoaderSeat(loader, self._shelf)))

    def add_loader(self, loader: Loader) -> None:
        """Makes a kind of artifact loadable; before any dial or listen. One loader may serve
        several engines.

        "native" is there from the start and may be replaced. The engine keeps `loader` until it is
        closed. One with a `state_dir` is to be opened with its `loaders`: it has begun to load by
        the time it is open.
        """
        self._invoke("add_loader", ctypes.byref(self._table(loader)))

    def dial_upstream(self, address: str) -> Dial:
        """Keeps a link to the gateway or controller above at `address`, until the Dial that this
        gives is closed. One upstream link at a time.
        """
        return self._dial("dial_upstream", address)

    def call(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        timeout: Optional[float] = 10.0,
        headers: Optional[Mapping[str, str]] = None,
    ) -> bytes:
        """Calls a function of this very engine in process, on the calling thread where the module
        allows.

        `payload`: at most 1 MiB. `timeout` is also bounded by the release's call limit. `headers`:
        those of Controller.call(). NotFoundError: this engine does not serve it; see call_tree().
        FailedError: the service said so, in its words. Also TimedOutError and BusyError.

        While another call is in a Python function that takes one at a time, the main thread waits
        for its turn where signals reach it, and the function then runs on a thread of the engine's.
        """
        order = order_of(name, payload, None, timeout, False, headers)
        if name in self._shelf.running and threading.current_thread() is threading.main_thread():
            return call_out(self, name, payload, self._id, timeout, False, headers)
        result, size = c_void_p(), c_size_t()

        def take() -> bytes:
            if not result.value:
                return b""
            answer = ctypes.string_at(result.value, size.value)
            self._free(result)
            return answer

        return self._here(take, self._call_wait, byref(order), byref(result), byref(size))

    def _tried(
        self, name: str, payload: BytesLike, timeout: Optional[float], headers: Optional[Mapping[str, str]]
    ) -> Optional[bytes]:
        """As call(), but None where it is not served here or would have to wait for its turn."""
        order, size = order_of(name, payload, None, timeout, False, headers), c_size_t()
        try:
            room = self._rooms.pop()
        except IndexError:
            room = ctypes.create_string_buffer(_MOST_BYTES)

        def take() -> bytes:
            answer = copied(ctypes.addressof(room), size.value)
            self._rooms.append(room)
            return answer

        try:
            return self._here(take, self._try_call, byref(order), room, _MOST_BYTES, byref(size))
        except (BusyError, NotFoundError):
            return None

    def _here(self, take: Callable[[], bytes], function: Any, *arguments: Any) -> bytes:
        """Has a function of the library's run a call, on this thread where the module allows.
        `take` takes what came of it out of the memory among `arguments`, and runs in any case.
        """
        answer = b""
        self._enter()
        calling, caller.calling = caller.calling, True
        try:
            status = function(self._pointer, *arguments, None, 0)
        finally:
            caller.calling = calling
            self._leave()
            answer = take()
        if caller.raised is not None:  # on this thread, in the function
            raised, caller.raised = caller.raised, None
            raise raised
        if status:
            try:
                _library.check(status)
            except FailedError as error:
                error.result = answer
                raise
        return answer

    async def acall(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
        headers: Optional[Mapping[str, str]] = None,
        at_once: bool = False,
    ) -> bytes:
        """Calls a function anywhere, as call_tree() does, and lets the running asyncio loop go on
        meanwhile. No thread waits.

        The arguments and errors are those of Controller.call(). A task that is cancelled gives the
        call up, as Future.cancel() does in begin_call().

        `at_once`: says of a function that it takes next to no time and answers before it returns.
        Where this engine serves it and its turn is free, it runs on the loop's very thread, which
        is many times faster, and the loop stands still meanwhile. TimedOutError: it is a coroutine
        function, or answers later for another reason; it ran, and its answer is lost.
        """
        if flag(at_once, "at_once") and engine in (None, self._id):
            answer = self._tried(name, payload, timeout, headers)
            if answer is not None:
                return answer
        return await super().acall(
            name, payload, engine=engine, timeout=timeout, idempotent=idempotent, headers=headers
        )

    def call_tree(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
        headers: Optional[Mapping[str, str]] = None,
    ) -> bytes:
        """Calls a function anywhere: on this engine if it serves it, else through the tree.

        The arguments and errors are those of Controller.call().
        """
        return call_out(self, name, payload, engine, timeout, idempotent, headers)

    def services(self, *, timeout: Optional[float] = 10.0) -> List[Service]:
        """What this engine has: one row per release that selects it."""
        page: Tuple[List[Tier], str] = ask(
            self, "services", ON_TIERS, what="listing services", timeout=timeout
        )
        return [service for tier in page[0] for service in tier.services]

    def _begin_closing(self, patience: float) -> Closing:
        closing = super()._begin_closing(patience)
        feed = self._feeds.get("watch")
        if feed is not None:
            feed.tell(None, ClosedError("this engine is closing or closed"))  # to who waits
        return closing

    def watch(self, callback: Callable[[Service], Any], *, executor: Optional[Executor] = None) -> Watch:
        """Calls `callback(service)` soon for each release and then on every change of phase, until
        the Watch that this gives is closed, or the engine. A service that is gone is told as
        Phase.NOT_SELECTED.

        Callbacks run as those of Controller.watch(); of changes of one release that come meanwhile
        the newest alone is told.
        """
        function(callback, "callback")
        where = _callbacks.executor(executor)

        def tell(item: Any) -> None:
            if isinstance(item, Service):
                callback(item)

        return Watch(feed_of(self, _ON_SERVICE), tell, where, "services")

    def wait_serving(
        self, name: str, version: Optional[str] = None, *, timeout: Optional[float] = 60.0
    ) -> Service:
        """Waits until this engine serves a function, of that version or of any; gives its service.

        TimedOutError: its words say what the engine has of that name.
        """
        required(name, "name")
        text(version, "version")
        milliseconds(timeout, "timeout")
        known: Dict[int, Service] = {}
        for release, told in heard(feed_of(self, _ON_SERVICE), timeout):
            if isinstance(told, ClosedError):
                raise told
            if told.name == name:
                known[release] = told
            if told.name == name and told.serving and version in (None, told.version):
                return told  # type: ignore[no-any-return]
        rows = [f"{row.version} is {row.phase}{row.reason and ': ' + row.reason}" for row in known.values()]
        wanted = f"'{name}'" if version is None else f"'{name}' {version}"
        raise TimedOutError(f"{wanted} is not served after {timeout} s; {', '.join(rows) or 'no release of it is here'}")
