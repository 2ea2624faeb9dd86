"""A gateway that finds its engines at a real Kubernetes API server, also on its bad days.

Run by tests/full.d/kubernetes.sh, since the server has to be built first. Nothing else runs it: it is not named test_*.
Members are not watched by any command, so they are asked for again until they are as wanted.
"""

import json
import pathlib
import signal
import socket
import statistics
import sys
import tempfile
import time
import unittest
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from api_server import ApiServer, Slice, apiserver  # noqa: E402
from fleet import LIMIT, OK, REPOSITORY, FleetTest, Tier, current, module  # noqa: E402

# Times are printed and not judged: this machine may be busy with other things.
FOUND_MS = 200  # from a slice until its engine is live, the best of several
LISTED_MS = 10000  # from the start of a gateway until it knows 5,000 endpoints
MANIFESTS = REPOSITORY / "samples/kubernetes"
UNKNOWN_TOKEN = "8d1c0a4ff6b94bd2a1f7c2c96f1f5e73"


def print_reach(name, value, limit):
    print(f"reach {name} {value:.0f} {limit} {'ok' if value <= limit else 'short'}", flush=True)


def free_port(hosts):
    """One that nobody listens at on any of these addresses."""
    while True:
        sockets = []
        try:
            port = 0
            for host in hosts:
                sockets.append(socket.socket())
                sockets[-1].bind((host, port))
                port = sockets[-1].getsockname()[1]
            return port
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()


def setUpModule():
    global server
    folder = tempfile.TemporaryDirectory(prefix="pin-kube-")
    unittest.addModuleCleanup(folder.cleanup)
    # Also when it did not come up: its etcd may run.
    unittest.addModuleCleanup(apiserver, "stop", folder.name)
    server = ApiServer(folder.name)


class KubernetesTest(FleetTest):
    """A controller, a gateway that asks the server for members of a Service of the test's own, and engines on loopback addresses."""

    services = 0

    def setUp(self):
        super().setUp()
        KubernetesTest.services += 1
        self.service = f"engines-{KubernetesTest.services}"
        self.hosts = [f"127.0.0.{n}" for n in range(2, 10)]
        self.port = free_port(self.hosts)
        self.token = self.folder / "token"
        self.tokens = []
        self.give_token(server.tokens["gateway"])
        self.source = f"kubernetes:edge/{self.service}:{self.port}?server={server.url}&ca={server.folder}/ca.pem&token={self.token}"
        self.said = []  # by gateways, and about them
        self.top = self.controller()
        self.gate = None

    def give_token(self, text):
        """In its place at once, as a cluster replaces it."""
        self.tokens.append(text)
        fresh = self.folder / "token.new"
        fresh.write_text(text + "\n")
        fresh.rename(self.token)

    def slice(self, name="a"):
        one = Slice(server, self.service, f"{self.service}-{name}")
        self.addCleanup(one.delete)
        return one

    def find(self):
        self.gate = self.gateway("gate", "--members", self.source, "--log-level", "debug")
        return self.gate

    def listening_engine(self, n):
        """The one at the n-th address, which waits to be found."""
        host = self.hosts[n - 1]
        return self.tier("engine", f"e{n}", ["--listen", f"tcp://{host}:{self.port}"], address=f"tcp://{host}:{self.port}")

    def restart_gateway(self, end):
        """Tier.stop, or Tier.kill: then what it found within the last second is not on its disk."""
        end(self.gate)
        self.said += self.gate.program.lines
        self.gate.start()

    def members(self):
        """Rows by address; that of the source is at "source"."""
        rows = self.rows("members", to=self.gate.address)
        self.said += map(json.dumps, rows)
        return {row["address"] or "source": row for row in rows}

    def await_members(self, wanted, timeout=LIMIT):
        deadline = time.monotonic() + timeout
        while True:
            members = self.members()
            if wanted(members):
                return members
            self.assertLess(time.monotonic(), deadline, f"members did not come to be as wanted: {members}")

    def await_online(self, count, timeout=LIMIT):
        return self.await_status(lambda s: s["online_engines"] == count, to=self.gate.address, timeout=timeout)

    def await_stale(self, *words, timeout=LIMIT):
        """Until the gateway's status says that the source is stale, and why."""
        def says(status):
            return any(f"source '{self.source}' is stale since 20" in notice and all(word in notice for word in words)
                       for notice in status["notices"])
        return self.await_status(says, to=self.gate.address, timeout=timeout)

    def await_fresh(self, timeout=LIMIT):
        return self.await_status(lambda s: not any("stale" in notice for notice in s["notices"]), to=self.gate.address, timeout=timeout)

    def tearDown(self):
        """No token is in what a gateway said, or in what is told of it."""
        if self.gate is None:
            return
        self.said += self.gate.program.lines
        for to in (self.gate.address, self.to):
            self.said += [self.ask("status", "--json", to=to), self.ask("members", "--json", to=to), self.ask("members", to=to)]
        self.assertGreater(len(self.said), 6)
        for token in (*server.tokens.values(), *self.tokens):
            for text in self.said:
                self.assertNotIn(token, text)
        super().tearDown()


