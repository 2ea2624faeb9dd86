"""The rows of samples/modules/README.md that need no compilers but those of every test run; tests/run.sh --full tries all of them."""

import sys
import unittest

from fleet import REPOSITORY

sys.path.append(str(REPOSITORY / "tests/languages"))

import page  # noqa: E402
from rows import ROWS  # noqa: E402
from trial import Trial, differences  # noqa: E402


class LanguagesTest(Trial):
    def test_the_page_says_what_the_table_of_the_rows_says(self):
        self.assertEqual(page.differences(ROWS), [])


def trial_of(row):
    def test(self):
        seen = self.see(row)
        self.assertEqual(differences(row, seen), [], seen)
    return test


for ordinary in filter(lambda row: row.ordinary, ROWS):
    setattr(LanguagesTest, f"test_a_module_of_the_row_{ordinary.key.replace('-', '_')}_does_what_the_row_says", trial_of(ordinary))

del Trial  # imported, it would be found as a test of this file

if __name__ == "__main__":
    unittest.main()
