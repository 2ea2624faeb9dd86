"""The checks see what they look for: on histories and processes that are made up."""

import collections
import io
import os
import pathlib
import signal
import tempfile
import types
import unittest

import faults
import ledger as book
from checks import ALL, may_serve
from leaks import ARTIFACT_FILES, FILES_PER_IMAGE, FIXED, MIB, PEAK_BYTES, RSS_BYTES, THREADS, Leaks
from ledger import LOST_ENTRY, Ledger
from main import LONG, SHORT
from pinnate import Release
from report import Report
from topology import Fleet, Tier
from workload import Workload

NAME = "fn0"


def entry(number, version, ended="", selector=""):
    return Release(number, NAME, version, selector, "", (), 0, 0.0, not ended, ended)


class LedgerTest(unittest.TestCase):
    def setUp(self):
        self.ledger = Ledger()

    def publish(self, version, outcome=book.ACKNOWLEDGED, release=0, selector=""):
        order = self.ledger.begin("publish", NAME, version=version, selector=selector)
        self.ledger.end(order, outcome, release=release)
        return order

    def unpublish(self, outcome=book.ACKNOWLEDGED, target=0):
        self.ledger.end(self.ledger.begin("unpublish", NAME, target=target), outcome)

    def two_releases(self):
        self.publish("1", release=1)
        self.publish("2", release=2)

    def accepts(self, *newest_first):
        self.ledger.check(NAME, newest_first)

    def rejects(self, words, *newest_first):
        with self.assertRaisesRegex(AssertionError, words):
            self.ledger.check(NAME, newest_first)

    def test_what_was_ordered_and_shows_is_accepted(self):
        self.two_releases()
        self.publish("3", release=3, selector="site=a")
        self.publish("4", book.REFUSED)
        self.unpublish(target=3)
        self.accepts(entry(3, "3", "withdrawn", "site=a"), entry(2, "2"), entry(1, "1", "superseded by 2"))

    def test_an_acknowledged_publish_that_is_lost_is_reported(self):
        self.two_releases()
        self.rejects("^LOST: publish fn0@2 .* was acknowledged, the history has None", entry(1, "1"))
        self.rejects("^LOST: publish fn0@2", entry(2, "1"), entry(1, "1", "superseded by 2"))
        self.rejects("^LOST: publish fn0@2", entry(2, "2", selector="site=a"), entry(1, "1"))
        self.rejects("^LOST: publish fn0@2", entry(2, "2", LOST_ENTRY), entry(1, "1"))
        self.rejects("^LOST: publish fn0@1")

    def test_a_publish_that_was_carried_out_twice_is_reported(self):
        self.two_releases()
        self.rejects("^DOUBLED.*'fn0' 2 is 2 times in the history, was acknowledged 1 times",
                     entry(3, "2"), entry(2, "2", "superseded by 3"), entry(1, "1", "superseded by 3"))
        self.rejects("listed twice", entry(2, "2"), entry(2, "2"), entry(1, "1", "superseded by 2"))

    def test_a_refused_publish_that_is_there_is_reported(self):
        self.publish("1", release=1)
        self.publish("2", book.REFUSED)
        self.accepts(entry(1, "1"))
        self.rejects("REFUSED BUT DONE: 'fn0' 2", entry(2, "2"), entry(1, "1", "superseded by 2"))

    def test_a_publish_whose_outcome_is_unknown_may_show_once(self):
        self.publish("1", release=1)
        self.publish("2", book.UNKNOWN)
        self.accepts(entry(1, "1"))
        self.accepts(entry(2, "2"), entry(1, "1", "superseded by 2"))
        self.rejects("^DOUBLED", entry(3, "2"), entry(2, "2", "superseded by 3"), entry(1, "1", "superseded by 3"))

    def test_what_was_lost_with_a_copy_put_back_is_accepted_and_nothing_else(self):
        self.publish("1", release=1)
        held = self.ledger.acknowledged()
        lost = self.publish("2", release=2)
        history = entry(2, "2", LOST_ENTRY), entry(1, "1")
        self.rejects("^LOST: publish fn0@2", *history)
        self.assertEqual(self.ledger.copy_put_back(held), [lost])
        self.accepts(entry(1, "1"))
        self.accepts(*history)
        self.rejects("^LOST: publish fn0@1", entry(2, "2", LOST_ENTRY))
        self.rejects("^DOUBLED", entry(2, "2"), entry(1, "1", "superseded by 2"))
        # It is there again when a later copy, which has it, is put back.
        self.ledger.copy_put_back(held | {lost.number})
        self.rejects("^LOST: publish fn0@2", *history)

    def test_that_something_was_lost_with_a_copy_is_not_believed_where_none_was_put_back(self):
        self.publish("1", release=1)
        self.publish("2", book.UNKNOWN)
        self.rejects("no copy was put back", entry(2, "2", LOST_ENTRY), entry(1, "1"))

    def test_an_end_that_nobody_ordered_is_reported(self):
        self.two_releases()
        self.rejects("was withdrawn, but not by us", entry(2, "2", "withdrawn"), entry(1, "1"))
        self.rejects("no such release in the history", entry(2, "2", "superseded by 3"), entry(1, "1", "superseded by 2"))
        self.rejects("does not say how", entry(2, "2", " "), entry(1, "1", "superseded by 2"))

    def test_what_should_have_ended_is_reported(self):
        self.two_releases()
        self.rejects("is current although 2 supersedes it", entry(2, "2"), entry(1, "1"))
        self.unpublish()
        self.rejects("is current although it was withdrawn", entry(2, "2"), entry(1, "1", "superseded by 2"))


