"""pinnate-bench measures: with tiny numbers, and no figure judged. Usage: smoke.py PINNATE-BENCH [--sanitized]"""
import json
import subprocess
import sys
import tempfile
import unittest

BENCH = sys.argv.pop(1)
SANITIZED = "--sanitized" in sys.argv
if SANITIZED:
    sys.argv.remove("--sanitized")


def run(*words):
    return subprocess.run([BENCH, *words], capture_output=True, text=True, timeout=120)


class Bench(unittest.TestCase):
    def measured(self, *words):
        """The lines of JSON; what the tiers left in the temporary folder fails the test."""
        with tempfile.TemporaryDirectory() as folder:
            done = run(*words, "--state", folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            left = subprocess.run(["ls", folder], capture_output=True, text=True, check=True).stdout
        self.assertEqual(left, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_fanout_tells_when_the_last_engine_had_it(self):
        lines = self.measured("fanout", "--receivers", "5", "--bytes", "100000", "--gateways", "2", "--repeat", "2")
        self.assertEqual([line["run"] for line in lines], [1, 2])
        for line in lines:
            self.assertLess(0, line["call_to_first_verified"])
            self.assertLessEqual(line["call_to_first_verified"], line["call_to_last_verified"])
            self.assertLess(line["prepare"] + line["durable"], line["call_to_last_verified"])
            self.assertLessEqual(line["call_to_last_verified"], line["call_to_last_live"])
            for of in ("controller", "gateway", "engines"):
                self.assertLess(0, line["peak_bytes"][of])
            self.crossed_once(line["links"]["controller_gateway"], 2)
            self.crossed_once(line["links"]["gateway_engine"], 5)

    def crossed_once(self, link, count):
        """Each of `count` links was crossed once by 100,000 bytes of noise, which does not compress."""
        self.assertEqual(link["links"], count)
        self.assertLess(100000, link["down_least"])
        self.assertLess(link["down_most"], 110000)
        self.assertLess(0, link["up_sum"])

    def test_fanout_counts_the_bytes_on_unix_sockets_too(self):
        (line,) = self.measured("fanout", "--receivers", "2", "--bytes", "100000", "--gateways", "1", "--last-hop", "unix")
        self.assertEqual(line["links"]["gateway_engine"]["links"], 2)
        if not SANITIZED:
            self.crossed_once(line["links"]["gateway_engine"], 2)

    def test_calls_are_answered_over_every_number_of_hops(self):
        for hops in "0", "1", "3":
            (line,) = self.measured("calls", "--hops", hops, "--payload", "64", "--outstanding", "4", "--calls", "200")
            self.assertEqual(line["failed"], 0)
            self.assertLess(0, line["p50_us"])
            self.assertLessEqual(line["p50_us"], line["p99_us"])

    def test_calls_of_an_engine_with_a_state_folder_are_compared_with_those_without(self):
        words = "folder-calls", "--calls", "100", "--rounds", "2", "--settle", "0"
        *lines, reach = run(*words).stdout.splitlines()
        self.assertEqual([json.loads(line)["state_folder"] for line in lines], [0, 1, 0, 1])
        self.assertRegex(reach, r"^reach folder_calls_times [0-9.]+ 1\.2 (ok|short)$")

    def test_idle_tells_memory_and_sizes(self):
        (line,) = self.measured("idle", "--links", "3", "--settle", "0")
        for member in "engine_pss", "empty_pss", "gateway_pss", "library", "library_stripped":
            self.assertLess(0, line[member])
        self.assertLessEqual(line["library_stripped"], line["library"])

    def test_wrong_usage_is_said_and_exits_with_2(self):
        for words in ([], ["nothing"], ["fanout"], ["fanout", "--receivers", "0", "--bytes", "1", "--gateways", "1"],
                      ["calls", "--hops", "2", "--payload", "1", "--outstanding", "1"],
                      ["calls", "--hops", "1", "--payload", "1"], ["idle", "--links"], ["idle", "--nothing", "1"]):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertNotEqual(done.stderr, "")

    def test_help_says_what_each_figure_means(self):
        for words in ["--help"], ["fanout", "--help"], ["calls", "--help"], ["idle", "--help"]:
            done = run(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("pinnate-bench", done.stdout)


if __name__ == "__main__":
    unittest.main()
