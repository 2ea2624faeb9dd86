"""Members that are containers: found by the DNS of their network, and by the runtime's own socket.

All of it happens in namespaces of this process: podman with folders of its own, its networks, its name server and its containers.
The tier above is an ordinary process, which the gateway's container reaches through a UNIX socket in a folder that both see.
Where podman has what it needs and can run no container the tests are skipped in its own words, in a container always and
elsewhere unless PINNATE_REQUIRE is set.
"""

import contextlib
import http.client
import json
import os
import pathlib
import queue
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from fleet import BIN, LIMIT, PINNATE, REPOSITORY, FleetTest, Process, module, phase  # noqa: E402

NETWORK, SUBNET = "pods", "10.89.7"
ALIAS, PORT = "engines", 7070
INSIDE = "/run/pinnate"  # where containers see a test's folder
HEARTBEAT_MS = 1000
POLL_MS = 200
FOUND_MS = 200  # from the runtime's event until its engine is live
SOON_S = 5.0  # a poll, the dial and the load: with room for a machine that does much else

# The first process in its namespaces: all others in them end with it. bash, since that collects orphans.
HOLD = """
if [ -d /var/lib/containers ]; then mount -t tmpfs tmpfs /var/lib/containers; fi  # a cache of images is there whatever folders are given
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && ip link set lo up && echo ready && read -r
"""


def not_here(why, inside=False):
    """This machine lacks what the tests need: skipped, or failed where everything is required."""
    raise (AssertionError if os.environ.get("PINNATE_REQUIRE") and not inside else unittest.SkipTest)(why)


def in_container():
    """Whether this machine is one itself, which decides what it may do."""
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return True
    try:
        return b"container=" in pathlib.Path("/proc/1/environ").read_bytes()
    except OSError:
        return False


