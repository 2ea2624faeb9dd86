"""What must hold once the faults of a round have stopped.

What a tier says of itself is believed of nothing but itself: who runs is asked of the operating system, what was ordered of the
ledger, what an engine serves of the engine, by calling it there.
"""

import re
import threading
import time

import pinnate
from pinnate import Phase

from ledger import LOST_ENTRY
from workload import NAMES, SIDE, client

ALL = (*NAMES, SIDE)
_QUARANTINED = r"quarantined: artifact \w+ ended this engine (\d+) times in a row .* tried again in \d+ s"


def selects(selector, labels):
    """As in the library: all terms hold."""
    for term in filter(None, selector.split(",")):
        if "!=" in term:
            key, value = term.split("!=")
            holds = labels.get(key) != value
        elif "=" in term:
            key, value = term.split("=")
            holds = labels.get(key) == value
        elif term.startswith("!"):
            holds = term[1:] not in labels
        else:
            holds = term in labels
        if not holds:
            return False
    return True


def may_serve(answered, excused):
    """The names that each engine answered for, and what it does not serve for its quarantine, which may end at any time."""
    return {engine: sorted({*names, *(name for name, at in excused if at == engine)}) for engine, names in answered.items()}


class Checks:
    def __init__(self, fleet, ledger, heartbeat):
        self.fleet, self.ledger = fleet, ledger
        self.epoch = 0  # until something is published
        self._serving = {}
        self.listed_as_lost = set()  # what the history ever listed as lost with a restored copy
        self.current_bytes = 0  # of the artifacts of all current releases
        self.old_bytes = {}  # by engine: of what may still serve, per release that is in quarantine there
        self.excused = set()  # (function, engine), ever
        self._clients = {name: client(fleet.socket(name), heartbeat, connect_timeout=5.0)
                         for name in ("top", *(t.name for t in fleet.of_role("gateway")))}
        self._news, self._never = threading.Event(), threading.Event()
        self.clients_at = {name: 1 for name in self._clients}
        self._clients["top"].watch(lambda rollup: self._news.set(), lambda error: None)

    def close(self):
        for each in self._clients.values():
            each.close()

    @property
    def top(self):
        return self._clients["top"]

    def await_converged(self, bound):
        """Returns how many seconds it took, and what it waited for last. Raises with the reason when it does not converge."""
        began, waited_for = time.monotonic(), ""
        while True:
            self._news.clear()
            self.fleet.check_alive()
            try:
                self._converged()
                return time.monotonic() - began, waited_for
            except (_NotYet, pinnate.UnreachableError, pinnate.InterruptedCallError, pinnate.TimedOutError) as why:
                if time.monotonic() - began > bound:
                    raise AssertionError(f"not converged within {bound:.0f} s: {why}") from why
                waited_for = str(why)
            self._news.wait(0.5)  # something changed, or a call may go through by now

    def await_remembered(self):
        """Tiers note once a second whom they know: one that dies before may forget whom it saw for the first time. Nobody tells when."""
        self._never.wait(2.5)

    def _converged(self):
        histories = {name: self.top.releases(name) for name in ALL}
        for name, history in histories.items():
            self.ledger.check(name, history)
        status = self.top.status()
        engines = self.fleet.of_role("engine")
        online = [e for e in engines if e.in_reach()]
        # For each function and engine the newest current release that selects it.
        chosen = {}
        for name, history in histories.items():
            for engine in engines:
                fitting = (e for e in history if e.current and selects(e.selector, engine.labels))
                chosen[name, engine.name] = next(fitting, None)
        rows = {row.id: row for row in self.top.engines(timeout=5.0)}
        _same("the engines that a lookup finds", {i for i, r in rows.items() if r.online}, {e.name for e in online})
        excused = {(name, e.name) for e in online for name in self._excuses(e, rows[e.name], chosen)}
        self._counts(status, rows, histories, engines, online, chosen, excused)
        self._counts_below()
        self._rows(status, rows, online, chosen, excused)
        serving = may_serve(self._answers(online, chosen, excused), excused)
        self._one_truth(status)
        self._serving, self.excused = serving, self.excused | excused
        self.listed_as_lost |= {(e.name, e.version, e.number) for history in histories.values() for e in history if e.ended == LOST_ENTRY}
        self.current_bytes = sum({e.manifest: e.artifact_bytes for history in histories.values() for e in history if e.current}.values())
        self.old_bytes = {engine.name: [max(e.artifact_bytes for e in histories[name]) for name, at in excused if at == engine.name]
                          for engine in engines}

    def _excuses(self, engine, row, chosen):
        """Reported in words, per release: an artifact that was young each time that we killed the engine is quarantined for a while."""
        for service in row.services:
            wanted = chosen[service.name, engine.name]
            if wanted and service.release == wanted.number and service.phase == Phase.FAILED:
                blamed = re.match(_QUARANTINED, service.reason)
                if not blamed:
                    raise _NotYet(f"{engine.name} failed: {service}")
                if not 2 <= int(blamed[1]) <= engine.kills:
                    raise AssertionError(f"{engine.name} was killed {engine.kills} times and says: {service.reason}")
                yield service.name

    # ---- promise 8 ----

    def _counts(self, status, rows, histories, engines, online, chosen, excused):
        gateways = self.fleet.of_role("gateway")
        forgettable = sum(e.may_be_forgotten() for e in engines)
        known = min(max(status.known_engines, len(engines) - forgettable), len(engines))
        _same("engines known, online; gateways known, online, at the controller",
              (status.known_engines, status.online_engines, status.known_gateways, status.online_gateways),
              (known, len(online), len(gateways), sum(g.in_reach() for g in gateways)))
        current = {e.number: e for history in histories.values() for e in history if e.current}
        _same("the releases that status calls current", {r.number for r in status.releases if r.current}, set(current))
        for release in status.releases:
            _same(f"the sum of the phases of {release}", sum(release.phases.values()), known)
            wanted_by = [(release.name, e.name) for e in online if (c := chosen[release.name, e.name]) and c.number == release.number]
            failed = sum(each in excused for each in wanted_by)
            live = len(wanted_by) - failed
            others = [f"{name}: {s.phase.name} {s.reason}" for _, name in wanted_by for s in rows[name].services
                      if s.release == release.number and s.phase != Phase.LIVE]
            told_by = f" ({'; '.join(others)})" if others else ""
            told = f"release {release.number} of {release.name}{told_by}: live, failed, offline"
            _same(told, (release.phases[Phase.LIVE], release.phases[Phase.FAILED], release.phases[Phase.OFFLINE]),
                  (live if release.number in current else 0, failed, known - len(online)))
            if not any(name == release.name for name, _ in excused):  # who is excused may serve what came before
                _same(f"how many serve release {release.number} of {release.name}", release.serving, live)

    def _counts_below(self):
        for gateway in self.fleet.of_role("gateway"):
            if gateway.in_reach():
                status = self._clients[gateway.name].status()
                below = self.fleet.engines_below(gateway)
                _same(f"engines online at {gateway.name}", status.online_engines,
                      sum(all(t.running() for t in (e, *self._between(e, gateway))) for e in below))

    def _between(self, tier, above):
        for each in self.fleet.line_up(tier):
            if each is above:
                return
            yield each

    # ---- promise 1 ----

    def _rows(self, status, rows, online, chosen, excused):
        """Every engine says that it is where the controller is, and of each service what it should."""
        for engine in online:
            row = rows[engine.name]
            _same(f"the position of {engine.name}", (row.epoch, row.revision), (status.epoch, status.revision))
            names = [name for name in ALL if (name, engine.name) not in excused]
            serving = {s.name: s.release for s in row.services if s.serving and s.name in names}
            wanted = {name: chosen[name, engine.name].number for name in names if chosen[name, engine.name]}
            _same(f"what {engine.name} says it serves ({[s for s in row.services if s.reason]})", serving, wanted)

    def _answers(self, online, chosen, excused):
        """Asks every engine for every function. Returns which ones answered."""
        answered = {engine.name: [] for engine in online}
        for engine in online:
            for name in ALL:
                entry, free = chosen[name, engine.name], (name, engine.name) in excused
                try:
                    said = self.top.call(name, engine=engine.name, timeout=5.0, idempotent=True).decode()
                except pinnate.NotFoundError as error:
                    if entry and not free:
                        raise _NotYet(f"{engine.name} serves no {name}, wanted {entry}: {error}") from error
                    continue
                if not entry:
                    raise _NotYet(f"{engine.name} serves {name} ({said!r}), for which no release selects it")
                answers = self.ledger.issued(name) if free else self.ledger.answers_of(entry)
                if said not in answers:
                    raise _NotYet(f"{engine.name} answers {said!r} for {name}, wanted {answers} of {entry}")
                answered[engine.name].append(name)
        return answered

    def serving(self):
        """What each engine may serve since the last check that found the fleet converged."""
        return self._serving

    # ---- one truth ----

    def _one_truth(self, status):
        if status.epoch < self.epoch:
            raise AssertionError(f"the epoch went back from {self.epoch} to {status.epoch}")
        self.epoch = status.epoch


class _NotYet(Exception):
    """What does not hold yet, in words."""


def _same(what, seen, wanted):
    if seen != wanted:
        raise _NotYet(f"{what}: {seen}, should be {wanted}")
