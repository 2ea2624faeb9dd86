"""Engines that a gateway finds by names: A, AAAA and SRV, as resolv.conf says or asked of one server; and how soon."""

import time
import unittest

from net import DOMAIN, Bind, NetTest, NameServer, dialled, module

POLL = 1.1  # seconds from look to look by default, of which a tenth is chance


class DnsTest(NetTest):
    def test_engines_behind_a_name_are_linked_and_given_what_is_published(self):
        self.names.says(engines=self.addresses(1, 2, 3))
        self.names.start()
        self.engines_at(1, 2, 3)
        self.small_cluster(self.dns())
        self.publish("fn@1", module("counter-1"), wait=False)
        self.await_live("fn", 3)
        sources, members = self.sources_and_members()
        self.assertEqual({address: (row["state"], row["id"], row["sources"]) for address, row in members.items()},
                         {dialled(self.nodes.address(n)): ("linked", f"e{n}", [self.dns()]) for n in (1, 2, 3)})
        self.assertEqual((sources[self.dns()]["state"], sources[self.dns()]["named"]), ("source", 3))
        self.assertEqual(self.call("fn", at="e2"), "1 1")

    def test_engines_of_either_family_are_found(self):
        six = self.nodes.address6(2)
        self.names.says(engines=[self.nodes.address(1), six])
        self.names.start()
        self.engines_at(1)
        self.engine_at("six", six)
        self.small_cluster(self.dns())
        self.publish("fn@1", module("counter-1"), wait=False)
        self.await_live("fn", 2)
        self.assertEqual((self.member(six)["state"], self.member(six)["id"]), ("linked", "six"))

    def test_an_engine_of_both_families_whose_one_family_fails_is_linked_by_the_other(self):
        both = [self.nodes.address(1), self.nodes.address6(1)]
        self.names.says(engines=both)
        self.names.start()
        self.engine_at("both", both[1])
        self.small_cluster(self.dns())
        self.await_online(1)
        self.assertEqual(self.member(both[1])["state"], "linked")

    def test_a_name_is_searched_for_in_the_domains_of_resolv_conf(self):
        self.names.says(engines=self.addresses(1), **{"far.off.engines": self.addresses(2)})
        self.names.start()
        self.gate.resolv_conf(f"nameserver {self.names.host.ip}\nsearch elsewhere.test {DOMAIN}\noptions ndots:3\n")
        self.engines_at(1, 2)
        self.small_cluster("dns:engines?min_ms=200", "dns:far.off.engines?min_ms=200")  # fewer dots than three: not asked for as it is
        self.await_online(2)
        sources, members = self.sources_and_members()
        self.assertEqual({row["state"] for row in sources.values()}, {"source"})
        self.assertEqual(members[dialled(self.nodes.address(2))]["sources"], ["dns:far.off.engines?min_ms=200"])

    def test_a_name_that_ends_in_a_dot_is_searched_for_nowhere(self):
        self.names.says(engines=self.addresses(1))
        self.names.start()
        self.gate.resolv_conf(f"nameserver {self.names.host.ip}\nsearch {DOMAIN}\n")
        self.engines_at(1)
        self.small_cluster("dns:engines.?min_ms=200", f"dns:engines.{DOMAIN}.?min_ms=200")
        self.await_online(1)
        self.assertEqual(self.member(self.nodes.address(1))["sources"], [f"dns:engines.{DOMAIN}.?min_ms=200"])

    def test_a_resolv_conf_that_changes_is_followed(self):
        other = NameServer(self.net["nodes"], self.folder, "other")
        self.addCleanup(other.kill)
        self.names.says(engines=self.addresses(1))
        other.says(engines=self.addresses(1, 2))
        for server in (self.names, other):
            server.start()
        self.gate.resolv_conf(f"nameserver {self.names.host.ip}\nsearch {DOMAIN}\n")
        self.engines_at(1, 2)
        self.small_cluster("dns:engines?min_ms=200")
        self.await_online(1)
        self.gate.resolv_conf(f"nameserver {other.host.ip}\nsearch {DOMAIN}\n")
        self.await_online(2)
        self.assertEqual(self.links_ended(), [])

    def test_a_gateway_that_began_without_any_name_server_finds_it_in_resolv_conf_later(self):
        self.gate.resolv_conf("# not known yet\n")
        self.engines_at(1)
        self.small_cluster("dns:engines?min_ms=200")
        self.await_notice("source 'dns:engines?min_ms=200' is stale since ", to=self.pod.address)
        self.names.says(engines=self.addresses(1))
        self.names.start()
        self.gate.resolv_conf(f"nameserver {self.names.host.ip}\nsearch {DOMAIN}\n")
        self.await_online(1)

    def test_a_service_says_the_ports(self):
        bind = Bind(self.net["dns"], self.folder)
        self.addCleanup(bind.close)
        host = [f"host{n} A {self.nodes.address(n)}" for n in (1, 2, 3)]
        bind.start("_engine._tcp SRV 0 0 7071 host1", "_engine._tcp SRV 0 0 7072 host2", *host)
        for n in (1, 2, 3):
            self.tier("engine", f"e{n}", ["--listen", f"insecure+tcp://{self.nodes.address(n)}:{7070 + n}"], prefix=self.nodes.prefix)
        source = f"srv:_engine._tcp.{DOMAIN}?server={bind.host.ip}&min_ms=200"
        self.small_cluster(source)
        self.await_online(2)
        bind.says("_engine._tcp SRV 0 0 7072 host2", "_engine._tcp SRV 0 0 7073 host3", *host)
        self.await_online(3)
        self.await_member(self.nodes.address(1), lambda row: row is None)  # another port than a member's usual one
        members = self.sources_and_members()[1]
        self.assertEqual({address: (row["id"], row["state"], row["sources"]) for address, row in members.items()},
                         {dialled(self.nodes.address(1), 7071): ("e1", "linked", []),
                          dialled(self.nodes.address(2), 7072): ("e2", "linked", [source]),
                          dialled(self.nodes.address(3), 7073): ("e3", "linked", [source])})


class SoonTest(NetTest):
    """How long things take: time itself is under test."""

    def test_a_new_engine_is_live_within_a_poll_after_it_has_a_name(self):
        source = f"dns:engines.{DOMAIN}?server={self.names.host.ip}"
        self.names.says(engines=self.addresses(1))
        self.names.start()
        self.engines_at(1)
        self.small_cluster(source)
        self.await_online(1)
        self.publish("fn@1", module("counter-1"))
        for n in (2, 3, 4):
            [new] = self.engines_at(n)
            self.names.says(engines=self.addresses(*range(1, n + 1)))
            named = time.monotonic()
            new.await_line("service fn@1 release 1: live")
            self.assertLess(time.monotonic() - named, POLL + 1)  # the machine may be busy; report.sh says how soon exactly

    def test_names_that_may_be_kept_longer_are_asked_for_less_often(self):
        source = f"dns:engines.{DOMAIN}?server={self.names.host.ip}&min_ms=100"
        self.names.says(engines=self.addresses(1))
        self.names.start(ttl=2)
        self.engines_at(1)
        self.small_cluster(source)
        self.await_online(1)
        [new] = self.engines_at(2)
        self.names.says(engines=self.addresses(1, 2))
        named = time.monotonic()
        new.await_line("upstream gateway 'pod' is linked")
        self.assertLess(time.monotonic() - named, 2 * POLL + 1)


if __name__ == "__main__":
    unittest.main()
