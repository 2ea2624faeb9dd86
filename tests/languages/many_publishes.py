"""What tests/e2e/test_many_publishes.py does with the samples, with the modules of all languages in one engine: of those whose second
version serves."""

import sys
import unittest

from rows import FRESH, ROWS
from trial import FIRST, HERE, SECOND, build

sys.path.append(str(HERE.parent / "e2e"))

from test_many_publishes import ManyPublishes  # noqa: E402


class AllLanguagesTest(ManyPublishes):
    def test_two_hundred_publishes_of_all_languages_leave_what_the_status_counts(self):
        several = [row for row in ROWS if row.first == "live" and row.second == FRESH]
        self.publish_many({row.key: ({version: build(row, version) for version in (FIRST, SECOND)}, "{}", b"") for row in several})
        self.assert_no_more_than_counted()
        self.assert_ends_well()


del ManyPublishes

if __name__ == "__main__":
    unittest.main()
