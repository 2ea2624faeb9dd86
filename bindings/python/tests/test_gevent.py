"""Under gevent a request waits as a greenlet does: the others run meanwhile."""

import importlib.util
import unittest

from support import folder
from test_closing import program

SOURCE = """
import os, sys, time
{imports}
import gevent
from gevent.event import Event

folder = sys.argv[1]
ticks = []

def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.01)

SLOW = b"import time\\ndef handle(p):\\n    time.sleep(0.3)\\n    return b'slowly ' + p\\n"
lines = []
with pinnate.Controller(os.path.join(folder, "state"), id="root", log=lambda level, line: lines.append(line)) as controller, \\
        pinnate.Engine(id="one", loaders=[pinnate.PythonLoader()]) as engine:
    engine.dial_upstream(controller.listen("unix:" + os.path.join(folder, "c.sock")))
    ticking = gevent.spawn(tick)
    heard = Event()
    watch = controller.watch(lambda rollup: (gevent.sleep(0.01), heard.set()))
    published = controller.publish("slow", "1.0.0", SLOW, loader="python", on_progress=lambda done, total: None)
    controller.wait_live(published)
    engine.wait_serving("slow")
    assert heard.wait(30), "the watch"
    watch.close()

    before = len(ticks)
    calls = [gevent.spawn(controller.call, "slow", b"%d" % n) for n in range(2)]
    assert [call.get() for call in calls] == [b"slowly 0", b"slowly 1"]
    assert len(ticks) - before > 10, "greenlets stood still during a call"
    assert controller.begin_call("slow", b"x").result(30) == b"slowly x"

    began = time.monotonic()
    try:
        controller.call("slow", timeout=0.05)
        raise AssertionError("no timeout")
    except pinnate.TimedOutError:
        assert time.monotonic() - began < 5
    assert [tier.id for tier in controller.engines()] == ["one"]
    ticking.kill()
assert lines
print("served")
"""


class Gevent(unittest.TestCase):
    def setUp(self):
        self.assertTrue(importlib.util.find_spec("gevent"), "gevent is not installed (Debian: python3-gevent)")

    def check(self, imports):
        done = program(SOURCE.format(imports=imports), folder(self))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "served\n", ""))

    def test_requests_wait_as_greenlets_where_the_package_is_imported_after_patching(self):
        self.check("from gevent import monkey; monkey.patch_all()\nimport pinnate")

    def test_requests_wait_as_greenlets_where_the_package_is_imported_before_patching(self):
        self.check("import pinnate\nfrom gevent import monkey; monkey.patch_all()")


if __name__ == "__main__":
    unittest.main()
