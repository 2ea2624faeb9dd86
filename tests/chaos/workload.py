"""What goes on while things break: threads that publish and withdraw, and threads that call, until they are paused.

Nothing here is tried again: each order and each call is one, and how it ended is recorded.
"""

import collections
import itertools
import random
import threading
import time

import pinnate

import ledger as book
from artifacts import artifact

NAMES = tuple(f"fn{i}" for i in range(6))
SIDE = "side"  # what publishers of their own process publish, so that they can be killed
SELECTORS = ("site=a", "site=b", "region=eu", "ring=canary", "region=eu,ring!=canary", "site", "!ring")
PUBLISHERS = 2
CALLERS_AT = ("top", "site-a", "pod-b")
PUBLISH_LIMIT = 10.0  # seconds
KIB = 1024

# Definite errors: nothing was decided, now or later.
_REFUSED = (pinnate.UnreachableError, pinnate.NoSpaceError, pinnate.NotFoundError, pinnate.RefusedError, pinnate.ConflictError,
            pinnate.InvalidError, pinnate.TooLargeError, pinnate.BusyError, pinnate.IncompatibleError)


def client(to, heartbeat, connect_timeout=1.0):
    return pinnate.Client(to, connect_timeout=connect_timeout, heartbeat=heartbeat, backoff_min=0.05, backoff_max=0.3)


