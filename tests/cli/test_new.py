"""`pinnate new`: what it writes is built, published and called by the commands of its own README, and changed and withdrawn."""

import os
import re
import shutil
import subprocess
import sys
import unittest

from fleet import BIN, LIMIT, REPOSITORY, FleetTest, environment

long_run = unittest.skipUnless(os.environ.get("PINNATE_FULL"), "its compiler is a large package: runs with tests/run.sh --full")

# An agent in Python.
PYTHON_ENGINE = """
import pinnate, sys
with pinnate.Engine(id="agent", loaders=[pinnate.PythonLoader()]) as engine:
    engine.dial_upstream(sys.argv[1])
    sys.stdin.read()
"""


class NewTest(FleetTest):
    def new(self, language):
        self.start_controller()
        out, _ = self.ask("new", "greet", "--language", language, "--to", self.folder)
        self.place = self.folder / "greet"
        self.assertIn(str(self.place), out)
        self.lines = [line[4:] for line in (self.place / "README.md").read_text().splitlines() if line.startswith("    ")]

    def shell(self, lines):
        """What they print."""
        env = environment(PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}", PINNATE_TO=self.to, GOCACHE=str(self.folder / "go"),
                          GOPROXY="off", HOME=os.environ.get("HOME", "/"))
        ended = subprocess.run(["sh", "-eu", "-c", "\n".join(lines)], cwd=self.place, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=3 * LIMIT)
        self.assertEqual(ended.returncode, 0, f"{lines}: {ended.stdout} {ended.stderr}")
        return ended.stdout

    def changed(self, version, old, new):
        """Builds and publishes the source with other words in it."""
        [source] = [path for path in self.place.glob("module.*") if path.suffix != ".so"]
        text = source.read_text()
        self.assertIn(old, text)
        source.write_text(text.replace(old, new))
        self.shell([line.replace("1.0.0", version) for line in self.lines if not line.startswith("pinnate call")])
        source.write_text(text)

    def goes_round(self, half, thrown=None):
        """`half`: what makes it answer with half the payload, as (old, new); `thrown`: what makes it give up, and in which words."""
        self.assertTrue(self.shell(self.lines).endswith("hello"))
        self.changed("1.1.0", *half)
        self.assertEqual(self.ask("call", "greet", "--data", "hello")[0], "he")
        if thrown:
            *change, words = thrown
            self.changed("1.2.0", *change)
            for _ in range(3):
                self.assertIn(words, self.ask("call", "greet", code=1)[1])
            self.changed("1.3.0", *half)
            self.assertEqual(self.ask("call", "greet", "--data", "hello")[0], "he")
        self.ask("unpublish", "greet")
        self.await_status(lambda status: all(r["serving"] == 0 for r in status["releases"]) and status["online_engines"] == 1)

    def native(self, language, compiler, half, thrown=None, said_of_it=()):
        self.assertTrue(shutil.which(compiler), f"{compiler} is not installed")
        self.new(language)
        self.start_gateway()
        self.start_engine("one")
        self.await_status(lambda status: status["online_engines"] == 1)
        self.goes_round(half, thrown)
        [checked] = self.rows("check", self.place / "greet.so")
        self.assertEqual([finding["word"] for finding in checked["findings"]], list(said_of_it))
        shown = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", self.place / "greet.so"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
        self.assertRegex(shown, r"\Apinnate_module [DR] .*\n\Z")

    def test_a_module_in_c_goes_round(self):
        self.native("c", "cc", ("payload, payload_bytes);", "payload, payload_bytes / 2);"))

    def test_a_module_in_cpp_goes_round(self):
        answer = "host_->answer(reply, payload, bytes)"
        self.native("c++", "c++", (answer, "host_->answer(reply, payload, bytes / 2)"),
                    (answer, "throw 7", "threw an exception"))

    def test_a_module_in_fortran_goes_round(self):
        answer = "call answer(host, reply, payload, payload_bytes)"
        self.native("fortran", "gfortran", (answer, "call answer(host, reply, payload, payload_bytes / 2)"),
                    (answer, "call fail(host, reply, [character(kind=c_char) :: 'n', 'o', ' ', 'l', 'u', 'c', 'k', c_null_char])", "no luck"))

    @long_run
    def test_a_module_in_rust_goes_round(self):
        self.native("rust", "rustc", ("payload.to_vec()", "payload[..payload.len() / 2].to_vec()"),
                    ("Ok(payload.to_vec())", 'panic!("at {}", payload.len())', "it panicked"), ["dependencies"])  # rustc links libgcc_s

    @long_run
    def test_a_module_in_go_goes_round(self):
        self.native("go", "go", ("return payload, nil", "return payload[:len(payload)/2], nil"),
                    ("return payload, nil", 'panic("no luck")', "it panicked: no luck"), ["static-tls"])

    def test_a_function_in_python_goes_round(self):
        self.new("python")
        env = environment(PYTHONPATH=str(REPOSITORY / "bindings" / "python"), PINNATE_LIBRARY=str(BIN.parent / "lib" / "libpinnate.so"))
        engine = subprocess.Popen([sys.executable, "-c", PYTHON_ENGINE, self.to], env=env, stdin=subprocess.PIPE)
        self.addCleanup(engine.wait, LIMIT)
        self.addCleanup(engine.stdin.close)
        self.await_status(lambda status: status["online_engines"] == 1)
        self.goes_round(("return payload", "return payload[:len(payload) // 2]"),
                        ("return payload", 'raise ValueError("no luck")', "no luck"))

    def test_it_writes_nothing_but_what_its_language_needs_and_no_placeholder(self):
        files = {"c": ["README.md", "build.sh", "module.c"], "c++": ["README.md", "build.sh", "module.cc"],
                 "rust": ["README.md", "build.sh", "module.rs"], "go": ["README.md", "build.sh", "descriptor.c", "go.mod", "module.go"],
                 "fortran": ["README.md", "build.sh", "descriptor.c", "module.f90"], "python": ["README.md", "module.py"]}
        for language, names in files.items():
            with self.subTest(language=language):
                self.ask("new", "m", "--language", language, "--to", self.folder)
                place = self.folder / "m"
                self.assertEqual(sorted(path.name for path in place.iterdir()), names)
                for path in place.iterdir():
                    self.assertNotRegex(path.read_text(), r"@[A-Z]+@(?!1)")
                shutil.rmtree(place)

    def test_the_default_language_is_c_and_the_place_is_here(self):
        self.ask("new", "greet", cwd=self.folder)
        self.assertTrue((self.folder / "greet" / "module.c").exists())

    def test_the_build_script_takes_headers_from_elsewhere(self):
        self.ask("new", "greet", "--to", self.folder)
        script = self.folder / "greet" / "build.sh"
        script.write_text(re.sub("(PINNATE_INCLUDE:-)[^}]*", r"\1/nowhere", script.read_text()))
        subprocess.run(["sh", script], env=environment(PINNATE_INCLUDE=str(REPOSITORY / "include")), check=True)
        self.assertTrue((self.folder / "greet" / "greet.so").exists())