def remove_leftovers(wanted):
    """Folders and control groups outlive the namespaces. `wanted` is asked about the process that made them."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob("pin-podman-*-*"):
        if wanted(int(folder.name.split("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)
    for top in pathlib.Path("/sys/fs/cgroup").glob("**/pinnate-*"):
        if top.name.split("-")[-1].isdigit() and wanted(int(top.name.split("-")[-1])):
            for group, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):  # somebody else was faster
                    os.rmdir(group)


class Podman:
    """A container runtime of this process alone."""

    def __init__(self):
        remove_leftovers(lambda pid: not os.path.exists(f"/proc/{pid}"))  # of tests that were killed
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"pin-podman-{os.getpid()}-"))
        self.parent = f"pinnate-{os.getpid()}"  # of the control groups
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", HOLD]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self._holder.stdout.readline() != b"ready\n":
            why = self._holder.communicate()[1].decode().strip()
            remove_leftovers(lambda pid: pid == os.getpid())
            raise OSError(f"there can be no namespaces: {why}")
        pid = self._holder.pid
        first = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        self.enter = ["nsenter", "-t", first, "-m", "-n", "-p", "--"]
        self.command = [*self.enter, "podman", "--root", self.folder / "root", "--runroot", self.folder / "run",
                        "--tmpdir", self.folder / "tmp", "--network-config-dir", self.folder / "networks", "--network-backend", "netavark",
                        "--cgroup-manager", "cgroupfs", "--runtime", "runc", "--events-backend", "file"]
        try:
            self.run("--storage-driver", "overlay", "info")
            self.command += ["--storage-driver", "overlay"]
        except OSError:  # the folder lies on a file system that cannot be below another
            shutil.rmtree(self.folder / "root", ignore_errors=True)
            self.command += ["--storage-driver", "vfs"]

    def run(self, *arguments):
        """Its stdout; OSError with what it said."""
        ended = subprocess.run([str(word) for word in (*self.command, *arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, timeout=2 * LIMIT)
        if ended.returncode != 0:
            raise OSError(f"podman {' '.join(map(str, arguments))[:100]}: {ended.stderr.strip()[-500:] or ended.returncode}")
        return ended.stdout.strip()

    def make_image(self):
        """Of the program that was built and the libraries it is linked to, and nothing else."""
        files = self.folder / "files"
        libraries = subprocess.run(["ldd", PINNATE], stdout=subprocess.PIPE, text=True, check=True).stdout
        for line in libraries.splitlines():
            path = next((word for word in line.split() if word.startswith("/")), None)
            if path is None:
                continue
            # The loader has its path in the program; it looks for all others in one folder.
            to = path if "=>" not in line else f"/lib/{pathlib.Path(path).name}"
            (files / to[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, files / to[1:])
            (files / to[1:]).chmod(0o755)
            if path.startswith(str(BIN.parent)):
                subprocess.run(["strip", "--strip-debug", files / to[1:]], check=True)  # what is imported is compressed, and takes a while
        (files / "bin").mkdir()
        shutil.copy(PINNATE, files / "bin/pinnate")
        archive = self.folder / "image.tar"
        subprocess.run(["tar", "-C", files, "-cf", archive, "."], check=True)
        shutil.rmtree(files)
        self.run("import", "--change", "ENV LD_LIBRARY_PATH=/lib", "--change", 'ENTRYPOINT ["/bin/pinnate"]', archive, "pinnate:test")
        archive.unlink()

    def hold_bridge(self):
        """Gives the network's bridge an address of its own. netavark 1.4 does not, so that the network's name server is out of reach
        for seconds when a container goes: see findings/bridge-address-follows-its-ports.sh."""
        self.start("stays", ["engine", "--id", "stays", "--listen", f"insecure+tcp://127.0.0.1:{PORT}"])  # without any, the bridge goes
        bridge = self.run("network", "inspect", "--format", "{{.NetworkInterface}}", NETWORK)
        subprocess.run([*self.enter, "ip", "link", "set", "dev", bridge, "address", "02:00:00:00:00:01"], check=True)

    def start(self, name, arguments, more=()):
        self.run("run", "--detach", "--name", name, "--hostname", name, "--network", NETWORK, "--read-only", "--cgroup-parent", self.parent,
                 "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", *more, "pinnate:test", *arguments)

    def remove(self, *names):
        """Whether they run, or ever came to be."""
        self.run("rm", "--force", "--ignore", "--time", "0", *names)

    def address(self, name):
        return self.run("inspect", "--format", f"{{{{(index .NetworkSettings.Networks \"{NETWORK}\").IPAddress}}}}", name)

    def close(self):
        try:
            self.run("rm", "--force", "--all", "--time", "0")
        finally:
            self._holder.communicate()  # with all that runs in the namespaces
            remove_leftovers(lambda pid: pid == os.getpid())


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("podman", timeout=LIMIT)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT)
        self.sock.connect(self.path)


podman = None


def setUpModule():
    global podman
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian has iptables
    if not os.environ.get("PINNATE_FULL"):
        raise unittest.SkipTest("containers: run with tests/run.sh --full")  # an image and a runtime to make them take a while
    if os.geteuid() != 0:
        not_here("only root runs containers with addresses of their own")
    missing = [name for name in ("podman", "runc", "iptables") if not shutil.which(name)]
    missing += [name for name in ("netavark", "aardvark-dns") if not os.path.exists(f"/usr/lib/podman/{name}")]
    if missing:
        not_here(f"{', '.join(missing)}: not installed; tests/packages.sh says what is needed")
    try:
        podman = Podman()
    except OSError as error:
        not_here(str(error), in_container())
    unittest.addModuleCleanup(podman.close)
    try:
        podman.make_image()
        podman.run("network", "create", "--subnet", f"{SUBNET}.0/24", NETWORK)
        podman.hold_bridge()
    except OSError as error:
        not_here(f"podman can run no container here: {error}", in_container())


class ContainerTests:
    """What is true of any way to find containers; for a FleetTest with source()."""

    heartbeat = f"{HEARTBEAT_MS}ms"

    def setUp(self):
        super().setUp()
        self.names = []
        self.controller()
        self.gate = f"unix:{self.folder}/gate.sock"
        self.publish("greet@1", module("counter-1"), wait=False)
        self.container("gate", "gateway", "--id", "gate", "--up", f"unix:{INSIDE}/top.sock", "--listen", f"unix:{INSIDE}/gate.sock",
                       "--members", self.source(), more=["--volume", f"{self.folder}:{INSIDE}"])

    def container(self, name, role, *arguments, more=()):
        if not self.names:
            self.addCleanup(lambda: podman.remove(*self.names))
        self.names.append(name)
        podman.start(name, [role, "--heartbeat", self.heartbeat, *arguments], more)

    def start_engine(self, name, *more):
        self.container(name, "engine", "--id", name, "--listen", f"insecure+tcp://0.0.0.0:{PORT}",
                       more=["--network-alias", ALIAS, "--label", "pinnate=engine", *more])

    def start_engines(self):
        for name in ("e1", "e2"):
            self.start_engine(name)
        self.await_live("greet", 2)

    def await_lost(self, known=2):
        """Until one engine counts as offline, and all others as live."""
        self.await_status(lambda s: s["online_engines"] == known - 1 and phase(s, "greet", "offline") == 1 and
                          phase(s, "greet", "live") == known - 1)

    def members(self):
        """Those that a source names or a link leads to: their ids by address."""
        return {row["address"]: row["id"] for row in self.rows("members", "--at", "gate") if "source" not in row["state"]}

    def test_engines_are_found_and_serve_what_is_published(self):
        self.start_engines()
        self.publish("greet@2", module("counter-2"))
        self.await_live("greet", 2, version="2")
        for name in ("e1", "e2"):
            self.assertEqual(self.call("greet", at=name), "2 1")
        self.assertEqual(self.members(), {f"tcp://{podman.address(name)}:{PORT}": name for name in ("e1", "e2")})
        self.start_engine("e3")
        self.await_live("greet", 3, version="2", timeout=SOON_S)

    def test_a_killed_engine_is_lost_and_live_again_when_it_is_started_again(self):
        self.start_engines()
        podman.run("kill", "--signal", "KILL", "e1")
        self.await_lost()
        podman.run("start", "e1")
        self.await_live("greet", 2, timeout=SOON_S)
        self.assertEqual(self.status()["known_engines"], 2)
        self.assertEqual({id for id in self.members().values() if id}, {"e1", "e2"})  # its old address is let go of later

    def test_a_paused_engine_is_live_again_when_it_goes_on(self):
        self.start_engines()
        podman.run("pause", "e1")
        self.await_lost()
        self.publish("greet@2", module("counter-2"), wait=False)
        self.await_status(lambda s: phase(s, "greet", "live") == 1 and phase(s, "greet", "offline") == 1)
        podman.run("unpause", "e1")
        self.await_live("greet", 2, version="2")  # at the latest with the dial that is next, which is put off longer each time
        self.assertEqual(self.status()["known_engines"], 2)

    def test_an_engine_that_is_made_anew_elsewhere_is_live_there(self):
        self.start_engines()
        before = podman.address("e1")
        podman.remove("e1")
        self.await_lost()
        self.start_engine("e1", "--ip", f"{SUBNET}.200")
        self.await_live("greet", 2, timeout=SOON_S)
        self.assertNotEqual(before, podman.address("e1"))
        self.assertEqual(self.members()[f"tcp://{SUBNET}.200:{PORT}"], "e1")
        self.assertEqual(self.status()["known_engines"], 2)


class DnsTest(ContainerTests, FleetTest):
    def source(self):
        # aardvark-dns 1.4 says of all that it holds for a day, so that the ceiling decides how often it is asked.
        return f"dns:{ALIAS}:{PORT}?min_ms={POLL_MS}&max_ms={POLL_MS}&timeout_ms={POLL_MS}"


class SocketTest(ContainerTests, FleetTest):
    def source(self):
        path = self.folder / "podman.sock"
        # nsenter has a child, which is to end with it.
        command = [*podman.enter, "setpriv", "--pdeathsig", "KILL", *podman.command[len(podman.enter):]]
        service = Process(*command, "system", "service", "--time=0", f"unix://{path}")
        self.addCleanup(service.close)
        return f"docker:{INSIDE}/podman.sock?label=pinnate=engine&network={NETWORK}&port={PORT}"

    def order(self, name, what):
        """Has the service do something with a container, which takes it less time than starting another podman would."""
        connection = SocketConnection(self.folder / "podman.sock")
        connection.request("POST", f"/v1.40/containers/{name}/{what}")
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.assertEqual(answer.status, 204, text)

    def starts(self):
        """Puts the moments in a queue at which the service says that a container has started, as anybody hears it."""
        connection = SocketConnection(self.folder / "podman.sock")
        self.addCleanup(connection.close)
        connection.request("GET", "/v1.40/events?filters=" + urllib.parse.quote(json.dumps({"event": ["start"]})))
        answer, heard = connection.getresponse(), queue.SimpleQueue()

        def listen():
            with contextlib.suppress(OSError):  # who waits for an event says that none came
                while answer.readline():
                    heard.put(time.monotonic())

        threading.Thread(target=listen, daemon=True).start()
        return heard

    def test_a_started_engine_is_live_a_moment_after_the_runtime_says_so(self):
        self.start_engines()
        heard, after_event_ms, after_start_ms = self.starts(), [], []
        for _ in range(9):
            self.order("e1", "kill")
            self.await_lost()
            self.order("e1", "start")
            started = time.monotonic()
            self.await_live("greet", 2, timeout=SOON_S)
            live = time.monotonic()
            after_start_ms.append((live - started) * 1000)
            after_event_ms.append((live - heard.get(timeout=SOON_S)) * 1000)
        from_event, from_start = statistics.median(after_event_ms), statistics.median(after_start_ms)
        print(f"\nfrom a container's start to its engine live: median {from_start:.0f} ms, of which {from_start - from_event:.0f} ms are the runtime's event")
        print(f"reach containers_found_ms {from_event:.0f} {FOUND_MS} {'ok' if from_event <= FOUND_MS else 'short'}", flush=True)


class ComposeTest(FleetTest):
    """What samples/compose.yaml has containers run, without what only Docker Compose does."""

    def start(self, service, name, *more, options=()):
        text = (REPOSITORY / "samples/compose.yaml").read_text()
        [command] = re.findall(rf"^  {service}:\n(?:    .*\n)*?    command: (.*)$", text, re.M)
        self.addCleanup(podman.remove, name)
        podman.start(name, [*json.loads(command), *more], ["--network-alias", service, "--cap-drop", "all", *options])

    def test_its_gateway_finds_all_engines_of_the_service_also_those_that_are_added(self):
        self.start("controller", "c1", "--listen", f"unix:{INSIDE}/top.sock",
                   options=["--volume", f"{self.folder}:{INSIDE}", "--tmpfs", "/var/lib/pinnate"])
        self.start("gateway", "g1", options=["--tmpfs", "/var/cache/pinnate"])
        self.start("engine", "e1")
        self.start("engine", "e2")
        self.await_status(lambda s: s["online_engines"] == 2)
        self.publish("greet@1", module("counter-1"), "--select", "region=eu")
        self.start("engine", "e3")
        self.await_live("greet", 3)


if __name__ == "__main__":
    unittest.main()
