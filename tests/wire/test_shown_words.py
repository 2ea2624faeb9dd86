"""The program's commands at a tier of ours whose every word tries to steer the terminal: they show it as text."""

import json
import os
import pty
import subprocess
import threading
import unittest

import pinnate_wire as wire
from pinnate_wire import CONTROLLER, ENGINE, GATEWAY
from programs import LIMIT, PINNATE, WireTest

# ESC, newline, carriage return, tab, bell, DEL, C1, overrides of direction, and bytes that are not UTF-8, a surrogate's among them.
HOSTILE = "\x1b]0;t\x07\x1b[2Jred\nno line\r\tgrün\x7f\u009b31m\u202elive\u2066\u2028\udcff\udced\udca0\udc80"
SHOWN = r"\x1b]0;t\x07\x1b[2Jred\nno line\r\tgrün\x7f\u009b31m\u202elive\u2066\u2028\xff\xed\xa0\x80"
IN_JSON = HOSTILE.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
HARMLESS = "word"


class Talker:
    """A controller that answers all that commands ask, and puts `word` wherever there is text."""

    def __init__(self, test, word, name="talker"):
        self.word = word
        self.address = f"unix:{test.folder}/{name}.sock"
        self.listener = wire.socket.socket(wire.socket.AF_UNIX)
        self.listener.bind(self.address.removeprefix("unix:"))
        self.listener.listen()
        test.addCleanup(self.listener.close)
        test.addCleanup(self.listener.shutdown, wire.socket.SHUT_RDWR)
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(wire.Link(connection, LIMIT),), daemon=True).start()

    def serve(self, link):
        try:
            link.be_greeted(wire.hello(CONTROLLER, "talker", facing=2))
            while True:
                asked = link.receive()
                if isinstance(asked, wire.Publish):
                    link.send(wire.Published(asked.id, 0, "", 7, [1, 7, bytes(32)], True, 1))
                elif answer := self.answer(asked):
                    link.send(answer)
        except wire.Ended:
            link.close()

    def answer(self, asked):
        word = self.word
        if isinstance(asked, wire.GetStatus):
            row = [7, word, word, True, [0, 0, 0, 1, 1, 0, 0, 0], 1, 0, [[word, word]]]
            return wire.StatusReport(asked.id, 0, "", word, [1, 7, bytes(32)], 2, 0, 0, 1, 0, [row], [word, word])
        if isinstance(asked, wire.Lookup):
            services = [[7, word, word, 4, False, word]]
            rows = [[GATEWAY, word, "", True, "", {}, wire.NOWHERE, 1, 1, [], word],
                    [ENGINE, word, word, True, word, {word: word}, wire.NOWHERE, 0, 0, services, word],
                    [ENGINE, "other", "", False, word, {word: word}, wire.NOWHERE, 0, 0, services, word]]
            return wire.Tiers(asked.id, 0, "", rows, "")
        if isinstance(asked, wire.ListReleases):
            return wire.Releases(asked.id, 0, "", [[7, word, word, word, bytes(32), word, 1, 1, False, word]])
        if isinstance(asked, wire.Unpublish):
            return wire.Done(asked.id, 4, word)
        if isinstance(asked, wire.Call):
            encoded = word.encode("utf-8", "surrogateescape")
            return wire.Returned(asked.id, 0 if asked.idempotent else 11, word, True, encoded)
        return None


def run(to, *arguments, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PINNATE_")}
    ended = subprocess.run([PINNATE, *arguments, "--to", to], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env={**env, "LC_ALL": "C.UTF-8"}, timeout=LIMIT, **more)
    return ended.returncode, ended.stdout, ended.stderr


class ShownWordsTest(WireTest):
    def setUp(self):
        super().setUp()
        self.module = self.folder / "module"
        self.module.write_bytes(b"anything")
        self.hostile = Talker(self, HOSTILE, "hostile")
        self.harmless = Talker(self, HARMLESS, "harmless")

    def assert_text(self, output):
        text = output.decode()  # which fails where it is no UTF-8
        for character in text:
            code = ord(character)
            self.assertFalse(code < 32 and character != "\n" or 0x7F <= code <= 0x9F or 0x2028 <= code <= 0x202E or 0x2066 <= code <= 0x2069,
                             (hex(code), text))
        return text

    def test_every_command_shows_a_peers_words_as_text_on_as_many_lines_as_harmless_ones(self):
        for arguments in (("status",), ("status", "--log-level", "debug"), ("engines",), ("history",), ("unpublish", "echo"), ("call", "echo"),
                          ("publish", "echo@1", str(self.module), "--loader", "any", "--wait")):
            code, out, error = run(self.hostile.address, *arguments)
            text = self.assert_text(out) + self.assert_text(error)
            self.assertIn(SHOWN, text, arguments)
            other_code, other_out, other_error = run(self.harmless.address, *arguments)
            self.assertEqual(code, other_code, arguments)
            self.assertEqual(text.count("\n"), (other_out + other_error).count(b"\n"), (arguments, text))

    def test_json_is_valid_says_the_same_and_steers_no_terminal_either(self):
        for arguments in (("status",), ("engines",), ("history",), ("publish", "echo@1", str(self.module), "--wait")):
            _, out, _ = run(self.hostile.address, *arguments, "--json")
            for line in self.assert_text(out).splitlines():
                self.assertIn(IN_JSON, flat(json.loads(line)))

    def test_a_result_goes_into_a_pipe_as_it_is_and_to_a_terminal_as_text(self):
        result = HOSTILE.encode("utf-8", "surrogateescape")
        self.assertEqual(run(self.hostile.address, "call", "echo", "--idempotent")[1], result)
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen([PINNATE, "call", "echo", "--idempotent", "--to", self.hostile.address], stdin=subprocess.DEVNULL,
                                   stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.assertEqual(process.wait(LIMIT), 0)
        shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
        self.assertEqual(shown, SHOWN.replace(r"\n", "\n").replace(r"\t", "\t"), "lines and tabs of a result are its own")

    def test_what_is_refused_and_what_a_tier_logs_of_its_peers_is_one_line_of_text(self):
        controller = self.start_controller("--log-level", "debug")
        bad = self.dial("top")
        with self.assertRaises(wire.Ended):
            bad.greet(wire.hello(ENGINE, HOSTILE))
        good = self.join("top", ENGINE, "good")
        good.send(wire.EngineStatus(wire.NOWHERE, [], HOSTILE))
        good.send(wire.Refuse(4, HOSTILE))
        good.read_to_end()
        controller.process.terminate()
        controller.await_end()
        controller.errors.seek(0)
        text = self.assert_text(controller.errors.read())
        self.assertIn(r"\u009b31m\u202elive\u2066\u2028\xff\xed\xa0\x80", text)
        for line in text.splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) .")


def flat(value):
    """All texts of a JSON value."""
    if isinstance(value, dict):
        return " ".join(flat(part) for pair in value.items() for part in pair)
    return " ".join(map(flat, value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    unittest.main()
