"""One engine and 200 publishes in random order, under calls, stopped and continued: it ends with status 0, and with nothing that its status does not
count."""

import collections
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time
import unittest

from fleet import BIN, LIMIT, REPOSITORY, FleetTest, module

sys.path.append(str(REPOSITORY / "bindings/python"))
os.environ.setdefault("PINNATE_LIBRARY", str(BIN.parent / "lib/libpinnate.so"))

import pinnate  # noqa: E402

PUBLISHES = 200
SEED = 16
# Function: its versions, what makes the configuration of each publish another one, and the payload of a call.
SAMPLES = {
    "echo": (("template-c", "template-cc"), "{}", b"again"),
    "anomaly": (("anomaly-1.0.0",), "warmup={}", b"1"),
    "thumbnail": (("thumbnail-1.0.0", "thumbnail-1.1.0"), "max={}", (REPOSITORY / "samples/pinnate/photo.jpg").read_bytes()),
}
WORKERS = 2  # of an engine; a module's thread may have the name of the one that it was begun on
POOLS = ("pinnate-work", "pinnate-disk", "pinnate-names", "pinnate-alarms", "pinnate-worker")  # begun when there is work


class Held:
    """What a process has that a module may have left: mapped images, threads and descriptors."""

    def __init__(self, pid):
        proc = pathlib.Path(f"/proc/{pid}")
        mapped = re.findall(r" (\d+) +/memfd:pinnate module ", (proc / "maps").read_text())
        self.images = len(set(mapped))
        names = collections.Counter(each(proc / "task", lambda task: (task / "comm").read_text().strip()))
        self.threads = sum(count for name, count in names.items() if name not in POOLS) + max(0, names["pinnate-worker"] - WORKERS)
        self.descriptors = collections.Counter(each(proc / "fd", lambda number: re.sub(r"\d+", "N", os.readlink(number))))


def each(folder, look):
    """Of all that is there: some end meanwhile."""
    for entry in folder.iterdir():
        try:
            yield look(entry)
        except OSError:
            continue


class Callers:
    """Threads that call functions until they are told to stop."""

    def __init__(self, client, payloads):
        self.client, self.stopping, self.outcomes = client, threading.Event(), collections.Counter()
        self.threads = [threading.Thread(target=self._call, args=order) for order in payloads.items()]
        for thread in self.threads:
            thread.start()

    def _call(self, name, payload):
        while not self.stopping.is_set():
            try:
                self.client.call(name, payload)
                self.outcomes["answered"] += 1
            except pinnate.PinnateError as error:
                self.outcomes[type(error).__name__] += 1
                self.stopping.wait(0.01)  # withdrawn: nobody serves it for a while

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class ManyPublishes(FleetTest):
    """One engine, and what it has before anything is published."""

    def setUp(self):
        super().setUp()
        self.controller()
        self.box = self.engine("e1", state=False)
        self.await_status(lambda s: s["online_engines"] == 1)
        self.pid = self.box.program.process.pid
        for version in ("1", "2"):  # what an engine needs for replacing a module it has from then on
            self.publish(f"keeper@{version}", module(f"counter-{version}"))
            self.call("keeper")
        self.before = Held(self.pid)

    def stop_and_go(self):
        self.box.program.signal(signal.SIGSTOP)
        deadline = time.monotonic() + LIMIT
        while pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1][0] != "T":
            self.assertLess(time.monotonic(), deadline, "the engine does not stop")
        self.box.program.signal(signal.SIGCONT)

    def publish_many(self, functions, publishes=PUBLISHES):
        """Each is published again and again, with another configuration, and withdrawn now and then; in the end all are withdrawn."""
        choice, current = random.Random(SEED), set()
        with pinnate.Client(self.to) as client:
            callers = Callers(client, {name: payload for name, (_, _, payload) in functions.items()})
            try:
                for number in range(1, publishes + 1):
                    name = choice.choice(sorted(functions))
                    files, configuration, _ = functions[name]
                    version = choice.choice(sorted(files))
                    client.wait_live(client.publish(name, version, files[version], config=configuration.format(number).encode()))
                    current.add(name)
                    if choice.random() < 0.1:
                        client.unpublish(name)
                        current.discard(name)
                    if number % 25 == 0:
                        self.stop_and_go()
            finally:
                callers.stop()
            self.assertLessEqual(set(callers.outcomes), {"answered", "NotFoundError", "UnreachableError"}, callers.outcomes)
            self.assertGreater(callers.outcomes["answered"], publishes)
            for name in sorted(current):
                client.unpublish(name)
        self.publish("keeper@1", module("counter-1"))  # loaded behind all that was withdrawn
        self.assertEqual(self.call("keeper"), "1 1")

    def assert_no_more_than_counted(self):
        """What is there beside the status's kept images was there before. A thread that ends may take a moment."""
        kept = self.engines_by_id()["e1"].get("kept", [])
        threads = self.before.threads + sum(image["threads"] for image in kept)
        deadline = time.monotonic() + LIMIT
        while (now := Held(self.pid)).threads > threads and time.monotonic() < deadline:
            self.stop_and_go()
        self.assertLessEqual(now.images, self.before.images + len(kept), kept)
        self.assertLessEqual(now.threads, threads, kept)
        more = now.descriptors - self.before.descriptors
        self.assertLessEqual(more.total(), len(kept), more)
        return kept

    def assert_ends_well(self):
        self.stop_and_go()
        self.assertEqual(self.call("keeper"), "1 2")
        self.box.stop()


class ManyPublishesTest(ManyPublishes):
    def test_two_hundred_publishes_of_the_samples_leave_nothing(self):
        self.publish_many({name: ({file: module(file) for file in files}, *rest) for name, (files, *rest) in SAMPLES.items()})
        kept = self.assert_no_more_than_counted()
        self.assertEqual([image for image in kept if "which came with it" not in image["why"]], [])  # libraries, once each
        self.assert_ends_well()


if __name__ == "__main__":
    unittest.main()
