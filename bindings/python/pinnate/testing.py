"""A whole fleet in one process and in virtual time, for a host's own unit tests.

    from pinnate.testing import TestFleet

    with TestFleet(sites=10, clusters=4, engines=25, loaders=[pinnate.PythonLoader()]) as fleet:
        release = fleet.publish("greet", "1.0.0", SOURCE, loader="python").release
        fleet.wait_live(release)
        assert fleet.call("greet", b"world", engine="s7.k3.e24") == b"hello world"

The controller, gateways and engines are those of the library; network, disks and clocks are
simulated, and so are modules of a kind for which the fleet has no loader: their calls answer
b"NAME@VERSION:PAYLOAD". The same seed and the same calls give the same run. Virtual time, in
seconds, stands still but inside the methods that say so.

Tiers go by names, which are also their ids: the controller "c", sites (node gateways) "s0", ...,
clusters (container gateways) "s0.k0", ..., engines "s0.k0.e0", ... See include/pinnate/testing.h.
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import logging
import warnings
from typing import Any, Callable, Iterable, List, Mapping, Optional, Tuple

from . import _abi, _library, _logging, _records, _slots
from ._calling import call_struct
from ._loading import LoaderSeat, loader_struct
from ._publishing import Artifacts, _publish_struct
from ._requests import ON_RESULT, FutureRequest
from ._testing import ON_CONDITION, ON_TIER, Condition, Describing, Fate, Step, TierShape, micros, shape_of, span
from ._unique import Unique
from ._values import (
    BytesLike, copied, count, flag, function, limit_ms, member, milliseconds, required, said, several, text, wrong,
)
from .errors import ClosedError, FailedError, InvalidError, PinnateError, Status, error_for
from .fleet import AnyRelease, Limits, Phase, Published, Role, Rollup, Tier, release_number
from .loader import Loader

__all__ = ["Fate", "Step", "TestFleet", "TierShape"]


class TestFleet(Unique):
    """A fleet in virtual time. A context manager; leaving the `with` block closes it.

    One thread at a time. Inside callbacks (describe, condition, log, the functions of loaders) only
    `now`, `tiers`, `version_on`, `count`, `is_up` and `lives` may be used; the others raise
    WrongThreadError.
    """

    __test__ = False  # not a test case, whatever its name says to pytest

    _pointer: Optional[int] = None

    def __init__(
        self,
        *,
        sites: int = 1,
        clusters: Optional[int] = None,
        engines: int = 1,
        depth: Optional[int] = None,
        seed: int = 1,
        durable: bool = False,
        platform: Optional[str] = None,
        labels: Optional[Mapping[str, Mapping[str, str]]] = None,
        describe: Optional[Callable[[TierShape], Any]] = None,
        loaders: Iterable[Loader] = (),
        latency: Optional[Tuple[float, float]] = None,
        heartbeat: Optional[float] = None,
        backoff_min: Optional[float] = None,
        backoff_max: Optional[float] = None,
        forget_after: Optional[float] = None,
        log: Optional[_logging.Log] = None,
        log_level: int = logging.DEBUG,
    ) -> None:
        """Makes the fleet. All tiers are up and begin to dial; no time has passed.

        `sites`, `clusters` on each site (default 1), `engines` in each cluster: at most 100000
        engines. `depth`: gateways between the controller and an engine, 1 to 8, default 2; with 1
        engines stand right below their site, and there are no clusters. `seed`: of all that is left
        to chance. `durable`: engines have a state folder. `platform`: of engines; default this
        one's. `labels`: by tier's name, as in {"s0": {"region": "eu"}}; what is below inherits
        them. `describe`: called with the TierShape of each tier before it is made, upper ones
        first, to change it. `loaders`: make services from artifacts of their kinds, really, for
        each engine. `latency`: seconds one way, from and to; each connection draws its own.
        `heartbeat`, `backoff_min`, `backoff_max`, `forget_after`, `log`, `log_level`: as for
        Controller, for all tiers.
        """
        if not isinstance(labels, (Mapping, type(None))):
            raise wrong("labels", "a mapping of tiers' names to their labels", labels)
        if describe is not None:
            function(describe, "describe")
        described = Describing(labels or {}, describe)
        self._shelf = _slots.Shelf()
        options = _abi.TestingOptions(
            size=ctypes.sizeof(_abi.TestingOptions),
            seed=count(seed, "seed", 2**64 - 1),
            sites=count(sites, "sites", 2**32 - 1),
            clusters=count(clusters, "clusters", 2**32 - 1),
            engines=count(engines, "engines", 2**32 - 1),
            depth=count(depth, "depth", 2**32 - 1),
            durable=flag(durable, "durable"),
            platform=text(platform, "platform"),
            heartbeat_ms=milliseconds(heartbeat, "heartbeat"),
            backoff_min_ms=milliseconds(backoff_min, "backoff_min"),
            backoff_max_ms=milliseconds(backoff_max, "backoff_max"),
            forget_after_ms=milliseconds(forget_after, "forget_after"),
        )
        if latency is not None:
            # 0 would be the default.
            if not isinstance(latency, (tuple, list)) or len(latency) != 2:
                raise wrong("latency", "two numbers of seconds, from and to", latency)
            options.latency_min_us = max(micros(latency[0], "latency[0]"), 1)
            options.latency_max_us = max(micros(latency[1], "latency[1]"), 1)
        told, level = _logging.callback_of(log), _logging.c_level(log_level)
        if told is not None:
            options.log = _logging.ON_LOG_AT_ONCE
            options.log_arg = self._keep(told)
            options.log_level = level
        if labels or describe is not None:
            options.describe = ON_TIER
            options.describe_arg = self._keep(described)
        pointer = ctypes.c_void_p()
        try:
            status = _library.load().pinnate_testing_open(ctypes.byref(options), ctypes.byref(pointer))
            if not status:
                self._pointer = pointer.value
            if described.error is not None:
                raise described.error
            _library.check(status)
            if described.unknown() and labels:
                raise InvalidError(f"labels are given for what is no tier: {', '.join(described.unknown())}")
            self._tiers = self._read_tiers()
            for loader in several(loaders, "loaders", "pinnate.Loader"):
                self.add_loader(loader)
        except BaseException:
            self.close()
            raise

    def _keep(self, thing: Any) -> int:
        return self._shelf.add(thing)

    def _ask(self, verb: str, *arguments: Any) -> int:
        if self._pointer is None:
            raise ClosedError("this fleet is closed")
        status: int = getattr(_library.load(), f"pinnate_testing_{verb}")(self._pointer, *arguments)
        return status

    def _do(self, verb: str, *arguments: Any) -> None:
        _library.check(self._ask(verb, *arguments))

    def _read_tiers(self) -> Tuple[TierShape, ...]:
        rows = ctypes.POINTER(ctypes.POINTER(_abi.TestingTier))()
        number = ctypes.c_size_t()
        self._do("tiers", ctypes.byref(rows), ctypes.byref(number))
        return tuple(shape_of(rows[i]) for i in range(number.value))

    # ---- the fleet ---------------------------------------------------------------------------------

    @property
    def tiers(self) -> Tuple[TierShape, ...]:
        """All tiers as they were made, the controller first, each before what is below it."""
        return self._tiers

    @property
    def engines(self) -> List[str]:
        """The names of all engines."""
        return [tier.name for tier in self._tiers if tier.role == Role.ENGINE]

    def add_loader(self, loader: Loader) -> None:
        """Has engines make services from artifacts of its kind by this loader, from now on."""
        if not isinstance(loader, Loader):
            raise wrong("loader", "a pinnate.Loader", loader)
        self._do("add_loader", ctypes.byref(loader_struct(loader, self._keep(LoaderSeat(loader, self._shelf)))))

    # ---- time --------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual seconds since the fleet was made."""
        now = ctypes.c_uint64()
        self._do("now", ctypes.byref(now))
        return now.value / 1e3

    def advance(self, seconds: float) -> None:
        """Lets so much time pass."""
        self._do("advance", span(seconds, "seconds"))

    def run_until(self, condition: Callable[[], Any], timeout: float = 60.0) -> None:
        """Lets time pass until `condition()` holds; it is asked after each millisecond in which
        something happened.

        TimedOutError after `timeout` virtual seconds. What `condition` raises is raised.
        """
        function(condition, "condition")
        waiting = Condition(condition)
        number = _slots.add(waiting)
        try:
            status = self._ask("run_until", ON_CONDITION, number, span(timeout, "timeout"))
        finally:
            _slots.take(number)
        if waiting.error is not None:
            raise waiting.error
        _library.check(status)

    def wait_online(self, timeout: float = 60.0) -> None:
        """Lets time pass until every engine that is up is online in the controller's eyes.

        TimedOutError after `timeout` virtual seconds; the words count them.
        """
        self._do("wait_online", span(timeout, "timeout"))

    def wait_live(self, release: AnyRelease, engines: Optional[int] = None, timeout: float = 60.0) -> None:
        """Lets time pass until a release is served by all engines that are up and selected, or by
        so many.

        TimedOutError after `timeout` virtual seconds: the words say how many do, and for one that
        does not, why. NotFoundError: no such release is current.
        """
        self._do("wait_live", count(release_number(release), "release"), count(engines, "engines"), span(timeout, "timeout"))

    # ---- requests: each lets time pass until it is answered ----------------------------------------

    def publish(
        self,
        name: str,
        version: str,
        artifacts: Artifacts,
        *,
        loader: Optional[str] = None,
        config: BytesLike = b"",
        selector: Optional[str] = None,
        limits: Optional[Limits] = None,
    ) -> Published:
        """Publishes a module at the controller; as Controller.publish."""
        request, alive = _publish_struct(name, version, artifacts, loader, config, selector, limits)
        published = _abi.Published(size=ctypes.sizeof(_abi.Published))
        self._do("publish", ctypes.byref(request), ctypes.byref(published))
        del alive  # the library has copied it
        return _records.published(ctypes.pointer(published))

    def unpublish(self, name: str, release: AnyRelease = 0) -> None:
        """Withdraws one release, or with 0 all current ones of `name`. NotFoundError when none is
        current.
        """
        self._do("unpublish", required(name, "name"), release_number(release))

    def call(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        at: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
        headers: Optional[Mapping[str, str]] = None,
    ) -> bytes:
        """Calls a function by the process around the tier `at` (default: the controller)."""
        call, alive = call_struct(name, payload, engine, timeout, idempotent, headers)
        result = _abi.Bytes()
        status = self._ask("call", text(at, "at"), call, ctypes.byref(result))
        del alive  # the library has copied it
        if status == Status.FAILED:
            words = said(_library.load().pinnate_last_error())
            raise FailedError(words, copied(result.data, result.size))
        _library.check(status)
        return copied(result.data, result.size)

    def begin_call(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        at: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
        headers: Optional[Mapping[str, str]] = None,
    ) -> "concurrent.futures.Future[bytes]":
        """Begins a call and lets no time pass. The future is done when, later, enough time has
        passed.

        Look at its `done()` before `result()`, which would wait for ever. ClosedError is its
        outcome when the fleet is closed before.
        """
        call, alive = call_struct(name, payload, engine, timeout, idempotent, headers)
        request = FutureRequest()
        number = _slots.add(request)
        try:
            self._do("begin_call", text(at, "at"), call, ON_RESULT, number)
        except BaseException:
            _slots.take(number)
            raise
        del alive  # the library has copied it
        return request.future

    # ---- what is live where ------------------------------------------------------------------------

    def status(self, name: Optional[str] = None, *, at: Optional[str] = None) -> Rollup:
        """How the fleet stands below the tier `at` (default: the controller). Lets time pass."""
        rollup = ctypes.POINTER(_abi.Rollup)()
        self._do("status", text(at, "at"), text(name, "name"), ctypes.byref(rollup))
        return _records.rollup(rollup)

    def lookup(
        self,
        *,
        at: Optional[str] = None,
        name: Optional[str] = None,
        engine: Optional[str] = None,
        phase: Optional[Phase] = None,
        gateways: bool = False,
        timeout: Optional[float] = 10.0,
    ) -> List[Tier]:
        """Lists what is below the tier `at` (default: the controller). Lets time pass."""
        question = _abi.Lookup(
            size=ctypes.sizeof(_abi.Lookup),
            name=text(name, "name"),
            engine=text(engine, "engine"),
            phase=0 if phase is None else 1 + member(phase, Phase, "phase"),
            gateways=flag(gateways, "gateways"),
            limit=1000,
            timeout_ms=limit_ms(timeout),
        )
        rows = ctypes.POINTER(ctypes.POINTER(_abi.Row))()
        number, following = ctypes.c_size_t(), ctypes.c_char_p()
        found: List[Tier] = []
        while True:
            self._do(
                "lookup",
                text(at, "at"),
                ctypes.byref(question),
                ctypes.byref(rows),
                ctypes.byref(number),
                ctypes.byref(following),
            )
            found += [_records.tier(rows[i]) for i in range(number.value)]
            if not following.value:
                return found
            question.cursor = following.value

    def engine(self, name: str) -> Tier:
        """What an engine says of itself, service by service, with phase and reason. Lets time
        pass.
        """
        row = ctypes.POINTER(_abi.Row)()
        self._do("engine", required(name, "name"), ctypes.byref(row))
        return _records.tier(row)

    def version_on(self, engine: str, function: str) -> str:
        """The version that really takes a function's calls on an engine, or ""."""
        version = ctypes.c_char_p()
        self._do("version_on", required(engine, "engine"), required(function, "function"), ctypes.byref(version))
        return said(version.value)

    def count(self, function: str, version: Optional[str] = None) -> int:
        """On how many engines calls of a function are really taken, by this version or by any."""
        engines = ctypes.c_uint64()
        self._do("count", required(function, "function"), text(version, "version"), ctypes.byref(engines))
        return engines.value

    def is_up(self, tier: str) -> bool:
        """Whether a tier is up."""
        up = ctypes.c_int()
        self._do("is_up", required(tier, "tier"), ctypes.byref(up), None)
        return bool(up.value)

    def lives(self, tier: str) -> int:
        """How many lives a tier has begun."""
        lives = ctypes.c_uint32()
        self._do("is_up", required(tier, "tier"), None, ctypes.byref(lives))
        return lives.value

    # ---- faults: none lets time pass ---------------------------------------------------------------

    def cut(self, a: str, b: str) -> None:
        """Resets the link between two tiers; the lower one dials again."""
        self._do("cut", required(a, "a"), required(b, "b"))

    def partition(self, tier: str) -> None:
        """From now on a tier and all below it hear only each other."""
        self._do("partition", required(tier, "tier"))

    def heal(self) -> None:
        """The network is whole again."""
        self._do("heal")

    def kill(self, tier: str) -> None:
        """The tier ends at once, as by kill -9. UnreachableError: it is down."""
        self._do("kill", required(tier, "tier"))

    def lose_power(self, tier: str) -> None:
        """The same with its machine: peers hear nothing, and what it had not synced is lost."""
        self._do("lose_power", required(tier, "tier"))

    def stop(self, tier: str) -> None:
        """The tier is closed, and is down soon after. UnreachableError: it is down."""
        self._do("stop", required(tier, "tier"))

    def restart(self, tier: str) -> None:
        """Starts a tier that is down, with what its disk holds; one that is up is killed first."""
        self._do("restart", required(tier, "tier"))

    def inject(
        self,
        name: str,
        version: str,
        step: Step,
        fate: Fate = Fate.FAILS,
        *,
        engine: Optional[str] = None,
        first_times: Optional[int] = None,
        takes: Optional[float] = None,
        reason: Optional[str] = None,
    ) -> None:
        """Has a module, published or not yet, behave otherwise than it would, until it is cured.

        `engine`: on this one alone, which goes before what holds for all. `first_times`: so often
        on each engine, then well. `takes`: seconds until it comes to that; required for Fate.SLOW.
        `reason`: the words of Fate.FAILS. Modules are told apart by their artifacts: it holds for
        others with the same bytes.
        """
        fault = _abi.TestingFault(
            size=ctypes.sizeof(_abi.TestingFault),
            name=required(name, "name"),
            version=required(version, "version"),
            step=member(step, Step, "step"),
            fate=member(fate, Fate, "fate"),
            first_times=count(first_times, "first_times", 2**32 - 1),
            takes_ms=milliseconds(takes, "takes"),
            engine=text(engine, "engine"),
            reason=text(reason, "reason"),
        )
        self._do("inject", ctypes.byref(fault))

    def cure(self, name: str, version: str) -> None:
        """Takes back all that was injected for a module. NotFoundError: nothing was."""
        self._do("cure", required(name, "name"), required(version, "version"))

    # ---- end ---------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._pointer is None

    def close(self) -> None:
        """Ends the fleet: services of its loaders are closed, their modules unloaded, calls under
        way ended.

        Closing again does nothing.
        """
        if self._pointer is None:
            self._shelf.clear()
            return
        status = self._ask("close")
        if status in (Status.WRONG_THREAD, Status.FORKED):
            raise error_for(status, said(_library.load().pinnate_last_error()))
        self._pointer = None
        self._shelf.clear()
        _library.check(status)

    def __enter__(self) -> "TestFleet":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<pinnate.testing.TestFleet {'closed' if self.closed else 'open'} at {id(self):#x}>"

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if self._pointer is None:
            return
        self._shelf.pin()
        _warn(f"{self!r} was never closed", ResourceWarning, source=self)
        try:
            self.close()
        except PinnateError:
            pass  # of a parent process