class WrongUseTest(FleetTest):
    def refused(self, code, words, *arguments):
        self.assertIn(words, self.ask("new", *arguments, code=code)[1])

    def test_a_folder_that_is_there_is_left_as_it_is(self):
        (self.folder / "greet").mkdir()
        (self.folder / "greet" / "module.c").write_text("mine")
        self.refused(4, f"cannot make '{self.folder}/greet': it is there already", "greet", "--to", self.folder)
        self.assertEqual((self.folder / "greet" / "module.c").read_text(), "mine")
        (self.folder / "file").write_text("mine")
        self.refused(4, "it is there already", "file", "--to", self.folder)

    def test_an_unknown_language_is_answered_with_those_there_are(self):
        for language in ("c", "c++", "fortran", "go", "python", "rust"):
            self.refused(2, language, "greet", "--language", "cobol", "--to", self.folder)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_bad_name_is_wrong_usage(self):
        for name in ("Greet", "../greet", "a/b", ".hidden", "a b", "", "x" * 64, "gr\u00fc\u00dfe"):
            with self.subTest(name=name):
                self.refused(2, f"'{name}' is no name for a module", name, "--to", self.folder)
        self.refused(2, "is no name", "--to", self.folder, "--", "-greet")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_place_that_is_not_there_or_cannot_be_written_is_named(self):
        self.refused(6, f"cannot make '{self.folder}/none/greet': No such file", "greet", "--to", self.folder / "none")
        (self.folder / "file").write_text("")
        self.refused(4, "Not a directory", "greet", "--to", self.folder / "file")
        self.refused(4, "cannot make '/sys/greet': ", "greet", "--to", "/sys")


if __name__ == "__main__":
    unittest.main()
