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
from topology import SITES
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

    def in_a_publish(self, longest=0.03):
        """Waits until a publish begins, and some moment of it."""
        self.ledger.await_open("publish", 2.0)
        self.last(0, longest)

    def any_tier(self):
        """Of any role alike: there is but one controller."""
        return self.rng.choice(self.fleet.of_role(self.rng.choice(("controller", "gateway", "engine"))))

    def some_tiers(self, *how_many):
        return list(dict.fromkeys(self.any_tier() for _ in range(self.rng.choice(how_many))))

    def some_sites(self):
        return self.rng.sample(SITES, self.rng.choice((1, 1, 2, 3)))


# ---- processes ----

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
        tier.program.await_end()
        round.counted[f"kill -9 of {_a(tier)}"] += 1
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
    round.in_a_publish()
    tier.stop()
    round.counted[f"SIGTERM of {_a(tier)} during a publish"] += 1
    round.last(0, 0.3)
    tier.start()
    round.last(0, 0.3)


def publisher(round):
    """A process that publishes is killed, or told to end, in the middle of it."""
    for _ in range(3):
        _one_publisher(round)


def _one_publisher(round):
    version, size = str(len(round.ledger.of(SIDE))), round.rng.randrange(64 * KIB, 4 * MIB)
    path = round.fleet.folder / f"side-{version}.so"
    path.write_bytes(artifact(SIDE, version, size))
    order = round.ledger.begin("publish", SIDE, version=version, token=f"s{version}")
    program = Program("publish", f"{SIDE}@{version}", path, "--config-text", order.token, "--json", "--timeout", "10s",
                      env=environment(PINNATE_TO=round.fleet.socket("top")), prefix=["setpriv", "--pdeathsig", "KILL", "--"])
    try:
        number = round.rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        round.last(0, 0.15)
        if program.running():
            program.signal(number)
        code = program.await_end()
        said = next((line for line in program.lines if line.startswith("{")), None)
        if code == OK:
            told = json.loads(said)
            round.ledger.end(order, book.ACKNOWLEDGED, release=told["release"], epoch=told["epoch"])
            round.counted["a publisher ended before it was killed"] += 1
        else:
            # By a signal, or in words: what it had sent may be carried out, unless it says that it was refused.
            unknown = code < 0 or code in (UNKNOWN, TIMEOUT, 130)
            round.ledger.end(order, book.UNKNOWN if unknown else book.REFUSED, words=" ".join(program.lines[-3:]))
            round.counted[f"{signal.Signals(number).name} of a publisher during its publish"] += 1
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
        tier.thaw()
    round.last(0, 0.5)


# ---- networks ----

def partition(round):
    """Sites that are cut off, wholly or in one direction."""
    cut = {site: round.rng.choice(("both", "in", "out", "down")) for site in round.some_sites()}
    words = {"both": "both ways", "in": "toward the site", "out": "from the site", "down": "link down"}
    for site, how in cut.items():
        round.fleet.network.partition(site, how)
    round.last(0.3, 4)
    for site, how in cut.items():
        dropped = round.fleet.network.heal(site, how)
        round.counted[f"partition of a site, {words[how]}"] += 1
        round.counted["packets dropped by partitions"] += dropped or 0
    round.last(0, 0.3)


def loss(round):
    """5 % of all packets of some sites are lost, both ways."""
    sites = round.some_sites()
    for site in sites:
        round.fleet.network.lose(site, 5)
    round.last(1.5, 4)
    for site in sites:
        round.counted["loss of 5 % at a site"] += 1
        round.counted["packets lost"] += round.fleet.network.lose_no_more(site)


def rate(round):
    """Links of 2 Mbit/s, while larger artifacts than they carry at once are published."""
    sites = round.some_sites()
    for site in sites:
        round.fleet.network.limit(site, "2mbit")
    round.workload.largest, before = 768 * KIB, round.workload.largest
    round.last(2, 5)
    round.workload.largest = before
    for site in sites:
        round.counted["a site's link at 2 Mbit/s"] += 1
        round.counted["packets held up by the limit"] += round.fleet.network.limit_no_more(site)


def mixed(round):
    """Tiers are killed while sites are cut off, lossy or slow."""
    network, how = round.fleet.network, {}
    for site in round.some_sites():
        how[site] = round.rng.choice(("partition", "loss", "rate"))
        {"partition": lambda s: network.partition(s, "both"), "loss": lambda s: network.lose(s, 5),
         "rate": lambda s: network.limit(s, "2mbit")}[how[site]](site)
    kill(round)
    for site, fault in how.items():
        {"partition": lambda s: network.heal(s, "both"), "loss": network.lose_no_more, "rate": network.limit_no_more}[fault](site)
        round.counted[f"tiers killed during a {fault} at a site"] += 1


# ---- disks ----

_FULL_TOP, _FULL_GATEWAY = "disk full at the controller", "disk full at a gateway"


def disk(round):
    """The disk of the controller or of a gateway, each at least once, has little or nothing left; half of the time the tier dies so."""
    not_yet = [name for name, full in (("top", _FULL_TOP), ("site-b", _FULL_GATEWAY)) if not round.counted[full]]
    tier = round.fleet.tiers[round.rng.choice(not_yet or ("top", "site-b"))]
    round.last(0, 0.2)
    before = round.workload.errors["NoSpaceError"]
    tier.disk.fill(leave_bytes=round.rng.choice((0, 0, 64 * KIB, 300 * KIB)))
    try:
        round.last(1, 2)
        if round.rng.random() < 0.5:
            tier.kill().start()
            round.counted[f"kill -9 of {_a(tier)} on a full disk"] += 1
            round.last(0.2, 1)
    finally:
        tier.disk.free()
    round.counted[_FULL_TOP if tier is round.fleet.top else _FULL_GATEWAY] += 1
    round.counted["publishes refused because a disk was full"] += round.workload.errors["NoSpaceError"] - before
    round.last(0, 0.3)


# ---- copies ----

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
    round.counted["the controller's folder put back to a copy"] += 1
    round.counted["copies put back that were older than the newest"] += copy != round.copies[-1][0]
    round.counted["orders acknowledged after a copy and lost with it"] += len(lost)


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


def _a(tier):
    return {"controller": "the controller", "gateway": "a gateway", "engine": "an engine"}[tier.role]


KINDS = {f.__name__: f for f in (kill, term, publisher, stop, partition, loss, rate, mixed, disk, restore)}


def possible(fleet):
    """The kinds that can be done here."""
    kinds = dict(KINDS)
    if not fleet.network:
        for name in ("partition", "loss", "rate", "mixed"):
            del kinds[name]
    if not (fleet.top.disk and fleet.tiers["site-b"].disk):
        del kinds["disk"]
    return kinds