class CallsTest(unittest.TestCase):
    def check(self, noted, returned=(), idempotent=()):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "calls")
            path.write_text("".join(f"{call}\n" for call in noted))
            ran = collections.Counter({call: -1000 for call in idempotent})
            Workload.check_calls(types.SimpleNamespace(noted=path, _read_bytes=0, _ran=ran, _returned=set(returned)))

    def test_a_call_that_ran_twice_or_returned_and_never_ran_is_reported(self):
        self.check(["c1", "c2", "c2"], returned=["c1", "c2"], idempotent=["c2"])
        with self.assertRaisesRegex(AssertionError, r"ran twice: \['c1', 'c1'\]"):
            self.check(["c1", "c2", "c1"])
        with self.assertRaisesRegex(AssertionError, r"never ran: \['c3'\]"):
            self.check(["c1"], returned=["c1", "c3"])
        with self.assertRaisesRegex(AssertionError, r"never ran: \['c3'\]"):
            self.check([], returned=["c3"], idempotent=["c3"])


class Process:
    """A tier that does not run, and what the kernel would tell of it: just what it may hold."""

    def __init__(self, folder, role, pid):
        self.role, self.name, self.pid = role, role, pid
        self.arguments, self.parent, self.kept, self.linked = [], None, folder / f"{role}-kept", True
        self.proc = folder / str(pid)
        self.descriptors = []
        self.threads, self.rss, self.peak, self.images = THREADS[role], RSS_BYTES[role], PEAK_BYTES[role], 0
        (self.proc / "fd").mkdir(parents=True)
        (self.kept / "artifacts").mkdir(parents=True)
        self.hold("/dev/null", FIXED["/dev/null"])
        self.hold("pipe:[1]", FIXED["pipe"])
        self.hold("anon_inode:[eventfd]", FIXED["anon_inode"])

    def running(self):
        return True

    def in_reach(self):
        return self.linked

    def hold(self, target, count=1):
        for _ in range(count):
            self.descriptors.append(target)
            os.symlink(target, self.proc / "fd" / str(len(self.descriptors)))
        return self

    def store(self, size_bytes):
        (self.kept / "artifacts" / "one").write_bytes(bytes(size_bytes))

    def tell(self):
        (self.proc / "status").write_text(f"VmHWM:\t{self.peak // 1024} kB\nVmRSS:\t{self.rss // 1024} kB\nThreads:\t{self.threads}\n")
        (self.proc / "maps").write_text("".join(f"7f00-7f01 r-xp 0 00:01 {i} /memfd:fn (deleted)\n" for i in range(self.images)))


class LeaksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        folder = pathlib.Path(folder.name)
        # A controller and an engine linked to it, which serves all functions; one client asks the controller.
        top, engine = self.top, self.engine = Process(folder, "controller", 1), Process(folder, "engine", 2)
        engine.parent, engine.images = top, len(ALL)
        engine.hold("socket:[2]").hold("/memfd:fn (deleted)", FILES_PER_IMAGE * len(ALL)).hold("/state/artifacts/one", len(ALL))
        engine.hold("/state/note", 3)
        top.hold("socket:[1]", 2).hold("/state/artifacts/one", ARTIFACT_FILES).hold("/state/state.db", 3)
        checks = types.SimpleNamespace(serving=lambda: {"engine": list(ALL)}, clients_at={"top": 1, "controller": 1}, current_bytes=0,
                                       old_bytes={})
        self.checks = checks
        self.leaks = Leaks(types.SimpleNamespace(tiers={"controller": top, "engine": engine}), checks, proc=folder)

    def check(self):
        for tier in (self.top, self.engine):
            tier.tell()
        self.leaks.check(limit=0)

    def reports(self, words):
        with self.assertRaisesRegex(AssertionError, words):
            self.check()

    def test_what_a_process_needs_is_accepted(self):
        self.check()

    def test_one_descriptor_too_many_is_reported(self):
        images, modules = FILES_PER_IMAGE * len(ALL), len(ALL)
        for target, words in (("/memfd:fn (deleted)", f"{images + 1} of memory files, {images} allowed"),
                              ("socket:[3]", "2 of sockets, 1 allowed"),
                              ("/state/artifacts/two", f"{modules + 1} of artifact files, {modules} allowed"),
                              ("/etc/passwd", "4 of other files, 3 allowed"),
                              ("pipe:[3]", "7 of pipe, 6 allowed"), ("anon_inode:[eventpoll]", "3 of anon_inode, 2 allowed"),
                              ("/dev/null", "2 of /dev/null, 1 allowed"), ("mystery:[1]", "1 of mystery, 0 allowed")):
            with self.subTest(target):
                self.engine.hold(target)
                self.reports("'engine': '[^']*" + words)
                (self.engine.proc / "fd" / str(len(self.engine.descriptors))).unlink()
                self.check()

    def test_one_socket_too_many_at_the_controller_is_reported(self):
        self.top.hold("socket:[4]")
        self.reports("'controller': '3 of sockets, 2 allowed'")

    def test_a_library_that_stays_loaded_is_reported(self):
        self.engine.images += 1
        self.reports(f"'engine': '{len(ALL) + 1} of mapped memory files, {len(ALL)} allowed; they are fn, fn, [^']*fn'")

    def test_one_thread_too_many_is_reported(self):
        self.engine.threads += 1
        self.reports("'engine': '13 threads, 12 allowed'")

    def test_too_much_memory_is_reported(self):
        self.top.rss += MIB
        self.reports(f"'controller': '{self.top.rss // MIB} MiB of memory, {RSS_BYTES['controller'] // MIB} allowed'")

    def test_too_much_memory_at_one_time_is_reported(self):
        self.engine.peak += MIB
        self.reports(f"'engine': '{self.engine.peak // MIB} MiB of memory at one time, {PEAK_BYTES['engine'] // MIB} allowed'")

    def test_artifacts_that_nobody_needs_any_more_are_reported(self):
        self.engine.store(65 * 1024)
        self.reports("'engine': '66560 bytes of artifacts on disk, 65536 allowed; they are one 66560'")

    def test_what_an_engine_serves_while_the_current_release_is_in_quarantine_is_allowed(self):
        self.engine.store(65 * 1024)
        self.engine.hold("/state/artifacts/old")
        self.checks.old_bytes = {"engine": [1024]}
        self.check()
        self.checks.old_bytes = {"controller": [1024]}
        self.reports("'engine': '66560 bytes")


    def test_what_an_engine_had_begun_to_fetch_when_it_was_cut_off_is_allowed(self):
        self.engine.hold("/state/artifacts/new", len(ALL))
        self.reports("'engine': '14 of artifact files, 7 allowed'")
        self.engine.linked = False
        self.check()
        self.engine.hold("/state/artifacts/newer")
        self.reports("'engine': '15 of artifact files, 14 allowed'")

    def test_what_is_in_quarantine_may_be_served_at_any_time(self):
        self.assertEqual(may_serve({"e1": ["fn0"], "e2": []}, {("side", "e1"), ("fn0", "e1")}), {"e1": ["fn0", "side"], "e2": []})


