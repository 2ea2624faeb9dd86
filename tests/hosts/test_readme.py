"""What README promises of the samples for hosts, and what needs no host to see."""

import re
import unittest

from host import REPOSITORY, SAMPLES

SOURCES = ("*.c", "*.go", "*.py")


class ReadmeTest(unittest.TestCase):
    def test_each_sample_for_a_server_has_at_most_100_lines_and_is_a_row_of_readme(self):
        rows = re.findall(r"^\| .+ \| `(samples/hosts/[^`]+)`", (REPOSITORY / "README.md").read_text(), flags=re.M)
        named = {source for row in rows for path in [REPOSITORY / row] for source in ([path] if path.is_file() else path.glob("*.c"))}
        there = {source for pattern in SOURCES for source in SAMPLES.glob(f"*/{pattern}")}
        self.assertEqual(named, there)
        long = {source.name: lines for source in there if (lines := len(source.read_text().splitlines())) > 100}
        self.assertEqual(long, {})


if __name__ == "__main__":
    unittest.main()
