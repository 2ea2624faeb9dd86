"""A name of more addresses than one answer holds, most of them of nobody."""

import unittest

from net import NetTest, dialled, module

ALL = 5000
LIVING = range(200, ALL, 400)


class ManyAddressesTest(NetTest):
    def test_of_a_name_that_every_server_cuts_the_living_are_linked_and_the_source_is_incomplete(self):
        self.names.says(engines=self.addresses(*range(1, ALL + 1)))
        self.names.start()
        living = {dialled(self.nodes.address(n)): f"e{n}" for n in LIVING}
        self.engines_at(*LIVING)
        self.small_cluster(self.dns("engines", "min_ms=1000"))
        why = "the answer for engines.pod.test is cut: 4093 addresses of more"  # as many as 65,535 bytes hold beside the question
        self.await_status(lambda s: any("is stale since" in line and why in line for line in s["notices"]))
        self.publish("fn@1", module("counter-1"), wait=False)

        def all_linked():
            """What is linked, once it is all that lives of what is named. dnsmasq leaves out others each time."""
            sources, members = self.sources_and_members()
            linked = {address: row["id"] for address, row in members.items() if row["state"] == "linked"}
            named = {address: name for address, name in living.items() if address in members}
            return linked == named and (sources, linked)

        sources, linked = self.awaited(all_linked)
        self.await_live("fn", len(linked))
        [source] = sources.values()
        self.assertEqual(source["state"], "stale source")
        self.assertIn(why, source["why"])
        self.assertGreaterEqual(source["named"], 4093)
        with self.subTest("and the others come when the name is whole"):
            self.names.says(engines=self.addresses(*LIVING))
            self.await_live("fn", len(LIVING))
            self.await_status(lambda s: not s["notices"])
            self.assertEqual(self.sources_and_members()[0][source["sources"][0]]["named"], len(LIVING))
            self.assertEqual(self.links_ended(), [])


if __name__ == "__main__":
    unittest.main()
