"""What was ordered of the controller and what it answered, held against what it says it decided.

An order is `acknowledged`, `refused` (a definite error: it must never show), or `unknown` (its link was lost: it may show once).
One thread orders for each name, so the orders of a name have an order. Acknowledged is kept; what was acknowledged after a copy
that was put back is `lost` and listed.
"""

import collections
import dataclasses
import threading

OPEN, ACKNOWLEDGED, REFUSED, UNKNOWN, LOST = "open", "acknowledged", "refused", "unknown", "lost"
LOST_ENTRY = "lost with a restored copy"


@dataclasses.dataclass
class Order:
    number: int
    verb: str  # publish, unpublish
    name: str
    version: str = ""
    token: str = ""  # the configuration, unique: which publish an engine serves
    selector: str = ""
    target: int = 0  # unpublish: the release, 0 all of them
    outcome: str = OPEN
    release: int = 0
    epoch: int = 0
    words: str = ""

    def __str__(self):
        if self.verb == "unpublish":
            return f"unpublish {self.name}" + (f" release {self.target}" if self.target else "")
        return f"publish {self.name}@{self.version} (epoch {self.epoch} release {self.release})"

    @property
    def answer(self):
        """What a service of this publish says."""
        return f"{self.name}@{self.version} {self.token}"


class Ledger:
    def __init__(self):
        self.orders = []
        self.restored = []  # (orders lost with a copy, each time)
        self._changed = threading.Condition()

    def begin(self, verb, name, **details):
        with self._changed:
            order = Order(len(self.orders), verb, name, **details)
            self.orders.append(order)
            self._changed.notify_all()
            return order

    def end(self, order, outcome, *, release=0, epoch=0, words=""):
        with self._changed:
            order.outcome, order.release, order.epoch, order.words = outcome, release, epoch, words
            self._changed.notify_all()

    def await_open(self, verb, timeout):
        """Until an order begins that had not begun before; whether one did."""
        with self._changed:
            seen = len(self.orders)
            return self._changed.wait_for(lambda: any(o.verb == verb for o in self.orders[seen:]), timeout)

    def await_acknowledged(self, count, timeout):
        """Until so many more orders are acknowledged; whether they were."""
        with self._changed:
            wanted = self.counts()[ACKNOWLEDGED] + count
            return self._changed.wait_for(lambda: self.counts()[ACKNOWLEDGED] >= wanted, timeout)

    def await_settled(self, timeout):
        """While the controller is dead: until none of the orders that it may have taken is open."""
        with self._changed:
            begun = len(self.orders)
            if not self._changed.wait_for(lambda: all(o.outcome != OPEN for o in self.orders[:begun]), timeout):
                raise AssertionError(f"orders did not end within {timeout} s although the controller is dead: "
                                     f"{[o for o in self.orders[:begun] if o.outcome == OPEN]}")

    def acknowledged(self):
        """What a copy of the controller's folder holds, taken now that it is dead: the numbers of these orders."""
        with self._changed:
            return {o.number for o in self.orders if o.outcome == ACKNOWLEDGED}

    def copy_put_back(self, held):
        """The controller holds what `acknowledged` returned for a copy, and nothing else. Returns what is lost with it.

        What an earlier copy lost is there again if this one has it.
        """
        with self._changed:
            lost = [o for o in self.orders if o.outcome == ACKNOWLEDGED and o.number not in held]
            for order in self.orders:
                if order.outcome in (ACKNOWLEDGED, LOST):
                    order.outcome = ACKNOWLEDGED if order.number in held else LOST
            self.restored.append(lost)
            return lost

    def counts(self):
        return collections.Counter(o.outcome for o in self.orders)

    def of(self, name):
        return [o for o in self.orders if o.name == name]

    def issued(self, name):
        """All answers that a service of this name may ever give."""
        return {o.answer for o in list(self.orders) if o.name == name and o.verb == "publish"}

    def answers_of(self, entry):
        """What a service of this entry of the history says: one answer, or several when it is not known which order it was."""
        publishes = [o for o in self.of(entry.name) if o.verb == "publish" and o.version == entry.version]
        exact = [o for o in publishes if o.outcome == ACKNOWLEDGED and o.release == entry.number]
        return {o.answer for o in exact or [o for o in publishes if o.outcome == UNKNOWN]}

    # ---- the controller's history ----

    def check(self, name, history):
        """`history` is newest first. Raises AssertionError on what is lost, doubled, or neither decided by us nor undone by us."""
        oldest = history[-1].number if len(history) == 1000 else 0  # longer ones are not told
        entries = {e.number: e for e in history}
        if len(entries) != len(history):
            raise AssertionError(f"'{name}': a release is listed twice: {[e.number for e in history]}")
        orders = self.of(name)
        publishes = [o for o in orders if o.verb == "publish"]
        for order in publishes:
            if order.outcome == ACKNOWLEDGED and order.release >= oldest:
                entry = entries.get(order.release)
                if not entry or (entry.version, entry.selector) != (order.version, order.selector) or entry.ended == LOST_ENTRY:
                    raise AssertionError(f"LOST: {order} was acknowledged, the history has {entry}")
        self._check_doubles(name, history, publishes)
        supersede = [e.number for e in history if not e.selector and e.ended != LOST_ENTRY]
        made = {o.release: o.number for o in publishes if o.outcome == ACKNOWLEDGED}
        withdrawals = [o for o in orders if o.verb == "unpublish"]
        for entry in history:
            later = [n for n in supersede[:1] if n > entry.number]  # newest first
            undone = [o for o in withdrawals if o.target in (0, entry.number) and o.number > made.get(entry.number, -1)]
            self._check_end(entry, later, supersede, entry.number in made, undone)

    @staticmethod
    def _check_doubles(name, history, publishes):
        listed = collections.Counter(e.version for e in history if e.ended != LOST_ENTRY)
        sure, maybe = collections.Counter(), collections.Counter()
        for order in publishes:
            sure[order.version] += order.outcome == ACKNOWLEDGED
            maybe[order.version] += order.outcome == UNKNOWN
        for version, count in listed.items():
            if count > sure[version] + maybe[version]:
                raise AssertionError(f"DOUBLED, or REFUSED BUT DONE: '{name}' {version} is {count} times in the history, was acknowledged "
                                     f"{sure[version]} times, and {maybe[version]} outcomes are unknown: "
                                     f"{[o for o in publishes if o.version == version]}")

    def _check_end(self, entry, later, supersede, made, undone):
        """That it is current, or is not, has a reason among our orders."""
        if entry.current:
            if later:
                raise AssertionError(f"{entry} is current although {later[0]} supersedes it")
            if made and any(o.outcome == ACKNOWLEDGED for o in undone):
                raise AssertionError(f"{entry} is current although it was withdrawn: {undone}")
        elif entry.ended.startswith("superseded by "):
            by = int(entry.ended.split()[-1])
            if by not in supersede or by <= entry.number:
                raise AssertionError(f"LOST: {entry}: no such release in the history")
        elif entry.ended == "withdrawn":
            if not any(o.outcome in (ACKNOWLEDGED, UNKNOWN) for o in undone):
                raise AssertionError(f"LOST: {entry} was withdrawn, but not by us: {undone}")
        elif entry.ended != LOST_ENTRY:
            raise AssertionError(f"{entry} ended, and does not say how")
        elif not self.restored:
            raise AssertionError(f"{entry}: no copy was put back")
