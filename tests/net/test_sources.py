"""Sources beside DNS: lists and files, on the command line and in TOML, together with DNS; and what is wrong with how one is written."""

import os
import unittest

from net import DOMAIN, REFUSED, USAGE, NetTest, Program, dialled, environment, module

LOOK = 1.0  # seconds from look to look at a file


class SourcesTest(NetTest):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "members"

    def write(self, *numbers, more=b""):
        """As programs write files that others read."""
        new = self.file.with_suffix(".new")
        new.write_bytes("".join(f"{dialled(ip)}\n" for ip in self.addresses(*numbers)).encode() + more)
        new.rename(self.file)

    def listed(self, *numbers):
        return "static:" + ",".join(dialled(ip) for ip in self.addresses(*numbers))

    def by_address(self):
        """{number of the address: (id, its sources)}"""
        members = self.sources_and_members()[1]
        return {n: (members[dialled(self.nodes.address(n))]["id"], members[dialled(self.nodes.address(n))]["sources"])
                for n in range(1, 10) if dialled(self.nodes.address(n)) in members}

    def test_an_engine_that_two_sources_name_is_one_member_with_both(self):
        self.write(1, 2)
        self.names.says(engines=self.addresses(2, 3))
        self.names.start()
        self.engines_at(1, 2, 3)
        file, dns = f"file:{self.file}", self.dns()
        self.small_cluster(file, dns)
        self.await_online(3)
        self.await_member(self.nodes.address(2), lambda row: len(row["sources"]) == 2)
        self.assertEqual(self.by_address(), {1: ("e1", [file]), 2: ("e2", sorted([file, dns])), 3: ("e3", [dns])})
        self.assertEqual(self.linked("e2"), 1)
        self.publish("fn@1", module("counter-1"))
        with self.subTest("and stays one with either"):
            self.write(1)
            self.await_member(self.nodes.address(2), lambda row: row["sources"] == [dns])
            self.names.says(engines=self.addresses(3))
            self.await_member(self.nodes.address(2), lambda row: row["sources"] == [])
            self.assertEqual((self.links_ended(), self.call("fn", at="e2")), ([], "1 1"))

    def test_lists_and_files_may_stand_on_the_command_line_or_in_toml(self):
        self.write(2)
        config = self.folder / "gateway.toml"
        config.write_text(f'members = ["{self.listed(3)}", "file:{self.file}"]\nlog-level = "info"\n')
        self.engines_at(1, 2, 3, 4)
        for where, members, more, found in (("command line", [self.listed(1), f"file:{self.file}"], [], 2),
                                            ("TOML", [], ["--config", config], 2),
                                            ("both: flags win", [self.listed(1, 2, 4)], ["--config", config], 3)):
            with self.subTest(where=where):
                self.top = self.controller(state=self.folder / where[:4])
                self.pod = self.pod_gateway(*members, more=more, cache=self.folder / f"cache-{where[:4]}")
                self.await_online(found)
                self.pod.stop()
                self.top.stop()

    def test_one_source_in_toml_may_be_a_string(self):
        config = self.folder / "gateway.toml"
        config.write_text(f'members = "{self.listed(1)}"\n')
        self.engines_at(1)
        self.small_cluster()
        self.pod.stop()
        self.pod = self.pod_gateway(more=["--config", config])
        self.await_online(1)

    def test_a_file_that_changes_is_read_again(self):
        self.write(1)
        self.engines_at(1, 2)
        self.small_cluster(f"file:{self.file}")
        self.await_online(1)
        self.write(1, 2, more=b"# and a word about it\n\n  \t\r\n")
        self.await_online(2)
        self.write(2)
        self.await_member(self.nodes.address(1), lambda row: row["sources"] == [])
        self.assertEqual(self.links_ended(), [])

    def test_a_file_behind_a_link_to_another_folder_is_read_again_when_the_link_changes(self):
        for name, number in (("one", 1), ("two", 2)):
            (self.folder / name).mkdir()
            (self.folder / name / "members").write_text(dialled(self.nodes.address(number)))
        (self.folder / "now").symlink_to("one")
        self.engines_at(1, 2)
        self.small_cluster(f"file:{self.folder}/now/members")
        self.await_online(1)
        (self.folder / "next").symlink_to("two")
        (self.folder / "next").rename(self.folder / "now")
        self.await_online(2)

    def test_a_file_that_is_gone_broken_or_too_large_takes_nobody_away(self):
        self.write(1, 2)
        self.engines_at(1, 2)
        self.small_cluster(f"file:{self.file}")
        self.await_online(2)

        def noise():
            self.write(2, more=os.urandom(10000) + b"\n" + b"x" * 100000)

        def large():
            self.write(1, more=b"#" * (8 << 20))

        def folder():
            self.file.unlink()
            self.file.mkdir()

        for name, breaks, why in (("gone", lambda: self.file.unlink(), "No such file or directory"),
                                  ("noise", noise, "must begin with tcp://"), ("large", large, "it is larger than 8 MiB"),
                                  ("empty", lambda: self.write(), "has no address"), ("a folder", folder, "it is not a file")):
            with self.subTest(name):
                breaks()
                self.await_status(lambda s, why=why: any(f"source 'file:{self.file}' is stale since" in line and why in line
                                                         for line in s["notices"]))
                [source] = self.sources_and_members()[0].values()
                self.assertEqual((source["state"], source["named"]), ("stale source", 2))
        self.file.rmdir()
        self.write(2)
        self.await_status(lambda s: not s["notices"])
        self.assertEqual((self.links_ended(), self.status()["online_engines"]), ([], 2))

    def test_an_address_that_is_none_keeps_nobody_else_away(self):
        self.write(1, more=b"not an address\ntcp://10.1.2.3\nhttp://10.1.2.3:80\n\xff\xfe\n")
        self.engines_at(1)
        self.small_cluster(f"file:{self.file}")
        self.await_online(1)
        sources, _ = self.sources_and_members()
        self.assertEqual([row["state"] for row in sources.values()], ["stale source"])
        for row in sources.values():
            self.assertRegex(row["why"], r"^address 'not an address' ")


