"""Output that nobody reads, that has no room or nowhere to go: no tier waits for it, and no command takes it for success."""

import fcntl
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import unittest

from fleet import LIMIT, PINNATE, FleetTest, environment

LOG_LINE = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:debug|info|warning|error) .+"
MISSING = rb"warning (\d+) lines? (?:is|are) missing here"


def full_pipe():
    """Both ends of a pipe that takes no byte more, and how many it holds."""
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(theirs, False)
    size = os.write(theirs, b"." * 8192)
    os.set_blocking(theirs, True)
    return ours, theirs, size


def read_all(fd):
    """Until all writers have gone."""
    data = b""
    while part := os.read(fd, 65536):
        data += part
    return data


class StuckOutputTest(FleetTest):
    def start_with(self, *arguments, out=subprocess.DEVNULL, err=subprocess.DEVNULL, **more):
        process = subprocess.Popen([PINNATE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   env=environment(**more))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def full_pipe(self):
        ours, theirs, size = full_pipe()
        self.addCleanup(os.close, ours)
        return ours, theirs, size

    def start_stuck(self, *arguments):
        """With stdout and stderr that nobody reads; and the ends to read."""
        out, out_theirs, size = self.full_pipe()
        err, err_theirs, _ = self.full_pipe()
        process = self.start_with(*arguments, out=out_theirs, err=err_theirs)
        os.close(out_theirs)
        os.close(err_theirs)
        return process, out, err, size

    def controller_arguments(self, *more):
        return ("controller", "--id", "top", "--state", self.folder / "top", "--listen", self.to, *more)

    def await_socket(self, name="controller"):
        deadline = time.monotonic() + LIMIT
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                if client.connect_ex(f"{self.folder}/{name}.sock") == 0:
                    return
            self.assertLess(time.monotonic(), deadline)
            select.select([], [], [], 0.02)  # there is no event to await where nothing can be said

    def test_every_tier_serves_and_ends_while_nobody_reads_what_it_says(self):
        controller = self.start_stuck(*self.controller_arguments("--log-level", "debug"))
        self.await_socket()
        gateway = self.start_stuck("gateway", "--id", "gate", "--up", self.to, "--listen", f"unix:{self.folder}/gate.sock",
                                   "--log-level", "debug")
        self.await_socket("gate")
        engine = self.start_stuck("engine", "--id", "one", "--up", f"unix:{self.folder}/gate.sock", "--log-level", "debug")
        self.ask("publish", "echo@1", self.echo(1))
        self.await_status(lambda status: status["online_engines"] == 1 and status["releases"][0]["phases"]["live"] == 1)
        self.assertEqual(self.ask("call", "echo", "--data", "x")[0], "echo 1: x")
        for process, out, err, size in (engine, gateway, controller):
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(LIMIT), 0)
            self.assertLess(time.monotonic() - began, 5)
            for pipe in (out, err):
                self.assertEqual(read_all(pipe), b"." * size)

    def test_what_is_read_late_is_whole_and_in_order_and_what_is_missing_is_counted(self):
        process, out, err, size = self.start_stuck(*self.controller_arguments())
        self.await_socket()
        strangers = 4000
        for _ in range(strangers):  # each is a line
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.connect(f"{self.folder}/controller.sock")
                stranger.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                stranger.recv(1)
        self.ask("status")
        self.assertEqual(os.read(out, size), b"." * size)
        said = os.read(err, size)[size:]
        while b" missing here" not in said:
            said += os.read(err, 65536)
        process.send_signal(signal.SIGTERM)
        said = (said + read_all(err)).lstrip(b".")
        self.assertEqual(process.wait(LIMIT), 0)
        self.assertTrue(said.endswith(b"\n"))
        lines = said.splitlines()
        for line in lines:
            self.assertRegex(line, rb"^" + LOG_LINE + rb"$")
        strange = [line for line in lines if b"broke the protocol" in line]
        missing = sum(int(count) for count in re.findall(MISSING, said))
        self.assertGreater(len(strange), 1000)
        self.assertGreater(missing, 1000)
        self.assertIn(len(strange) + missing, range(strangers, strangers + 3), "and two of the command that asked")
        stamps = [line[:24] for line in strange]
        self.assertEqual(stamps, sorted(stamps))
        self.assertEqual(read_all(out).decode().splitlines(), [f"listening on {self.to}", "controller is running", "controller is stopping"])

    def test_a_slow_reader_gets_every_line_also_those_said_at_the_end(self):
        out, theirs, size = self.full_pipe()
        controller = self.start_with(*self.controller_arguments(), out=theirs)
        os.close(theirs)
        self.await_socket()
        controller.send_signal(signal.SIGTERM)
        lines = read_all(out)[size:].decode().splitlines()
        self.assertEqual(lines, [f"listening on {self.to}", "controller is running", "controller is stopping"])
        self.assertEqual(controller.wait(LIMIT), 0)

    def test_the_demo_comes_down_when_it_is_told_to_though_nobody_reads_its_story(self):
        process, out, _, size = self.start_stuck("demo", "--nodes", "1", "--clusters", "1", "--engines", "1", "--keep")
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + LIMIT
        while len(children.read_text().split()) < 4:
            self.assertLess(time.monotonic(), deadline)
            select.select([], [], [], 0.02)
        ends = [os.pidfd_open(int(child)) for child in children.read_text().split()]
        for end in ends:
            self.addCleanup(os.close, end)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(LIMIT), 130)
        for end in ends:
            self.assertTrue(select.select([end], [], [], LIMIT)[0], "a child lives on")
        self.assertEqual(read_all(out), b"." * size)

    def test_the_demo_comes_to_its_end_when_its_reader_has_gone_and_says_that_it_was_not_read(self):
        demo = self.start_with("demo", "--nodes", "1", "--clusters", "1", "--engines", "1", "--out", self.folder, out=subprocess.PIPE,
                               err=subprocess.PIPE)
        self.addCleanup(demo.stderr.close)
        demo.stdout.readline()
        demo.stdout.close()
        self.assertEqual(demo.wait(180), 1)
        self.assertIn(b"could not be written to stdout", demo.stderr.read())

    def test_a_tier_runs_where_its_output_has_no_room_and_a_command_says_so(self):
        with open("/dev/full", "wb") as full:
            controller = self.start_with(*self.controller_arguments("--log-level", "debug"), out=full, err=full)
            self.await_socket()
            for arguments in (("status",), ("status", "--json"), ("status", "--watch"), ("history",), ("version",)):
                told = subprocess.run([PINNATE, *arguments], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                      env=environment(PINNATE_TO=self.to), timeout=LIMIT)
                self.assertEqual(told.returncode, 1, arguments)
                self.assertIn(b"could not be written to stdout", told.stderr)
            controller.send_signal(signal.SIGTERM)
            self.assertEqual(controller.wait(LIMIT), 0)

    def test_a_watch_ends_with_whoever_reads_it_also_when_there_is_no_news(self):
        self.start_controller()
        for watching in ((), ("--json",)):
            watch = self.start_with("status", "--watch", *watching, "--to", self.to, out=subprocess.PIPE)
            self.assertTrue(watch.stdout.readline())
            watch.stdout.close()
            self.assertEqual(watch.wait(LIMIT), -signal.SIGPIPE)

    def test_a_tier_that_was_stopped_and_goes_on_serves_and_ends(self):
        self.start_tree()
        self.ask("publish", "echo@1", self.echo(1), "--wait")
        for process in (self.controller, self.gateway, *self.engines):
            process.signal(signal.SIGSTOP)
        for process in (self.controller, self.gateway, *self.engines):
            process.signal(signal.SIGCONT)
        self.assertEqual(self.ask("call", "echo", "--data", "x")[0], "echo 1: x")
        for process in (*self.engines, self.gateway, self.controller):
            process.signal(signal.SIGTERM)
            self.assertEqual(process.await_end(), 0, process.told())


if __name__ == "__main__":
    unittest.main()