class AliveTest(unittest.TestCase):
    def setUp(self):
        self.engine = self.tier("engine", "e1")
        self.fleet = Fleet.__new__(Fleet)  # without its processes
        self.fleet.tiers = {"top": self.tier("controller", "top"), "e1": self.engine}

    def tier(self, role, name):
        """One that runs, as far as it can be seen, until it is told to end."""
        tier, process = Tier(role, name, []), types.SimpleNamespace(returncode=None)

        def end(code):
            process.returncode = code

        tier.program = types.SimpleNamespace(process=process, running=lambda: process.returncode is None, lines=["the last words"],
                                             await_end=lambda: process.returncode, end=end,
                                             signal=lambda number: tier.running() and end(0 if number == signal.SIGTERM else -number))
        return tier

    def test_a_tier_that_ended_by_itself_is_reported(self):
        self.fleet.check_alive()
        self.engine.program.end(-signal.SIGSEGV)
        words = "^e1 ended by itself with -11; it said last: .*the last words"
        for ask in (self.fleet.check_alive, self.engine.start, self.fleet.revive, self.fleet.stop):
            with self.assertRaisesRegex(AssertionError, words):
                ask()
        self.engine.send_kill()  # too late to be the cause
        with self.assertRaisesRegex(AssertionError, words):
            self.fleet.check_alive()

    def test_a_tier_that_was_ended_by_us_is_accepted(self):
        self.engine.kill()
        self.fleet.check_alive()
        self.fleet.tiers["top"].stop()
        self.fleet.check_alive()


class ReportTest(unittest.TestCase):
    def test_what_a_slow_round_waited_for_is_said(self):
        out, ledger, workload = io.StringIO(), Ledger(), types.SimpleNamespace(calls={})
        for took in (0.5, 12.0):
            Report(out).round_ended(1, "kill", took, f"the word of {took}", ledger, workload)
        self.assertNotIn("the word of 0.5", out.getvalue())
        self.assertIn("it waited for: the word of 12.0", out.getvalue())


class TracesTest(unittest.TestCase):
    def test_the_short_run_has_every_kind_and_the_long_one_more_of_each(self):
        self.assertEqual((set(SHORT), set(LONG)), (set(faults.KINDS), set(faults.KINDS)))
        self.assertEqual([kind for kind in LONG if LONG[kind] <= SHORT.count(kind)], [])

    def test_every_kind_must_leave_a_trace(self):
        self.assertEqual(set(faults.TRACES), set(faults.KINDS))
        for kind, traces in faults.TRACES.items():
            with self.subTest(kind):
                all_of_it = collections.Counter({words: 1 for trace, when in traces.items() for words in (trace, when) if words})
                self.assertEqual(faults.untraced({kind: all_of_it}), [])
                for trace, when in traces.items():
                    but_this = all_of_it - collections.Counter([trace])
                    self.assertEqual(faults.untraced({kind: but_this}), [f"the fault '{kind}' left no trace: 0 {trace}"])
                    if when:  # what did not happen need not be seen
                        self.assertEqual(faults.untraced({kind: but_this - collections.Counter([when])}), [])

    def test_what_another_kind_did_is_no_trace(self):
        counted = {"kill": collections.Counter(), "mixed": collections.Counter({"kill -9 of a gateway": 1, faults._MIXED: 1})}
        self.assertEqual(faults.untraced(counted), ["the fault 'kill' left no trace: 0 kill -9"])

    def test_a_long_run_kills_every_role(self):
        counted = {"kill": collections.Counter({"kill -9 of a gateway": 1, "kill -9 of an engine": 1})}
        self.assertEqual(faults.untraced(counted), [])
        self.assertEqual(faults.untraced(counted, long=True), ["the fault 'kill' left no trace: 0 kill -9 of the controller"])
        counted["kill"]["kill -9 of the controller"] = 1
        self.assertEqual(faults.untraced(counted, long=True), [])

    def test_a_run_in_which_nothing_went_well_is_reported(self):
        self.assertEqual(faults.idle(25, 1, 1), [])
        self.assertEqual(faults.idle(25, 0, 1), ["no call returned a result in 25 rounds"])
        self.assertEqual(faults.idle(25, 1, 0), ["no publish was acknowledged in 25 rounds"])
        self.assertEqual(faults.idle(1, 0, 0), [])


if __name__ == "__main__":
    unittest.main()
