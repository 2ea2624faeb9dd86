"""tests/chaos/run.sh itself, as it is called by hand."""

import os
import pathlib
import re
import subprocess
import unittest

import faults

RUN = pathlib.Path(__file__).with_name("run.sh")


class RunTest(unittest.TestCase):
    def run_it(self, *options, code=0, **environment):
        ended = subprocess.run([RUN, *options], env={**os.environ, "PINNATE_REQUIRE": "", **environment}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
        self.assertEqual(ended.returncode, code, ended.stdout)
        return ended.stdout

    def test_it_lists_the_faults(self):
        lines = self.run_it("--list").splitlines()
        self.assertEqual([line.split()[0] for line in lines], list(faults.KINDS))
        self.assertTrue(all(len(line.split()) > 3 for line in lines), lines)

    def test_a_few_seconds_of_one_fault(self):
        out = self.run_it("--minutes", "0.1", "--only", "kill")
        held = int(re.search(r"^(\d+) rounds held, 0 broken$", out, flags=re.M)[1])
        self.assertGreaterEqual(held, 1)
        self.assertEqual(len(re.findall(r"^round +\d+ kill +converged after", out, flags=re.M)), held)
        self.assertRegex(out, r"\n +[1-9]\d*  kill -9 of ")

    def test_faults_that_cannot_be_done_here_are_named_and_are_an_error_where_everything_is_required(self):
        none = {"PATH": "/usr/bin:/bin"}  # where neither nft nor tc are
        words = r"cannot run here: partition, loss, rate, mixed: .*(not root|nft|tc)"
        self.assertRegex(self.run_it("--rounds", "1", code=1, PINNATE_REQUIRE="1", **none),
                         rf"(?s){words}.*PINNATE_REQUIRE is 1.*no partition, no loss, no rate, no mixed.*0 rounds held, 1 broken")
        self.assertRegex(self.run_it("--only", "rate", code=1, **none),
                         r"(?s)cannot run here: rate: .*no fault is left.*0 rounds held, 1 broken")

    def test_wrong_flags(self):
        self.run_it("--only", "nothing", code=2)
        self.run_it("--minutes", "0", code=2)


if __name__ == "__main__":
    unittest.main()
