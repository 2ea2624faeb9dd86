"""What a run says: a line per round, the counts at the end, and everything that is known when a promise was broken."""

import collections
import re
import statistics
import sys
import tempfile
import textwrap

import ledger as book


SLOW_S = 3.0  # what a fleet that took longer was waiting for is worth a line


class Report:
    def __init__(self, out=sys.stdout):
        self._out = out
        self.counted = collections.Counter()  # faults injected, by what they were
        self.rounds = collections.Counter()  # by kind
        self.took = collections.defaultdict(list)  # seconds until converged, by kind

    def say(self, *words):
        print(*words, file=self._out, flush=True)

    def round_ended(self, number, kind, seconds, waited_for, ledger, workload):
        self.rounds[kind] += 1
        self.took[kind].append(seconds)
        counts = ledger.counts()
        self.say(f"round {number:4} {kind:10} converged after {seconds:5.2f} s; {counts[book.ACKNOWLEDGED]} orders acknowledged, "
                 f"{sum(workload.calls.values())} calls")
        if seconds > SLOW_S:
            self.say(f"    it waited for: {waited_for}")

    def summary(self, ledger, workload, checks, leaks):
        self.say("")
        self.say(f"rounds: {sum(self.rounds.values())}")
        for kind, count in sorted(self.rounds.items()):
            took = self.took[kind]
            self.say(f"  {count:5}  {kind}: converged after {statistics.median(took):.2f} s (median), {max(took):.2f} s (longest)")
        self.say("faults injected:")
        self._table(self.counted)
        for verb in ("publish", "unpublish"):
            outcomes = collections.Counter(o.outcome for o in ledger.orders if o.verb == verb)
            self.say(f"{verb} orders: {sum(outcomes.values())}")
            self._table(outcomes)
        if workload:
            self.say("errors of orders:")
            self._table(workload.errors)
            self.say(f"calls: {sum(workload.calls.values())}")
            self._table(workload.calls)
        if checks and checks.excused:
            self.say(f"reported as quarantined, after kills of its engine: {len(checks.excused)} (function, engine)")
        if checks and checks.listed_as_lost:
            self.say(f"listed in the history as lost with a restored copy, since engines still served them: {len(checks.listed_as_lost)}")
        if leaks:
            highest = (f"{role} {size / (1 << 20):.1f} MiB" for role, size in sorted(leaks.highest.items()))
            self.say("most memory of one process when quiet: " + ", ".join(highest))
            peaks = (f"{role} {size / (1 << 20):.1f} MiB" for role, size in sorted(leaks.peak.items()))
            self.say("and at any time: " + ", ".join(peaks))
        for i, lost in enumerate(ledger.restored, 1):
            if lost:
                self.say(f"copy {i} put back: acknowledged after it and lost: " + ", ".join(map(str, lost)))

    def _table(self, counter):
        for what, count in sorted(counter.items()):
            self.say(f"  {count:7}  {what}")

    def violation(self, number, kind, seed, why, fleet):
        """A few lines; what all tiers said last is in a file, which they name."""
        self.say("")
        self.say(f"BROKEN in round {number} ({kind}), seed {seed}: {textwrap.shorten(why, 600)}")
        if not fleet:
            return
        with tempfile.NamedTemporaryFile("w", prefix=f"pinnate-chaos-{seed}-", suffix=".log", delete=False) as log:
            log.write(f"round {number} ({kind}), seed {seed}: {why}\n")
            for tier in fleet.tiers.values():
                state = "running" if tier.running() else "not running"
                lines = tier.last_lines()
                log.write(f"---- {tier.name}: {state}, life {tier.lives}; its last lines:\n")
                log.writelines(f"    {line}\n" for line in lines)
                if re.search(rf"\b{re.escape(tier.name)}\b", why) and lines:
                    self.say(f"    {tier.name}, {state}, said last: {textwrap.shorten(lines[-1], 200)}")
        self.say(f"    what every tier said last: {log.name}")
