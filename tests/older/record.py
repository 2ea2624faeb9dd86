"""Records what tests/older keeps of a version: sessions of each role, and the state folders of each tier.

    PINNATE_BIN=build/release/bin /usr/bin/python3 tests/older/record.py VERSION

Run once when a version's formats are final. Writes tests/older/VERSION and replaces what is there.
"""

import shutil
import socket
import sys
import threading

import sessions
from sessions import wire
import programs  # found beside pinnate_wire

ECHO = b"import hashlib\n\ndef handle(payload):\n    return b'echo ' + payload\n" + b"# line\n" * 12000  # two chunks
SMALL = b"def handle(payload):\n    return b'small'\n"


class Recorder:
    """Stands between who dials `listen` and who listens at `target`, and keeps the messages of each connection."""

    def __init__(self, listen, target):
        self.target, self.recorded = target, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(listen)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            lower = self.listener.accept()[0]
            upper = socket.socket(socket.AF_UNIX)
            upper.connect(self.target)
            messages, lock, ends = [], threading.Lock(), threading.Barrier(3)
            self.recorded.append((messages, ends))
            for source, sink, upward in ((lower, upper, True), (upper, lower, False)):
                threading.Thread(target=self._pump, args=(source, sink, upward, messages, lock, ends), daemon=True).start()

    @staticmethod
    def _pump(source, sink, upward, messages, lock, ends):
        buffer, pieces = b"", {}
        while data := source.recv(1 << 18):
            buffer += data
            while len(buffer) >= 8 and len(buffer) >= 8 + int.from_bytes(buffer[:2], "big"):
                length, flags, stream = int.from_bytes(buffer[:2], "big"), buffer[3], buffer[4:8]
                payload, buffer = buffer[8 : 8 + length], buffer[8 + length :]
                if flags & wire.CREDIT:
                    continue
                pieces[stream] = pieces.get(stream, b"") + payload
                if flags & wire.FIN:
                    whole = pieces.pop(stream)
                    if not isinstance(wire.decode(whole), (wire.Ping, wire.Pong)):
                        with lock:
                            messages.append((upward, whole))
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
        ends.wait()

    def take(self):
        """The messages of the one connection that there was, when it has ended."""
        [(messages, ends)] = self.recorded
        ends.wait(20)
        self.recorded.clear()
        return messages


class Recording(programs.WireTest):
    version = ""

    def recorder(self, name, target):
        return Recorder(str(self.folder / f"{name}.sock"), str(self.folder / f"{target}.sock"))

    def write(self, name, recorder, *head):
        sessions.write_session(self.out / "sessions" / f"{name}.txt", head, recorder.take())

    def stop(self, program):
        program.process.terminate()
        self.assertEqual(program.await_end()[0], 0, program.told())

    def keep(self, folder, name):
        shutil.copytree(self.folder / folder, self.out / "folders" / name, ignore=shutil.ignore_patterns("LOCK"))

    def publish(self, what, data, *more, to="top"):
        file = self.folder / "artifact"
        file.write_bytes(data)
        self.run_program("publish", what, file, "--loader", "python", "--to", self.address(to), *more)

    def runTest(self):
        self.out = sessions.HERE / self.version
        shutil.rmtree(self.out, ignore_errors=True)
        (self.out / "sessions").mkdir(parents=True)
        # The controller's folder, with each kind of release in its history.
        controller = self.start_controller()
        self.publish("echo@1.0.0", ECHO, "--config-text", "be loud")
        self.publish("small@1", SMALL)
        self.publish("small@2", SMALL + b"# er\n")
        self.publish("lab@1", SMALL, "--select", "region=eu,!old")
        self.publish("gone@1", SMALL)
        self.run_program("unpublish", "gone", "--to", self.address("top"))
        self.stop(controller)
        self.keep("top", "controller")

        controller = self.start_controller()
        (self.out / "history.jsonl").write_text(self.run_program("history", "--json", "--to", self.address("top")) + "\n")
        above, direct, below = self.recorder("above", "top"), self.recorder("direct", "top"), self.recorder("below", "gate")
        gateway = self.start_gateway("--up", self.address("above"), "--cache", self.folder / "gate", "--label", "site=oslo")
        engine = self.start("box", "--up", self.address("below"), "--state", self.folder / "box", "--label", "region=eu",
                            command=sessions.ENGINE)
        other = self.start("lone", "--up", self.address("direct"), "--label", "old", command=sessions.ENGINE)
        status = self.watch("top")
        status.await_status(lambda s: sum(r["phases"]["live"] for r in s["releases"] if r["current"]) == 5)
        for name, command in (("status", "status --json"), ("engines", "engines --json"), ("call", "call echo --data hello")):
            asked = self.recorder(f"ask-{name}", "top")
            self.run_program(*command.split(), "--to", self.address(f"ask-{name}"))
            self.write(f"client-{name}", asked, "a client at a controller", command)
        for program in (engine, other, gateway):
            self.stop(program)
        self.write("engine-at-controller", direct, "an engine at a controller", "engine lone --label old")
        self.write("engine-at-gateway", below, "an engine at a gateway", "engine box --label region=eu")
        self.write("gateway-at-controller", above, "a gateway at a controller", "gateway --id gate --label site=oslo")
        self.keep("gate", "gateway")
        self.keep("box", "engine")
        for name, command in (("publish", "publish extra@1 ARTIFACT --loader python"), ("unpublish", "unpublish small")):
            asked = self.recorder(f"ask-{name}", "top")
            (self.folder / "artifact").write_bytes(ECHO + b"# extra\n")
            arguments = [str(self.folder / "artifact") if word == "ARTIFACT" else word for word in command.split()]
            self.run_program(*arguments, "--to", self.address(f"ask-{name}"))
            self.write(f"client-{name}", asked, "a client at a controller", command)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Recording.version = sys.argv[1]
    programs.unittest.TextTestRunner().run(Recording())
