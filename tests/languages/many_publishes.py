"""What tests/e2e/test_many_publishes.py does with the samples, with the modules of each language in an engine of its own."""

import sys
import unittest

from rows import FRESH, ROWS
from trial import FIRST, HERE, SECOND, build

sys.path.append(str(HERE.parent / "e2e"))

from test_many_publishes import ManyPublishes  # noqa: E402

PUBLISHES = 50


class EachLanguageTest(ManyPublishes):
    pass


def of_language(row):
    def test(self):
        self.publish_many({row.key: ({version: build(row, version) for version in (FIRST, SECOND)}, "{}", b"")}, PUBLISHES)
        self.assert_no_more_than_counted()
        self.assert_ends_well()

    return test


for _row in ROWS:  # those whose second version serves, by an ordinary publish
    if _row.first == "live" and _row.second == FRESH and not _row.publish:
        setattr(EachLanguageTest, f"test_fifty_publishes_of_{_row.key}_leave_what_the_status_counts", of_language(_row))
del ManyPublishes

if __name__ == "__main__":
    unittest.main()
