"""An engine with two addresses, in a name that has both: it is one member, and one of its links is enough."""

import unittest

from net import NetTest, module


class TwoAddressesTest(NetTest):
    def setUp(self):
        super().setUp()
        self.both = [self.nodes.address(1), self.nodes.address6(1)]
        self.names.says(engines=self.both)
        self.names.start()
        self.engine = self.engine_at("both", *self.both)

    def states(self):
        """Of its two addresses, in one answer."""
        members = self.sources_and_members()[1]
        return sorted((row["state"], row["id"]) for row in members.values())

    def test_an_engine_of_both_families_is_one_member_with_one_link(self):
        self.small_cluster(self.dns())
        self.publish("fn@1", module("counter-1"), wait=False)
        self.await_live("fn", 1)
        for ip in self.both:  # the second one has been tried once it is known whose it is
            self.await_member(ip, lambda row: row["id"] == "both")
        said = len(self.engine.program.lines)
        with self.assertRaises(AssertionError):  # time itself is under test: the link stays, over several polls and tries
            self.engine.await_line("ended: ", timeout=3, after=said)
        self.assertEqual(self.states(), [("elsewhere", "both"), ("linked", "both")])
        status = self.status()
        self.assertEqual((status["known_engines"], status["online_engines"]), (1, 1))
        self.assertEqual(len(self.gate.sockets("established")), 1)
        self.assertLessEqual(self.linked("both"), 2, "two handshakes may have been under way at once")

    def test_an_engine_whose_second_address_gets_a_name_keeps_its_link(self):
        self.names.says(engines=self.both[:1])
        self.small_cluster(self.dns())
        self.await_online(1)
        self.names.says(engines=self.both)
        self.await_member(self.both[1], lambda row: row and row["id"] == "both")
        self.assertEqual(self.states(), [("elsewhere", "both"), ("linked", "both")])
        self.assertEqual((self.links_ended(), self.linked("both")), ([], 1))

    def test_the_other_address_is_dialled_when_the_link_is_lost(self):
        self.small_cluster(self.dns())
        self.await_online(1)
        self.names.says(engines=self.both[:1])
        self.engine.kill()
        self.await_online(0)
        self.engine_at("both", self.both[1])
        self.await_online(1)


if __name__ == "__main__":
    unittest.main()
