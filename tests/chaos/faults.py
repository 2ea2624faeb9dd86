"""What is done to the fleet while it works. Each is a function of a Round: it breaks, lets time pass, and heals.

A kind may leave tiers dead for the checks of its round; they are started again before the next.
"""

import json
import shutil
import signal
import threading
import time

import ledger as book
from artifacts import artifact
from fleet import OK, TIMEOUT, UNKNOWN, Program, environment
from topology import DISK, NETWORK, SITES
from workload import SIDE, client

KIB, MIB = 1 << 10, 1 << 20


class Round:
    def __init__(self, fleet, ledger, workload, rng, counted, copies, freeze_seconds):
        self.fleet, self.ledger, self.workload, self.rng = fleet, ledger, workload, rng
        self.copies = copies  # of the controller's folder, with what they hold
        self.counted = counted  # faults injected, by what they were
        self.freeze_seconds = freeze_seconds
        self._never = threading.Event()

    def last(self, at_least, at_most):
        """The length of a fault, while the workload goes on."""
        self._never.wait(self.rng.uniform(at_least, at_most))
        self.workload.check()

    def until(self, trace, again=lambda: None, limit=15.0):
        """Until a fault has left a trace, a count above 0, which is returned. Nobody tells when; if none comes, the run's end does."""
        deadline = time.monotonic() + limit
        while not (seen := trace()) and time.monotonic() < deadline:
            self.last(0.02, 0.1)
            again()
        return seen

    def in_a_publish(self, longest=0.03):
        """Waits until a publish begins, and some moment of it. Whether one began."""
        began = self.ledger.await_open("publish", 2.0)
        self.last(0, longest)
        return began

    def any_tier(self):
        """Of any role alike: there is but one controller."""
        return self.rng.choice(self.fleet.of_role(self.rng.choice(("controller", "gateway", "engine"))))

    def some_tiers(self, *how_many):
        return list(dict.fromkeys(self.any_tier() for _ in range(self.rng.choice(how_many))))

    def some_sites(self):
        return self.rng.sample(SITES, self.rng.choice((1, 1, 2, 3)))


# ---- processes ----

_HIT, _STOOD_STILL = "of a publisher during its publish", "processes that stood still until they were woken"


def kill(round):
    """kill -9 of one tier or of a few, half of the time in the middle of a publish."""
    victims = round.some_tiers(1, 1, 1, 2, 4)
    if round.rng.random() < 0.5:
        round.in_a_publish()
    else:
        round.last(0, 0.4)
    for tier in victims:
        tier.send_kill()
    for tier in victims:
        round.counted[f"kill -9 of {_a(tier)}"] += tier.program.await_end() == -signal.SIGKILL
    round.last(0, 0.6)
    for tier in victims:
        if tier.role == "controller" or round.rng.random() < 0.75:  # else it stays dead while it is checked who is counted
            tier.start(wait=round.rng.random() < 0.5)
    for tier in victims:
        if tier.running():
            tier.await_running()
    round.last(0, 0.3)


def term(round):
    """SIGTERM of the controller in the middle of a publish, or of another tier: it ends with 0, and soon."""
    tier = round.fleet.top if round.rng.random() < 0.6 else round.any_tier()
    began = round.in_a_publish()
    tier.stop()
    round.counted[f"SIGTERM of {_a(tier)} during a publish"] += began
    round.last(0, 0.3)
    tier.start()
    round.last(0, 0.3)


def publisher(round):
    """A process that publishes is killed, or told to end, in the middle of it."""
    longest, hit = 0.15, False
    for number in range(10):
        if number >= 3 and hit:
            return
        if _one_publisher(round, longest):
            hit = True
        else:
            longest /= 2  # this machine is faster than that


