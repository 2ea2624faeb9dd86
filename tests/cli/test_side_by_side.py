"""tests/side_by_side.py, by which tests/run.sh runs tests in Python."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "side_by_side.py"
CLASS = """
import os, unittest
class {name}(unittest.TestCase):
    def test_it(self): {body}
"""


class SideBySideTest(unittest.TestCase):
    def ran(self, at_once, **bodies):
        """(exit status, what was said) for a file of one class for each body."""
        with tempfile.TemporaryDirectory() as folder:
            for name, body in bodies.items():
                pathlib.Path(folder, f"test_{name}.py").write_text(CLASS.format(name=name, body=body))
            ended = subprocess.run([sys.executable, PROGRAM, folder, str(at_once)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, timeout=60)
        return ended.returncode, ended.stdout

    def test_every_class_runs_and_is_heard(self):
        status, said = self.ran(1, A="pass", B="pass")
        self.assertEqual((status, said.count("... ok"), said.count("Ran 1 test in")), (0, 2, 2), said)

    def test_classes_run_at_the_same_time(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "fifo")
            subprocess.run(["mkfifo", path], check=True)  # an end of it opens when the other one does
            status, said = self.ran(2, A=f"open({str(path)!r}, 'w').close()", B=f"open({str(path)!r}).close()")
        self.assertEqual(status, 0, said)

    def test_one_that_fails_fails_all_and_the_others_are_heard(self):
        status, said = self.ran(2, A="self.fail('so it is')", B="pass")
        self.assertEqual(status, 1)
        for words in ("so it is", "FAILED (failures=1)", "\nOK\n"):
            self.assertIn(words, said)

    def test_a_class_whose_process_ends_early_has_failed(self):
        status, said = self.ran(2, A="os._exit(0)", B="pass")
        self.assertEqual(status, 1)
        self.assertIn("test_A.py: 0 tests of 1 ran", said)

    def test_a_file_that_is_skipped_as_a_whole_has_not_failed(self):
        status, said = self.ran(1, A="pass\ndef setUpModule(): raise unittest.SkipTest('not here')", B="pass")
        self.assertEqual(status, 0, said)
        self.assertIn("skipped 'not here'", said)

    def test_a_file_that_cannot_be_imported_has_failed(self):
        status, said = self.ran(2, A="pass\nimport nothing_of_that_name", B="pass")
        self.assertEqual(status, 1)
        self.assertIn("No module named 'nothing_of_that_name'", said)


if __name__ == "__main__":
    unittest.main()