class FoundTest(KubernetesTest):
    def test_engines_of_a_new_slice_are_found_linked_and_live_at_once(self):
        self.listening_engine(1)
        self.slice("1").put(self.hosts[0])
        self.find()
        self.publish("fn@1", module("counter-1"), wait=False)
        self.await_live("fn", 1, to=self.gate.address)
        live_ms, found_ms = [], []
        for n in range(2, 9):
            engine = self.listening_engine(n)
            one = self.slice(str(n))
            one.put(self.hosts[n - 1])
            answered = time.monotonic()
            engine.await_line("service fn@1 release 1: live")
            live_ms.append((time.monotonic() - answered) * 1000)
            self.await_live("fn", n, to=self.gate.address)
            found_ms.append((time.monotonic() - answered) * 1000)
        self.assertEqual(self.call("fn", at="e8"), "1 1")
        print_reach("kubernetes_found_ms", min(found_ms), FOUND_MS)
        print(f"median of {len(found_ms)}: {statistics.median(found_ms):.0f} ms; "
              f"{statistics.median(live_ms):.0f} ms until the engine itself says so", flush=True)

    def test_an_endpoint_that_leaves_keeps_its_link(self):
        one, two = self.listening_engine(1), self.listening_engine(2)
        slice_ = self.slice()
        slice_.put(*self.hosts[:2])
        self.find()
        self.await_online(2)
        slice_.put(self.hosts[1])
        members = self.await_members(lambda m: m["source"]["named"] == 1)
        self.assertEqual(members[one.address]["sources"], [])
        self.assertEqual([members[e.address]["state"] for e in (one, two)], ["linked", "linked"])
        self.publish("fn@1", module("counter-1"))
        self.assertEqual(self.call("fn", at="e1"), "1 1")
        self.assertFalse(one.program.said("ended"), one.program.lines)

    def test_an_endpoint_that_terminates_gets_no_new_call(self):
        engines = [self.listening_engine(1), self.listening_engine(2)]
        slice_ = self.slice()
        slice_.put(*self.hosts[:2])
        self.find()
        self.await_online(2)
        self.publish("fn@1", module("counter-1"))
        for ends, stays in ((0, "e2"), (1, "e1")):
            with self.subTest(stays=stays):
                slice_.put(*self.hosts[:2], terminating=[self.hosts[ends]])
                self.await_members(lambda m: [m[e.address]["terminating"] for e in engines] == [ends == 0, ends == 1])
                answers = [self.call("fn", to=to) for to in [self.gate.address] * 6 + [self.to] * 6]
                self.assertEqual(answers, [f"1 {n}" for n in range(1, 13)], "one engine counted them all")
                self.assertEqual(self.call("fn", at=stays), "1 13", "which is the other one")

    def test_five_thousand_endpoints_in_slices_of_a_thousand_are_listed_within_seconds(self):
        addresses = [f"127.7.{n // 250}.{n % 250 + 1}" for n in range(5000)]
        for begin in range(0, 5000, 1000):
            self.slice(str(begin)).put(*addresses[begin:begin + 1000])
        begun = time.monotonic()
        self.find()
        self.await_members(lambda m: "source" in m and m["source"]["named"] == 5000)
        print_reach("kubernetes_5000_listed_ms", (time.monotonic() - begun) * 1000, LISTED_MS)


