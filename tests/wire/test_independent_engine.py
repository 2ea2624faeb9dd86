"""An engine and a client that know nothing but lib/wire/PROTOCOL.md, in a fleet of real processes."""

import hashlib
import json
import unittest

import pinnate_wire as wire
from pinnate_wire import FETCHING, LIVE, LOADING, NOT_SELECTED, Call, Confirm, Desired, EngineStatus, Position, Returned
from programs import WireTest


def artifact_bytes(size, salt):
    """Half of it compresses, half does not; any two differ in every chunk."""
    noise = b"".join(hashlib.sha256(f"{salt} {i}".encode()).digest() for i in range(size // 64 + 1))
    return b"".join(noise[i * 32768 : i * 32768 + 32768] + bytes([salt]) * 32768 for i in range(size // 65536 + 1))[:size]


class Engine:
    """What section 6, 9, 10 and 12 ask of an engine."""

    def __init__(self, link, state=None):
        self.link = link
        self.state = state or wire.State()
        self.rows = {}  # name -> ServiceRow
        self.pages = []  # that were taken

    def take_state(self, revision):
        """Takes pages until it has this revision."""
        while self.state.position.revision < revision:
            page = self.link.receive(Desired)
            self.pages.append(page)
            confirm = self.state.take(page)
            assert not confirm.whole, page
            self.link.send(confirm)

    def report(self, notice=""):
        self.link.send(EngineStatus(self.state.position, list(self.rows.values()), notice))

    def enter(self, release, phase):
        self.rows[release.name] = wire.ServiceRow(release.number, release.name, release.version, phase, phase == LIVE, "")
        self.report()

    def release_of(self, name):
        releases = [wire.decode_release(record) for record in self.state.records.values()]
        return max((r for r in releases if r.name == name), key=lambda r: r.number)

    def fetch_manifest(self, digest):
        self.link.send(wire.WantManifest(digest))
        answer = self.link.receive(wire.ManifestBytes)
        assert answer.code == 0 and wire.sha256(answer.bytes) == digest == answer.manifest, answer
        return answer.bytes

    def fetch_artifact(self, digest, platform="linux-x86_64"):
        manifest = wire.decode_manifest(self.state.manifests.get(digest) or self.fetch_manifest(digest))
        place = wire.artifact_for(manifest, platform)
        artifact = manifest.artifacts[place]
        for index in range(len(artifact.chunks)):
            self.link.send(wire.WantChunk(digest, place, index))
        plain = {}
        while len(plain) < len(artifact.chunks):
            answer = self.link.receive(wire.ChunkBytes)
            assert answer.code == 0 and (answer.manifest, answer.artifact) == (digest, place), answer
            size = min(wire.CHUNK, artifact.size - answer.index * wire.CHUNK)
            plain[answer.index] = wire.decode_chunk(answer.encoded, size, artifact.chunks[answer.index])
        whole = b"".join(plain[i] for i in range(len(plain)))
        assert wire.sha256(whole) == artifact.digest
        return whole

    def answer_call(self):
        call = self.link.receive(Call)
        self.link.send(Returned(call.id, 0, "", True, b"echo " + call.payload))
        return call


class FleetTest(WireTest):
    """A controller, a gateway, and an engine of ours below it."""

    def setUp(self):
        super().setUp()
        self.start_controller("--label", "site=north", "--label", "ring=outer")
        self.start_gateway("--up", self.address("top"), "--label", "site=oslo")
        self.status = self.watch("top")
        self.status.await_status(lambda s: s["online_gateways"] == 1)

    def engine(self, name="snake", state=None, **hello):
        if state:
            hello["position"] = state.position
        return Engine(self.join("gate", wire.ENGINE, name, **hello), state)

    def artifact(self, size, salt):
        path = self.folder / f"artifact-{salt}"
        path.write_bytes(artifact_bytes(size, salt))
        return path

    def publish(self, what, file, *more):
        out = json.loads(self.run_program("publish", what, file, "--allow", "not-a-module", "--json", "--to", self.address("top"), *more))
        return out["release"]

    def await_row(self, name, wanted):
        """The current release of `name` in the status of the controller, when `wanted` is true of its row."""
        def row(status):
            return next((r for r in status["releases"] if r["name"] == name and r["current"]), None)
        return row(self.status.await_status(lambda s: row(s) is not None and wanted(row(s))))


class IndependentEngineTest(FleetTest):
    def test_it_takes_a_release_verifies_it_reports_live_and_answers_a_call(self):
        file = self.artifact(300000, 1)
        number = self.publish("echo@1.0.0", file, "--config-text", "be loud")
        engine = self.engine(labels={"gpu": ""})
        self.assertEqual(engine.link.peer.id, "gate")
        self.assertEqual(engine.link.inherited, {"site": "oslo", "ring": "outer"}, "the nearest label wins")
        engine.report()
        self.await_row("echo", lambda r: r["phases"]["pending"] == 1)

        engine.take_state(number)  # verifies the digest
        release = engine.release_of("echo")
        self.assertEqual((release.number, release.version, release.selector), (number, "1.0.0", ""))
        self.assertEqual(release.configuration, b"be loud")
        self.assertEqual(sum(p.last for p in engine.pages), 1)
        engine.enter(release, FETCHING)
        self.await_row("echo", lambda r: r["phases"]["fetching"] == 1)
        self.assertEqual(engine.fetch_artifact(release.manifest), file.read_bytes())
        self.assertEqual(wire.sha256(engine.fetch_manifest(release.manifest)), release.manifest)

        engine.enter(release, LOADING)
        self.await_row("echo", lambda r: r["phases"]["loading"] == 1)
        engine.enter(release, LIVE)
        row = self.await_row("echo", lambda r: r["phases"]["live"] == 1)
        self.assertEqual((row["serving"], sum(row["phases"].values())), (1, 1))
        now = json.loads(self.run_program("status", "--json", "--to", self.address("top")))
        self.assertEqual(now["releases"][0]["phases"]["live"], 1)

        caller = self.start("call", "echo", "--data", "hello", "--to", self.address("top"))
        call = engine.answer_call()
        self.assertEqual((call.function, call.payload, list(call.route)), ("echo", b"hello", []))
        self.assertEqual(caller.await_end(), (0, ["echo hello"]))
        by_name = self.start("call", "echo", "--data", "you", "--at", "snake", "--to", self.address("top"))
        self.assertEqual(engine.answer_call().engine, "snake")
        self.assertEqual(by_name.await_end(), (0, ["echo you"]))

        engine.link.send(wire.Goodbye(True))
        engine.link.close()
        self.status.await_status(lambda s: s["known_engines"] == 0 and s["forgotten_engines"] == 0)

    def test_release_and_manifest_are_the_bytes_that_the_page_describes(self):
        number = self.publish("echo@1.0.0", self.artifact(100000, 1), "--select", "site!=lab, gpu,gpu")
        engine = self.engine()
        engine.take_state(number)
        record = engine.state.records[number]
        release = wire.decode_release(record)
        self.assertEqual(wire.encode_release(release), record)
        self.assertEqual(release.selector, "gpu,site!=lab", "sorted, each term once")
        data = engine.fetch_manifest(release.manifest)
        self.assertEqual(wire.encode_manifest(wire.decode_manifest(data)), data)
        self.assertEqual(data, engine.state.manifests[release.manifest], "a small one comes along")

    def test_a_new_release_comes_as_the_difference_and_the_old_one_goes(self):
        first = self.publish("echo@1", self.artifact(1000, 1))
        other = self.publish("other@1", self.artifact(1000, 2))
        engine = self.engine()
        engine.take_state(other)
        engine.enter(engine.release_of("echo"), LIVE)
        engine.pages.clear()
        second = self.publish("echo@2", self.artifact(1000, 3))
        engine.take_state(second)
        [page] = engine.pages
        self.assertEqual((page.base_revision, page.page, page.last, page.withdrawn), (other, 0, True, [first]))
        self.assertEqual(sorted(engine.state.records), [other, second])
        # While the new one is on its way, the old one serves, and status says both.
        old, new = engine.rows["echo"], engine.release_of("echo")
        engine.rows["echo"] = wire.ServiceRow(new.number, "echo", "2", FETCHING, False, "")
        engine.rows["echo, the old one"] = old._replace(phase=NOT_SELECTED, serving=True)
        engine.report()
        both = self.status.await_status(lambda s: any(r["phases"]["fetching"] == 1 for r in s["releases"]))
        self.assertEqual([(r["version"], r["current"]) for r in both["releases"] if r["serving"]], [("1", False)])
        self.run_program("unpublish", "other", "--to", self.address("top"))
        engine.take_state(second + 1)
        self.assertEqual(list(engine.state.records), [second])

    def test_an_engine_that_comes_back_is_sent_what_it_lacks_and_nothing_else(self):
        first = self.publish("echo@1", self.artifact(1000, 1))
        engine = self.engine()
        engine.take_state(first)
        engine.link.send(wire.Goodbye(False))
        engine.link.close()
        again = self.engine(state=engine.state)
        again.report()
        self.status.await_status(lambda s: s["online_engines"] == 1)
        again.link.send(wire.GetStatus(1, "", False, False))  # control is in order: this answer comes after any page
        again.link.receive(wire.StatusReport)
        self.assertFalse([m for m in again.link.pending if isinstance(m, Desired)])
        second = self.publish("other@1", self.artifact(1000, 2))
        again.take_state(second)
        self.assertEqual([(p.base_revision, len(p.releases)) for p in again.pages], [(first, 1)])
        self.assertEqual(sorted(again.state.records), [first, second])

    def test_a_copy_that_does_not_fit_is_replaced_by_the_whole_set(self):
        number = self.publish("echo@1", self.artifact(1000, 1))
        engine = self.engine()
        page = engine.link.receive(Desired)
        engine.link.send(Confirm(wire.NOWHERE, page.page, True, wire.NOWHERE))
        again = engine.link.receive(Desired)
        self.assertEqual((again.base_revision, len(again.releases), again.position), (0, 1, page.position))
        engine.link.send(engine.state.take(again))
        self.assertEqual(engine.state.position.revision, number)

    def test_a_large_set_comes_in_pages_each_after_the_one_before_was_confirmed(self):
        operator = self.join("top", wire.CLIENT, "operator")
        data = artifact_bytes(1000, 1)
        for i in range(12):
            manifest = wire.encode_manifest(wire.make_manifest(f"f{i}", "1", data))
            operator.send(wire.Publish(i, manifest, "", bytes([i]) * 16000))
            published = answer_chunks(operator, data)
            self.assertEqual((published.id, published.code, published.created), (i, 0, True), published.reason)
        self.watch("gate").await_status(lambda s: s["revision"] == published.release)
        engine = self.engine()
        engine.take_state(published.release)
        self.assertGreater(len(engine.pages), 2)
        self.assertEqual([p.page for p in engine.pages], list(range(len(engine.pages))))
        self.assertEqual(len(engine.state.records), 12)

    def test_a_call_that_nobody_answers_ends_in_time_and_the_engine_is_told(self):
        number = self.publish("echo@1", self.artifact(1000, 1))
        engine = self.engine()
        engine.take_state(number)
        engine.enter(engine.release_of("echo"), LIVE)
        self.await_row("echo", lambda r: r["serving"] == 1)
        caller = self.start("call", "echo", "--timeout", "300ms", "--to", self.address("top"))
        call = engine.link.receive(Call)
        self.assertLessEqual(call.timeout_ms, 300)
        self.assertEqual(engine.link.receive(wire.Cancel).id, call.id)
        self.assertNotEqual(caller.await_end()[0], 0)
        # A link that is lost with a call on it: it may or may not have run, and is not tried again.
        caller = self.start("call", "echo", "--to", self.address("top"))
        engine.link.receive(Call)
        engine.link.close()
        self.assertNotEqual(caller.await_end()[0], 0)
        self.assertIn("may or may not have run", caller.told())


def answer_chunks(link, data):
    """As a publisher, until it is published."""
    while True:
        message = link.receive(wire.WantChunk, wire.Published, wire.PublishProgress)
        if isinstance(message, wire.Published):
            return message
        if isinstance(message, wire.WantChunk):
            plain = data[message.index * wire.CHUNK : (message.index + 1) * wire.CHUNK]
            link.send(wire.ChunkBytes(message.manifest, message.artifact, message.index, 0, "", wire.encode_chunk(plain)))


class IndependentClientTest(FleetTest):
    def test_it_publishes_looks_up_calls_and_withdraws(self):
        engine = self.engine()
        link = self.join("top", wire.CLIENT, "operator")
        data = artifact_bytes(500000, 5)
        manifest = wire.make_manifest("echo", "1", data)
        order = wire.Publish(7, wire.encode_manifest(manifest), "", b"")
        link.send(order)
        published = answer_chunks(link, data)
        self.assertEqual((published.id, published.code, published.created), (7, 0, True), published.reason)
        position = wire.read(Position, published.position)
        self.assertEqual(position.revision, published.release)

        engine.take_state(published.release)
        self.assertEqual(engine.state.position, position)
        self.assertEqual(engine.fetch_artifact(wire.sha256(order.manifest)), data)
        engine.enter(engine.release_of("echo"), LIVE)
        self.await_row("echo", lambda r: r["serving"] == 1)

        link.send(order._replace(id=8))  # nothing changed
        again = link.receive(wire.Published)
        self.assertEqual((again.id, again.code, again.release, again.created), (8, 0, published.release, False))
        other = wire.make_manifest("echo", "1", data + b"x")
        link.send(wire.Publish(9, wire.encode_manifest(other), "", b""))
        self.assertEqual(link.receive(wire.Published).code, 3)

        link.send(wire.GetStatus(1, "", False, False))
        report = link.receive(wire.StatusReport)
        self.assertEqual((report.tier, report.online, report.gateways_online), ("top", 1, 1))
        [row] = report.rows
        self.assertEqual((row[1], row[4][LIVE], sum(row[4])), ("echo", 1, report.online + report.offline))

        link.send(wire.Call(2, "echo", "", [], 5000, False, b"a"))
        engine.answer_call()
        self.assertEqual(link.receive(Returned), Returned(2, 0, "", True, b"echo a"))
        link.send(wire.Call(3, "echo", "snake", ["gate", "snake"], 5000, False, b"b"))  # by a route of its own
        engine.answer_call()
        self.assertEqual(link.receive(Returned).result, b"echo b")
        link.send(wire.Call(6, "echo", "snake", ["gate", "snake"], 5000, False, b"c", ["waves"]))  # passed on by its route
        engine.answer_call()
        self.assertEqual(link.receive(Returned).result, b"echo c")
        link.send(wire.Call(7, "echo", "", [], 5000, False, b"d", ["waves"]))  # here somebody would have to choose
        unknown = link.receive(Returned)
        self.assertEqual((unknown.code, unknown.ran), (21, False))
        self.assertIn("'waves'", unknown.reason)
        link.send(wire.Call(4, "nothing", "", [], 5000, False, b""))
        nobody = link.receive(Returned)
        self.assertEqual((nobody.code, nobody.ran), (2, False))
        large = artifact_bytes(1 << 20, 9)
        link.send(wire.Call(5, "echo", "", [], 5000, False, large))
        call = engine.link.receive(Call)
        engine.link.send(Returned(call.id, 0, "", True, call.payload))
        self.assertEqual(link.receive(Returned).result, large, "a mebibyte each way, beyond any stream's credit")

        link.send(wire.ListReleases(5, "echo"))
        [facts] = link.receive(wire.Releases).releases
        self.assertEqual((facts[0], facts[1], facts[4], facts[8]), (published.release, "echo", wire.sha256(order.manifest), True))
        link.send(wire.Unpublish(6, "echo", 0))
        self.assertEqual(link.receive(wire.Done), wire.Done(6, 0, ""))
        engine.take_state(published.release + 1)
        self.assertEqual(engine.state.records, {})

    def test_a_chunk_arrives_as_its_publisher_encoded_it(self):
        link = self.join("top", wire.CLIENT, "operator")
        data = bytes(70000)
        manifest = wire.encode_manifest(wire.make_manifest("echo", "1", data))
        link.send(wire.Publish(1, manifest, "", b""))
        encoded = {0: b"\x01" + wire.zlib.compress(data[: wire.CHUNK], 1), 1: b"\x00" + data[wire.CHUNK :]}
        for _ in encoded:
            want = link.receive(wire.WantChunk)
            link.send(wire.ChunkBytes(want.manifest, want.artifact, want.index, 0, "", encoded[want.index]))
        published = link.receive(wire.Published)
        self.assertEqual(published.code, 0, published.reason)
        progress = [m for m in link.pending if isinstance(m, wire.PublishProgress)][-1]
        self.assertEqual((progress.id, progress.done_bytes, progress.total_bytes), (1, 70000, 70000))
        engine = self.engine()
        engine.take_state(published.release)
        for index, bytes_ in encoded.items():
            engine.link.send(wire.WantChunk(wire.sha256(manifest), 0, index))
            self.assertEqual(engine.link.receive(wire.ChunkBytes).encoded, bytes_)

    def test_lookups_turn_pages_by_their_cursor(self):
        engines = [self.engine(f"snake-{i}", labels={"n": str(i)}) for i in range(5)]
        for engine in engines:
            engine.report()
        self.status.await_status(lambda s: s["online_engines"] == 5)
        link = self.join("top", wire.CLIENT, "operator")
        rows, cursor, pages = [], "", 0
        while pages == 0 or cursor:
            link.send(wire.Lookup(pages, "", "", "", 0, True, cursor, 2, 5000))
            answer = link.receive(wire.Tiers)
            self.assertEqual((answer.id, answer.code), (pages, 0), answer.reason)
            self.assertLessEqual(len(answer.rows), 2)
            rows += answer.rows
            cursor, pages = answer.next, pages + 1
        self.assertEqual([(r[0], r[1], r[2]) for r in rows],
                         [(wire.GATEWAY, "gate", "")] + [(wire.ENGINE, f"snake-{i}", "gate") for i in range(5)])
        self.assertEqual([r[5] for r in rows[1:]], [{"n": str(i)} for i in range(5)])
        link.send(wire.Lookup(9, "", "", "snake-3", 0, False, "", 10, 5000))
        self.assertEqual([r[1] for r in link.receive(wire.Tiers).rows], ["snake-3"])

    def test_a_watch_reports_changes_until_it_is_ended(self):
        link = self.join("top", wire.CLIENT, "operator")
        link.send(wire.GetStatus(1, "", True, False))
        self.assertEqual(link.receive(wire.StatusReport).online, 0)
        engine = self.engine()
        engine.report()
        link.receive(wire.StatusReport, where=lambda m: m.id == 1 and m.online == 1)
        link.send(wire.GetStatus(1, "", False, True))
        link.send(wire.GetStatus(2, "", False, False))
        link.receive(wire.StatusReport, where=lambda m: m.id == 2)

    def test_a_gateway_says_in_words_that_it_does_not_publish(self):
        link = self.join("gate", wire.CLIENT, "operator")
        link.send(wire.Publish(1, b"", "", b""))
        answer = link.receive(wire.Published)
        self.assertEqual((answer.id, answer.code), (1, 4))
        self.assertIn("controller", answer.reason)
        link.send(wire.Unpublish(2, "echo", 0))
        self.assertEqual(link.receive(wire.Done).code, 4)


if __name__ == "__main__":
    unittest.main()
