"""Hosts on a network of their own, and name servers in it, on top of tests/e2e/fleet.py.

A host is a network namespace with an address on one bridge. It also has 65,536 addresses behind that one, all on its loopback: so many
engines share one namespace, each with an address of its own, and cost no more than their processes. Where nobody listens
the host refuses, as a host does whose container is gone, and `silence` makes it drop instead.

Namespaces are named by the process that made them. What a killed test left behind is swept by the next.
Where they are not permitted each test is skipped, or fails with PINNATE_REQUIRE=1.
"""

import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve()
sys.path[1:1] = [str(HERE.parents[1] / folder) for folder in ("e2e", "hosts")]

from fleet import BIN, LIMIT, PINNATE, REPOSITORY, REFUSED, USAGE, FleetTest, Process, Program  # noqa: E402,F401
from fleet import current, environment, long_run, module  # noqa: E402,F401
from host import SLOW  # noqa: E402,F401
from small_disk import not_here  # noqa: E402

PORT = 7070  # where engines listen, unless somebody says otherwise
DOMAIN = "pod.test"  # all that the name server knows is in it
ETC = pathlib.Path("/etc/netns")  # `ip netns exec` shows a namespace what is there for it as /etc
WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]  # before a command that is to end with this process, however that ends
os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian has servers

_serial = iter(range(1 << 30))