class BadDaysTest(KubernetesTest):
    def test_a_server_that_was_killed_and_restarted_is_listed_anew_and_nothing_is_lost(self):
        for n in (1, 2, 3):
            self.listening_engine(n)
        going, staying = self.slice("going"), self.slice("staying")
        going.put(self.hosts[0])
        staying.put(self.hosts[1])
        self.find()
        self.await_online(2)
        # The watch is not told of this one, so that the version that it goes on from is older than all that a new server knows.
        Slice(server, "others", f"{self.service}-others").put(self.hosts[7])
        server.halt("kill")
        server.resume()
        # What is gone, and what came, while nobody watched.
        going.put()
        staying.put(self.hosts[1], self.hosts[2])
        self.gate.await_line("listing anew")
        self.await_online(3)
        members = self.await_members(lambda m: m["source"]["named"] == 2 and m["source"]["state"] == "source")
        self.assertEqual({address for address, row in members.items() if row["state"] == "linked"},
                         {f"tcp://{host}:{self.port}" for host in self.hosts[:3]})
        self.assertFalse(self.gate.program.said("the link to engine"), "no link ended")

    def test_while_the_server_is_away_its_members_are_kept_and_a_restarted_gateway_dials_them(self):
        for n in (1, 2, 3):
            self.listening_engine(n)
        slice_ = self.slice()
        slice_.put(*self.hosts[:2])
        self.find()
        self.await_online(2)
        self.publish("fn@1", module("counter-1"))
        server.halt("kill")
        try:
            self.await_stale(server.url, "cannot connect to the server", "the 2 members that it named last are kept")
            self.assertEqual(self.call("fn", at="e1"), "1 1")
            self.restart_gateway(Tier.kill)
            self.await_online(2)
            self.await_stale(server.url, "cannot connect to the server", "the 2 members that it named last are kept")
            self.assertEqual(self.call("fn", at="e1"), "1 2")
        finally:
            server.resume()
        slice_.put(*self.hosts[:3])
        self.await_online(3)
        self.await_fresh()

    def test_a_token_that_may_nothing_and_one_that_is_unknown_are_told_of_and_a_good_one_needs_no_restart(self):
        self.listening_engine(1)
        self.slice().put(self.hosts[0])
        self.give_token(server.tokens["nobody"])
        self.find()
        self.await_stale("it is not allowed to list endpointslices in the namespace edge (403)", "it has named nobody so far")
        self.give_token(UNKNOWN_TOKEN)
        self.await_stale("the server does not know who asks (401)")
        self.give_token(server.tokens["gateway"])
        self.await_online(1)
        self.await_fresh()

    def test_a_store_that_has_stopped_costs_no_link_and_a_restarted_gateway_dials_what_it_knew(self):
        for n in (1, 2):
            self.listening_engine(n)
        slice_ = self.slice()
        slice_.put(self.hosts[0])
        self.find()
        self.await_online(1)
        self.publish("fn@1", module("counter-1"))
        server.signal_etcd(signal.SIGSTOP)
        try:
            self.restart_gateway(Tier.stop)
            self.await_online(1)
            self.assertEqual(self.call("fn", at="e1"), "1 1")
            # Time itself is under test: a list that is not answered is given up after 30 s.
            self.await_stale(server.url, "the server was silent for 30 s", timeout=2 * LIMIT)
        finally:
            server.signal_etcd(signal.SIGCONT)
        self.await_fresh(timeout=3 * LIMIT)
        slice_.put(*self.hosts[:2])
        self.await_online(2)


class RoleTest(KubernetesTest):
    def test_a_gateway_with_the_role_of_the_samples_finds_its_engines_and_may_do_nothing_else(self):
        for file in ("0-namespace.yaml", "2-gateway.yaml"):
            code, words = server.kubectl("apply", "-f", MANIFESTS / file)
            self.assertEqual(code, OK, words)
        account = "/api/v1/namespaces/pinnate/serviceaccounts/gateway"
        token = server.request("POST", account + "/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                                             "spec": {"audiences": []}})["status"]["token"]
        self.give_token(token)
        self.listening_engine(1)
        one = Slice(server, "engines", "engines-role", namespace="pinnate")
        self.addCleanup(one.delete)
        one.put(self.hosts[0])
        self.source = self.source.replace(f"edge/{self.service}", "pinnate/engines")
        self.find()
        self.await_online(1)
        for path in ("/apis/discovery.k8s.io/v1/namespaces/edge/endpointslices", "/api/v1/namespaces/pinnate/pods", account):
            with self.subTest(path=path), self.assertRaisesRegex(urllib.error.HTTPError, "403"):
                server.request("GET", path, token=token)


class ManifestsTest(unittest.TestCase):
    def test_the_manifests_of_the_samples_are_accepted(self):
        with tempfile.TemporaryDirectory(prefix="pin-kube-") as folder:
            try:
                builtin = ApiServer(folder, "v1beta1")
                code, words = builtin.kubectl("apply", "-f", MANIFESTS / "0-namespace.yaml")
                self.assertEqual(code, OK, words)
                code, words = builtin.kubectl("apply", "--dry-run=server", "-f", MANIFESTS)
                self.assertEqual(code, OK, words)
                self.assertEqual(words.count("(server dry run)"), 9, words)
            finally:
                apiserver("stop", folder)


if __name__ == "__main__":
    unittest.main(verbosity=2)
