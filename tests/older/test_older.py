"""Peers and folders of every recorded version are served and opened by this one.

Each session is played to a real tier of this build: the lower end's words to a controller that opened the recorded folder,
the upper end's to the tier that was below. So are they as a version would write them that has one field more, or one fewer, in
every message and structure.
"""

import json
import shutil
import unittest

import sessions
from sessions import Player, wire
import programs


# What others ask, who are not there when a lower end is played.
ABSENT = (wire.Call, wire.Cancel, wire.Lookup, wire.Returned)


def rows_of(messages):
    """What was said last of engines: (release, phase, serving) of each row."""
    said = [m for m in messages if isinstance(m, wire.EngineStatus)]
    return sorted((row[0], row[3], row[4]) for row in said[-1].rows) if said else []


def plain_of(chunks):
    """The artifact that a publisher sent."""
    encoded = [m.encoded for m in sorted(chunks, key=lambda m: m.index)]
    return b"".join(wire.zlib.decompress(e[1:]) if e[0] else e[1:] for e in encoded)


class OlderTest(programs.WireTest):
    def each(self):
        self.assertTrue(sessions.VERSIONS, "no version is recorded")
        for version in sessions.VERSIONS:
            for path in sorted((version / "sessions").glob("*.txt")):
                session = sessions.Session(path)
                for extra in (0, 1, -1):
                    yield version, session, extra

    def fresh(self):
        """A folder and programs of its own for each play."""
        self.doCleanups()
        programs.WireTest.setUp(self)

    def open_controller(self, version):
        shutil.copytree(version / "folders" / "controller", self.folder / "top")
        return self.start_controller()

    def listen(self):
        listener = wire.socket.socket(wire.socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.folder / "older.sock"))
        listener.listen()
        listener.settimeout(programs.LIMIT)
        return listener

    def test_the_lower_end_of_each_session_is_served_by_a_controller_that_opened_its_folder(self):
        for version, session, extra in self.each():
            with self.subTest(version=version.name, session=session.name, extra_fields=extra):
                if session.name == "engine-at-gateway":
                    continue  # the same words as at a controller; its gateway is played below
                self.fresh()
                controller = self.open_controller(version)
                link = wire.dial(self.address("top"), programs.LIMIT)
                self.addCleanup(link.close)
                player = Player(session, link, upward=True, extra=extra, apart=ABSENT).play()
                for kind in (wire.Desired, wire.Published, wire.Done, wire.Tiers):
                    recorded = [m[:2] for m in session.of(False, kind)]
                    self.assertEqual([m[:2] for m in player.came if isinstance(m, kind)], recorded, controller.told())
                player.leave()

    def test_the_upper_end_of_each_session_is_followed_by_the_tier_that_was_below(self):
        for version, session, extra in self.each():
            with self.subTest(version=version.name, session=session.name, extra_fields=extra):
                self.fresh()
                listener = self.listen()
                (self.folder / "artifact").write_bytes(plain_of(session.of(True, wire.ChunkBytes)))
                words = [str(self.folder / "artifact") if w == "ARTIFACT" else w for w in session.head[-1].split()]
                way = ["--up"] if words[0] in ("engine", "gateway") else ["--to"]
                how = dict(command=sessions.ENGINE) if words[0] == "engine" else {}
                if words[0] == "gateway":
                    words += ["--listen", self.address("below")]
                program = self.start(*words[1 if how else 0 :], *way, self.address("older"), **how)
                link = wire.Link(listener.accept()[0], programs.LIMIT)
                self.addCleanup(link.close)
                # A gateway that has no engine asks for no content.
                apart = (wire.WantChunk, wire.WantManifest, wire.Tiers, wire.Returned) if words[0] == "gateway" else ()
                player = Player(session, link, upward=False, extra=extra, apart=apart).play()
                if words[0] == "engine":
                    wanted = rows_of(session.of(True, wire.EngineStatus))
                    player.wait_for(lambda m: isinstance(m, wire.EngineStatus) and rows_of([m]) == wanted)
                if way == ["--to"]:
                    self.assertEqual(program.await_end()[0], 0, program.told())
                self.assertNotIn("refused", program.told())

    def test_the_folder_of_a_controller_holds_its_history(self):
        for version in sessions.VERSIONS:
            self.fresh()
            controller = self.open_controller(version)
            history = self.run_program("history", "--json", "--to", self.address("top")).splitlines()
            recorded = (version / "history.jsonl").read_text().splitlines()
            for line, before in zip(history, recorded, strict=True):  # which may have had fewer fields
                self.assertEqual(json.loads(line), {**json.loads(line), **json.loads(before)})
            self.assertNotIn("cannot be read", controller.told())

    def test_a_gateway_and_an_engine_serve_from_their_folders_alone(self):
        for version in sessions.VERSIONS:
            self.fresh()
            for name, folder in (("gateway", "gate"), ("engine", "box")):
                shutil.copytree(version / "folders" / name, self.folder / folder)
            gateway = self.start_gateway("--cache", self.folder / "gate", "--label", "site=oslo")
            engine = self.start("box", "--state", self.folder / "box", "--label", "region=eu", "--listen", self.address("box"),
                                command=sessions.ENGINE)
            engine.await_line("engine is running")
            newcomer = self.start("new", "--up", self.address("gate"), "--label", "region=eu", command=sessions.ENGINE)
            self.watch("box").await_status(lambda s: sum(r["phases"]["live"] for r in s["releases"]) == 3)
            self.watch("gate").await_status(lambda s: sum(r["phases"]["live"] for r in s["releases"] if r["current"]) == 3)
            for program in (gateway, engine, newcomer):
                self.assertNotIn("cannot be read", program.told())


if __name__ == "__main__":
    unittest.main()
