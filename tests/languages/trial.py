"""One module tried on a real engine: published, called, replaced, withdrawn; and what the engine's process has afterwards that it had not before."""

import collections
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from fleet import BIN, LIMIT, OK, REPOSITORY, FleetTest, environment  # noqa: E402
from rows import FRESH, GOES_ON  # noqa: E402

BUILT = BIN.parent / "languages"
WORKERS = 2  # of an engine, begun when there is something to do
FIRST, SECOND = "1.0.0", "2.0.0"
CAME_WITH = "which came with it"  # why a library is kept
INNOCENT = "denormals, unblocked"  # what a module finds where no other one has changed anything


def build(row, version):
    """The module of a row, whose line is run as it stands on the page, among copies of the sources in which 1.0.0 is `version`."""
    folder = BUILT / f"{row.key}-{version}"
    sources = {path.name: path.read_bytes().replace(FIRST.encode(), version.encode())
               for path in [*sorted((HERE / row.folder).iterdir()), HERE / "process.h",
                            HERE / ("own_thread.c" if "own_thread.c" in row.build else "table.c")]}
    made_of = hashlib.sha256(repr((row.build, sources, (REPOSITORY / "include/pinnate/module.h").read_bytes())).encode()).hexdigest()
    stamp = folder / "made-of"
    if not stamp.exists() or stamp.read_text() != made_of:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, data in sources.items():
            (folder / name).write_bytes(data)
        (folder / "include").symlink_to(REPOSITORY / "include")
        # Go keeps what it built in the user's home folder, and takes no linker options that it does not know.
        env = {**os.environ, "GOFLAGS": "-mod=mod", "GOCACHE": str(BUILT / "go-cache"), "LC_ALL": "C.UTF-8"}
        ended = subprocess.run(["bash", "-ec", row.build], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        if ended.returncode != 0 or not (folder / "module.so").exists():
            raise AssertionError(f"{row.title} is not built by {row.build!r}: {ended.stdout.decode('utf-8', 'replace')[-3000:]}")
        stamp.write_text(made_of)
    return folder / "module.so"


@dataclasses.dataclass
class Process:
    """What a process has, from /proc."""

    images: dict  # of modules: inode to bytes
    libraries: list
    threads: dict
    descriptors: dict
    handlers: set
    ignored: set
    executable_stacks: int

    @classmethod
    def of(cls, pid):
        proc = pathlib.Path("/proc") / str(pid)
        images, libraries, executable = {}, [], 0
        for line in (proc / "maps").read_text().splitlines():
            place, access, _, _, inode, *name = line.split(None, 5)
            name = name[0] if name else ""
            if "pinnate module" in name:
                begin, end = (int(x, 16) for x in place.split("-"))
                images[inode] = images.get(inode, 0) + end - begin
            elif name.startswith("/") and name not in libraries:
                libraries.append(name)
            executable += "stack" in name and "x" in access
        threads, descriptors = {}, {}
        for task in (proc / "task").iterdir():
            try:
                threads[task.name] = (task / "comm").read_text().strip()
            except OSError:
                pass  # ended
        for number in (proc / "fd").iterdir():
            try:
                descriptors[number.name] = os.readlink(number)
            except OSError:
                pass  # closed
        status = (proc / "status").read_text()

        def signals(of):
            mask = int(re.search(of + r":\s+([0-9a-f]+)", status)[1], 16)
            return {name_of(n + 1) for n in range(64) if mask >> n & 1}
        return cls(images, libraries, threads, descriptors, signals("SigCgt"), signals("SigIgn"), executable)


def more_threads(before, now):
    """Names of threads that are there now. One that a module begins has the name of the engine's thread that it was begun on."""
    names = collections.Counter(now.threads.values()) - collections.Counter(before.threads.values())
    names["pinnate-worker"] -= max(0, WORKERS - list(before.threads.values()).count("pinnate-worker"))
    for ours in ("pinnate-work", "pinnate-disk", "pinnate-names", "pinnate-alarms"):
        names[ours] = 0
    return tuple(sorted((+names).elements()))


def name_of(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


@dataclasses.dataclass
class Seen:
    first: str = "live"
    second: str = FRESH
    swaps: str = ""
    again_first: str = ""
    images: int = 0
    libraries: tuple = ()
    threads: tuple = ()
    descriptors: tuple = ()
    open_images: int = 0
    handlers: tuple = ()
    ignored: tuple = ()
    executable_stacks: int = 0
    notices: tuple = ()
    kept: tuple = ()  # of the status
    innocent: str = INNOCENT
    end: int = 0
    trouble: str = ""  # where the trial ended before its end, and why
    said: tuple = ()  # by the engine, when it ended too early

    def __str__(self):
        shown = [f"{field.name} {getattr(self, field.name)}" for field in dataclasses.fields(self) if getattr(self, field.name)]
        return "; ".join(shown)


class Trial(FleetTest):
    """A controller and an engine for one row."""

    def see(self, row):
        self.seen = Seen()
        self.controller()
        self.box = self.engine("e1", env=environment(RUST_BACKTRACE="0"))
        self.pid = self.box.program.process.pid
        innocent = build_innocent()
        self.await_status(lambda s: s["online_engines"] == 1)
        for version in (1, 2, 1):  # what an engine has for replacing modules, it has from then on
            self.publish(f"innocent@{version}", innocent)
            self.call("innocent")
        self.step = "in the beginning"
        try:
            self.before = Process.of(self.pid)
            self.run_steps(row, innocent)
        except AssertionError as why:
            self.seen.trouble = f"{self.step}: {str(why)[:600]}"
        self.seen.end = self.end()
        if self.seen.end != 0:
            self.seen.said = tuple(self.box.program.lines[-12:])
        return self.seen

    def run_steps(self, row, innocent):
        seen = self.seen
        first, second = build(row, FIRST), build(row, SECOND)
        self.step = "the first version"
        seen.first = self.try_publish(row, FIRST, first)
        if seen.first != "live":
            seen.second = ""
        else:
            self.assertEqual(self.call("fn"), f"{FIRST} 1")
            self.assertEqual(self.call("fn"), f"{FIRST} 2")
            if row.fails:
                payload, words = row.fails
                self.assertIn(words, self.call("fn", payload, code=1))
            self.step = "the second version"
            seen.second = self.try_publish(row, SECOND, second)
            if seen.second == "live":
                seen.second = self.state_of(SECOND)
                self.swap(row, first, second)
            else:
                self.assertRegex(self.call("fn"), rf"^{FIRST} \d+$")
            self.step = "withdrawal"
            self.withdraw()
            self.step = "the first version, published again after that"
            seen.again_first = self.try_publish(row, FIRST, first)
            if seen.again_first == "live":
                self.state_of(FIRST)
            self.withdraw()
        self.step = "another module"
        self.publish("innocent@2", innocent)
        seen.innocent = self.call("innocent")
        self.step = "stop and go"
        self.box.program.signal(signal.SIGSTOP)
        self.await_state("T")
        self.box.program.signal(signal.SIGCONT)
        self.assertEqual(self.call("innocent"), seen.innocent)
        self.step = "what stays"
        self.look(row)
        self.step = "the end"

    def try_publish(self, row, version, file):
        """"live", or why not."""
        ended = subprocess.run([str(BIN / "pinnate"), "publish", f"fn@{version}", str(file), "--wait", *row.publish], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(PINNATE_TO=self.to), timeout=60)
        text = ended.stdout.decode("utf-8", "replace")
        if not self.box.program.running():
            raise AssertionError(f"the engine ended: {text}")
        if ended.returncode == OK:
            return "live"
        reasons = [line.strip() for line in text.splitlines() if re.search(r"\b(failed|incompatible|refused):", line)]
        return " ".join(reasons) or text

    def state_of(self, version):
        """Whether the first call of a version finds nothing of an earlier one."""
        answer = self.call("fn")
        if not answer.startswith(f"{version} "):
            raise AssertionError(f"{version} answers {answer!r}")
        return FRESH if answer == f"{version} 1" else GOES_ON

    def swap(self, row, first, second):
        found = set()
        for number in range(2):
            for version, file in ((FIRST, first), (SECOND, second)):
                self.step = f"swap {number + 2} to {version}"
                self.assertEqual(self.try_publish(row, version, file), "live")
                found.add(self.state_of(version))
        self.seen.swaps = " and ".join(sorted(found))

    def withdraw(self):
        self.ask("unpublish", "fn")
        deadline = time.monotonic() + LIMIT
        while self.service("e1", "fn"):
            if time.monotonic() > deadline:
                raise AssertionError("it is still there")

    def await_state(self, letter):
        deadline = time.monotonic() + LIMIT
        while pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1][0] != letter:
            if time.monotonic() > deadline:
                raise AssertionError(f"the engine does not get into state {letter}")

    def look(self, row):
        seen, before, now = self.seen, self.before, Process.of(self.pid)
        deadline = time.monotonic() + 3
        while len(more_threads(before, now)) > row.threads and time.monotonic() < deadline:  # some are about to end
            now = Process.of(self.pid)
        seen.images = len(now.images) - len(before.images)
        seen.libraries = tuple(pathlib.Path(name).name for name in now.libraries if name not in before.libraries)
        seen.threads = more_threads(before, now)
        files = [to for number, to in now.descriptors.items() if before.descriptors.get(number) != to and str(self.folder) not in to]
        seen.descriptors = tuple(to for to in files if "pinnate module" not in to)
        seen.open_images = sum("pinnate module 'fn'" in to for to in files)
        seen.handlers = tuple(sorted(now.handlers ^ before.handlers))
        seen.ignored = tuple(sorted(now.ignored ^ before.ignored))
        seen.executable_stacks = now.executable_stacks - before.executable_stacks
        engine = self.engines_by_id()["e1"]
        seen.notices = tuple(self.status()["notices"]) + ((engine["notice"],) if engine["notice"] else ())
        seen.kept = tuple(engine.get("kept", ()))

    def end(self):
        if self.box.program.running():
            self.box.program.signal(signal.SIGTERM)
        try:
            return self.box.program.await_end()
        except AssertionError:
            self.seen.trouble = self.seen.trouble or "the end: it does not end"
            return -9


def build_innocent():
    BUILT.mkdir(parents=True, exist_ok=True)
    made = BUILT / f"innocent-{os.getpid()}.so"  # others may be loading it
    subprocess.run(["cc", "-shared", "-fPIC", "-I", str(REPOSITORY / "include"), "-o", str(made), str(HERE / "innocent.c")], check=True)
    return made.rename(BUILT / "innocent.so")


def differences(row, seen):
    """What of a trial is otherwise than the row says, in words."""
    wrong = []

    def expect(what, said, found, same=None):
        if not (said == found if same is None else same):
            wrong.append(f"{what}: {found!r}, where the row says {said!r}")

    expect("end", 0, seen.end)
    expect("trouble", "", seen.trouble)
    expect("the first version", row.first, seen.first, row.first in seen.first)
    if row.first == "live":
        expect("the second version", row.second, seen.second, row.second in seen.second)
        # What stays by its nature serves again; a runtime that a process begins once is begun by nobody anew.
        once = row.second not in (FRESH, GOES_ON) and row.images == 0
        said = row.second if once else "live"
        expect("the first version after all were withdrawn", said, seen.again_first, said in seen.again_first)
    if seen.swaps:
        expect("later versions", row.again, seen.swaps)
    expect("images", row.images, seen.images)
    kept = [image for image in seen.kept if CAME_WITH not in image["why"]]
    expect("kept images", seen.images, len(kept))
    libraries = [name for name in seen.libraries if ".so" in name]
    expect("libraries", row.libraries, libraries, any(name.startswith(row.libraries) for name in libraries) if row.libraries else not libraries)
    counted = sum(image["threads"] for image in seen.kept)
    expect("threads", row.threads, counted, min(1, row.threads) <= counted <= row.threads)
    expect("threads that are counted", counted, seen.threads, len(seen.threads) <= counted)
    expect("open images", seen.images, seen.open_images, seen.open_images <= seen.images)
    expect("descriptors", row.descriptors, len(seen.descriptors))
    expect("handlers", row.handlers, " ".join(seen.handlers))
    expect("ignored signals", [], [each for each in seen.ignored if each not in row.handlers.split()])
    expect("executable stacks", row.executable_stacks, seen.executable_stacks > 0)
    expect("what another module finds", INNOCENT, seen.innocent)
    of_module = [notice for notice in seen.notices if "'fn'" in notice]
    expect("notices", row.notice, of_module, any(row.notice in notice for notice in of_module) if row.notice else not of_module)
    return wrong
