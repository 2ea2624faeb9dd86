"""Peers that break the rules of lib/wire/PROTOCOL.md: what they meet, and that nobody else notices."""

import hashlib
import pathlib
import struct
import unittest

import pinnate_wire as wire
from pinnate_wire import CLIENT, ENGINE, GATEWAY, Desired, EngineStatus, Ended, Ping, Pong, Refuse
from programs import LIMIT, WireTest, end

REFUSED, CONFLICT, TIMEOUT, CORRUPT, INCOMPATIBLE, UNSUPPORTED = 4, 3, 6, 12, 13, 21
MIB = 1 << 20


class MisbehavingPeerTest(WireTest):
    """Each does its worst to a gateway that stands alone; another engine is linked to it all the time and must not notice."""

    def setUp(self):
        super().setUp()
        self.gateway = self.start_gateway()
        self.good = self.join("gate", ENGINE, "good")
        self.is_well()

    def tearDown(self):
        self.is_well()

    def is_well(self):
        self.good.send(wire.GetStatus(1, "", False, False))
        report = self.good.receive(wire.StatusReport, where=lambda m: m.id == 1)
        self.assertEqual(report.tier, "gate")
        self.assertGreaterEqual(report.online, 1)

    def refusal(self, link):
        """Of a link that the gateway ends in words."""
        refuse = link.read_to_end()
        self.assertIsInstance(refuse, Refuse)
        return refuse

    def refused_greeting(self, **hello):
        link = self.dial("gate")
        with self.assertRaises(Ended) as ended:
            link.greet(wire.hello(ENGINE, "bad")._replace(**hello))
        self.assertIsNotNone(ended.exception.refusal)
        self.assertFalse([m for m in link.pending if isinstance(m, wire.Hello)], "a stranger is not told who is here")
        return ended.exception.refusal

    # ---- the handshake ----

    def test_of_another_fleet_is_refused_in_words(self):
        refuse = self.refused_greeting(fleet="elsewhere")
        self.assertEqual(refuse.code, REFUSED)
        self.assertIn("elsewhere", refuse.reason)

    def test_of_an_incompatible_version_is_refused_in_words(self):
        refuse = self.refused_greeting(version_min=2, version_max=9)
        self.assertEqual(refuse.code, INCOMPATIBLE)
        self.assertIn("2 to 9", refuse.reason)
        self.join("gate", ENGINE, "newer", version_min=0, version_max=9)  # whose range holds ours is welcome

    def test_with_an_unknown_tenant_or_authentication_is_refused(self):
        self.assertEqual(self.refused_greeting(tenant="them").code, REFUSED)
        self.assertEqual(self.refused_greeting(auth_method="password", auth_payload=b"1234").code, REFUSED)

    def test_with_a_malformed_name_is_refused(self):
        for wrong in (dict(id=""), dict(id="a b"), dict(id="x" * 128), dict(fleet="\n"), dict(labels={"": "x"}), dict(platform=""),
                      dict(labels={"k": "v" * 64})):
            self.assertNotEqual(self.refused_greeting(**wrong).code, 0, wrong)

    def test_on_the_wrong_side_is_refused(self):
        self.assertEqual(self.refused_greeting(facing=2).code, REFUSED)  # an engine above a gateway
        self.assertEqual(self.refused_greeting(role=GATEWAY, facing=0, platform="").code, REFUSED)

    def test_that_speaks_before_the_handshake_is_refused(self):
        for early in (Ping(1), wire.Welcome({}), EngineStatus(wire.NOWHERE, [], ""), wire.GetStatus(1, "", False, False)):
            link = self.dial("gate")
            link.send(early)
            self.assertEqual(self.refusal(link).code, REFUSED)

    def test_that_greets_twice_is_refused(self):
        link = self.join("gate", ENGINE, "bad")
        link.send(wire.hello(ENGINE, "bad"))
        self.assertEqual(self.refusal(link).code, REFUSED)

    def test_that_sends_nothing_is_refused_within_the_limit_of_the_handshake(self):
        silent, half = self.dial("gate"), self.dial("gate")
        half.send(wire.hello(ENGINE, "half"))  # and no Welcome
        for link in (silent, half):
            refuse = self.refusal(link)
            self.assertEqual(refuse.code, TIMEOUT)
            self.assertIn("handshake", refuse.reason)

    def test_of_an_id_that_is_linked_is_refused_and_status_shows_both(self):
        refuse = self.refused_greeting(id="good")
        self.assertEqual(refuse.code, CONFLICT)
        self.assertIn("good", refuse.reason)
        self.good.send(wire.GetStatus(2, "", False, False))
        report = self.good.receive(wire.StatusReport, where=lambda m: m.id == 2)
        self.assertEqual(report.online, 1)
        self.assertTrue([n for n in report.notices if "two tiers call themselves 'good'" in n], report.notices)

    def test_of_the_same_life_takes_the_place_of_its_older_link(self):
        life = dict(incarnation=77)
        older = self.join("gate", ENGINE, "mover", **life)
        self.join("gate", ENGINE, "mover", **life)
        self.assertEqual(self.refusal(older).code, CONFLICT)

    def test_may_call_itself_like_another_client(self):
        for _ in range(2):
            self.join("gate", CLIENT, "operator", incarnation=1)

    # ---- frames ----

    def test_that_sends_garbage_is_cut_off(self):
        for garbage in (b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 500,
                        b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff" * 4096, bytes(4096)):
            link = self.dial("gate")
            link.send_bytes(garbage)
            self.assertIsNone(link.read_to_end())
            self.assertEqual(link.pending, [])

    def test_that_sends_a_malformed_frame_is_cut_off(self):
        ping = wire.encode(Ping(1))
        for bad in (struct.pack(">HBBI", 16385, 0, 1, 0) + b"x" * 16385, struct.pack(">HBBI", 0, 0, 1, 0), wire.frame(ping, 3, 1, 1),
                    wire.frame(ping, 0, 5, 0), wire.frame(ping, 0, 1, 1), wire.frame(ping, 1, 1, 0), wire.frame(b"xyz", 0, 2, 0),
                    b"".join(wire.frame(b"x", 1, 0, stream) for stream in range(1, 18)),
                    b"".join(wire.frame(b"x" * 16384, 1, 0, stream) for stream in (1, 2) for _ in range(7))):
            link = self.join("gate", ENGINE, "bad")
            link.send_bytes(bad)
            self.assertIsNone(link.read_to_end())

    def test_that_closes_in_the_middle_of_a_frame_is_lost(self):
        watch = self.watch("gate")
        link = self.join("gate", ENGINE, "bad")
        watch.await_status(lambda s: s["online_engines"] == 2)
        link.send_bytes(wire.frame(wire.encode(EngineStatus(wire.NOWHERE, [], "notice")))[:-3])
        link.close()
        watch.await_status(lambda s: s["online_engines"] == 1 and s["known_engines"] == 2)

    # ---- messages ----

    def test_that_sends_what_is_not_a_message_is_refused_in_words(self):
        nested = b"\x92\x42" + b"\x91" * 50 + b"\x90"
        for bad, word in ((b"\xc1", "msgpack"), (b"hello", ""), (b"\x80", "array"), (b"\x90", "array"), (wire.pack([4, 1]) + b"\xc0", "after its end"),
                          (wire.pack([4]), "type 4"), (wire.pack([4, "x"]), "type 4"), (wire.pack([12, []]), "type 12"), (nested, "depth"),
                          (b"\xdd\xff\xff\xff\xff\x04", ""), (b"\x92\x04\xdb\xff\xff\xff\xff", ""), (wire.pack([66] + [0] * 9000), "")):
            link = self.join("gate", ENGINE, "bad")
            link.send_message(bad)
            refuse = self.refusal(link)
            self.assertEqual(refuse.code, CORRUPT, bad[:20])
            self.assertIn(word, refuse.reason)

    def test_that_sends_an_unknown_message_is_refused_unless_it_may_be_ignored(self):
        link = self.join("gate", ENGINE, "later")
        for may_be_ignored in (66, 127, 128, 1 << 40):
            link.send_message(wire.pack([may_be_ignored, {"what": [1.5, None, b"x"]}]))
        link.send(wire.GetStatus(3, "", False, False))
        self.assertEqual(link.receive(wire.StatusReport).id, 3)
        link.send_message(wire.pack([63, "x"]))
        refuse = self.refusal(link)
        self.assertEqual(refuse.code, UNSUPPORTED)
        self.assertIn("63", refuse.reason)

    def test_that_sends_what_is_not_its_to_send_is_refused(self):
        for role, wrong in ((ENGINE, Desired(wire.NOWHERE, 0, 0, 0, True, [], [])), (ENGINE, wire.Context({})), (CLIENT, EngineStatus(wire.NOWHERE, [], "")),
                            (CLIENT, wire.WantChunk(bytes(32), 0, 0)), (ENGINE, wire.Published(1, 0, "", 1, wire.NOWHERE, True, 0))):
            link = self.join("gate", role, "bad")
            link.send(wrong)
            self.assertEqual(self.refusal(link).code, REFUSED, wrong)

    # ---- memory ----

    def test_that_asks_and_never_reads_is_dropped_and_takes_little_memory(self):
        # The shortest answer there is, the usual one, and one message that is answered by much more than it takes to ask.
        for name, asked in (("pings", Ping(1)), ("asks", wire.GetStatus(1, "", False, False)), ("looks", wire.Lookup(1, "", "", "", 0, True, "", 1000, 1000))):
            link = self.join("gate", CLIENT, name)
            before = self.gateway.memory("VmRSS")
            block = wire.frame(wire.encode(asked)) * 1000
            sent = 0
            with self.assertRaises(OSError, msg=name):
                while sent < 512 * MIB:
                    link.send_bytes(block)
                    sent += len(block)
            self.assertLess(self.gateway.memory("VmHWM") - before, 40 * MIB, name)

    def test_that_sends_pieces_and_never_an_end_takes_little_memory(self):
        before = self.gateway.memory("VmRSS")
        link = self.join("gate", CLIENT, "pieces")
        for stream in range(1, 17):
            link.send_bytes(b"".join(wire.frame(b"x" * 16384, 1, 0, stream) for _ in range(6)))
        link.send(wire.GetStatus(1, "", False, False))
        link.receive(wire.StatusReport)  # by now it has read all that
        self.assertLess(self.gateway.memory("VmHWM") - before, 16 * MIB)


class SilentPeerTest(WireTest):
    def test_a_peer_that_answers_no_ping_is_dropped_after_three_heartbeats(self):
        self.start_gateway("--heartbeat", "100ms")
        watch = self.watch("gate")
        link = self.join("gate", ENGINE, "mute")
        link.send = lambda message: None  # not even a Pong
        watch.await_status(lambda s: s["online_engines"] == 1)
        refuse = link.read_to_end()
        self.assertEqual(refuse.code, TIMEOUT)
        self.assertIn("silent", refuse.reason)
        watch.await_status(lambda s: s["online_engines"] == 0 and s["known_engines"] == 1)

    def test_a_peer_that_reads_nothing_at_all_is_dropped_after_three_heartbeats(self):
        self.start_gateway("--heartbeat", "100ms")
        watch = self.watch("gate")
        self.join("gate", ENGINE, "deaf")
        watch.await_status(lambda s: s["online_engines"] == 1)
        watch.await_status(lambda s: s["online_engines"] == 0)

    def test_a_peer_that_answers_pings_stays(self):
        self.start_gateway("--heartbeat", "50ms")
        link = self.join("gate", ENGINE, "lively")
        pings = 0
        while pings < 5:  # a quarter of a second: longer than three heartbeats
            link._take_frame()
            pings += 1
        link.send(wire.GetStatus(1, "", False, False))
        self.assertEqual(link.receive(wire.StatusReport).online, 1)


def noise(size):
    return b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(size // 32 + 1))[:size]


class Upstream:
    """A gateway-like peer above, of ours: has one release."""

    def __init__(self, link, plain, loader, config):
        self.link, self.plain = link, plain
        self.manifest = wire.encode_manifest(wire.make_manifest("zlib", "1", plain, loader=loader))
        self.digest = wire.sha256(self.manifest)
        record = wire.encode_release(wire.Release(1, 1, 1, "zlib", "1", self.digest, "", config, 1700000000000, None, []))
        self.position = wire.Position(1, 1, wire.state_digest(1, 1, {1: record}))
        self.page = Desired(self.position, 0, 0, 0, True, [], [[record, self.manifest]])
        self.asked = []
        link.be_greeted(wire.hello(GATEWAY, "liar", facing=2, position=self.position, labels={"site": "oslo"}))

    def publish(self):
        self.link.send(self.page)
        confirm = self.link.receive(wire.Confirm)
        assert (wire.read(wire.Position, confirm.position), confirm.whole) == (self.position, False), confirm

    def answer_chunk(self, damage=lambda index, encoded: encoded):
        want = self.link.receive(wire.WantChunk)
        self.asked.append(want.index)
        plain = self.plain[want.index * wire.CHUNK : (want.index + 1) * wire.CHUNK]
        self.link.send(wire.ChunkBytes(want.manifest, want.artifact, want.index, 0, "", damage(want.index, wire.encode_chunk(plain))))


class LyingUpstreamTest(WireTest):
    def listen(self):
        path = self.folder / "liar.sock"
        listener = wire.socket.socket(wire.socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(LIMIT)
        return listener

    def accept(self, listener):
        link = wire.Link(listener.accept()[0], LIMIT)
        self.addCleanup(link.close)
        return link

    def test_corrupt_chunks_are_fetched_again_and_the_peer_is_named_and_the_engine_serves(self):
        listener = self.listen()
        self.start("engine", "--id", "real", "--up", self.address("liar"), "--listen", self.address("real")).await_line("engine is running")
        [library] = pathlib.Path("/lib").glob("*/libz.so.1")
        up = Upstream(self.accept(listener), library.read_bytes(), "plain", b"zlibVersion()s")
        self.assertEqual(up.link.peer.role, ENGINE)
        up.publish()
        lies = {0: [lambda e: e[:1] + bytes([e[1] ^ 1]) + e[2:], lambda e: b"\x00" + noise(65536), lambda e: b"", lambda e: b"\x02" + e[1:]],
                1: [lambda e: e + b"x"]}

        def damage(index, encoded):
            return lies[index].pop(0)(encoded) if lies.get(index) else encoded
        chunks = -(-len(up.plain) // wire.CHUNK)
        for _ in range(chunks + 5):
            up.answer_chunk(damage)
        self.assertEqual([up.asked.count(i) for i in range(chunks)], [5, 2] + [1] * (chunks - 2))

        live = up.link.receive(EngineStatus, where=lambda m: any(wire.read(wire.ServiceRow, r).phase == wire.LIVE for r in m.rows))
        self.assertIn("gateway 'liar'", live.notice)
        self.assertIn("chunk", live.notice)
        status = self.watch("real").await_status(lambda s: True)
        self.assertTrue([n for n in status["notices"] if "gateway 'liar'" in n], status["notices"])
        up.link.send(wire.Call(1, "zlib", "", [], 5000, False, b""))
        returned = up.link.receive(wire.Returned)
        self.assertEqual((returned.code, returned.ran), (0, True), returned.reason)
        self.assertRegex(returned.result, rb"^1\.")

    def test_a_desired_state_with_another_digest_is_not_taken(self):
        listener = self.listen()
        engine = self.start("engine", "--id", "real", "--up", self.address("liar"))
        up = Upstream(self.accept(listener), noise(1000), "plain", b"")
        up.link.send(up.page._replace(position=up.position._replace(digest=bytes(32))))
        confirm = up.link.receive(wire.Confirm)
        self.assertTrue(confirm.whole)
        self.assertEqual(wire.read(wire.Position, confirm.position), wire.NOWHERE)
        up.publish()  # the honest one is
        end(engine)

    def test_an_older_desired_state_is_not_taken_after_a_newer_one(self):
        listener = self.listen()
        self.start("engine", "--id", "real", "--up", self.address("liar"))
        up = Upstream(self.accept(listener), noise(1000), "plain", b"")
        up.publish()
        older = wire.Position(1, 0, wire.state_digest(1, 0, {}))
        up.link.send(Desired(older, 0, 0, 0, True, [], []))
        confirm = up.link.receive(wire.Confirm)
        self.assertEqual((wire.read(wire.Position, confirm.position), confirm.whole), (up.position, False))

    def test_more_chunks_wanted_at_once_than_allowed_are_refused(self):
        """Of a gateway whose upstream, ours, never answers."""
        listener = self.listen()
        self.start_gateway("--up", self.address("liar"))
        up = Upstream(self.accept(listener), noise(1000), "plain", b"")
        up.publish()
        link = self.join("gate", ENGINE, "greedy")
        link.receive(Desired)
        for _ in range(256):
            link.send(wire.WantChunk(up.digest, 0, 0))
        link.send(wire.GetStatus(1, "", False, False))
        link.receive(wire.StatusReport)  # 256 are no more than it may
        for _ in range(257):
            link.send(wire.WantChunk(up.digest, 0, 0))
        refuse = link.read_to_end()
        self.assertEqual(refuse.code, REFUSED)
        self.assertIn("256", refuse.reason)
        # However often it was wanted, it was asked for once.
        up.answer_chunk()
        up.link.send(Ping(1))
        up.link.send(wire.Context({}))
        with self.assertRaises(TimeoutError):
            up.link.limit = 0.2
            up.link.receive(wire.WantChunk)

    def test_a_hostile_upstream_is_refused_like_any_other_peer(self):
        listener = self.listen()
        self.start("engine", "--id", "real", "--up", self.address("liar"))
        for bad, code in ((b"\xc1", CORRUPT), (wire.pack([63]), UNSUPPORTED), (wire.encode(EngineStatus(wire.NOWHERE, [], "")), REFUSED)):
            up = Upstream(self.accept(listener), noise(1000), "plain", b"")
            up.link.send_message(bad)
            self.assertEqual(up.link.read_to_end().code, code)
            up.link.close()
        up = Upstream(self.accept(listener), noise(1000), "plain", b"")  # it dials again, and takes what is right
        up.publish()


if __name__ == "__main__":
    unittest.main()