def _one_publisher(round, longest):
    """Whether it was hit before it ended by itself."""
    version, size = str(len(round.ledger.of(SIDE))), round.rng.randrange(64 * KIB, 4 * MIB)
    path = round.fleet.folder / f"side-{version}.so"
    path.write_bytes(artifact(SIDE, version, size))
    order = round.ledger.begin("publish", SIDE, version=version, token=f"s{version}")
    program = Program("publish", f"{SIDE}@{version}", path, "--config-text", order.token, "--json", "--timeout", "10s",
                      env=environment(PINNATE_TO=round.fleet.socket("top")), prefix=["setpriv", "--pdeathsig", "KILL", "--"])
    try:
        number = round.rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        round.last(0, longest)
        hit = program.running()
        if hit:
            program.signal(number)
        code = program.await_end()
        hit = hit and code != OK
        said = next((line for line in program.lines if line.startswith("{")), None)
        if code == OK:
            told = json.loads(said)
            round.ledger.end(order, book.ACKNOWLEDGED, release=told["release"], epoch=told["epoch"])
            round.counted["a publisher ended before it was killed"] += 1
        else:
            # By a signal, or in words: what it had sent may be carried out, unless it says that it was refused.
            unknown = code < 0 or code in (UNKNOWN, TIMEOUT, 130)
            round.ledger.end(order, book.UNKNOWN if unknown else book.REFUSED, words=" ".join(program.lines[-3:]))
            round.counted[f"{signal.Signals(number).name} {_HIT}"] += hit
        return hit
    finally:
        program.close()
        path.unlink()


def stop(round):
    """SIGSTOP of one or two tiers: their sockets stay open, and nobody answers."""
    victims = round.some_tiers(1, 1, 2)
    round.last(0, 0.2)
    for tier in victims:
        tier.freeze()
        round.counted[f"SIGSTOP of {_a(tier)} for {round.freeze_seconds:g} s"] += 1
    round.last(round.freeze_seconds, round.freeze_seconds)
    for tier in victims:
        round.counted[_STOOD_STILL] += tier.is_stopped()
        tier.thaw()
    round.last(0, 0.5)


# ---- networks ----

_DROPPED, _DOWN, _LOST = "packets dropped by partitions", "links that were down until they were healed", "packets lost"
_HELD_UP, _MIXED = "packets held up by the limit", "packets dropped, lost or held up while tiers were killed"


def partition(round):
    """Sites that are cut off, wholly or in one direction."""
    cut = {site: round.rng.choice(("both", "in", "out", "down")) for site in round.some_sites()}
    words = {"both": "both ways", "in": "toward the site", "out": "from the site", "down": "link down"}
    network, first = round.fleet.network, not round.counted[_DROPPED]
    if first:
        cut[next(iter(cut))] = round.rng.choice(("both", "in", "out"))  # where a link is down nothing counts what is dropped
    for site, how in cut.items():
        network.partition(site, how)
    round.last(0.3, 4)
    if first:
        round.until(lambda: sum(network.dropped(site) for site, how in cut.items() if how != "down"))
    for site, how in cut.items():
        round.counted[f"partition of a site, {words[how]}"] += 1
        if how == "down":
            round.counted[_DOWN] += network.is_down(site)
        round.counted[_DROPPED] += network.heal(site, how) or 0
    round.last(0, 0.3)


def loss(round):
    """5 % of all packets of some sites are lost, both ways."""
    sites = round.some_sites()
    for site in sites:
        round.fleet.network.lose(site, 5)
    round.last(1.5, 4)
    if not round.counted[_LOST]:
        round.until(lambda: sum(map(round.fleet.network.dropped, sites)))
    for site in sites:
        round.counted["loss of 5 % at a site"] += 1
        round.counted[_LOST] += round.fleet.network.lose_no_more(site)


def rate(round):
    """Links of 2 Mbit/s, while larger artifacts than they carry at once are published."""
    sites = round.some_sites()
    for site in sites:
        round.fleet.network.limit(site, "2mbit")
    round.workload.largest, before = 768 * KIB, round.workload.largest
    round.last(2, 5)
    if not round.counted[_HELD_UP]:
        round.until(lambda: sum(map(round.fleet.network.held_up, sites)))
    round.workload.largest = before
    for site in sites:
        round.counted["a site's link at 2 Mbit/s"] += 1
        round.counted[_HELD_UP] += round.fleet.network.limit_no_more(site)


