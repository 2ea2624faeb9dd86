"""pinnate-bench measures: with tiny numbers, and no figure judged. Usage: smoke.py PINNATE-BENCH"""
import json
import subprocess
import sys
import tempfile
import unittest

BENCH = sys.argv.pop(1)


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
            self.assertLess(0, line["peak_bytes"]["gateway"])
            for name, count in (("controller_gateway", 2), ("gateway_engine", 5)):
                link = line["links"][name]
                self.assertEqual(link["links"], count)
                self.assertLess(100000, link["down_least"])  # noise does not compress
                self.assertLess(link["down_most"], 110000)   # and each chunk crosses each link once

    def test_fanout_over_unix_sockets_has_no_bytes_for_them(self):
        (line,) = self.measured("fanout", "--receivers", "2", "--bytes", "10", "--gateways", "1", "--last-hop", "unix")
        self.assertIsNone(line["links"]["gateway_engine"])

    def test_calls_are_answered_over_every_number_of_hops(self):
        for hops in "0", "1", "3":
            (line,) = self.measured("calls", "--hops", hops, "--payload", "64", "--outstanding", "4", "--calls", "200")
            self.assertEqual(line["failed"], 0)
            self.assertLess(0, line["p50_us"])
            self.assertLessEqual(line["p50_us"], line["p99_us"])

    def test_idle_tells_memory_and_sizes(self):
        (line,) = self.measured("idle", "--links", "3", "--settle", "0")
        for member in "engine_pss", "empty_pss", "gateway_pss", "library":
            self.assertLess(0, line[member])

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
