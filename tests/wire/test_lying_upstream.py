"""An upstream of ours that lies to real gateways and engines, and a publisher that lies to a real controller."""

import hashlib
import os
import pathlib
import time
import unittest

import pinnate_wire as wire
from pinnate_wire import CLIENT, ENGINE, GATEWAY, Desired, EngineStatus, Ping
from programs import LIMIT, WireTest

REFUSED, TIMEOUT, CORRUPT, INCOMPATIBLE, UNSUPPORTED = 4, 6, 12, 13, 21


def noise(size):
    return b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(size // 32 + 1))[:size]


class Upstream:
    """A gateway above, of ours: has one release."""

    def __init__(self, link, plain, loader="plain", config=b"", format=1):
        self.link, self.plain = link, plain
        self.manifest = wire.encode_manifest(wire.make_manifest("zlib", "1", plain, loader=loader))
        self.digest = wire.sha256(self.manifest)
        record = wire.encode_release(wire.Release(format, 1, 1, "zlib", "1", self.digest, "", config, 1700000000000))
        self.position = wire.Position(1, 1, wire.state_digest(1, 1, {1: record}))
        self.page = Desired(self.position, 0, 0, 0, True, [], [[record, self.manifest]])
        self.asked = []
        link.be_greeted(wire.hello(GATEWAY, "liar", facing=2, position=self.position, labels={"site": "oslo"}))

    def send(self, page):
        """The Confirm that answers it."""
        self.link.send(page)
        return self.link.receive(wire.Confirm)

    def publish(self):
        confirm = self.send(self.page)
        assert (wire.read(wire.Position, confirm.position), confirm.whole) == (self.position, False), confirm

    def answer_chunk(self, damage=lambda index, encoded: encoded):
        want = self.link.receive(wire.WantChunk)
        self.asked.append(want.index)
        plain = self.plain[want.index * wire.CHUNK : (want.index + 1) * wire.CHUNK]
        self.link.send(wire.ChunkBytes(want.manifest, want.artifact, want.index, 0, "", damage(want.index, wire.encode_chunk(plain))))


class Lies:
    """What each chunk is damaged by, one after another, before it comes right."""

    def __init__(self, lies):
        self.lies = lies
        self.told = sum(len(of_chunk) for of_chunk in lies.values())

    def __call__(self, index, encoded):
        return self.lies[index].pop(0)(encoded) if self.lies.get(index) else encoded


def flip(encoded):
    return encoded[:-1] + bytes([encoded[-1] ^ 1])


class LyingUpstreamTest(WireTest):
    def setUp(self):
        super().setUp()
        self.listener = wire.socket.socket(wire.socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(self.folder / "liar.sock"))
        self.listener.listen()
        self.listener.settimeout(LIMIT)

    def accept(self):
        link = wire.Link(self.listener.accept()[0], LIMIT)
        self.addCleanup(link.close)
        return link

    def above_an_engine(self, plain=noise(1000), **release):
        engine = self.start("engine", "--id", "real", "--up", self.address("liar"), "--listen", self.address("real"))
        engine.await_line("engine is running")
        return Upstream(self.accept(), plain, **release)

    def above_a_gateway(self, plain=noise(1000), **release):
        self.start_gateway("--up", self.address("liar"))
        return Upstream(self.accept(), plain, **release)

    # ---- the handshake ----

    def begin_engine(self):
        """An engine that dials us, and the link, on which nothing was said yet."""
        engine = self.start("engine", "--id", "real", "--up", self.address("liar"))
        return engine, self.accept()

    def test_an_upstream_that_says_nothing_is_refused_in_ten_seconds_and_dialled_again(self):
        began = time.monotonic()
        engine, link = self.begin_engine()
        # Whoever asks there has no link either, and does not wait for all of that time.
        asking = self.start("status", "--to", self.address("liar"), "--timeout", "2s")
        self.accept()
        self.assertEqual(asking.await_end(), (3, []), asking.told())
        self.assertIn(f"no link to {self.address('liar')} within", asking.told())
        refuse = link.read_to_end()
        self.assertGreater(time.monotonic() - began, 9.9)
        self.assertEqual(refuse.code, TIMEOUT)
        self.assertIn("no handshake within", refuse.reason)
        self.accept().be_greeted(wire.hello(GATEWAY, "liar", facing=2))
        self.assertIn("no handshake within", engine.told())

    def test_an_upstream_of_another_protocol_is_left_in_words_and_dialled_again(self):
        engine, link = self.begin_engine()
        link.send_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertIsNone(link.read_to_end())
        self.accept().be_greeted(wire.hello(GATEWAY, "liar", facing=2))
        self.assertIn(f"the link with {self.address('liar')} (uid {os.getuid()}) broke the protocol: it is a server of HTTP, and no tier",
                      engine.told())

    def test_an_upstream_of_an_incompatible_version_is_refused_in_words_and_dialled_again(self):
        engine, link = self.begin_engine()
        with self.assertRaises(wire.Ended) as ended:
            link.be_greeted(wire.hello(GATEWAY, "liar", facing=2, version_min=2, version_max=9))
        self.assertEqual(ended.exception.refusal.code, INCOMPATIBLE)
        self.assertIn("2 to 9", ended.exception.refusal.reason)
        self.accept().be_greeted(wire.hello(GATEWAY, "liar", facing=2, version_max=9))  # whose range holds its own
        self.assertIn("2 to 9", engine.told())

    # ---- content ----

    def test_an_engine_fetches_corrupt_chunks_again_names_the_peer_and_serves(self):
        [library] = pathlib.Path("/lib").glob("*/libz.so.1")
        up = self.above_an_engine(library.read_bytes(), config=b"zlibVersion()s")
        self.assertEqual(up.link.peer.role, ENGINE)
        up.publish()
        lies = Lies({0: [flip, lambda e: b"\x00" + noise(65536), lambda e: b"", lambda e: b"\x02" + e[1:]], 1: [lambda e: e + b"x"]})
        chunks = -(-len(up.plain) // wire.CHUNK)
        for _ in range(chunks + lies.told):
            up.answer_chunk(lies)
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

    def test_a_gateway_passes_no_corrupt_chunk_on_fetches_it_again_and_names_the_peer(self):
        up = self.above_a_gateway(noise(100000))
        up.publish()
        engine = self.join("gate", ENGINE, "snake")
        engine.send(wire.State().take(engine.receive(Desired)))
        for index in (0, 1):
            engine.send(wire.WantChunk(up.digest, 0, index))
        lies = Lies({0: [flip, flip], 1: [flip]})
        for _ in range(2 + lies.told):
            up.answer_chunk(lies)
        chunks = wire.decode_manifest(up.manifest).artifacts[0].chunks
        for _ in (0, 1):
            answer = engine.receive(wire.ChunkBytes)
            plain = up.plain[answer.index * wire.CHUNK :][: wire.CHUNK]
            self.assertEqual(wire.decode_chunk(answer.encoded, len(plain), chunks[answer.index]), plain)
        self.assertFalse([m for m in engine.pending if isinstance(m, wire.ChunkBytes)])
        status = self.watch("gate").await_status(lambda s: any("gateway 'liar'" in n for n in s["notices"]))
        self.assertTrue([n for n in status["notices"] if "'gate': chunk" in n], status["notices"])
        rollup = up.link.receive(wire.Rollup, where=lambda m: m.notices)
        self.assertIn("gateway 'liar'", rollup.notices[0])

    def test_a_controller_asks_a_publisher_again_for_a_chunk_that_came_wrong_and_its_log_names_the_publisher(self):
        controller = self.start_controller()
        data = noise(100000)
        link = self.join("top", CLIENT, "operator")
        link.send(wire.Publish(1, wire.encode_manifest(wire.make_manifest("echo", "1", data)), "", b""))
        lies, asked = Lies({0: [flip], 1: [lambda e: e[:1]]}), []
        for _ in range(4):
            want = link.receive(wire.WantChunk)
            asked.append(want.index)
            encoded = lies(want.index, wire.encode_chunk(data[want.index * wire.CHUNK :][: wire.CHUNK]))
            link.send(wire.ChunkBytes(want.manifest, want.artifact, want.index, 0, "", encoded))
        self.assertEqual(sorted(asked), [0, 0, 1, 1])
        published = link.receive(wire.Published)
        self.assertEqual((published.code, published.created), (0, True), published.reason)
        for index in (0, 1):
            self.assertRegex(controller.told(), rf"(?m) warning .*chunk {index} of manifest \w+ from the publisher 'operator': .")
        # One that cannot be given ends the publish, with the publisher's own words.
        link.send(wire.Publish(2, wire.encode_manifest(wire.make_manifest("echo", "2", noise(70))), "", b""))
        want = link.receive(wire.WantChunk)
        link.send(wire.ChunkBytes(want.manifest, want.artifact, want.index, 11, "the disk is on fire", b""))
        failed = link.receive(wire.Published)
        self.assertEqual((failed.id, failed.code), (2, 11))
        self.assertIn("the disk is on fire", failed.reason)
        self.run_program("status", "--to", self.address("top"))

    def test_more_chunks_wanted_at_once_than_allowed_are_refused(self):
        """Of a gateway whose upstream, ours, never answers."""
        up = self.above_a_gateway()
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

    # ---- desired state ----

    def test_a_desired_state_with_another_digest_is_not_taken(self):
        for up in (self.above_an_engine(), self.above_a_gateway()):
            confirm = up.send(up.page._replace(position=up.position._replace(digest=bytes(32))))
            self.assertTrue(confirm.whole)
            self.assertEqual(wire.read(wire.Position, confirm.position), wire.NOWHERE)
            up.publish()  # the honest one is

    def test_nothing_is_taken_that_is_not_newer(self):
        for up in (self.above_an_engine(), self.above_a_gateway()):
            up.publish()
            for position in (wire.Position(1, 0, wire.state_digest(1, 0, {})), wire.Position(1, 1, wire.state_digest(1, 1, {})),
                             wire.Position(0, 9, wire.state_digest(0, 9, {})), up.position):
                for page in (0, 1, 7):  # of which each is answered
                    confirm = up.send(Desired(position, 0, 0, page, page == 7, [], []))
                    self.assertEqual((wire.read(wire.Position, confirm.position), confirm.page, confirm.whole), (up.position, page, False))

    def test_pages_that_do_not_follow_one_another_are_not_taken(self):
        for up in (self.above_an_engine(), self.above_a_gateway()):
            for pages in ((1,), (0, 2), (0, 1, 1)):
                answers = [up.send(up.page._replace(page=page, last=False, releases=[])).whole for page in pages]
                self.assertEqual(answers, [False] * (len(pages) - 1) + [True])
            base = up.send(up.page._replace(base_epoch=1, base_revision=9))
            self.assertTrue(base.whole)
            up.publish()

    def test_a_release_that_this_version_cannot_read_is_not_taken_and_status_says_why(self):
        for up in (self.above_an_engine(format=2), self.above_a_gateway(format=2)):
            self.assertTrue(up.send(up.page).whole)
            self.assertFalse(up.send(up.page._replace(last=False, releases=[])).whole)  # it goes on listening
            said = up.link.receive(EngineStatus, wire.Rollup, where=lambda m: "format 2" in str(m))
            self.assertIn("cannot take the desired state", str(said))

    def test_a_peer_that_cannot_take_the_whole_set_is_not_sent_it_without_a_pause(self):
        up = self.above_a_gateway()
        up.publish()
        link = self.join("gate", ENGINE, "picky")
        began = time.monotonic()
        for _ in range(3):
            page = link.receive(Desired)
            self.assertEqual((page.base_revision, page.last), (0, True))
            for _ in range(5):
                link.send(wire.Confirm(wire.NOWHERE, page.page, True, wire.NOWHERE))
        self.assertGreater(time.monotonic() - began, 1.4)  # half of 1 s and half of 2 s, or more
        link.send(wire.GetStatus(1, "", False, False))
        link.receive(wire.StatusReport)
        self.assertFalse([m for m in link.pending if isinstance(m, Desired)])

    def test_a_status_of_more_than_fits_a_message_is_cut_short(self):
        """A thousand releases that fail everywhere, in many words."""
        up = self.above_a_gateway()
        records = {n: wire.encode_release(wire.Release(1, n, 1, f"f{n}", "1", bytes(32), "", b"", 0)) for n in range(1, 1001)}
        position = wire.Position(1, 1000, wire.state_digest(1, 1000, records))
        self.assertFalse(up.send(Desired(position, 0, 0, 0, True, [], [[record, b""] for record in records.values()])).whole)
        rows = [wire.ServiceRow(n, f"f{n}", "1", wire.FAILED, False, "x" * 512) for n in records]
        for i in range(4):
            engine = self.join("gate", ENGINE, f"failing-{i}")
            engine.send(EngineStatus(position, rows, ""))
        client = self.join("gate", CLIENT, "operator")
        client.send(wire.GetStatus(1, "", True, False))
        report = client.receive(wire.StatusReport, where=lambda m: m.rows and m.rows[0][4][wire.FAILED] == 4)
        self.assertEqual((report.rows[0][0], len(report.rows[0][7])), (1000, 4))
        self.assertLess(len(report.rows), 1000)

    # ---- everything else ----

    def test_an_engine_refuses_more_watches_than_it_can_have_and_answers_all_else(self):
        self.start("engine", "--id", "real", "--listen", self.address("real")).await_line("engine is running")
        client = self.join("real", CLIENT, "operator")
        for number in range(257):  # the process around may have some too
            client.send(wire.GetStatus(number, "", True, False))
        for number, code in ((0, 0), (256, 8)):
            self.assertEqual(client.receive(wire.StatusReport, where=lambda m: m.id == number).code, code)
        client.send(wire.GetStatus(999, "", False, False))
        self.assertEqual(client.receive(wire.StatusReport, where=lambda m: m.id == 999).code, 0)

    def test_a_hostile_upstream_is_refused_like_any_other_peer(self):
        up = self.above_an_engine()
        for bad, code in ((b"\xc1", CORRUPT), (wire.pack([63]), UNSUPPORTED), (wire.encode(EngineStatus(wire.NOWHERE, [], "")), REFUSED),
                          (wire.encode(wire.Publish(1, b"", "", b"")), REFUSED)):
            up.link.send_message(bad)
            self.assertEqual(up.link.read_to_end().code, code)
            up.link.close()
            up = Upstream(self.accept(), noise(1000))  # it dials again,
        up.publish()  # and takes what is right
        up.link.send_bytes(b"\xff" * 100)
        self.assertIsNone(up.link.read_to_end())
        self.run_program("status", "--to", self.address("real"))


if __name__ == "__main__":
    unittest.main()
