"""Peers that break the rules of lib/wire/PROTOCOL.md: what they meet, and that nobody else notices."""

import socket
import struct
import time
import unittest

import pinnate_wire as wire
from pinnate_wire import BULK, CLIENT, CONTROLLER, ENGINE, GATEWAY, Desired, EngineStatus, Ended, Ping, Refuse
from programs import WireTest

INVALID, CONFLICT, REFUSED, TIMEOUT, CORRUPT, INCOMPATIBLE, UNSUPPORTED = 1, 3, 4, 6, 12, 13, 21
MIB = 1 << 20


class MisbehavingPeer:
    """Each does its worst to one tier; an engine and the program's `status` are linked to that all the time and must not notice."""

    tier = ""  # its id

    def start_tier(self):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.program = self.start_tier()
        self.good = self.join(self.tier, ENGINE, "good")
        self.is_well()

    def tearDown(self):
        self.is_well()

    def is_well(self):
        self.good.send(wire.GetStatus(1, "", False, False))
        report = self.good.receive(wire.StatusReport, where=lambda m: m.id == 1)
        self.assertEqual(report.tier, self.tier)
        self.assertGreaterEqual(report.online, 1)

    def refusal(self, link):
        """Of a link that the gateway ends in words."""
        refuse = link.read_to_end()
        self.assertIsInstance(refuse, Refuse)
        return refuse

    def refused_greeting(self, **hello):
        link = self.dial(self.tier)
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
        self.join(self.tier, ENGINE, "newer", version_min=0, version_max=9)  # whose range holds ours is welcome

    def test_with_an_unknown_tenant_or_authentication_is_refused(self):
        self.assertEqual(self.refused_greeting(tenant="them").code, REFUSED)
        self.assertEqual(self.refused_greeting(auth_method="password", auth_payload=b"1234").code, REFUSED)

    def test_with_a_malformed_name_is_refused(self):
        for wrong in (dict(id=""), dict(id="a b"), dict(id="x" * 128), dict(fleet="\n"), dict(labels={"": "x"}), dict(platform=""),
                      dict(labels={"k": "v" * 64})):
            self.assertEqual(self.refused_greeting(**wrong).code, INVALID, wrong)
        self.assertEqual(self.refused_greeting(labels={str(i): "" for i in range(65)}).code, CORRUPT)
        self.assertEqual(self.refused_greeting(role=4).code, CORRUPT)

    def test_on_the_wrong_side_is_refused(self):
        for role in (ENGINE, CLIENT):
            self.assertEqual(self.refused_greeting(role=role, facing=2).code, REFUSED)

    def test_that_speaks_before_the_handshake_is_refused(self):
        for early in (Ping(1), wire.Welcome({}), EngineStatus(wire.NOWHERE, [], ""), wire.GetStatus(1, "", False, False), wire.Cancel(1)):
            link = self.dial(self.tier)
            link.send(early)
            self.assertEqual(self.refusal(link).code, REFUSED)

    def test_that_greets_twice_is_refused(self):
        link = self.join(self.tier, ENGINE, "bad")
        link.send(wire.hello(ENGINE, "bad"))
        self.assertEqual(self.refusal(link).code, REFUSED)

    def test_may_speak_of_what_is_not_known_yet_before_the_handshake(self):
        link = self.dial(self.tier)
        link.send_message(wire.pack([66, "later"]))
        link.greet(wire.hello(ENGINE, "later"))

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
        older = self.join(self.tier, ENGINE, "mover", **life)
        self.join(self.tier, ENGINE, "mover", **life)
        self.assertEqual(self.refusal(older).code, CONFLICT)

    def test_may_call_itself_like_another_client_and_say_goodbye(self):
        links = [self.join(self.tier, CLIENT, "operator", incarnation=1) for _ in range(2)]
        links[0].send(wire.Goodbye(True))
        links[0].send(wire.GetStatus(1, "", False, False))  # as it has not closed yet, it is answered
        links[0].receive(wire.StatusReport)
        links[0].socket.shutdown(socket.SHUT_WR)
        self.assertIsNone(links[0].read_to_end())
        links[1].send(wire.GetStatus(1, "", False, False))
        links[1].receive(wire.StatusReport)

    def test_that_says_goodbye_and_stays_is_closed_and_its_id_is_free_at_once(self):
        zombie = self.join(self.tier, ENGINE, "zombie", incarnation=1)
        zombie.send(wire.Goodbye(False))
        began = time.monotonic()
        self.join(self.tier, ENGINE, "zombie", incarnation=2)
        self.assertLess(time.monotonic() - began, 0.9, "its successor waited for it")
        self.assertIsNone(zombie.read_to_end())
        self.assertLess(time.monotonic() - began, 5)

    def test_without_an_incarnation_or_with_needs_that_nobody_knows_is_refused(self):
        self.assertEqual(self.refused_greeting(incarnation=0).code, INVALID)
        refuse = self.refused_greeting(needs=1 << 40)
        self.assertEqual(refuse.code, INCOMPATIBLE)
        self.assertIn(str(1 << 40), refuse.reason)

    def test_with_features_of_a_later_version_is_welcome(self):
        self.join(self.tier, ENGINE, "later", features=(1 << 64) - 1, version_max=7)

    def test_that_is_refused_is_told_the_message_and_the_field(self):
        link = self.join(self.tier, ENGINE, "bad")
        link.send_message(wire.pack([12, list(wire.NOWHERE), [[7, "f", "1", None, True]]]))
        self.assertEqual(self.refusal(link).reason, "a malformed message: EngineStatus.rows[0].phase is nil")
        link = self.join(self.tier, ENGINE, "bad")
        link.send_message(wire.pack([13]))
        refuse = self.refusal(link)
        self.assertEqual((refuse.code, refuse.reason), (REFUSED, "a Rollup from an engine below"))

    def test_that_claims_an_epoch_which_nobody_can_have_reached_is_not_believed(self):
        far = wire.Position(1 << 60, 1 << 60, b"f" * 32)
        link = self.join(self.tier, ENGINE, "liar", position=far)
        link.send(EngineStatus(far, [], ""))
        link.send(wire.Confirm(wire.NOWHERE, 0, False, far))
        link.send(wire.GetStatus(1, "", False, False))
        self.assertLess(link.receive(wire.StatusReport).position[0], 3)
        self.is_well()

    # ---- frames ----

    def test_that_sends_garbage_is_cut_off(self):
        for garbage in (b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 500,
                        b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff" * 4096, bytes(4096)):
            link = self.dial(self.tier)
            link.send_bytes(garbage)
            self.assertIsNone(link.read_to_end())
            self.assertEqual(link.pending, [])

    def test_that_sends_a_malformed_frame_is_cut_off(self):
        ping = wire.encode(Ping(1))
        for bad in (struct.pack(">HBBI", 16385, 0, 1, 0) + b"x" * 16385, struct.pack(">HBBI", 0, 0, 1, 0), wire.frame(ping, 3, 1, 1),
                    wire.frame(ping, 0, 5, 0), wire.frame(ping, 0, 1, 1), wire.frame(ping, 1, 1, 0), wire.frame(b"xyz", 0, 2, 0),
                    wire.frame(bytes(4), 0, 3, 0), wire.frame(struct.pack(">I", wire.MESSAGE + 1), 0, 2, 0),
                    b"".join(wire.frame(b"x", 1, 0, stream) for stream in range(1, 18)),
                    b"".join(wire.frame(b"x" * 16384, 1, 0, stream) for stream in (1, 2) for _ in range(7))):
            link = self.join(self.tier, ENGINE, "bad")
            link.send_bytes(bad)
            self.assertIsNone(link.read_to_end())

    def test_that_closes_in_the_middle_of_a_frame_is_lost(self):
        watch = self.watch(self.tier)
        link = self.join(self.tier, ENGINE, "bad")
        watch.await_status(lambda s: s["online_engines"] == 2)
        link.send_bytes(wire.frame(wire.encode(EngineStatus(wire.NOWHERE, [], "notice")))[:-3])
        link.close()
        watch.await_status(lambda s: s["online_engines"] == 1 and s["known_engines"] == 2)

    def test_that_resets_its_connection_is_lost(self):
        watch = self.watch(self.tier)
        for i in range(20):  # in the handshake, in a message, and with what it never read
            link = wire.dial(self.program.tcp)
            if i % 2:
                link.greet(wire.hello(ENGINE, "bad"))
                link.send(wire.Lookup(1, "", "", "", 0, True, "", 1000, 1000))
            link.send_bytes(wire.frame(b"x" * 16000, wire.CALL, 0, 1)[: 4000 * (i % 4)])
            link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.close()
        watch.await_status(lambda s: s["online_engines"] == 1 and s["known_engines"] == 2)

    # ---- messages ----

    def test_that_sends_what_is_not_a_message_is_refused_in_words(self):
        nested = b"\x92\x42" + b"\x91" * 50 + b"\x90"
        for bad, word in ((b"\xc1", "msgpack"), (b"hello", ""), (b"\x80", "array"), (b"\x90", "array"),
                          (wire.pack([4, 1]) + b"\xc0", "after its end"), (wire.pack([4]), "Ping.nonce is missing"),
                          (wire.pack([4, "x"]), "Ping.nonce is text"), (wire.pack([12, []]), "EngineStatus.rows is missing"), (nested, "depth"),
                          (b"\xdd\xff\xff\xff\xff\x04", ""), (b"\x92\x04\xdb\xff\xff\xff\xff", "")):
            link = self.join(self.tier, ENGINE, "bad")
            link.send_message(bad)
            refuse = self.refusal(link)
            self.assertEqual(refuse.code, CORRUPT, bad[:20])
            self.assertIn(word, refuse.reason)

    def test_may_go_to_the_limits_that_the_page_names_and_not_beyond(self):
        def nested(depth):
            return b"\x92\x42" + b"\x91" * (depth - 2) + b"\x90"
        text = wire.Lookup(1, "", "x" * 4096, "", 0, False, "", 1, 1000)
        filler = wire.MESSAGE - len(wire.pack([66, b"x" * 70000])) + 70000
        for good, bad in ((nested(8), nested(9)), (wire.pack([66] + [0] * 8191), wire.pack([66] + [0] * 8192)),
                          (wire.pack([66, [0] * 8192]), wire.pack([66, [0] * 8193])),
                          (wire.pack([66, {i: i for i in range(64)}]), wire.pack([66, {i: i for i in range(65)}])),
                          (wire.encode(text), wire.encode(text._replace(name="x" * 4097))),
                          (wire.pack([66, b"x" * filler]), wire.pack([66, b"x" * (filler + 1)]))):
            link = self.join(self.tier, ENGINE, "bad")
            link.send_message(good, BULK if len(good) > 100000 else wire.CONTROL)
            link.send(wire.GetStatus(1, "", False, False))
            link.receive(wire.StatusReport)
            if len(bad) > wire.MESSAGE:  # a frame too many: no words
                with self.assertRaises((Ended, OSError)):
                    link.send_message(bad, BULK)  # waits for credit that does not come
                self.assertEqual(link.pending, [])
            else:
                link.send_message(bad)
                self.assertEqual(self.refusal(link).code, CORRUPT, bad[:20])

    def test_that_uses_for_a_control_message_what_was_granted_to_the_one_before_is_honest(self):
        link = self.join(self.tier, ENGINE, "thrifty")
        first, bulk, second = (wire.pack([66, bytes(size - 7)]) for size in (86000, 600000, 400000))

        def pieces(message, begin, end, *where):
            return b"".join(wire.frame(message[at : min(at + 14000, end)], where[0], int(min(at + 14000, end) == len(message)), where[1])
                            for at in range(begin, end, 14000))
        # The grant for the first comes when the second has begun; the bulk message has the turn of numbered streams.
        link.send_bytes(pieces(first, 0, 86000, wire.CONTROL, 0) + pieces(bulk, 0, 98304, BULK, 1) + pieces(second, 0, 16384, wire.CONTROL, 0))
        while link._credit[0] == 0:
            link._take_frame()
        link.send_bytes(pieces(second, 16384, 400000, wire.CONTROL, 0))
        link.send(wire.GetStatus(1, "", False, False))
        self.assertEqual(link.receive(wire.StatusReport).id, 1)

    def test_that_sends_an_unknown_message_is_refused_unless_it_may_be_ignored(self):
        link = self.join(self.tier, ENGINE, "later")
        for may_be_ignored in (66, 127, 128, 1 << 40):
            link.send_message(wire.pack([may_be_ignored, {"what": [1.5, None, b"x"]}]))
        link.send(wire.GetStatus(3, "", False, False))
        self.assertEqual(link.receive(wire.StatusReport).id, 3)
        link.send_message(wire.pack([63, "x"]))
        refuse = self.refusal(link)
        self.assertEqual(refuse.code, UNSUPPORTED)
        self.assertIn("63", refuse.reason)

    def test_that_sends_what_is_not_its_to_send_is_refused(self):
        nowhere = wire.NOWHERE
        for role, wrong in ((ENGINE, Desired(nowhere, 0, 0, 0, True, [], [])), (ENGINE, wire.Context({})),
                            (ENGINE, wire.Published(1, 0, "", 1, nowhere, True, 0)),
                            (ENGINE, wire.Rollup(nowhere, nowhere, 9, 0, 0, 0, 0, [], True, [], [])), (GATEWAY, EngineStatus(nowhere, [], "")),
                            (CLIENT, EngineStatus(nowhere, [], "")), (CLIENT, wire.WantChunk(bytes(32), 0, 0)),
                            (CLIENT, wire.Confirm(nowhere, 0, True, nowhere))):
            link = self.join(self.tier, role, f"bad-{role}")
            link.send(wrong)
            refuse = self.refusal(link)
            self.assertEqual(refuse.code, REFUSED, wrong)
            self.assertIn(f"a {type(wrong).__name__} ", refuse.reason)

    # ---- memory ----

    def test_that_asks_and_never_reads_is_dropped_and_takes_little_memory(self):
        # The shortest answer there is, the usual one, and one message that is answered by much more than it takes to ask.
        for name, asked in (("pings", Ping(1)), ("asks", wire.GetStatus(1, "", False, False)),
                            ("looks", wire.Lookup(1, "", "", "", 0, True, "", 1000, 1000))):
            link = self.join(self.tier, CLIENT, name)
            before = self.program.memory("VmRSS")
            block = wire.frame(wire.encode(asked)) * 1000
            sent = 0
            with self.assertRaises(OSError, msg=name):
                while sent < 512 * MIB:
                    link.send_bytes(block)
                    sent += len(block)
            self.assertLess(self.program.memory("VmHWM") - before, 40 * MIB, name)

    def test_that_sends_pieces_and_never_an_end_takes_little_memory(self):
        before = self.program.memory("VmRSS")
        link = self.join(self.tier, CLIENT, "pieces")
        for stream in range(1, 17):
            link.send_bytes(b"".join(wire.frame(b"x" * 16384, 1, 0, stream) for _ in range(6)))
        link.send(wire.GetStatus(1, "", False, False))
        link.receive(wire.StatusReport)  # by now it has read all that
        self.assertLess(self.program.memory("VmHWM") - before, 16 * MIB)


class AtGatewayTest(MisbehavingPeer, WireTest):
    tier = "gate"

    def start_tier(self):
        return self.start_gateway()

    def test_that_does_not_say_which_gateway_is_the_upper_one_is_refused(self):
        self.assertEqual(self.refused_greeting(role=GATEWAY, facing=0, platform="").code, REFUSED)

    def test_with_the_id_of_the_tier_itself_is_refused(self):
        self.assertEqual(self.refused_greeting(role=GATEWAY, id="gate", platform="").code, CONFLICT)

    def test_that_wants_more_manifests_at_once_than_allowed_is_refused(self):
        """Of a gateway that has nobody to ask for them."""
        before = self.program.memory("VmRSS")
        for life in range(4):
            link = self.join("gate", ENGINE, "bad")
            wants = [wire.WantManifest(wire.sha256(b"%d %d" % (life, i))) for i in range(1000)]
            for want in wants[:256]:
                link.send(want)
            link.send(wire.GetStatus(1, "", False, False))
            link.receive(wire.StatusReport)  # 256 are no more than it may
            for want in wants[256:]:
                link.send(want)
            refuse = self.refusal(link)
            self.assertEqual(refuse.code, REFUSED)
            self.assertIn("256 manifests", refuse.reason)
        self.assertLess(self.program.memory("VmHWM") - before, 8 * MIB)


class AtControllerTest(MisbehavingPeer, WireTest):
    tier = "top"

    def start_tier(self):
        return self.start_controller()

    def test_that_is_a_controller_too_is_refused(self):
        self.assertEqual(self.refused_greeting(role=CONTROLLER, facing=0, platform="").code, REFUSED)

    def test_whose_publish_needs_what_nobody_knows_is_told(self):
        link = self.join("top", CLIENT, "later")
        link.send(wire.Publish(1, wire.encode_manifest(wire.make_manifest("f", "1", b"x")), "", b"", ["waves"]))
        published = link.receive(wire.Published)
        self.assertEqual((published.id, published.code, published.created), (1, UNSUPPORTED, False))
        self.assertIn("'waves'", published.reason)


class SilentPeerTest(WireTest):
    def test_a_peer_that_does_not_end_its_handshake_is_refused_in_ten_seconds(self):
        self.start_controller()
        self.start_gateway("--up", self.address("top"))
        links = []
        for tier in ("top", "gate"):
            links += [self.dial(tier) for _ in range(3)]  # says nothing at all,
            links[-1].send(wire.hello(ENGINE, "half"))  # no Welcome,
            links[-2].send_bytes(wire.frame(wire.encode(wire.hello(ENGINE, "torn")))[:-1])  # not a whole Hello
        began = time.monotonic()
        for link in links:
            refuse = link.read_to_end()
            self.assertEqual(refuse.code, TIMEOUT)
            self.assertIn("handshake", refuse.reason)
        self.assertGreater(time.monotonic() - began, 9)
        for tier in ("top", "gate"):
            self.run_program("status", "--to", self.address(tier))

    def test_a_peer_that_answers_no_ping_is_dropped_after_three_heartbeats(self):
        self.start_gateway("--heartbeat", "500ms")
        watch = self.watch("gate")
        link = self.join("gate", ENGINE, "mute")
        link.send = lambda message: None  # not even a Pong
        watch.await_status(lambda s: s["online_engines"] == 1)
        refuse = link.read_to_end()
        self.assertEqual(refuse.code, TIMEOUT)
        self.assertIn("silent", refuse.reason)
        watch.await_status(lambda s: s["online_engines"] == 0 and s["known_engines"] == 1)

    def test_a_peer_that_reads_nothing_at_all_is_dropped_after_three_heartbeats(self):
        self.start_gateway("--heartbeat", "500ms")
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


if __name__ == "__main__":
    unittest.main()
