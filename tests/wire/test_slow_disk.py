"""A gateway whose disk is slow: how often it waits for that, and what does not wait for it."""

import os
import pathlib
import resource
import select
import statistics
import time
import unittest
from unittest import mock

import pinnate_wire as wire
from pinnate_wire import ENGINE, ChunkBytes, Context, EngineStatus, WantChunk
from programs import LIMIT, REPOSITORY, WireTest, end
from test_lying_upstream import Upstream, noise

SLOW_SYNC = pathlib.Path(os.environ.get("PINNATE_MODULES", REPOSITORY / "build" / "release" / "modules")) / "slow-sync.so"
CHILDREN, MOST_SYNCS = 1000, 20
SYNC_MS, THROUGH_MS = 50, 10


def reach(name, measured, limit):
    print(f"reach {name} {measured:.5g} {limit} {'ok' if measured <= limit else 'short'}")


class SlowDiskTest(WireTest):
    def start_on_slow_disk(self, milliseconds, *more):
        fifo = self.folder / "syncs"
        if not fifo.exists():
            os.mkfifo(fifo)
            self._syncs = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
            self.addCleanup(os.close, self._syncs)
        slow = {"LD_PRELOAD": str(SLOW_SYNC), "SLOW_SYNC_MS": str(milliseconds), "SLOW_SYNC_LOG": str(fifo)}
        with mock.patch.dict(os.environ, slow):
            return self.start_gateway("--cache", self.folder / "cache", *more)

    def new_syncs(self):
        """How many have begun since it was asked last."""
        try:
            return len(os.read(self._syncs, 1 << 16))
        except BlockingIOError:
            return 0

    def await_sync(self):
        ready, _, _ = select.select([self._syncs], [], [], LIMIT)
        self.assertTrue(ready, "the disk is not asked to write")
        return self.new_syncs()

    def join_all(self):
        """A thousand engines, all of which dial before the first is answered."""
        links = [self.dial("gate") for _ in range(CHILDREN)]
        for number, link in enumerate(links):
            link.send(wire.hello(ENGINE, f"engine-{number}"))
        for link in links:
            link.receive(wire.Hello)
            link.receive(wire.Welcome)
            link.send(wire.Welcome({}))
            link.send(EngineStatus(wire.NOWHERE, [], ""))
        return links

    def test_a_thousand_children_that_come_back_at_once_cost_a_gateway_few_syncs(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        for _ in range(2):
            gate = self.start_on_slow_disk(0)
            links = self.join_all()
            self.watch("gate").await_status(lambda status: status["online_engines"] == CHILDREN)
            end(gate)  # which keeps what it knows of all of them
            for link in links:
                link.close()
            syncs = self.new_syncs()
        self.assertGreater(syncs, 0)
        reach("gateway_syncs_for_1000_children", syncs, MOST_SYNCS)
        self.assertLessEqual(syncs, MOST_SYNCS)

    def test_a_chunk_passes_through_while_the_disk_works(self):
        listener = wire.socket.socket(wire.socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.folder / "above.sock"))
        listener.listen()
        listener.settimeout(LIMIT)
        self.start_on_slow_disk(SYNC_MS, "--up", self.address("above"))
        link = wire.Link(listener.accept()[0], LIMIT)
        self.addCleanup(link.close)
        upstream = Upstream(link, noise(41 * wire.CHUNK))
        upstream.publish()
        engine = self.join("gate", ENGINE, "below")
        idle, took = [], []  # while the disk does nothing, and while it works
        for index in range(40):
            if index >= 20:
                self.new_syncs()
                link.send(Context({"round": str(index)}))  # which the gateway keeps
                self.await_sync()
            engine.send(WantChunk(upstream.digest, 0, index))
            want = link.receive(WantChunk)
            plain = upstream.plain[index * wire.CHUNK : (index + 1) * wire.CHUNK]
            answer = ChunkBytes(want.manifest, want.artifact, want.index, 0, "", wire.encode_chunk(plain))
            began = time.monotonic()
            link.send(answer)
            got = engine.receive(ChunkBytes)
            (took if index >= 20 else idle).append((time.monotonic() - began) * 1000)
            self.assertEqual((got.index, got.code, got.encoded), (index, 0, answer.encoded))
        reach("chunk_through_a_gateway_on_a_slow_disk_ms", statistics.median(took), THROUGH_MS)
        # The limit is for a machine that does nothing else. What others do there makes both slow.
        self.assertLess(statistics.median(took) - statistics.median(idle), SYNC_MS / 2, (took, idle))


if __name__ == "__main__":
    unittest.main()
