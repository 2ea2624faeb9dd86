"""A program on a loop of its own, samples/hosts/epoll: answers the lines of its input by a function, and ends with them."""

import subprocess
import unittest

from host import LIMIT, HostTest, compiled, installed


class EpollTest(HostTest):
    @classmethod
    def setUpClass(cls):
        cls.program = compiled("epoll/service.c", cls)

    def test_lines_are_answered_by_the_function_and_the_end_of_them_ends_it(self):
        service = subprocess.Popen([self.program, self.gate.address, "greet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=installed())
        self.addCleanup(service.kill)
        self.await_live("greet", 1)
        for text in (b"you", b"them"):
            service.stdin.write(text)
            service.stdin.flush()
            self.assertRegex(service.stdout.readline().decode(), r"^1 \d+\n$")
        rest, _ = service.communicate(timeout=LIMIT)
        self.assertEqual((service.returncode, rest), (0, b""))


if __name__ == "__main__":
    unittest.main()
