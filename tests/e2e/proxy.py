"""A proxy between two tiers that counts what crosses, and stops it where a test says so."""

import collections
import contextlib
import socket
import threading

from fleet import LIMIT
from frames import CHUNK_BYTES, Frames, chunk_of

_PIECE = 16 * 1024


class _Link:
    def __init__(self, ends):
        self.ends = ends
        self.alive = True
        self.pumps = 2


class Proxy:
    """Listens on 127.0.0.1 and passes every link on to `target`, a unix: address. Toward the listener's side is downstream."""

    def __init__(self, target):
        self.target = target.removeprefix("unix:")
        self.chunks = collections.Counter()  # whole chunks that went downstream, by what they are
        self.chunks_up = collections.Counter()
        self.bytes = collections.Counter()  # "down", "up"
        self._changed = threading.Condition()
        self._hold_at = None
        self._held = False
        self._hold_direction = "down"
        self._links = []
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "tcp://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._spawn(self._accept)

    def _spawn(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                below, _ = self._listener.accept()
            except OSError:
                return
            above = socket.socket(socket.AF_UNIX)
            try:
                above.connect(self.target)
            except OSError:
                above.close()
                below.close()
                continue
            below.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link((above, below))
            with self._changed:
                self._links.append(link)
            self._spawn(self._pump, link, "down", above, below, self.chunks)
            self._spawn(self._pump, link, "up", below, above, self.chunks_up)

    def _pump(self, link, direction, source, sink, counted):
        def count(kind, first):
            if kind == CHUNK_BYTES:
                counted[chunk_of(first)] += 1

        frames = Frames(count)
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE):
                with self._changed:
                    while self._holds(direction, counted) and link.alive:
                        self._held = True
                        self._changed.notify_all()
                        self._changed.wait()
                    if not link.alive:
                        break
                    frames.take(data)
                    self.bytes[direction] += len(data)
                    self._changed.notify_all()
                sink.sendall(data)
        self._end(link)
        with self._changed:
            link.pumps -= 1
            last = link.pumps == 0
        if last:
            for end in link.ends:
                end.close()

    def _end(self, link):
        with self._changed:
            link.alive = False
            self._changed.notify_all()
        for end in link.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _holds(self, direction, counted):
        return direction == self._hold_direction and self._hold_at is not None and counted.total() >= self._hold_at

    def hold_after(self, chunks, direction="down"):
        """Lets so many chunks, of all that ever crossed, pass in that direction, and nothing after them."""
        with self._changed:
            self._hold_direction, self._hold_at, self._held = direction, chunks, False

    def await_held(self):
        with self._changed:
            if not self._changed.wait_for(lambda: self._held, LIMIT):
                raise AssertionError(f"only {self.chunks.total()} chunks came down and {self.chunks_up.total()} up")

    def release(self):
        """What was held goes on, if its link is still there."""
        with self._changed:
            self._hold_at, self._held = None, False
            self._changed.notify_all()

    def cut(self):
        """Ends all links there are, and what was held on them is lost; new ones are accepted."""
        with self._changed:
            links, self._links = self._links, []
        for link in links:
            self._end(link)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()
        self.cut()
        for thread in self._threads:
            thread.join(LIMIT)
