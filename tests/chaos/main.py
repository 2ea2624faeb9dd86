"""The rounds of a run: break something while the fleet works, let it rest, check what it promises, and go on."""

import argparse
import collections
import os
import random
import signal
import sys
import time

import faults
import ledger as book
from checks import Checks
from leaks import Leaks
from ledger import Ledger
from report import Report
from topology import Fleet
from workload import Workload

# What comes in the short run, in this order: each kind once, with a full disk at both ends. The long one has `LONG` of each, shuffled.
SHORT = ("kill", "stop", "partition", "disk", "restore", "loss", "term", "rate", "publisher", "disk", "mixed", "kill")
LONG = {"kill": 200, "term": 12, "publisher": 12, "stop": 10, "partition": 12, "loss": 10, "rate": 10, "mixed": 12, "disk": 12,
        "restore": 12}
BOUND = 60.0  # seconds until a fleet whose faults have stopped must have converged; dialling alone may wait for 30


class Interrupted(BaseException):
    """A signal, or the limit of time."""


class CannotRun(Exception):
    """This machine lacks what the run needs, in words."""


def arguments():
    parser = argparse.ArgumentParser(prog="tests/chaos/run.sh", description="Breaks a fleet of real processes and checks what it promises.")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many rounds, of the kinds of the short run over and over")
    parser.add_argument("--minutes", type=float, metavar="N", help="rounds of random kinds for so long")
    parser.add_argument("--only", action="append", metavar="KIND", choices=list(faults.KINDS), help="only this kind; may be repeated")
    parser.add_argument("--long", action="store_true", help="200 rounds of kill -9 and some of every other kind; SIGSTOP lasts 30 s")
    parser.add_argument("--freeze", type=float, metavar="SECONDS", help="how long SIGSTOP lasts (default 30 with --minutes or --long, else 3)")
    parser.add_argument("--seed", type=int, metavar="N", help="of the plan and the workload; what coincides with what is not repeated")
    parser.add_argument("--list", action="store_true", help="the kinds of faults")
    return parser.parse_args()


def plan(options, kinds, rng):
    """The kinds of all rounds; endless with --minutes."""
    if options.minutes:
        while True:
            yield rng.choice(kinds)
    if options.long:
        rounds = [k for k in kinds for _ in range(LONG[k])]
        rng.shuffle(rounds)
        yield from rounds
        return
    wanted = [k for k in SHORT if k in kinds]
    number = options.rounds or len(wanted)
    for i in range(number):
        yield wanted[i % len(wanted)]


def main():
    options = arguments()
    if options.list:
        for name, kind in faults.KINDS.items():
            print(f"{name:10} {kind.__doc__.splitlines()[0]}")
        return 0
    if any(n is not None and n <= 0 for n in (options.rounds, options.minutes, options.freeze)):
        print("--rounds, --minutes and --freeze want a number above 0", file=sys.stderr)
        return 2

    def interrupt(number, _):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(each, signal.SIG_IGN)  # cleaning up is bounded in time by itself
        raise Interrupted("out of time" if number == signal.SIGALRM else signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, interrupt)
    return Run(options).run()


