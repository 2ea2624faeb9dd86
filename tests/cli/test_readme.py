"""What README.md shows, done as it stands there: the commands, the hosts in C, in C++ and in Python, the module, and the table of exit codes; and that
what the pages at the root name is there."""

import ast
import os
import re
import signal
import socket
import subprocess
import sys
import unittest

from fleet import BIN, LIMIT, REPOSITORY, FleetTest, environment, phases, run

README = (REPOSITORY / "README.md").read_text()
LIBRARIES = BIN.parent / "lib"


def block(language, containing):
    """The one block of this language that contains these words."""
    [found] = [text for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.S | re.M)
               if kind == language and containing in text]
    return found


def code_lines(text):
    return [line for line in text.splitlines() if line.strip()]


class ReadmeTest(FleetTest):
    def setUp(self):
        super().setUp()
        # A place where README's relative paths lead to, and where what is made stays out of the sources.
        self.place = self.folder / "clone"
        (self.place / "build").mkdir(parents=True)
        for name in ("include", "samples", "bindings"):
            (self.place / name).symlink_to(REPOSITORY / name)
        (self.place / "build" / "release").symlink_to(BIN.parent)

    def moved(self, text):
        """The same with our folder and a port of our own, since others may use those of README."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return text.replace("/tmp/", f"{self.folder}/").replace(":7070", f":{port}")

    def shell(self, text):
        """What it prints. Whatever it leaves running ends with it."""
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        shell = subprocess.Popen(["bash", "-eu", "-c", f"trap 'kill $(jobs -p) || true; wait' EXIT\n{text}"], cwd=self.place,
                                 env=environment(PATH=path, PINNATE_TO=self.to), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        try:
            out, error = (written.decode() for written in shell.communicate(timeout=3 * LIMIT))
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            self.fail(f"{text}\ndid not end; {shell.communicate()}")
        self.assertEqual(shell.returncode, 0, f"{text}\nstdout {out}, stderr {error}")
        return out

    def test_the_commands_run_a_fleet_and_end_as_they_say(self):
        out = self.shell(self.moved(block("sh", "pinnate controller")))
        for role in ("controller", "gateway", "engine"):
            self.assertIn(f"{role} is running", out)
        self.assertIn("published thumbnail 1.0.0 as release 1", out)
        self.assertIn("thumbnail 1.1.0 is live on all 1 selected online engines", out)
        self.assertIn("site-1", out)
        self.assertIn("withdrew thumbnail", out)
        self.assertEqual((self.place / "small.jpg").read_bytes()[:2], b"\xff\xd8")

    def test_the_host_in_c_has_twenty_lines_compiles_as_c99_and_serves(self):
        self.serves(block("c", "int main"), "host.c", [os.environ.get("CC", "cc"), "-std=c99"], self.folder / "host-state")

    def test_the_host_in_cpp_has_twenty_lines_compiles_as_cpp17_and_serves(self):
        self.serves(block("cpp", "int main"), "host.cc", [os.environ.get("CXX", "c++"), "-std=c++17"])

    def serves(self, text, name, compiler, *words):
        self.assertLessEqual(len(code_lines(text)), 20)
        source, program = self.place / name, self.place / "host"
        source.write_text(text)
        subprocess.run([*compiler, "-pedantic", "-Wall", "-Wextra", "-Werror", "-I", "include",
                        "-o", program, source, "-L", LIBRARIES, "-lpinnate", f"-Wl,-rpath,{LIBRARIES}"], cwd=self.place, check=True)
        self.start_controller()
        host = subprocess.Popen([program, self.to, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
        self.addCleanup(host.kill)
        self.await_status(lambda status: status["online_engines"] == 1)
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        self.assertEqual(self.ask("call", "echo", "--data", "x")[0], "echo 1: x")
        out, _ = host.communicate(b"\n", timeout=LIMIT)  # a key is what it waits for
        self.assertEqual(host.returncode, 0)
        self.assertIn("echo 1 is live\n", out.decode())

    def test_the_host_in_python_has_twenty_lines_and_runs(self):
        text = block("python", "import pinnate")
        self.assertLessEqual(len(code_lines(text)), 20)
        ast.parse(text, feature_version=(3, 9))
        env = environment(PYTHONPATH=str(REPOSITORY / "bindings" / "python"), PINNATE_LIBRARY=str(LIBRARIES / "libpinnate.so"))
        ended = subprocess.run([sys.executable, "-c", self.moved(text)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=env, cwd=self.place, timeout=LIMIT)
        self.assertEqual((ended.returncode, ended.stderr.decode()), (0, ""))
        self.assertEqual(ended.stdout.decode(), "b'hello in process'\nb'hello through the tree'\n")

    def test_the_modules_are_built_and_published_by_the_commands_beside_it(self):
        self.start_tree()
        out = self.shell(block("sh", "templates/c/module.c"))
        self.assertIn("echo 1.0.0 is live on all 2 selected online engines", out)
        self.assertEqual(self.ask("call", "echo", "--data", "back")[0], "back")
        self.shell(block("sh", "templates/c++/module.cc"))
        self.ask("publish", "echo@2", self.place / "echo.so", "--wait")
        self.assertEqual(self.ask("call", "echo", "--data", "back")[0], "back")
        self.assertEqual(phases(self.rows("status")[0], "echo")["live"], 2)

    def test_the_heart_of_a_module_is_that_of_the_template(self):
        template = (REPOSITORY / "samples" / "modules" / "templates" / "c" / "module.c").read_text()
        code = {re.sub(r"\s*/\*.*\*/", "", line) for line in template.splitlines()}
        for line in code_lines(block("c", "pinnate_module")):
            self.assertIn(re.sub(r"\s*/\*.*\*/", "", line), code)

    def test_everything_is_seen_by_two_commands_which_are_there(self):
        commands = [line.partition("#")[0].split() for line in code_lines(block("sh", "quickstart"))]
        self.assertEqual(commands, [["samples/quickstart.sh"], ["tests/run.sh"]])
        for [command] in commands:
            self.assertTrue(os.access(REPOSITORY / command, os.X_OK), command)

    def test_every_path_that_the_pages_at_the_root_name_is_there(self):
        for page, least in (("README.md", 15), ("ARCHITECTURE.md", 20)):
            prose = re.sub(r"^```.*?^```$", "", (REPOSITORY / page).read_text(), flags=re.S | re.M)
            quoted = re.findall(r"`([^`\n]+)`", prose)
            paths = [word for words in quoted for word in re.findall(r"(?<![\w/])(?:bindings|include|lib|samples|tests)/[\w./*-]*|\b[A-Z]+\.md", words)]
            paths += [f"include/{header}" for header in quoted if re.fullmatch(r"pinnate/\w+\.h", header)]
            self.assertGreaterEqual(len(paths), least, f"{page}: {paths}")
            for path in paths:
                places = (REPOSITORY, REPOSITORY / "lib" / "wire") if path == "PROTOCOL.md" else (REPOSITORY,)
                self.assertTrue([found for place in places for found in place.glob(path.rstrip("/"))], f"{page} names {path}")

    def test_one_version_is_told_everywhere(self):
        header = (REPOSITORY / "include" / "pinnate" / "common.h").read_text()
        version = ".".join(re.search(rf"#define PINNATE_VERSION_{part} (\d+)", header)[1] for part in ("MAJOR", "MINOR", "PATCH"))
        newest = re.search(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.M)[1]
        package = re.search(r'^version = "(.*)"$', (REPOSITORY / "bindings" / "python" / "pyproject.toml").read_text(), re.M)[1]
        build = re.search(r"^project\(pinnate VERSION (\S+)", (REPOSITORY / "CMakeLists.txt").read_text(), re.M)[1]
        self.assertEqual((newest, package, build), (version, version, version))

    def test_exit_codes_are_those_of_the_help(self):
        said = re.findall(r"^ +(\d+)  (\w+)", run("--help").stdout.decode(), re.M)
        self.assertEqual(said, re.findall(r"^\| (\d+) \| (\w+)", README, re.M))


if __name__ == "__main__":
    unittest.main()