def run(*command, text=None):
    """Its stdout; OSError with what it said."""
    ended = subprocess.run([str(word) for word in command], input=text, stdin=None if text is not None else subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if ended.returncode != 0:
        raise OSError(f"{' '.join(map(str, command))[:200]}: {ended.stderr.strip()[:200] or ended.returncode}")
    return ended.stdout


def remove_namespace(name):
    """With whatever still runs in it. Never raises: it also sweeps what is half there."""
    for pid in subprocess.run(["ip", "netns", "pids", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)
    shutil.rmtree(ETC / name, ignore_errors=True)


def lives(pid):
    try:
        return pathlib.Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except OSError:
        return False


def remove_leftovers():
    """Those of processes that were killed before they could clean up."""
    listed = run("ip", "netns", "list").split()
    listed += [folder.name for folder in ETC.iterdir()] if ETC.is_dir() else []
    for name in set(listed):
        made_by = re.match(r"pinnate-net-(\d+)-", name)
        if made_by and not lives(made_by[1]):
            remove_namespace(name)


def why_not(name):
    """Why there can be no such networks here, or None: it tries, under this name, what they are made of."""
    if os.geteuid() != 0:
        return "not root"
    missing = [tool for tool in ("ip", "nft", "ss", "setpriv", "dnsmasq", "named") if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} missing"
    try:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", name, "link", "add", "name", "one", "type", "veth", "peer", "name", "other")
        run("ip", "-n", name, "addr", "add", "fd78::1/64", "dev", "one", "nodad")
        run("ip", "netns", "exec", name, "nft", "add table inet silence")
    except OSError as why:
        return str(why).splitlines()[0]
    finally:
        remove_namespace(name)
    return None


class Host:
    """A namespace. `prefix` goes before the words of a command that is to run in it, and end with us."""

    def __init__(self, namespace, number):
        self.namespace, self.number = namespace, number
        self.ip, self.ip6 = f"10.78.0.{number}", f"fd78::{number}"
        self.range = f"10.{100 + number}.0.0/16"
        self.range6 = f"fd78:{number}::/64"
        self.prefix = [*WITH_US, "ip", "netns", "exec", namespace]

    def run(self, *command, text=None):
        return run("ip", "netns", "exec", self.namespace, *command, text=text)

    def address(self, n):
        """The n-th of the addresses behind it."""
        return str(ipaddress.ip_network(self.range)[n])

    def address6(self, n):
        return str(ipaddress.ip_network(self.range6)[n])

    def silence(self, *ranges):
        """Drops whatever comes for these without a word, from now on; for none, nothing."""
        rule = f"ip daddr {{ {', '.join(ranges)} }} drop" if ranges else ""
        self.run("nft", "-f", "-", text="table inet silence\ndelete table inet silence\ntable inet silence {\nchain input {\n"
                 f"type filter hook input priority 0\n{rule}\n}}\n}}\n")

    def resolv_conf(self, text):
        """What its programs see as /etc/resolv.conf, also those that run. Whoever reads it meanwhile sees one or the other."""
        path = ETC / self.namespace / "resolv.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        with open(path, "r+b" if path.exists() else "wb", buffering=0) as file:  # the same file: programs have it mounted
            size = max(path.stat().st_size, len(data))
            file.write(data.ljust(size, b"\n"))

    def sockets(self, state, *filters):
        """The sockets of TCP in this state, each as its two ends. They are not all seen at one moment."""
        return {tuple(line.split()[-2:]) for line in self.run("ss", "-H", "-t", "-n", "state", state, *filters).splitlines()}


class Network:
    """`names` of hosts, of which each reaches each."""

    def __init__(self, *names):
        prefix = f"pinnate-net-{os.getpid()}-{next(_serial)}"
        self.hosts = {name: Host(f"{prefix}-{name}", number) for number, name in enumerate(names, 1)}
        self._bridge = f"{prefix}-bridge"
        if why := why_not(self._bridge):
            not_here(f"there can be no network of namespaces here: {why}")
        remove_leftovers()
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def __getitem__(self, name):
        return self.hosts[name]

    def _make(self):
        for namespace in (self._bridge, *(host.namespace for host in self.hosts.values())):
            run("ip", "netns", "add", namespace)
        # Spanning trees would keep a new port closed for seconds; they are off by default.
        inside = ["link add br0 type bridge mcast_snooping 0", "link set br0 up"]
        for name, host in self.hosts.items():
            inside += [f"link add name {name} type veth peer name eth0 netns {host.namespace}", f"link set {name} master br0 up"]
        run("ip", "-n", self._bridge, "-batch", "-", text="\n".join(inside) + "\n")
        for host in self.hosts.values():
            lines = ["link set lo up", "link set eth0 up", f"addr add {host.ip}/24 dev eth0", f"addr add {host.ip6}/64 dev eth0 nodad",
                     f"route add local {host.range} dev lo", f"route add local {host.range6} dev lo"]
            for other in self.hosts.values():
                if other is not host:
                    lines += [f"route add {other.range} via {other.ip}", f"route add {other.range6} via {other.ip6}"]
            run("ip", "-n", host.namespace, "-batch", "-", text="\n".join(lines) + "\n")
            host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind")  # IPv4 does not ask whose address it is

    def close(self):
        for namespace in (*(host.namespace for host in self.hosts.values()), self._bridge):
            remove_namespace(namespace)


class NameServer:
    """dnsmasq, which knows what it was told by says() and nothing else. It asks nobody."""

    # What it says of a name that it does not know, and whether it says anything at all of those that it knows.
    NO_NAME, REFUSED, EMPTY = ["--local=/test/"], [], ["--local=/test/", "--txt-record=engines.pod.test,there"]

    def __init__(self, host, folder, name="dns"):
        self.host = host
        self.hosts_file = pathlib.Path(folder) / f"{name}.hosts"
        self.names = {}
        self.process = None

    def start(self, unknown=NO_NAME, ttl=0):
        self._write()
        self.process = Process(*self.host.prefix, "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null",
                               "--user=root", "--pid-file=", "--no-resolv", "--no-hosts", f"--addn-hosts={self.hosts_file}",
                               f"--local-ttl={ttl}", f"--listen-address={self.host.ip}", "--bind-interfaces", *unknown)
        self.process.await_line(f"read {self.hosts_file} ")
        return self

    def says(self, **names):
        """These names have these addresses from now on; the others, what they had. None: there is no such name."""
        self.names.update(names)
        self._write()
        if self.process:
            said = len(self.process.lines)
            self.process.signal(signal.SIGHUP)
            self.process.await_line(f"read {self.hosts_file} ", after=said)

    def _write(self):
        new = self.hosts_file.with_suffix(".new")
        new.write_text("".join(f"{address} {name}.{DOMAIN}\n" for name, addresses in self.names.items() for address in addresses or ()))
        new.rename(self.hosts_file)

    def kill(self):
        if self.process:
            self.process.close()
            self.process = None


class Bind:
    """bind9 for one zone, DOMAIN, of which the test writes the records."""

    def __init__(self, host, folder):
        self.host, self.folder = host, pathlib.Path(folder) / "bind"
        self.folder.mkdir()
        self._serial = 0
        self.process = None

    def start(self, *records):
        self._write(records)
        (self.folder / "named.conf").write_text(f"""
            options {{ directory "{self.folder}"; pid-file none; listen-on {{ {self.host.ip}; }}; listen-on-v6 {{ none; }}; recursion no;
                       session-keyfile none; managed-keys-directory "{self.folder}"; dnssec-validation no; }};
            controls {{ }};
            zone "{DOMAIN}" {{ type primary; file "zone"; }};\n""")
        self.process = Process(*self.host.prefix, "named", "-g", "-n", "1", "-c", self.folder / "named.conf")
        self.process.await_line(f"zone {DOMAIN}/IN: loaded serial {self._serial}")
        self.process.await_line(lambda line: line.endswith(" running"))
        return self

    def says(self, *records):
        self._write(records)
        self.process.signal(signal.SIGHUP)
        self.process.await_line(f"zone {DOMAIN}/IN: loaded serial {self._serial}")

    def _write(self, records):
        self._serial += 1
        lines = ["$TTL 1", f"@ SOA ns root {self._serial} 60 60 60 1", f"@ NS ns", f"ns A {self.host.ip}", *records]
        (self.folder / "zone.new").write_text("\n".join(lines) + "\n")
        (self.folder / "zone.new").rename(self.folder / "zone")

    def close(self):
        if self.process:
            self.process.close()


def listens_at(ip, port=PORT):
    """As an engine is told to listen, and as a source names it."""
    return "insecure+" + dialled(ip, port)


def dialled(ip, port=PORT):
    return f"tcp://[{ip}]:{port}" if ":" in ip else f"tcp://{ip}:{port}"


class NetTest(FleetTest):
    """The hosts of a cluster: `gate` has the cluster's gateway, `nodes` the engines, `dns` the name server. A class shares them."""

    _network = None
    _why_not = None

    @classmethod
    def _make_network(cls):
        if cls._why_not:
            raise cls._why_not
        try:
            cls._network = Network("gate", "nodes", "dns")
        except BaseException as why:
            cls._why_not = why
            raise
        cls.addClassCleanup(cls._network.close)

    def setUp(self):
        super().setUp()
        if not self._network:
            self._make_network()
        self.net = self._network
        self.gate, self.nodes = self.net["gate"], self.net["nodes"]
        self.names = NameServer(self.net["dns"], self.folder)
        self.addCleanup(self.names.kill)

    # ---- tiers ----

    def tier(self, *words, prefix=WITH_US, **options):
        return super().tier(*words, prefix=prefix, **options)

    def dns(self, name="engines", *options):
        """The source that polls a name every 200 ms, so that tests need not wait for long."""
        return f"dns:{name}.{DOMAIN}?" + "&".join([f"server={self.names.host.ip}", *(options or ("min_ms=200",))])

    def small_cluster(self, *members):
        """A controller, the cluster's gateway with these sources, and a release."""
        self.top = self.controller()
        self.pod = self.pod_gateway(*members)

    def pod_gateway(self, *members, name="pod", up=None, more=(), **options):
        sources = [word for source in members for word in ("--members", source)]
        return self.gateway(name, *sources, *more, up=up, prefix=self.gate.prefix, **options)

    def engine_at(self, name, *ips, more=(), **options):
        """An engine of these addresses that nobody told where its gateway is."""
        listen = [word for ip in ips for word in ("--listen", listens_at(ip))]
        return self.tier("engine", name, [*listen, *more], prefix=self.nodes.prefix, **options)

    def engines_at(self, *numbers):
        """e1 at the host's first address, and so on."""
        return [self.engine_at(f"e{n}", self.nodes.address(n)) for n in numbers]

    def addresses(self, *numbers):
        return [self.nodes.address(n) for n in numbers]

    # ---- asking ----

    def await_online(self, engines, **options):
        return self.await_status(lambda s: s["online_engines"] == engines, **options)

    def sources_and_members(self, to=None):
        """As the cluster's gateway tells: {source: its row}, {address: its row}."""
        rows = self.rows("members", to=to or self.pod.address)
        sources = {row["sources"][0]: row for row in rows if "source" in row["state"]}
        return sources, {row["address"]: row for row in rows if row["address"]}

    def member(self, ip, port=PORT):
        return self.sources_and_members()[1].get(dialled(ip, port))

    def awaited(self, ask, timeout=LIMIT):
        """What `ask` returns, once that is something. Nothing tells of a name that comes or goes, so it is asked again and again."""
        deadline = time.monotonic() + timeout
        while not (found := ask()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not so within {timeout:.0f} s: {json.dumps(self.sources_and_members())[:4000]}")
        return found

    def await_member(self, ip, wanted):
        """Until `wanted` is true of its row, or of None. Returns that."""
        return self.awaited(lambda: [row for row in [self.member(ip)] if wanted(row)])[0]

    def links_ended(self):
        """What the gateway said of links to engines that ended."""
        return [line for line in self.pod.program.lines if "the link to engine" in line and " ended: " in line]

    def linked(self, engine):
        """How often the gateway linked this engine in this life."""
        return sum(f"downstream engine '{engine}' is linked" in line for line in self.pod.program.lines)
