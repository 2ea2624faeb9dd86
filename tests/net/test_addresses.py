"""Addresses that lose their name, and that somebody else has next: a new engine, one of another fleet, a server of something else."""

import os
import unittest

from net import PORT, SLOW, NetTest, Process, dialled, long_run, module

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr notice;
events {{ }}
http {{ access_log off; server {{ listen {ip}:{port}; return 200 "here\\n"; }} }}
"""


class GoneTest(NetTest):
    def named_and_not(self):
        """e1 and e2 are linked, and e1 has no name any more."""
        self.names.says(engines=self.addresses(1, 2))
        self.names.start()
        self.engines_at(1, 2)
        self.small_cluster(self.dns())
        self.await_online(2)
        self.publish("slow@1", self.compiled("slow", SLOW))
        self.publish("fn@1", module("counter-1"))

    def unname_e1(self):
        self.names.says(engines=self.addresses(2))
        self.await_member(self.nodes.address(1), lambda row: row["sources"] == [])

    def test_an_engine_whose_address_has_no_name_any_more_keeps_its_link_and_its_calls(self):
        self.named_and_not()
        path = self.folder / "call"
        for fifo in (path, path.with_suffix(".go")):
            os.mkfifo(fifo)
        under_way = self.start_command("call", "slow", "--data", path, "--at", "e1", "--timeout", "30s")
        with open(path) as said:
            self.assertEqual(said.readline(), "begun\n")
            self.unname_e1()
            self.assertEqual(self.call("fn", at="e1"), "1 1")
            path.with_suffix(".go").write_text("go")
            self.assertEqual(said.readline(), "let go\n")
        self.assertEqual(under_way.await_end(), 0)
        self.assertEqual(self.member(self.nodes.address(1))["state"], "linked")
        self.publish("fn@2", module("counter-2"))
        self.await_live("fn", 2, version="2")
        self.assertEqual((self.links_ended(), self.linked("e1")), ([], 1))

    @long_run
    def test_it_keeps_them_also_when_it_would_be_dialled_no_more(self):
        self.named_and_not()
        self.unname_e1()
        with self.assertRaises(AssertionError):  # time itself is under test: one that is named no more is dialled for 30 s
            self.pod.await_line("the link to engine 'e1' ended", timeout=40)
        self.assertEqual(self.call("fn", at="e1"), "1 1")
        self.assertEqual(self.linked("e1"), 1)

    def test_an_engine_that_gets_its_name_back_is_the_same_with_the_same_link(self):
        self.named_and_not()
        self.unname_e1()
        self.names.says(engines=self.addresses(1, 2))
        self.await_member(self.nodes.address(1), lambda row: row["sources"] != [])
        self.assertEqual((self.links_ended(), self.linked("e1")), ([], 1))


class ReusedTest(NetTest):
    """e1 ends, and its address, which keeps its name, is somebody else's."""

    def setUp(self):
        super().setUp()
        self.ip = self.nodes.address(1)
        self.names.says(engines=self.addresses(1, 2))
        self.names.start()
        self.first, self.second = self.engines_at(1, 2)
        self.small_cluster(self.dns())
        self.await_online(2)
        self.publish("fn@1", module("counter-1"))
        self.first.kill()
        self.await_online(1)

    def refused(self, why):
        """The newcomer was refused, `members` says so, and nothing else has changed."""
        self.pod.await_line(lambda line: f"no link to {dialled(self.ip)}" in line and why in line)
        row = self.await_member(self.ip, lambda row: row["state"] == "refused")
        self.assertIn(why, row["why"])
        self.assertEqual(row["id"], "")
        status = self.status()
        self.assertEqual((status["known_engines"], status["online_engines"]), (2, 1))
        self.publish("fn@2", module("counter-2"))
        self.assertEqual(self.call("fn", at="e2"), "2 1")

    def test_another_engine_there_is_another_engine(self):
        self.engine_at("new", self.ip)
        self.await_online(2)
        self.await_live("fn", 2)
        self.assertEqual(self.call("fn", at="new"), "1 1")
        rows = self.engines_by_id()
        self.assertEqual({name: row["online"] for name, row in rows.items()}, {"e1": False, "e2": True, "new": True})
        self.assertEqual(self.member(self.ip)["id"], "new")

    def test_the_engine_that_was_there_is_the_same_at_another_address(self):
        self.names.says(engines=self.addresses(2, 3))
        self.engine_at("e1", self.nodes.address(3))
        self.await_live("fn", 2)
        status = self.status()
        self.assertEqual((status["known_engines"], status["online_engines"]), (2, 2))

    def test_an_engine_of_another_fleet_there_is_refused_and_never_given_a_release(self):
        other = self.engine_at("other", self.ip, more=["--fleet", "theirs"])
        self.refused("fleet 'default' is not 'theirs'")
        other.await_line("refused gateway 'pod': fleet 'default' is not 'theirs'")
        self.assertFalse(other.program.said("service "), other.program.lines)
        self.assertNotIn("other", self.engines_by_id())
        with self.subTest("and when it has gone, ours is found there"):
            other.stop()
            self.engine_at("new", self.ip)
            self.await_live("fn", 2, version="2")

    def test_an_engine_of_another_fleet_that_has_its_own_gateway_is_not_disturbed(self):
        to = f"unix:{self.folder}/their-top.sock"
        self.tier("controller", "their-top", ["--fleet", "theirs", "--state", self.folder / "their-top", "--listen", to])
        self.gateway("their-pod", "--fleet", "theirs", "--members", f"static:{dialled(self.ip)}", up=to, prefix=self.gate.prefix)
        other = self.engine_at("other", self.ip, more=["--fleet", "theirs"])
        other.await_line("upstream gateway 'their-pod' is linked")
        self.refused("")
        self.assertFalse(other.program.said("ended: "), other.program.lines)
        self.assertFalse(other.program.said("service "), other.program.lines)

    def test_a_server_of_http_there_is_refused(self):
        conf = self.folder / "nginx.conf"
        conf.write_text(NGINX.format(folder=self.folder, ip=self.ip, port=PORT))
        server = Process(*self.nodes.prefix, "nginx", "-c", conf)
        self.addCleanup(server.close)
        server.await_line("getrlimit")
        self.assertEqual(self.nodes.run("curl", "-sS", f"http://{self.ip}:{PORT}/"), "here\n")
        self.refused("")


if __name__ == "__main__":
    unittest.main()
