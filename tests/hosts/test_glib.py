"""A program on GLib's main loop, samples/hosts/glib: asked line by line while versions change, stopped, killed."""

import re
import signal
import socket
import threading
import unittest

from host import HostTest, compiled, free_port


class GlibTest(HostTest):
    @classmethod
    def setUpClass(cls):
        cls.program = compiled("glib/service.c", cls, packages=("gio-2.0", "gio-unix-2.0", "pinnate"))

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.serve()

    def serve(self):
        self.service = self.start(self.program, self.gate.address, self.port)
        self.await_live("greet", 1)

    def connection(self):
        connected = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.addCleanup(connected.close)
        return connected, connected.makefile("rw", newline="\n")

    def ask_line(self, lines, text):
        lines.write(text + "\n")
        lines.flush()
        return lines.readline().rstrip("\n")

    def test_no_line_goes_unanswered_while_versions_change(self):
        versions, stopped, wrong, asked = self.versions(), threading.Event(), [], []

        def ask_on():
            _, lines = self.connection()
            while not stopped.is_set():
                answer = self.ask_line(lines, "greet you")
                asked.append(answer)
                if not re.fullmatch(r"[12] \d+", answer):
                    wrong.append(answer)
                    return
        askers = [threading.Thread(target=ask_on) for _ in range(4)]
        for asker in askers:
            asker.start()
        self.await_live("greet", 1, version="6")
        stopped.set()
        for asker in askers:
            asker.join()
        newest = versions.stop()
        self.assertEqual(wrong, [])
        self.assertGreater(len(asked), 100)
        self.await_live("greet", 1, version=str(newest))
        _, lines = self.connection()
        self.assertRegex(self.ask_line(lines, "greet you"), rf"^{1 + newest % 2} \d+$")

    def test_a_function_that_does_not_exist_is_an_answer_in_words(self):
        _, lines = self.connection()
        self.assertRegex(self.ask_line(lines, "nothing"), "^error: .*nothing")

    def test_it_ends_by_a_signal_and_its_engine_with_it(self):
        self.connection()
        self.service.signal(signal.SIGTERM)
        self.assertEqual(self.service.await_end(), 0, self.service.lines)
        self.await_engines(0)

    def test_one_that_was_killed_serves_again_when_it_is_started_again(self):
        self.kill(self.service)
        self.serve()
        _, lines = self.connection()
        self.assertRegex(self.ask_line(lines, "greet you"), r"^1 \d+$")


if __name__ == "__main__":
    unittest.main()
