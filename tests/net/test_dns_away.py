"""Name servers that are away, wrong or hostile: nothing that works stops, and status says what is old since when and why."""

import random
import re
import unittest

from net import NameServer, NetTest, Process, current, dialled, module

# Answers each question over UDP with something else that is no answer to it, and takes no TCP.
NOISE = """
import random, socket, sys
at = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
at.bind((sys.argv[1], 53))
print("listening", flush=True)
chance = random.Random(1)
for n in range(1 << 30):
    asked, whom = at.recvfrom(4096)
    header, rest = asked[:2], asked[12:]
    at.sendto([
        b"",
        asked[:1],
        chance.randbytes(500),
        header + chance.randbytes(500),
        header + b"\\x84\\0\\0\\1\\xff\\xff\\0\\0\\0\\0" + rest,
        header + b"\\x84\\0\\0\\1\\0\\1\\0\\0\\0\\0" + rest + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\x05\\1\\2\\3\\4\\5",
        header + b"\\x84\\0\\0\\1\\0\\1\\0\\0\\0\\0" + rest + b"\\xc0\\xff\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4\\1\\2\\3\\4",
        header + b"\\x86\\0\\0\\1\\0\\0\\0\\0\\0\\0" + rest,
        header + b"\\4\\0" + asked[4:],
        asked,
    ][n % 10], whom)
    print("answered", flush=True)
"""


class NameServerTest(NetTest):
    """Two engines are linked, called and given what is published, whatever happens to the name server."""

    def dns(self):
        """Nothing is waited for for long: how it fails is under test, and not when."""
        return super().dns("engines", "min_ms=200", "timeout_ms=150", "tries=2")

    def setUp(self):
        super().setUp()
        self.names.says(engines=self.addresses(1, 2))
        self.names.start()
        self.engines = self.engines_at(1, 2)
        self.small_cluster(self.dns())
        self.await_online(2)
        self.publish("fn@1", module("counter-1"))

    def stale(self, why, **options):
        """Until status says so. Since when, as it says; it does not say it anew for each look."""
        def said(status):
            return any(re.search(rf"source '{re.escape(self.dns())}' is stale since .*: .*{why}", line) for line in status["notices"])
        [notice] = [line for line in self.await_status(said, **options)["notices"] if "is stale since" in line]
        return re.search(r"is stale since (\S+Z): ", notice)[1], notice

    def works(self, version):
        """Both are linked as they were, called, and given what is published."""
        self.publish(f"fn@{version}", module("counter-2"))
        self.await_live("fn", 2, version=str(version))
        for engine in ("e1", "e2"):
            self.assertRegex(self.call("fn", at=engine), r"^2 \d+$")
        self.assertEqual(self.links_ended(), [])


class WrongAnswersTest(NameServerTest):
    def test_wrong_answers_take_nobody_away(self):
        since = None
        for unknown, why in ((NameServer.REFUSED, "the name servers refuse or fail for engines.pod.test"),
                             (NameServer.NO_NAME, r"there is no name engines.pod.test \(NXDOMAIN\)"),
                             (NameServer.EMPTY, "engines.pod.test has no address")):
            with self.subTest(why=why):
                self.names.says(engines=[])
                self.names.kill()
                self.names.start(unknown)
                now, notice = self.stale(why)
                self.assertIn("; the 2 members that it named last are kept", notice)
                self.assertEqual(since or now, now, "it has been stale all the while")
                since = now
                release = current(self.status(), "fn")
                self.works(int(release["version"]) + 1)
        self.names.says(engines=self.addresses(2))
        self.await_status(lambda s: not s["notices"])
        self.assertEqual((self.links_ended(), self.status()["online_engines"]), ([], 2))

    def test_a_name_server_that_answers_with_noise_takes_nobody_away(self):
        self.names.kill()
        noise = Process(*self.net["dns"].prefix, "/usr/bin/python3", "-c", NOISE, self.net["dns"].ip)
        self.addCleanup(noise.close)
        noise.await_line("listening")
        answered = 0
        for _ in range(20):  # each answer twice; most are no answer, so that c-ares goes on to wait
            noise.await_line("answered", after=answered)
            answered = len(noise.lines)
        self.stale("")
        self.works(2)
        self.assertEqual({address: row["sources"] for address, row in self.sources_and_members()[1].items()},
                         {dialled(ip): [self.dns()] for ip in self.addresses(1, 2)})
        noise.close()
        self.names.start()
        self.await_status(lambda s: not s["notices"])
        self.assertEqual(self.links_ended(), [])