def mixed(round):
    """Tiers are killed while sites are cut off, lossy or slow."""
    network, how = round.fleet.network, {}
    for site in round.some_sites():
        how[site] = round.rng.choice(("partition", "loss", "rate"))
        {"partition": lambda s: network.partition(s, "both"), "loss": lambda s: network.lose(s, 5),
         "rate": lambda s: network.limit(s, "2mbit")}[how[site]](site)
    kill(round)
    if not round.counted[_MIXED]:
        round.until(lambda: sum((network.held_up if fault == "rate" else network.dropped)(site) for site, fault in how.items()))
    heal = {"partition": lambda s: network.heal(s, "both"), "loss": network.lose_no_more, "rate": network.limit_no_more}
    for site, fault in how.items():
        round.counted[_MIXED] += heal[fault](site)
        round.counted[f"tiers killed during a {fault} at a site"] += 1


# ---- disks ----

_FULL_TOP, _FULL_GATEWAY = "disk full at the controller", "disk full at a gateway"
_REFUSED, _SAID_SO = "publishes refused because a disk was full", "gateways that said that no space is left"


def disk(round):
    """The disk of the controller or of a gateway, each at least once, has little or nothing left; half of the time the tier dies so."""
    not_yet = [name for name, full in (("top", _FULL_TOP), ("site-b", _FULL_GATEWAY)) if not round.counted[full]]
    tier = round.fleet.tiers[round.rng.choice(not_yet or ("top", "site-b"))]
    at_top, first = tier is round.fleet.top, tier.name in not_yet
    round.last(0, 0.2)
    before = round.workload.errors["NoSpaceError"]

    def refused():
        return round.workload.errors["NoSpaceError"] - before

    tier.disk.fill(leave_bytes=0 if first else round.rng.choice((0, 0, 64 * KIB, 300 * KIB)))
    try:
        round.last(1, 2)
        seen = refused if at_top else lambda: _says_no_space(round, tier)
        said = round.until(seen, again=tier.disk.fill) if first else seen()  # evicting may have made room
        if not at_top:
            round.counted[_SAID_SO] += said
        if round.rng.random() < 0.5:
            tier.kill().start()
            round.counted[f"kill -9 of {_a(tier)} on a full disk"] += 1
            round.last(0.2, 1)
    finally:
        tier.disk.free()
    round.counted[_FULL_TOP if at_top else _FULL_GATEWAY] += 1
    round.counted[_REFUSED] += refused()
    round.last(0, 0.3)


def _says_no_space(round, tier):
    with client(round.fleet.socket(tier.name), round.workload.heartbeat, connect_timeout=5.0) as gateway:
        return any("No space left" in notice for notice in gateway.status().notices)


# ---- copies ----

_PUT_BACK, _LOST_WITH_IT = "the controller's folder put back to a copy", "orders acknowledged after a copy and lost with it"


def restore(round):
    """The controller's state folder is put back to a copy taken earlier in the run; half of the time a site hears of it later."""
    top, ledger = round.fleet.top, round.ledger
    top.kill()
    _copy(round)
    top.start()
    before = _position(round)
    ledger.await_acknowledged(round.rng.randrange(1, 8), 5)
    _await_heard(round, before)
    round.last(0, 0.5)
    away = None
    if round.fleet.network and round.rng.random() < 0.5:
        away = round.rng.choice(SITES)  # it has heard of what will be lost, and will speak of it later
        round.fleet.network.partition(away, "both")
    top.kill()
    _put_back(round)
    top.start()
    if away:
        ledger.await_acknowledged(round.rng.randrange(0, 8), 3)
        round.fleet.network.heal(away, "both")
        round.counted["a site cut off while a copy was put back"] += 1
    _await_new_epoch(round, before)
    round.last(0, 0.5)


def _copy(round):
    """The controller is dead. Some copies are kept, so that one may be put back twice, or across another."""
    round.ledger.await_settled(15)
    copy = round.fleet.folder / f"copy-{len(round.ledger.orders)}"
    shutil.copytree(round.fleet.top.kept, copy)
    round.copies.append((copy, round.ledger.acknowledged()))
    if len(round.copies) > 3:
        shutil.rmtree(round.copies.pop(0)[0])


