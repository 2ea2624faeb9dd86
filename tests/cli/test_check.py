"""`pinnate check`: what a module will do in an engine, known before it is loaded."""

import json
import os
import pathlib
import tempfile
import unittest

from fleet import REPOSITORY, run

MODULES = pathlib.Path(os.environ.get("PINNATE_MODULES", REPOSITORY / "build/release/modules"))


def module(name):
    return MODULES / f"{name}.so"


class CheckTest(unittest.TestCase):
    def findings(self, file, code=0):
        ended = run("check", "--json", file)
        self.assertEqual(ended.returncode, code, ended)
        found = json.loads(ended.stdout)
        self.assertEqual(found["file"], str(file))
        return found, {f["word"]: f["refused"] for f in found["findings"]}

    def test_of_the_samples_there_is_nothing_to_be_said(self):
        samples = [f for f in MODULES.glob("*.so") if f.name.startswith(("template-", "anomaly-", "thumbnail-"))]
        self.assertGreaterEqual(len(samples), 3)
        ended = run("check", *samples)
        self.assertEqual((ended.returncode, ended.stderr), (0, b""))
        for line in ended.stdout.decode().splitlines():
            self.assertTrue(line.endswith("; nothing else is to be said of it"), line)

    def test_what_is_refused_ends_with_1_and_what_costs_with_0(self):
        found, words = self.findings(module("shared-value-1"), code=1)
        self.assertTrue(words["unique-symbols"])
        self.assertFalse(words["exports"])
        found, words = self.findings(module("leaves-key-1"))
        self.assertEqual(words, {"registers": False})
        self.assertEqual((found["c_library"], found["module_abi"]), ("glibc", 1))
        self.assertRegex(found["c_library_version"], r"^2\.\d+$")

    def test_the_words_say_what_it_is_what_comes_of_it_and_what_helps(self):
        out = run("check", module("executable-stack")).stdout.decode()
        self.assertRegex(out, r"refused: it asks for an executable stack: .* Build all of its parts with .* \[executable-stack\]")

    def test_several_files_are_told_of_one_after_another_and_one_that_is_refused_decides(self):
        ended = run("check", module("leaves-nothing-1"), module("sanitized"), module("leaves-nothing-2"))
        self.assertEqual(ended.returncode, 1)
        self.assertEqual(sum(": for linux-" in line for line in ended.stdout.decode().splitlines()), 3)

    def test_what_is_no_module_is_said_in_words(self):
        with tempfile.TemporaryDirectory() as folder:
            text = pathlib.Path(folder) / "notes.txt"
            text.write_text("dear diary")
            ended = run("check", text)
            self.assertEqual(ended.returncode, 2)
            self.assertIn("not a shared object", ended.stderr.decode())
            ended = run("check", pathlib.Path(folder) / "nothing.so")
            self.assertEqual(ended.returncode, 6)
        self.assertEqual(run("check").returncode, 2)
        self.findings(module("no-descriptor"), code=1)

    def test_a_module_without_section_headers_is_read_as_the_linker_reads_it(self):
        with tempfile.TemporaryDirectory() as folder:
            bare = pathlib.Path(folder) / "bare.so"
            bytes_ = bytearray(module("own-names").read_bytes())
            bytes_[40:48] = bytes(8)  # e_shoff
            bytes_[58:64] = bytes(6)  # and how many there are
            bare.write_bytes(bytes_)
            _, words = self.findings(bare)
            self.assertEqual(words, {"exports": False})

    def test_a_publish_says_what_costs_and_a_word_that_is_none_is_refused(self):
        ended = run("publish", "x@1", module("leaves-key-1"), "--to", "unix:/nowhere", "--timeout", "1s")
        self.assertIn("warning: ", ended.stderr.decode())
        self.assertIn("[registers]", ended.stderr.decode())
        ended = run("publish", "x@1", module("leaves-key-1"), "--allow", "registers", "--to", "unix:/nowhere", "--timeout", "1s")
        self.assertNotIn("warning: ", ended.stderr.decode())


if __name__ == "__main__":
    unittest.main()