class AwayTest(NameServerTest):
    def test_name_servers_that_are_away_stop_nothing_and_status_says_since_when_and_why(self):
        self.names.kill()
        since, notice = self.stale("no name server answered for engines.pod.test")
        self.assertIn("; the 2 members that it named last are kept", notice)
        self.works(2)
        [source] = self.sources_and_members()[0].values()
        self.assertEqual((source["state"], source["named"]), ("stale source", 2))
        self.assertIn("no name server answered", source["why"])
        self.assertEqual(self.stale("no name server answered")[0], since)
        self.names.says(engines=self.addresses(1, 2, 3))
        self.engines_at(3)
        self.names.start()
        self.await_status(lambda s: s["online_engines"] == 3 and not s["notices"])
        self.assertEqual(self.links_ended(), [])

    def test_an_engine_that_restarts_while_they_are_away_is_found_where_it_was(self):
        self.names.kill()
        self.stale("no name server answered")
        self.engines[0].kill()
        self.await_online(1)
        self.engines[0].start()
        self.await_live("fn", 2)

    def test_a_gateway_that_restarts_while_they_are_away_dials_whom_it_knew(self):
        self.pod.stop()
        self.names.kill()
        self.pod.start()
        self.await_online(2)
        self.stale("no name server answered")
        self.works(2)
        self.assertEqual({row["id"] for row in self.sources_and_members()[1].values()}, {"e1", "e2"})

    def test_a_gateway_that_was_killed_while_they_are_away_dials_whom_it_knew(self):
        self.await_saved(2)
        self.names.kill()
        self.pod.kill().start()
        self.await_online(2)
        self.works(2)

    def await_saved(self, members):
        """Until so many are in the gateway's folder, where they are within a second. A copy of it is what a restart would find."""
        saved = b"\n".join(dialled(ip).encode() for ip in self.addresses(*range(1, members + 1)))
        folder = self.folder / "pod"
        while not any(saved in path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"):
            self.status(to=self.pod.address)

    def test_a_gateway_that_is_killed_again_and_again_while_members_come_knows_those_of_the_second_before(self):
        chance = random.Random(7)
        known = 2
        for new in range(3, 7):
            self.engines += self.engines_at(new)
            self.names.says(engines=self.addresses(*range(1, new + 1)))
            if chance.random() < 0.5:
                self.pod.await_line(f"downstream engine 'e{new}' is linked")
            if chance.random() < 0.5:
                self.await_saved(new)
                known = new
            self.names.kill()
            self.pod.kill().start()
            self.stale("no name server answered", to=self.pod.address)
            status = self.await_status(lambda s, known=known: s["online_engines"] >= known, to=self.pod.address)
            self.assertLessEqual(status["online_engines"], new)
            self.names.start()
            self.await_online(new)
            self.await_saved(new)
            known = new
        self.await_live("fn", 6)


class AloneTest(NetTest):
    """A controller, a node gateway and the cluster's gateway below it, of which the upper two go away."""

    def test_a_newcomer_is_found_and_served_from_the_cache_while_those_above_are_away(self):
        self.names.says(engines=self.addresses(1))
        self.names.start()
        self.engines_at(1)
        self.top = self.controller()
        self.site = self.gateway("site")
        self.pod = self.pod_gateway(self.dns(), up=self.site.address)
        self.await_online(1)
        self.publish("fn@1", module("counter-1"))
        for tier in (self.top, self.site):
            tier.kill()
        [new] = self.engines_at(2)
        self.names.says(engines=self.addresses(1, 2))
        new.await_line("service fn@1 release 1: live")
        self.await_live("fn", 2, to=self.pod.address)
        self.assertEqual(self.call("fn", at="e2", to=self.pod.address), "1 1")
        with self.subTest("also from that of a gateway that has restarted since"):
            self.pod.kill().start()
            [newer] = self.engines_at(3)
            self.names.says(engines=self.addresses(1, 2, 3))
            newer.await_line("service fn@1 release 1: live")
        with self.subTest("and those above learn of it when they are back"):
            for tier in (self.top, self.site):
                tier.start()
            self.await_live("fn", 3)


if __name__ == "__main__":
    unittest.main()
