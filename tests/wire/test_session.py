"""The session that section 16 of lib/wire/PROTOCOL.md shows, byte by byte: each end of it is played to a real tier at the other.

The bytes of an end are sent as they stand on the page. What the real tier sends must be the other end's bytes, but for the fields
that the page says vary. Those are held by the remarks.
"""

import itertools
import pathlib
import re
import sys
import unittest

import pinnate_wire as wire
import test_page as page
from programs import LIMIT, WireTest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "older"))
from sessions import ENGINE  # noqa: E402

SECTION = page.PAGE.partition("\n## 16. ")[2]
VARIES = {tuple(name.split(".")) for name in re.findall(r"`([A-Z]\w+\.\w+)`", SECTION)}


class Frame:
    """One message of the session, in one frame."""

    def __init__(self, sender, kind, text):
        self.sender, self.kind = sender, getattr(wire, kind)
        self.remark = page.remark_of(text)
        self.data = bytes.fromhex(re.sub(r";.*", "", text))

    def fault(self, data):
        """How the bytes that a real tier sent differ from those of the page, or nothing."""
        try:
            shown, values = wire.unpack(self.data[8:]), wire.unpack(data[8:])
        except ValueError as error:
            return str(error)
        for at, field in enumerate(("type", *self.kind._fields)):
            if (self.kind.__name__, field) in VARIES:
                values[at] = shown[at] if at < len(shown) and type(shown[at]) is type(values[at]) else None
        payload = wire.pack(values)
        expected = len(payload).to_bytes(2, "big") + data[2:8] + payload
        if self.data != expected:
            rows = [expected[:8], *(expected[at : at + 32] for at in range(8, len(expected), 32))]
            return "\n".join([f"the page should show\n; {self.sender}: {self.kind.__name__}", *(row.hex(" ") for row in rows)])
        return "" if page.agree(self.remark, shown) else f"the remark {self.remark} is not {shown}"

    def changed(self):
        """The same frame with one byte changed, for each byte."""
        for at in range(len(self.data)):
            other = Frame.__new__(Frame)
            other.__dict__.update(self.__dict__)
            other.data = self.data[:at] + bytes([self.data[at] ^ 1]) + self.data[at + 1 :]
            yield other


def frames_of_page():
    frames = []
    for name, text in page.BLOCKS.items():
        if name.startswith("session-"):
            parts = re.split(r"^; (engine|gateway): (\w+)\n", text, flags=re.M)
            assert not parts[0], f"{name} begins with bytes of nobody"
            frames += [Frame(*parts[at : at + 3]) for at in range(1, len(parts), 3)]
    return frames


FRAMES = frames_of_page()


def one(kind, sender="gateway"):
    [frame] = [f for f in FRAMES if (f.kind, f.sender) == (kind, sender)]
    return wire.decode(frame.data[8:])


class Played:
    """A connection over which the frames of `end` go out, each when what the page shows before it has come."""

    def __init__(self, connection, end):
        self.connection, self.end = connection, end
        connection.settimeout(LIMIT)
        self.came = []  # (frame of the page, bytes that came in its place)

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.connection.recv(size - len(data))
            assert more, f"the tier closed; it sent {[(f.kind.__name__, d.hex()) for f, d in self.came]}"
            data += more
        return data

    def _receive(self, kind):
        """The next frame but for what a slow machine adds, as the page says: a status on the way to live, and a ping."""
        while True:
            header = self._read(8)
            data = header + self._read(int.from_bytes(header[:2], "big"))
            message = wire.decode(data[8:])
            underway = isinstance(message, wire.EngineStatus) and any(row[3] < wire.LIVE for row in message.rows)
            if not underway and (kind is wire.Ping or not isinstance(message, wire.Ping)):
                return data

    def play(self, frames):
        for frame in frames:
            if frame.sender == self.end:
                self.connection.sendall(frame.data)
            else:
                self.came.append((frame, self._receive(frame.kind)))


class SessionTest(WireTest):
    def listen(self, name):
        listener = wire.socket.socket(wire.socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.folder / f"{name}.sock"))
        listener.listen()
        listener.settimeout(LIMIT)
        return listener

    def accept(self, listener, program):
        """The connection that `program` makes."""
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            self.fail(f"{program.arguments} did not dial: {program.told()}")
        self.addCleanup(connection.close)
        return connection

    def check(self, played, other):
        self.assertEqual([f for f, _ in played.came], [f for f in FRAMES if f.sender == other])
        for frame, data in played.came:
            self.assertEqual(frame.fault(data), "")
            for at, changed in enumerate(frame.changed()):
                self.assertTrue(changed.fault(data), f"{frame.kind.__name__}: another byte {at} on the page is not noticed")

    def test_a_real_engine_answers_the_gateway_of_the_page_with_the_bytes_of_the_page(self):
        listener = self.listen("page")
        engine = self.start("box", "--up", self.address("page"), command=ENGINE)
        played = Played(self.accept(listener, engine), "gateway")
        played.play(FRAMES)
        self.check(played, "engine")

    def test_a_real_gateway_answers_the_engine_of_the_page_with_the_bytes_of_the_page(self):
        listener = self.listen("top")
        gateway = self.start_gateway("--up", self.address("top"), "--label", "site=oslo")
        above = wire.Link(self.accept(listener, gateway), LIMIT)
        above.be_greeted(wire.hello(wire.CONTROLLER, "top", facing=0))
        desired, manifest, chunk = one(wire.Desired), one(wire.ManifestBytes), one(wire.ChunkBytes)
        above.send(desired)
        self.assertEqual(above.receive(wire.Confirm).position, desired.position)
        # What the controller has reaches the gateway only once the engine asks for it.
        played, rest = Played(self.dial("gate").socket, "engine"), iter(FRAMES)
        for kind, answer in ((wire.WantManifest, manifest), (wire.WantChunk, chunk)):
            asking = itertools.takewhile(lambda f: f.kind is not kind, rest)
            played.play(asking)
            played.play([f for f in FRAMES if f.kind is kind])
            above.receive(kind)
            above.send(answer)
        played.play(rest)
        self.check(played, "gateway")

    def test_the_session_goes_from_hello_to_live_in_frames_that_the_page_names(self):
        self.assertEqual(VARIES, {("Hello", "incarnation"), ("Hello", "platform"), ("Ping", "nonce"), ("Pong", "nonce")})
        streams = {"engine": itertools.count(1), "gateway": itertools.count(1)}
        for frame in FRAMES:
            number, kind = wire.TYPE_OF[frame.kind]
            self.assertEqual(frame.remark[0], number)
            stream = next(streams[frame.sender]) if kind else 0
            self.assertEqual(frame.data, wire.frame(frame.data[8:], kind, wire.FIN, stream))
        self.assertIn([1, "echo", "1", wire.LIVE, True, ""], [row for f in FRAMES if f.kind is wire.EngineStatus for row in f.remark[2]])


if __name__ == "__main__":
    unittest.main()