def _put_back(round):
    round.ledger.await_settled(15)
    newest = round.rng.random() < 0.6
    copy, held = round.copies[-1] if newest else round.rng.choice(round.copies)
    shutil.rmtree(round.fleet.top.kept)
    shutil.copytree(copy, round.fleet.top.kept)
    lost = round.ledger.copy_put_back(held)
    round.counted[_PUT_BACK] += 1
    round.counted["copies put back that were older than the newest"] += copy != round.copies[-1][0]
    round.counted[_LOST_WITH_IT] += len(lost)


def _ask(round, question, limit, otherwise):
    """Until the controller's answer is true."""
    deadline = time.monotonic() + limit
    with client(round.fleet.socket("top"), round.workload.heartbeat, connect_timeout=5.0) as top:
        while not question(top):
            if time.monotonic() > deadline:
                raise AssertionError(f"{otherwise} within {limit} s")
            round.last(0.02, 0.1)


def _position(round):
    with client(round.fleet.socket("top"), round.workload.heartbeat, connect_timeout=5.0) as top:
        status = top.status()
        return status.epoch, status.revision


def _await_heard(round, position):
    """Until an engine knows of a decision after `position`: else there is nothing that a copy could contradict."""
    _ask(round, lambda top: any((row.epoch, row.revision) > position for row in top.engines()), 30,
         f"no engine heard of any decision after {position}")


def _await_new_epoch(round, before):
    """The fleet knew more than the copy, so an epoch begins, and status says why."""
    def began(top):
        status = top.status()
        return status.epoch > before[0] and any("was restored from a copy" in notice for notice in status.notices)

    _ask(round, began, 60, f"no epoch above {before[0]} began, or status does not say why,")


_ROLES = {"controller": "the controller", "gateway": "a gateway", "engine": "an engine"}


def _a(tier):
    return _ROLES[tier.role]


KINDS = {f.__name__: f for f in (kill, term, publisher, stop, partition, loss, rate, mixed, disk, restore)}

NEEDS = {"partition": NETWORK, "loss": NETWORK, "rate": NETWORK, "mixed": NETWORK, "disk": DISK}


def impossible(fleet):
    """The kinds that cannot be done here, with why."""
    return {kind: fleet.missing[need] for kind, need in NEEDS.items() if need in fleet.missing}


# ---- traces ----

# What must have been counted in the rounds of a kind: always, or when something else was. A fault that never happened breaks nothing.
TRACES = {
    "kill": {"kill -9": None},
    "term": {"SIGTERM": None},
    "publisher": {_HIT: None},
    "stop": {_STOOD_STILL: None},
    "partition": {_DROPPED: None, _DOWN: "link down"},
    "loss": {_LOST: None},
    "rate": {_HELD_UP: None},
    "mixed": {"kill -9": None, _MIXED: None},
    "disk": {_REFUSED: _FULL_TOP, _SAID_SO: _FULL_GATEWAY},
    "restore": {_PUT_BACK: None, _LOST_WITH_IT: None},
}


def untraced(counted, long=False):
    """`counted` says for each kind that ran what was counted in its rounds. In words, what left no trace; a long run hits every role."""
    def number(kind, words):
        return sum(count for what, count in counted[kind].items() if words in what)

    def wanted(kind):
        roles = _ROLES.values() if long and kind == "kill" else ()
        return {**TRACES[kind], **{f"kill -9 of {role}": None for role in roles}}.items()

    return [f"the fault '{kind}' left no trace: 0 {trace}" for kind in counted for trace, when in wanted(kind)
            if (when is None or number(kind, when)) and not number(kind, trace)]


_SOME_ROUNDS = 3  # in one or two, everything may have met a fault


def idle(rounds, results, published):
    """A fleet that nobody used keeps its promises easily. In words, what never went well in a run of so many rounds."""
    went_well = {"call returned a result": results, "publish was acknowledged": published}
    return [f"no {what} in {rounds} rounds" for what, count in went_well.items() if rounds >= _SOME_ROUNDS and not count]