class WrongUseTest(NetTest):
    """What is wrong with a source is said at once, in a sentence, with the exit code of wrong usage."""

    def ended(self, *members, more=()):
        """The exit code of a gateway of these sources, and what it said last."""
        words = [word for source in members for word in ("--members", source)]
        program = Program("gateway", "--listen", f"unix:{self.folder}/g.sock", *words, *more, env=environment())
        self.addCleanup(program.close)
        return program.await_end(), "\n".join(program.lines)

    def test_a_source_that_is_wrong_ends_the_program_with_2_and_a_sentence(self):
        for source, why in (("engines", "'engines' is no source of members; one is dns:NAME:PORT, for example"),
                            ("", "'' is no source of members"),
                            ("consul:engines", "there is no source 'consul:'; there are static, file, dns, srv, kubernetes and docker"),
                            ("dns:", "source 'dns:'"),
                            ("dns:a..b", "the name 'a..b' has two dots in a row"),
                            ("dns:engines:", "a port is a number from 1 to 65535"),
                            ("dns:engines:70700", "a port is a number from 1 to 65535"),
                            ("dns:[::1", "is no IPv6 address in brackets"),
                            ("dns:engines?min_ms=1", "option 'min_ms'"),
                            ("dns:engines?min_ms=ten", "option 'min_ms'"),
                            ("dns:engines?min_ms=2000&max_ms=1000", "option 'min_ms' is more than 'max_ms'"),
                            ("dns:engines?server=dns.test", "option 'server': 'dns.test' is no IP address"),
                            ("dns:engines?family=5", "option 'family' is 4 or 6"),
                            ("dns:engines?ttl=5", "option 'ttl'"),
                            ("dns:engines?min_ms=500&min_ms=500", "option 'min_ms'"),
                            ("dns:engines?min_ms", "source 'dns:engines?min_ms'"),
                            (f"dns:{'a' * 64}.test", "source 'dns:"),
                            (f"dns:engines?server={'1' * 2048}", "a source of members has at most 2048 bytes"),
                            ("srv:_engine._tcp.pod.test:7070", "a service has none in its name"),
                            ("srv:10.0.0.1", "an IP address has no SRV records"),
                            ("file:members", "the path of a file begins with '/'"),
                            ("static:tcp://10.0.0.1:7070,,tcp://10.0.0.2:7070", "an address is empty"),
                            ("static:tcp://10.0.0.1:7070,nonsense", "source 'static:tcp://10.0.0.1:7070,nonsense': address 'nonsense' ")):
            with self.subTest(source=source):
                code, said = self.ended(source)
                self.assertEqual(code, USAGE, said)
                self.assertIn(why, said)
                self.assertRegex(said, r"^pinnate gateway: ")

    def test_a_source_that_is_there_twice_is_refused(self):
        code, said = self.ended(f"dns:engines.{DOMAIN}", f"dns:engines.{DOMAIN}")
        self.assertEqual(code, REFUSED, said)
        self.assertIn(f"members are looked for at 'dns:engines.{DOMAIN}' already", said)

    def test_sources_in_toml_that_are_no_texts_are_named_with_their_line(self):
        config = self.folder / "gateway.toml"
        config.write_text("\nmembers = [1]\n")
        code, said = self.ended(more=["--config", config])
        self.assertEqual(code, USAGE, said)
        self.assertIn(f"{config}, line 2: 'members' must be a string", said)

    def test_members_are_a_matter_of_gateways(self):
        config = self.folder / "engine.toml"
        config.write_text(f'members = ["dns:engines.{DOMAIN}"]\n')
        program = Program("engine", "--listen", f"unix:{self.folder}/e.sock", "--config", config, env=environment())
        self.addCleanup(program.close)
        self.assertEqual(program.await_end(), USAGE)
        self.assertTrue(program.said("'members' means nothing to this tier"), program.lines)


if __name__ == "__main__":
    unittest.main()