class Workload:
    def __init__(self, fleet, ledger, seed, heartbeat):
        self.fleet, self.ledger, self.heartbeat = fleet, ledger, heartbeat
        self.calls = collections.Counter()  # by outcome
        self.errors = collections.Counter()  # of orders, by class
        self.largest = 256 * KIB  # what an artifact has at most, besides the module
        self.broken = None
        self.noted = fleet.folder / "calls"  # ids of calls that ran
        self._ran = collections.Counter()
        self._returned = set()  # ids of calls with a result
        self._read_bytes = 0
        self._changed = threading.Condition()
        self._paused, self._closed, self._at_work = True, False, 0
        self._ids = itertools.count()
        self._threads = []
        for i in range(PUBLISHERS):
            self._spawn(self._publish, random.Random(f"{seed} publisher {i}"), NAMES[i::PUBLISHERS])
        for tier in CALLERS_AT:
            self._spawn(self._call, random.Random(f"{seed} caller at {tier}"), tier)

    def _spawn(self, target, *arguments):
        self._threads.append(threading.Thread(target=self._run, args=(target, *arguments), daemon=True))
        self._threads[-1].start()

    def _run(self, target, *arguments):
        try:
            target(*arguments)
        except BaseException as wrong:  # whatever it is, it ends the run
            with self._changed:
                self.broken = self.broken or wrong
                self._changed.notify_all()

    def _turns(self, rng, longest_pause):
        """Yields each time that something may be done."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or not self._paused)
                if self._closed:
                    return
                self._at_work += 1
            try:
                yield
            finally:
                with self._changed:
                    self._at_work -= 1
                    self._changed.notify_all()
            with self._changed:  # the mix has pauses; a change ends them
                self._changed.wait_for(lambda: self._closed or self._paused, rng.uniform(0, longest_pause))

    def go_on(self):
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def pause(self):
        """Until every order and every call under way has ended."""
        with self._changed:
            self._paused = True
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._at_work == 0 or self.broken, 3 * PUBLISH_LIMIT):
                raise AssertionError(f"{self._at_work} orders or calls did not end")
        self.check()

    def check(self):
        if self.broken:
            raise self.broken

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(3 * PUBLISH_LIMIT)

    # ---- orders ----

    def _publish(self, rng, names):
        published = collections.defaultdict(list)  # what can be published again
        with client(self.fleet.socket("top"), self.heartbeat) as top:
            for _ in self._turns(rng, 0.25):
                name, dice = rng.choice(names), rng.random()
                if dice < 0.05:
                    self._order(top, "unpublish", name)
                elif dice < 0.12 and (some := [o for o in self.ledger.of(name) if o.selector and o.outcome == book.ACKNOWLEDGED]):
                    self._order(top, "unpublish", name, target=some[-1].release)
                elif dice < 0.25 and published[name]:
                    version, size = rng.choice(published[name][-5:])
                    self.publish(top, name, version, size)
                else:
                    size = rng.choice((0, 0, 0, rng.randrange(64 * KIB), rng.randrange(self.largest)))
                    selector = rng.choice(SELECTORS) if rng.random() < 0.3 else ""
                    order = self.publish(top, name, str(len(self.ledger.of(name))), size, selector)
                    if order.outcome == book.ACKNOWLEDGED:
                        published[name].append((order.version, size))

    def publish(self, top, name, version, size, selector=""):
        return self._order(top, "publish", name, version=version, selector=selector, token=f"t{next(self._ids)}", size=size)

    def _order(self, top, verb, name, size=0, **details):
        order = self.ledger.begin(verb, name, **details)
        outcome, answered, words = book.UNKNOWN, {}, ""
        try:
            if verb == "unpublish":
                top.unpublish(name, order.target, timeout=PUBLISH_LIMIT)
            else:
                made = top.publish(name, order.version, artifact(name, order.version, size), config=order.token.encode(),
                                   selector=order.selector or None, timeout=PUBLISH_LIMIT)
                answered = {"release": made.release, "epoch": made.epoch}
                if not made.created:
                    raise AssertionError(f"DOUBLED: {order} was carried out before it was ordered: {made}")
            outcome = book.ACKNOWLEDGED
        except _REFUSED as error:
            outcome, words = book.REFUSED, str(error)
            self.errors[type(error).__name__] += 1
        except pinnate.PinnateError as error:
            words = str(error)
            self.errors[type(error).__name__] += 1
        finally:
            self.ledger.end(order, outcome, words=words, **answered)
        return order

    # ---- calls ----

    def _call(self, rng, at):
        with client(self.fleet.socket(at), self.heartbeat) as tier:
            engines = [t.name for t in self.fleet.engines_below(self.fleet.tiers[at])]
            for _ in self._turns(rng, 0.03):
                self._one_call(tier, rng.choice(NAMES), f"c{next(self._ids)}", rng.choice((0, 0, 0, 5, 50)),
                               rng.choice(engines) if rng.random() < 0.5 else None, rng.random() < 0.3)

    def _one_call(self, tier, name, call, milliseconds, engine, idempotent):
        limit = 2.0
        began = time.monotonic()
        try:
            said = tier.call(name, f"{call} {milliseconds} {self.noted}".encode(), engine=engine, timeout=limit, idempotent=idempotent)
        except pinnate.PinnateError as error:
            if "no outcome within" in str(error):
                raise AssertionError(f"a call of {name} at {engine} never ended: {error}") from error
            outcome = type(error).__name__
        else:
            outcome = "result"
            if said.decode() not in self.ledger.issued(name):
                raise AssertionError(f"a call of {name} at {engine} was answered {said!r}, which was never published")
        if (took := time.monotonic() - began) > limit + 5:
            raise AssertionError(f"a call with a limit of {limit} s took {took:.1f} s and ended as {outcome}")
        with self._changed:
            self.calls[outcome] += 1
            if outcome == "result":
                self._returned.add(call)
            if idempotent:
                self._ran[call] -= 1000  # may run more than once

    def check_calls(self):
        """While it is paused: no call ran twice that must not, and each that returned a result ran."""
        with self.noted.open("ab+") as noted:
            noted.seek(self._read_bytes)
            fresh = noted.read()
        self._read_bytes += len(fresh)
        fresh = fresh.decode().split()
        self._ran.update(fresh)
        twice = [call for call in fresh if self._ran[call] > 1]
        unheard = [call for call in self._returned if self._ran[call] in (0, -1000)]
        if twice or unheard:
            raise AssertionError(f"calls that ran twice: {twice}; calls that returned and never ran: {unheard}")
        self._returned.clear()
