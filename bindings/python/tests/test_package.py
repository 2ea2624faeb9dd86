"""The package itself: what it says of itself, which Pythons can read it, how it finds the
library.
"""

import ast
import glob
import inspect
import os
import shutil
import subprocess
import sys
import unittest
from unittest import mock

import pinnate
from pinnate import _library
from support import folder

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(os.path.abspath(pinnate.__file__))
SAMPLES = os.path.normpath(os.path.join(HERE, "../../../samples/python"))


def python(*arguments, **environment):
    """Runs this Python, with the package importable."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": os.path.dirname(PACKAGE), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


def imported(tree):
    """The packages that a source file imports, anywhere in it. What it imports from beside itself
    has no name here.
    """
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


class Package(unittest.TestCase):
    def test_every_file_can_be_read_by_python_3_9(self):
        files = [file for root in (PACKAGE, HERE, SAMPLES) for file in glob.glob(os.path.join(root, "*.py"))]
        self.assertGreater(len(files), 20)
        for file in files:
            with self.subTest(file), open(file) as source:
                ast.parse(source.read(), file, feature_version=(3, 9))

    def test_every_module_imports_nothing_but_the_standard_library_and_the_package(self):
        files = glob.glob(os.path.join(PACKAGE, "**", "*.py"), recursive=True)
        self.assertGreater(len(files), 20)
        allowed = {*sys.stdlib_module_names, "pinnate", "_typeshed", "gevent"}  # for type checkers; where it runs already
        for file in files:
            with self.subTest(file), open(file) as source:
                self.assertEqual(imported(ast.parse(source.read(), file)) - allowed, set())

    def test_pip_installs_it_and_a_library_copied_beside_it_goes_with_it(self):
        work = folder(self)
        source, target = os.path.join(work, "python"), os.path.join(work, "installed")
        shutil.copytree(os.path.dirname(PACKAGE), source, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        shutil.copy(os.environ["PINNATE_LIBRARY"], os.path.join(source, "pinnate", "libpinnate.so.0"))
        offline = ["--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check"]
        made = python("-m", "pip", "install", *offline, "--target", target, source)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertTrue(os.path.exists(os.path.join(target, "pinnate", "py.typed")))
        script = f"import sys; sys.path.insert(0, {target!r}); import pinnate; print(pinnate.__file__); pinnate.Engine().close()"
        ran = python("-c", script, PINNATE_LIBRARY="")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(ran.stdout.strip(), os.path.join(target, "pinnate", "__init__.py"))

    def test_every_public_name_says_what_it_is(self):
        for name in pinnate.__all__:
            thing = getattr(pinnate, name)
            self.assertTrue(inspect.getdoc(thing), name)
            if not inspect.isclass(thing):
                continue
            for member, value in inspect.getmembers(thing):
                if member.startswith("_") and member != "__init__":
                    continue
                ours = str(getattr(value, "__module__", "")).startswith("pinnate")
                if ours or isinstance(value, property):
                    with self.subTest(f"{name}.{member}"):
                        # An __init__ that dataclasses or enum wrote says nothing.
                        written = member != "__init__" or "__init__" in vars(thing)
                        exempt = hasattr(thing, "__dataclass_fields__") or issubclass(thing, Exception)
                        self.assertTrue(inspect.getdoc(value) or not written or exempt)

    def test_every_public_function_is_fully_annotated(self):
        for name in pinnate.__all__:
            thing = getattr(pinnate, name)
            functions = [(name, thing)]
            if inspect.isclass(thing):
                functions = inspect.getmembers(thing, inspect.isfunction)
            for member, function in functions:
                private = member.startswith("_") and member != "__init__"
                if private or not function.__module__.startswith("pinnate"):
                    continue
                signature = inspect.signature(function)
                with self.subTest(f"{name}.{member}"):
                    self.assertIsNot(signature.return_annotation, inspect.Signature.empty)
                    for parameter in list(signature.parameters.values()):
                        if parameter.name != "self":
                            self.assertIsNot(parameter.annotation, inspect.Parameter.empty, parameter.name)
        self.assertTrue(os.path.exists(os.path.join(PACKAGE, "py.typed")))

    def test_all_lists_every_public_name(self):
        public = {
            name
            for name, thing in vars(pinnate).items()
            if not name.startswith("_") and getattr(thing, "__module__", "").startswith("pinnate")
        }
        self.assertEqual(public, set(pinnate.__all__))

    def test_importing_needs_no_library_and_using_one_that_is_not_there_says_what_was_tried(self):
        done = python(
            "-c",
            "import pinnate\n"
            "try:\n    pinnate.version()\nexcept pinnate.LibraryNotFoundError as error:\n    print(error)\n",
            PINNATE_LIBRARY="/nowhere/libpinnate.so",
        )
        self.assertEqual(done.stderr, "")
        self.assertIn("/nowhere/libpinnate.so", done.stdout)
        self.assertIn("PINNATE_LIBRARY", done.stdout)

    def test_a_library_that_is_not_pinnate_is_refused_in_words(self):
        done = python(
            "-c",
            "import pinnate\n"
            "try:\n    pinnate.version()\nexcept pinnate.IncompatibleError as error:\n    print(error)\n",
            PINNATE_LIBRARY="libc.so.6",
        )
        self.assertIn("libc.so.6 does not fit", done.stdout, done.stderr)

    def test_the_library_named_by_the_environment_is_the_only_one_tried(self):
        with mock.patch.dict(os.environ, PINNATE_LIBRARY="/some/where.so"):
            self.assertEqual(list(_library.candidates()), ["/some/where.so"])

    def test_a_library_beside_the_package_goes_before_the_systems(self):
        beside = folder(self)
        for name in ("libpinnate.so", "libpinnate.so.0", "libpinnate.so.0.1.0"):
            open(os.path.join(beside, name), "w").close()
        with mock.patch.dict(os.environ), mock.patch.object(
            _library, "__file__", os.path.join(beside, "_library.py")
        ), mock.patch("ctypes.util.find_library", return_value="libpinnate.so.9"):
            os.environ.pop("PINNATE_LIBRARY", None)
            found = list(_library.candidates())
        self.assertEqual(found[0], os.path.join(beside, "libpinnate.so.0"))
        self.assertEqual(found[3:], ["libpinnate.so.0", "libpinnate.so.9"])

    def test_the_library_is_loaded_from_beside_the_package_and_else_from_the_system(self):
        library = os.path.realpath(os.environ["PINNATE_LIBRARY"])
        installed = folder(self)
        shutil.copytree(PACKAGE, os.path.join(installed, "pinnate"))
        program = os.path.join(installed, "program.py")  # what stands beside a program is imported first
        with open(program, "w") as source:
            source.write("import pinnate\npinnate.version()\n")
            source.write("print(*sorted({line.split()[-1] for line in open('/proc/self/maps') if 'libpinnate' in line}))\n")
        system = folder(self)
        os.symlink(library, os.path.join(system, "libpinnate.so.0"))
        where = {"PINNATE_LIBRARY": "", "LD_LIBRARY_PATH": system}
        done = python(program, **where)
        self.assertEqual(done.stdout.split(), [library], done.stderr)

        beside = os.path.join(installed, "pinnate", "libpinnate.so.0")
        shutil.copy(library, beside)
        done = python(program, **where)
        self.assertEqual(done.stdout.split(), [beside], done.stderr)

    def test_the_library_tells_its_version_and_platform(self):
        self.assertRegex(pinnate.version(), r"^0\.\d+\.\d+$")
        self.assertRegex(pinnate.platform(), r"^[a-z]+-[a-z0-9_]+$")

    def test_the_program_that_measures_calls_runs(self):
        measuring = os.path.normpath(os.path.join(HERE, "../../../tests/bench/python_calls.py"))
        done = python(measuring, os.path.join(os.environ["PINNATE_MODULES"], "counter-1.so"), "--calls", "100")
        figures = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("reach ")]
        self.assertEqual(figures, ["python_await_times_to_thread", "python_await_at_once_times_to_thread", "python_call_above_ctypes_us"], done.stderr)

    def test_the_samples_pass_mypy_strict(self):
        self.assertTrue(shutil.which("mypy"), "mypy is not installed (Debian: mypy)")
        checked = subprocess.run(
            ["mypy", "--strict", "--follow-imports=silent", f"--cache-dir={folder(self)}", *glob.glob(os.path.join(SAMPLES, "*.py"))],
            env={**os.environ, "MYPYPATH": os.path.dirname(PACKAGE)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_the_sample_runs(self):
        sample = os.path.join(SAMPLES, "fleet.py")
        done = python("-W", "error", sample)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 0)
        self.assertIn("1.1.0", done.stdout)
        with open(sample) as source:
            self.assertLess(len(source.readlines()), 60)


if __name__ == "__main__":
    unittest.main()
