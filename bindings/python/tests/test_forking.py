"""fork() while other threads open and close handles, and workers that outlive the host that forked them."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import unittest

import pinnate
from support import Seen, folder
from test_closing import program
from test_package import PACKAGE

# A child that hangs is ended by its alarm, and its status says so.
CHURN = """
import os, signal, subprocess, sys, threading, time
import pinnate

folder = sys.argv[1]
over = threading.Event()

def churn(open_one):
    while not over.is_set():
        with open_one():
            pass

def gateway():
    gateway = pinnate.Gateway(os.path.join(folder, "cache"))
    gateway.listen("unix:" + os.path.join(folder, "g.sock"))
    return gateway

threads = [threading.Thread(target=churn, args=(one,)) for one in (pinnate.Engine, gateway)]
for thread in threads:
    thread.start()
ends = set()
end = time.monotonic() + 3
while time.monotonic() < end:
    for leave in (lambda: os._exit(0), lambda: sys.exit(0)):
        child = os.fork()
        if not child:
            signal.alarm(20)
            over.set()
            leave()
        ends.add(os.waitpid(child, 0)[1])
    subprocess.run(["true"], check=True)
over.set()
for thread in threads:
    thread.join()
print(ends)
"""

HOST = """
import os, signal, sys, threading
import pinnate

linked = threading.Event()
gateway = pinnate.Gateway(sys.argv[1], id="host")
gateway.watch_links(lambda link: linked.set() if link.state == pinnate.LinkState.UP else None)
gateway.listen(sys.argv[2])
print(gateway.listen("tcp://127.0.0.1:0"), flush=True)
linked.wait()
if not os.fork():
    print(os.getpid(), flush=True)  # by then it has let go of what it has from its parent
signal.pause()
"""


class Forking(unittest.TestCase):
    def test_no_child_hangs_or_crashes_while_other_threads_open_and_close(self):
        done = program(CHURN, folder(self))
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", "{0}\n"))

    def test_a_new_gateway_takes_over_at_once_from_one_that_was_killed_and_left_a_worker(self):
        path = folder(self)
        cache, at = os.path.join(path, "cache"), "unix:" + os.path.join(path, "g.sock")
        host = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(HOST), cache, at],
            env={**os.environ, "PYTHONPATH": os.path.dirname(PACKAGE)},
            stdout=subprocess.PIPE, text=True,
        )
        self.addCleanup(host.wait)
        self.addCleanup(host.kill)
        self.addCleanup(host.stdout.close)
        tcp = host.stdout.readline().strip()
        with pinnate.Engine(id="below") as engine:
            engine.dial_upstream(tcp)
            worker = int(host.stdout.readline())
            self.addCleanup(os.kill, worker, signal.SIGKILL)
            host.kill()
            host.wait()
            began = time.monotonic()
            links = Seen()
            with pinnate.Gateway(cache) as again:
                again.watch_links(links)
                self.assertEqual(again.listen(at), at)
                self.assertEqual(again.listen(tcp), tcp)
                links.until_latest(lambda link: link.state == pinnate.LinkState.UP, "the engine is back")
                self.assertEqual(again.id, "host")
            self.assertLess(time.monotonic() - began, 5)  # a handshake that nobody answers takes ten


if __name__ == "__main__":
    unittest.main()