class Run:
    def __init__(self, options):
        self.options = options
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
        self.rng = random.Random(self.seed)
        self.heartbeat = 1.0 if options.long else 0.3
        self.freeze = options.freeze or (30.0 if options.long or options.minutes else 3.0)
        self.report = Report()
        self.ledger = Ledger()
        self.fleet = self.workload = self.checks = self.leaks = None
        self.copies = []
        self.number, self.kind = 0, "start"
        self.counted = collections.defaultdict(collections.Counter)  # by kind, what was counted in its rounds
        self.untraced = []

    def run(self):
        status = 0
        try:
            self.rounds()
        except (Interrupted, KeyboardInterrupt) as why:
            self.report.say(f"interrupted: {why}")
            status = 130
            if str(why) == "out of time":
                self.report.violation(self.number, self.kind, self.seed, "the run did not end in time", self.fleet)
                status = 1
        except CannotRun as why:
            self.report.say(f"cannot run: {why}")
            status = 1
        except Exception as why:  # whatever is wrong, the run says where
            self.report.violation(self.number, self.kind, self.seed, f"{type(why).__name__}: {why}", self.fleet)
            status = 1
        finally:
            self.close()
        self.report.summary(self.ledger, self.workload, self.checks, self.leaks)
        for words in self.untraced:
            self.report.say(words)
            status = 1
        self.report.say("interrupted" if status == 130 else
                        f"{sum(self.report.rounds.values())} rounds held, {status} broken")
        return status

    def rounds(self):
        began = time.monotonic()
        self.fleet = Fleet(f"{int(self.heartbeat * 1000)}ms")
        self.report.say(f"seed {self.seed}")
        rounds = plan(self.options, self.kinds(), self.rng)
        self.fleet.start()
        self.workload = Workload(self.fleet, self.ledger, self.seed, self.heartbeat)
        self.checks = Checks(self.fleet, self.ledger, self.heartbeat)
        self.leaks = Leaks(self.fleet, self.checks)
        self.checks.await_converged(BOUND)
        self.checks.await_remembered()
        for self.number, self.kind in enumerate(rounds, 1):
            if self.options.minutes and self.number > 1 and time.monotonic() - began > self.options.minutes * 60:
                break
            signal.alarm(int(4 * BOUND + 2 * self.freeze))  # no round may take longer
            self.round(faults.KINDS[self.kind])
        self.number, self.kind = self.number + 1, "end"
        self.fleet.revive()
        self.checks.await_converged(BOUND)
        self.workload.close()
        self.fleet.stop()
        signal.alarm(0)
        published = sum(o.verb == "publish" and o.outcome == book.ACKNOWLEDGED for o in self.ledger.orders)
        self.untraced = faults.untraced(self.counted, self.options.long)
        self.untraced += faults.idle(sum(self.report.rounds.values()), self.workload.calls["result"], published)

    def kinds(self):
        """Those that are wanted and can run here. Says which cannot, which is an error where everything is required."""
        wanted, impossible = self.options.only or list(faults.KINDS), faults.impossible(self.fleet)
        cannot = [kind for kind in wanted if kind in impossible]
        for why in dict.fromkeys(impossible[kind] for kind in cannot):
            self.report.say(f"cannot run here: {', '.join(kind for kind in cannot if impossible[kind] == why)}: {why}")
        if cannot and os.environ.get("PINNATE_REQUIRE") == "1":
            raise CannotRun(f"PINNATE_REQUIRE is 1, and there can be no {', no '.join(cannot)}")
        if len(cannot) == len(wanted):
            raise CannotRun("no fault is left")
        return [kind for kind in wanted if kind not in cannot]

    def round(self, fault):
        self.fleet.revive()
        self.workload.go_on()
        before = collections.Counter(self.report.counted)
        fault(faults.Round(self.fleet, self.ledger, self.workload, self.rng, self.report.counted, self.copies, self.freeze))
        self.counted[self.kind] += self.report.counted - before
        self.workload.pause()
        took, waited_for = self.checks.await_converged(BOUND)
        self.workload.check_calls()
        self.leaks.check()
        self.report.round_ended(self.number, self.kind, took, waited_for, self.ledger, self.workload)

    def close(self):
        """Tiers first: what waits for them ends by that."""
        signal.alarm(0)
        folder = self.fleet and self.fleet.folder
        if self.fleet:
            for tier in self.fleet.tiers.values():
                if tier.running():
                    tier.program.process.kill()
        for part in (self.workload, self.checks, self.fleet):
            if part:
                part.close()
        if folder and (left := self.fleet.leftovers()):
            self.report.say(f"still running: {left}")


if __name__ == "__main__":
    sys.exit(main())
