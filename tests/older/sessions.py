"""Recorded sessions of a link: how they are kept, changed as another version would, and played to a real tier.

A session is a text file: lines that begin with `#` say who spoke, and every other line is one message, in the order in which
it passed: `up` or `down`, its name, and its bytes in hex. Frames, pings and credit are left out, since each end has its own.
"""

import os
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "wire"))
import pinnate_wire as wire  # noqa: E402
import test_page as page  # noqa: E402

VERSIONS = sorted(path for path in HERE.iterdir() if (path / "sessions").is_dir())
# What comes when time passes, and as often as it does: nobody waits for a certain number of them.
UNTIMED = (wire.EngineStatus, wire.Rollup, wire.StatusReport, wire.PublishProgress, wire.Context)
STRUCTURES = dict(re.findall(r"^\| ([A-Z]\w+) \| (\d+) \|$", page.PAGE, re.M))


LIBRARY = os.environ.get("PINNATE_LIBRARY", str(HERE.parents[1] / "build" / "release" / "lib" / "libpinnate.so"))
ENGINE = ("/usr/bin/python3", str(HERE / "engine.py"), LIBRARY)


class Session:
    def __init__(self, path):
        self.name = path.stem
        self.head, self.messages = [], []  # (upward, message as bytes)
        for line in path.read_text().splitlines():
            if line.startswith("#"):
                self.head.append(line[1:].strip())
            else:
                way, _, data = line.split()
                self.messages.append((way == "up", bytes.fromhex(data)))

    def of(self, upward, kind):
        return [m for up, data in self.messages if up == upward and isinstance(m := wire.decode(data), kind)]


def write_session(path, head, messages):
    lines = [f"# {line}" for line in head]
    for upward, data in messages:
        name = wire.BY_TYPE[wire.unpack(data)[0]].__name__
        lines.append(f"{'up' if upward else 'down'} {name} {data.hex()}")
    path.write_text("\n".join(lines) + "\n")


# ---- as other versions would write them ----


def default_of(kind):
    plain = {"bool": False, "text": "", "bytes": b"", "labels": {}, "Position": [0, 0, bytes(32)]}
    return [] if kind.startswith("[") else plain.get(kind, 0)


def change(fields, values, required, extra):
    """The same structure with `extra` fields more (1), or fewer (-1) where what is left out has its default anyway."""
    changed = []
    for (_, kind), value in zip(fields, values):
        inner = kind.strip("[]")
        if inner in STRUCTURES:
            deeper = lambda one: change(page.DEFINED[inner], one, int(STRUCTURES[inner]), extra)  # noqa: E731
            value = [deeper(one) for one in value] if kind.startswith("[") else deeper(value)
        changed.append(value)
    if extra > 0:  # behind those that this version knows
        changed += [default_of(kind) for _, kind in fields[len(changed) :]]
        return changed + [["a later version's", {"field": 1}]]
    last = fields[len(changed) - 1][1] if changed else ""
    return changed[:-1] if len(changed) > required and changed[-1] == default_of(last) else changed


def as_version(data, extra):
    if extra == 0:
        return data
    kind, *values = wire.unpack(data)
    name = wire.BY_TYPE[kind].__name__
    return wire.pack([kind, *change(page.DEFINED[name], values, page.TABLE[name][4], extra)])


# ---- playing ----


def ids_of(messages):
    """Of questions, each once, in the order in which they came."""
    return list(dict.fromkeys(m.id for m in messages if m._fields[0] == "id" and not isinstance(m, wire.StatusReport)))


class Player:
    """Plays one end of a session: sends what that end sent, when what came before it in the session has come again.

    Messages of the kinds in `apart` depend on others, who are not there: they are not waited for.
    """

    def __init__(self, session, link, upward, extra=0, apart=()):
        self.session, self.link, self.upward, self.extra = session, link, upward, extra
        self.apart = (*UNTIMED, *apart)
        self.came = []  # all that the other end said

    def _take(self, until=None):
        self.link.limit = 20.0 if until is None else max(0.01, until - time.monotonic())
        message = self.link.receive()
        if isinstance(message, wire.Refuse):
            raise AssertionError(f"{self.session.name}: refused: {message}")
        self.came.append(message)

    def _count(self, kind):
        return sum(type(m) is kind for m in self.came)

    def wait_for(self, wanted, limit=20.0):
        """Until `wanted` is true of a message; that one."""
        until = time.monotonic() + limit
        seen = 0
        while True:
            for message in self.came[seen:]:
                if wanted(message):
                    return message
            seen = len(self.came)
            self._take(until)

    def play(self):
        """All but its Goodbye."""
        due = {}
        for upward, data in self.session.messages:
            kind = wire.BY_TYPE[wire.unpack(data)[0]]
            if kind is wire.Goodbye:
                continue
            if upward != self.upward:
                if kind not in self.apart:
                    due[kind] = due.get(kind, 0) + 1
                continue
            while any(self._count(k) < n for k, n in due.items()):
                self._take()
            self.link.send_message(as_version(self._to_whom_asked(data), self.extra), wire.TYPE_OF[kind][1])
        while any(self._count(k) < n for k, n in due.items()):
            self._take()
        return self

    def _to_whom_asked(self, data):
        """The same answer, with the id that the other end has for its question now."""
        kind, *values = wire.unpack(data)
        if wire.BY_TYPE[kind]._fields[0] != "id":
            return data
        asked = ids_of(wire.decode(d) for up, d in self.session.messages if up != self.upward)
        asks_now = ids_of(self.came)
        if values[0] not in asked or asked.index(values[0]) >= len(asks_now):
            return data  # a question of its own
        return wire.pack([kind, asks_now[asked.index(values[0])], *values[1:]])

    def leave(self):
        self.link.send(wire.Goodbye(True))
        self.link.close()
