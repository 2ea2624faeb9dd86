"""tests/count.py, by which tests/run.sh tells whether a part has passed, on what parts have written."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import count  # noqa: E402


def unittest_log(words, ran=3, failed=()):
    """As Python's unittest ends: `failed` are the headings of what went wrong."""
    details = "".join(f"{'=' * 70}\n{heading}\n{'-' * 70}\nTraceback ...\n  x.py\nKeyError: 'a'\n\n" for heading in failed)
    return f"test_a (test_x.X.test_a) ... ok\n\n{details}{'-' * 70}\nRan {ran} test{'' if ran == 1 else 's'} in 0.012s\n\n{words}\n"


def doctest_log(passed, failed, cases=()):
    told = "".join(f"{'=' * 79}\nTEST CASE:  {case}\n\nx_test.cc:7: ERROR: CHECK( a ) is NOT correct!\n\n" for case in cases)
    return f"{told}[doctest] test cases: {passed + failed:2} | {passed:2} passed | {failed} failed | 0 skipped\n[doctest] Status: ...\n"


def junit(*cases):
    """As ctest writes it, of (name, status, what the program said, what ctest says of a skip)."""
    rows = "".join(f'<testcase name="{name}" status="{status}">{f"""<skipped message="{skip}"/>""" if skip else ""}'
                   f"<system-out>{said}</system-out></testcase>" for name, status, said, skip in cases)
    return f'<?xml version="1.0" encoding="UTF-8"?><testsuite name="x">{rows}</testsuite>'


class CountTest(unittest.TestCase):
    def counted(self, log, *, status=0, xml=None):
        """(passed, failed, skipped), and what failed."""
        with tempfile.TemporaryDirectory() as folder:
            written, results = pathlib.Path(folder, "part.log"), pathlib.Path(folder, "part.xml")
            written.write_text(log)
            if xml is not None:
                results.write_text(xml)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                count.main(str(status), written, results)
        first, *failures = printed.getvalue().splitlines()
        return tuple(map(int, first.split())), failures

    def test_what_was_skipped_is_counted_apart(self):
        self.assertEqual(self.counted(unittest_log("OK")), ((3, 0, 0), []))
        self.assertEqual(self.counted(unittest_log("OK (skipped=2)")), ((1, 0, 2), []))

    def test_failures_and_errors_are_named(self):
        failed = ["FAIL: test_b (test_x.X.test_b)", "ERROR: test_c (test_x.X.test_c)"]
        self.assertEqual(self.counted(unittest_log("FAILED (failures=1, errors=1, skipped=1)", 4, failed), status=1),
                         ((1, 2, 1), ["test_b (test_x.X.test_b): KeyError: 'a'", "test_c (test_x.X.test_c): KeyError: 'a'"]))
        self.assertEqual(self.counted(unittest_log("FAILED (unexpected successes=1)"), status=1), ((2, 1, 0), ["a test"]))

    def test_of_several_runs_in_one_log_each_names_its_own_failures(self):
        log = "".join(unittest_log("FAILED (failures=1)", 4, [f"FAIL: {name}"]) for name in ("test_b (test_x.X)", "test_c (test_y.Y)"))
        self.assertEqual(self.counted(log + unittest_log("OK"), status=1), ((9, 2, 0), ["test_b (test_x.X): KeyError: 'a'", "test_c (test_y.Y): KeyError: 'a'"]))

    def test_a_part_that_ended_before_its_first_test_has_failed(self):
        for log in ("", "/usr/bin/python3: No module named unittest\n", "test_a (test_x.X.test_a) ... Segmentation fault\n"):
            self.assertEqual(self.counted(log, status=139), ((0, 1, 0), ["failed outside any test"]))

    def test_a_part_whose_tests_passed_but_which_did_not_has_failed(self):
        self.assertEqual(self.counted(unittest_log("OK"), status=1), ((3, 1, 0), ["failed outside any test"]))

    def test_a_part_that_ran_nothing_has_failed(self):
        for log in ("", unittest_log("OK", ran=0), unittest_log("OK (skipped=3)")):
            self.assertEqual(self.counted(log)[1], ["ran no test"])
        self.assertEqual(self.counted("", xml=junit())[1], ["ran no test"])

    def test_rounds_of_chaos_are_tests_like_those_of_its_checks(self):
        checks = unittest_log("OK", 26)
        self.assertEqual(self.counted(checks + "round  1 kill converged after 0.4 s\n\n14 rounds held, 0 broken\n"), ((40, 0, 0), []))
        self.assertEqual(self.counted(checks + "13 rounds held, 1 broken\n", status=1), ((39, 1, 0), ["a round of tests/chaos"]))
        blind = unittest_log("FAILED (failures=1)", 26, ["FAIL: test_b (test_checks.C.test_b)"])
        self.assertEqual(self.counted(blind, status=1), ((25, 1, 0), ["test_b (test_checks.C.test_b): KeyError: 'a'"]))

    def test_a_program_of_doctest_counts_as_its_cases_and_any_other_as_one(self):
        passed = junit(("test_base", "run", doctest_log(12, 0), ""), ("layers", "run", "", ""))
        self.assertEqual(self.counted("", xml=passed), ((13, 0, 0), []))
        failed = junit(("test_base", "fail", doctest_log(10, 2, ["a name is short", "a digest is long"]), ""), ("size", "fail", "too large", ""))
        self.assertEqual(self.counted("", status=1, xml=failed),
                         ((10, 3, 0), [f"test_base: a {what}: x_test.cc:7: ERROR: CHECK( a ) is NOT correct!" for what in ("name is short", "digest is long")] + ["size"]))

    def test_a_program_that_ended_before_its_first_case_has_failed(self):
        crashed = junit(("test_base", "fail", "Segmentation fault", ""), ("test_wire", "run", doctest_log(5, 0), ""))
        self.assertEqual(self.counted("", status=8, xml=crashed), ((5, 1, 0), ["test_base"]))

    def test_a_program_that_was_not_built_has_failed_and_one_that_cannot_run_here_was_skipped(self):
        for why, skipped in (("SKIP_RETURN_CODE=77", True), ("Unable to find executable: bin/test_base", False),
                             ("Required Files Missing: not available", False)):
            counted = self.counted("", xml=junit(("layers", "run", "", ""), ("test_base", "notrun", "", why)))
            self.assertEqual(counted, ((1, 0, 1), []) if skipped else ((1, 1, 0), ["test_base"]))


if __name__ == "__main__":
    unittest.main()
