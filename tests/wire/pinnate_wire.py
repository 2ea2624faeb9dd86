"""The protocol of lib/wire/PROTOCOL.md, by that page alone: frames, messages, a link, release, manifest and chunk."""

import hashlib
import itertools
import os
import socket
import struct
import time
import zlib
from collections import namedtuple

import msgpack

CONTROL, CALL, BULK = 0, 1, 2
FIN, CREDIT = 1, 2
FRAME_PAYLOAD, MESSAGE, STREAM_CREDIT, CHUNK = 16384, 1572864, 98304, 65536
CONTROLLER, GATEWAY, ENGINE, CLIENT = range(4)
PENDING, FETCHING, LOADING, LIVE, FAILED, INCOMPATIBLE, NOT_SELECTED, OFFLINE = range(8)

# Section 3: number, class, and fields of every message; a bar before the optional ones.
_MESSAGES = {
    "Hello": (1, CONTROL, "version_min version_max features fleet tenant role facing id incarnation | auth_method auth_payload"
              " labels platform position heartbeat_ms needs ephemeral"),
    "Welcome": (2, CONTROL, "| inherited artifact_limit_bytes"),
    "Refuse": (3, CONTROL, "code | reason"),
    "Ping": (4, CONTROL, "nonce"),
    "Pong": (5, CONTROL, "nonce"),
    "Goodbye": (6, CONTROL, "forget"),
    "Desired": (8, CONTROL, "position base_epoch base_revision page last | withdrawn releases"),
    "Confirm": (9, CONTROL, "position page whole | seen"),
    "Context": (10, CONTROL, "inherited"),
    "EngineStatus": (12, CONTROL, "position rows | notice kept"),
    "Rollup": (13, CONTROL, "position seen online offline forgotten gateways_online gateways_offline evaluated whole rows | notices"
               " kept_images kept_bytes"),
    "WantManifest": (16, CONTROL, "manifest"),
    "ManifestBytes": (17, BULK, "manifest code | reason bytes"),
    "WantChunk": (18, CONTROL, "manifest artifact index"),
    "ChunkBytes": (19, BULK, "manifest artifact index code | reason encoded"),
    "Publish": (24, CONTROL, "id manifest selector | config needs allowed"),
    "Published": (25, CONTROL, "id code | reason release position created durable_us"),
    "Unpublish": (26, CONTROL, "id name release"),
    "Done": (27, CONTROL, "id code | reason"),
    "ListReleases": (28, CONTROL, "id | name"),
    "Releases": (29, CONTROL, "id code | reason releases"),
    "GetStatus": (30, CONTROL, "id | name watch end_watch"),
    "StatusReport": (31, CONTROL, "id code | reason tier position online offline forgotten gateways_online gateways_offline"
                     " rows notices kept_images kept_bytes"),
    "Lookup": (32, CONTROL, "id | at name engine phase gateways cursor limit timeout_ms members"),
    "Tiers": (33, CONTROL, "id code | reason rows next"),
    "Call": (34, CALL, "id function engine route timeout_ms idempotent payload | needs version request_id selector headers"),
    "Returned": (35, CALL, "id code | reason ran result"),
    "PublishProgress": (64, CONTROL, "id done_bytes total_bytes"),
    "Cancel": (65, CONTROL, "id"),
}
BY_TYPE, TYPE_OF = {}, {}
# What an optional field is where a message does not have it, or its sender does not name it.
_DEFAULTS = dict(auth_method="none", auth_payload=b"", labels={}, position=(0, 0, bytes(32)), heartbeat_ms=5000, inherited={},
                 seen=(0, 0, bytes(32)), withdrawn=[], releases=[], notices=[], bytes=b"", encoded=b"", config=b"", release=0,
                 created=False, durable_us=0, watch=False, end_watch=False, online=0, offline=0, forgotten=0, gateways_online=0,
                 gateways_offline=0, rows=[], phase=0, gateways=False, limit=100, timeout_ms=10000, ran=True, result=b"", ephemeral=False, headers={}, kept=[],
                 kept_images=0, kept_bytes=0, allowed=[], artifact_limit_bytes=0, members=False)
for _name, (_type, _class, _fields) in _MESSAGES.items():
    _required, _, _optional = _fields.partition("|")
    _defaults = [_DEFAULTS.get(_field, "") for _field in _optional.split()]
    _defaults = [0 if (_name, _field) == ("Hello", "needs") else [] if _field == "needs" else _default
                 for _field, _default in zip(_optional.split(), _defaults)]
    _made = namedtuple(_name, _required.split() + _optional.split(), defaults=_defaults)
    _made.required = len(_required.split())
    BY_TYPE[_type] = _made
    TYPE_OF[_made] = (_type, _class)
    globals()[_name] = _made

# Structures. In a message they are plain lists; what reads them names them.
Position = namedtuple("Position", "epoch revision digest")
ReleaseEntry = namedtuple("ReleaseEntry", "record manifest")
ServiceRow = namedtuple("ServiceRow", "release name version phase serving reason")
NOWHERE = Position(0, 0, bytes(32))

Release = namedtuple("Release", "format number epoch name version manifest selector configuration decided needs signatures allowed",
                     defaults=[[], [], []])
Manifest = namedtuple("Manifest", "format name version loader artifacts limits needs signatures", defaults=[[], []])
Artifact = namedtuple("Artifact", "platform digest size chunks")


def sha256(data):
    return hashlib.sha256(data).digest()


def pack(value):
    return msgpack.packb(value, use_bin_type=True, unicode_errors="surrogateescape")


def unpack(data):
    return msgpack.unpackb(data, raw=False, unicode_errors="surrogateescape", strict_map_key=False)


def read(kind, values):
    """A structure or a message of `kind`; fields at its end that this version does not know are dropped."""
    return kind(*values[: len(kind._fields)])


def encode(message):
    return pack([TYPE_OF[type(message)][0], *message])


def decode(data):
    """A message, or None where it may be ignored."""
    fields = unpack(data)
    if fields[0] in BY_TYPE:
        return read(BY_TYPE[fields[0]], fields[1:])
    if fields[0] < 64:
        raise ValueError(f"unknown type {fields[0]}")
    return None


# ---- section 2: frames ----


def frame(payload, priority=CONTROL, flags=FIN, stream=0):
    return struct.pack(">HBBI", len(payload), priority, flags, stream) + payload


class Ended(Exception):
    """The other end has closed; `refusal` is the Refuse that came before, if one did."""

    def __init__(self, refusal=None):
        super().__init__(str(refusal))
        self.refusal = refusal


class Link:
    """One connection. Blocks, with a limit; answers pings and grants credit while it waits."""

    def __init__(self, connection, limit=20.0):
        self.socket = connection
        self.limit = limit
        self.inherited = None
        self.peer = None
        self.pending = []  # messages read while something else was waited for
        self.ended = False
        self._buffer = bytearray()
        self._pieces = {}  # stream -> bytes of an unfinished message
        self._streams = itertools.count(1)
        self._credit = {0: 0}  # stream -> what was granted to it and not used; of a numbered one while its message is under way
        self._granted = {0: 0}  # the same, granted by this end

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.settimeout(self.limit)
        self.socket.sendall(data)

    def send(self, message):
        self.send_message(encode(message), TYPE_OF[type(message)][1])

    def send_message(self, data, priority=CONTROL):
        """Any bytes as a message."""
        stream = 0 if priority == CONTROL else next(self._streams)
        self._credit.setdefault(stream, 0)
        at, until, own = 0, time.monotonic() + self.limit, STREAM_CREDIT
        while at < len(data):
            while own + self._credit[stream] == 0:
                self._take_frame(until)
            piece = data[at : at + min(FRAME_PAYLOAD, own + self._credit[stream])]
            at += len(piece)
            self._credit[stream] -= max(len(piece) - own, 0)
            own = max(own - len(piece), 0)
            self.send_bytes(frame(piece, priority, FIN if at == len(data) else 0, stream))
        if stream != 0:
            del self._credit[stream]

    def _read(self, size, until):
        while len(self._buffer) < size:
            left = self.limit if until is None else until - time.monotonic()
            if left <= 0:
                raise TimeoutError("what was waited for did not come")
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(1 << 18)
            except ConnectionResetError:
                more = b""
            if not more:
                self.ended = True
                raise Ended(next((m for m in self.pending if isinstance(m, Refuse)), None))
            self._buffer += more
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _take_frame(self, until=None):
        if until is not None and time.monotonic() > until:
            raise TimeoutError("what was waited for did not come")
        length, priority, flags, stream = struct.unpack(">HBBI", self._read(8, until))
        assert 1 <= length <= FRAME_PAYLOAD and priority <= BULK and flags <= CREDIT, (length, priority, flags)
        payload = self._read(length, until)
        if flags & CREDIT:
            if stream in self._credit:
                self._credit[stream] += struct.unpack(">I", payload)[0]
            return
        assert (stream == 0) == (priority == CONTROL)
        before = self._pieces.get(stream, b"")
        whole = before + payload
        assert len(whole) <= MESSAGE
        self._granted.setdefault(stream, 0)
        self._granted[stream] -= max(len(whole), STREAM_CREDIT) - max(len(before), STREAM_CREDIT)
        assert self._granted[stream] >= 0, f"{len(whole)} bytes on stream {stream} are beyond its credit"
        if not flags & FIN:
            if not before:  # the simplest rule that is right: as much as a message may need, at once
                more = MESSAGE - STREAM_CREDIT - self._granted[stream]
                self._granted[stream] += more
                self.send_bytes(frame(struct.pack(">I", more), CONTROL, CREDIT, stream))
            self._pieces[stream] = whole
            return
        self._pieces.pop(stream, None)
        if stream != 0:
            del self._granted[stream]
        message = decode(whole)
        assert message is None or TYPE_OF[type(message)][1] == priority, message
        if isinstance(message, Ping):
            self.send(Pong(message.nonce))
        elif message is not None and not isinstance(message, Pong):
            self.pending.append(message)

    def receive(self, *kinds, where=None):
        """The next message of one of these kinds, or of any; others keep for later."""
        seen, until = 0, time.monotonic() + self.limit
        while True:
            for at in range(seen, len(self.pending)):
                message = self.pending[at]
                if (not kinds or isinstance(message, kinds)) and (where is None or where(message)):
                    return self.pending.pop(at)
            seen = len(self.pending)
            self._take_frame(until)

    def read_to_end(self):
        """All that comes until the other end closes. Returns the Refuse that ended it, or None."""
        until = time.monotonic() + self.limit
        try:
            while True:
                self._take_frame(until)
        except Ended as ended:
            return ended.refusal

    # ---- section 4: handshake ----

    def greet(self, hello):
        """As the end that dialled."""
        self.send(hello)
        self.peer = self._answer(Hello)
        self.inherited = self._answer(Welcome).inherited
        self.send(Welcome({}))

    def be_greeted(self, hello):
        """As the end that listens."""
        self.peer = self._answer(Hello)
        self.send(hello)
        self.send(Welcome({}))
        self.inherited = self._answer(Welcome).inherited

    def _answer(self, kind):
        message = self.receive(kind, Refuse)
        if isinstance(message, Refuse):
            self.pending.append(message)
            raise Ended(message)
        return message


def hello(role, name, facing=1, **other):
    fields = dict(version_min=1, version_max=1, features=0, fleet="default", tenant="", role=role, facing=facing, id=name,
                  incarnation=int.from_bytes(os.urandom(7), "big") + 1, auth_method="none", auth_payload=b"", labels={},
                  platform="linux-x86_64" if role == ENGINE else "", position=NOWHERE, heartbeat_ms=5000)
    fields.update(other)
    return Hello(**fields)


def dial(address, limit=20.0):
    kind, _, where = address.partition(":")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(limit)
        connection.connect(where)
    else:
        host, _, port = where[2:].rpartition(":")
        connection = socket.create_connection((host, int(port)), limit)
    return Link(connection, limit)


# ---- sections 6 to 9: desired state, release, manifest, chunks ----


def state_digest(epoch, revision, records):
    """`records`: number -> record."""
    text = struct.pack(">QQ", epoch, revision)
    for number in sorted(records):
        text += struct.pack(">Q", number) + sha256(records[number])
    return sha256(text)


def encode_release(release):
    return pack(list(release) if release.allowed else list(release[:-1]))


def decode_release(record):
    release = read(Release, unpack(record))
    if release.format != 1:
        raise ValueError("not a release of this version")
    return release


def encode_manifest(manifest):
    return pack(list(manifest._replace(artifacts=[[a.platform, a.digest, a.size, b"".join(a.chunks)] for a in manifest.artifacts])))


def decode_manifest(data):
    manifest = read(Manifest, unpack(data))
    if manifest.format != 1:
        raise ValueError("not a manifest of this version")
    artifacts = []
    for platform, digest, size, chunks, *_ in manifest.artifacts:
        if len(chunks) != 32 * -(-size // CHUNK):
            raise ValueError("the list of chunks does not fit the size")
        artifacts.append(Artifact(platform, digest, size, [chunks[i : i + 32] for i in range(0, len(chunks), 32)]))
    return manifest._replace(artifacts=artifacts)


def make_manifest(name, version, data, platform="any", loader="native"):
    chunks = [sha256(data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)]
    return Manifest(1, name, version, loader, [Artifact(platform, sha256(data), len(data), chunks)],
                    [10000, 10000, 5000, 30000, 30000])


def artifact_for(manifest, platform):
    """Its place in the manifest, or None."""
    places = {a.platform: place for place, a in enumerate(manifest.artifacts)}
    return places.get(platform, places.get("any"))


def encode_chunk(plain):
    deflated = zlib.compress(plain)
    return b"\x01" + deflated if len(deflated) < len(plain) else b"\x00" + plain


def decode_chunk(encoded, size, digest):
    if len(encoded) > size + 1:
        raise ValueError("longer than plain")
    if encoded[0] == 1:
        inflating = zlib.decompressobj()
        plain = inflating.decompress(encoded[1:], size + 1)
        if not inflating.eof or inflating.unused_data:
            raise ValueError("the compressed bytes do not end where they should")
    elif encoded[0] == 0:
        plain = encoded[1:]
    else:
        raise ValueError("unknown encoding")
    if len(plain) != size or sha256(plain) != digest:
        raise ValueError("other bytes than announced")
    return plain


class State:
    """The lower end's copy of the desired state: section 6."""

    def __init__(self):
        self.position = NOWHERE
        self.records = {}  # number -> record
        self.manifests = {}  # digest -> bytes, of those that came along
        self._forget()

    def _forget(self):
        self._target, self._next, self._records = None, 0, {}

    def _confirm(self, page, whole=False):
        if whole:
            self._forget()
        return Confirm(self.position, page, whole, self.position)

    def take(self, desired):
        """What to answer."""
        position = read(Position, desired.position)
        if position[:2] <= self.position[:2]:
            return self._confirm(desired.page)
        if desired.page == 0:
            self._forget()
            self._target = position
            base = (desired.base_epoch, desired.base_revision)
            if desired.base_revision and base != self.position[:2]:
                return self._confirm(0, whole=True)
            self._records = dict(self.records) if desired.base_revision else {}
        elif desired.page != self._next or position != self._target:
            return self._confirm(desired.page, whole=True)
        for number in desired.withdrawn:
            self._records.pop(number, None)
        for entry in desired.releases:
            entry = read(ReleaseEntry, entry)
            self._records[decode_release(entry.record).number] = entry.record
            if entry.manifest:
                self.manifests[sha256(entry.manifest)] = entry.manifest
        self._next = desired.page + 1
        if desired.last:
            if state_digest(position.epoch, position.revision, self._records) != position.digest:
                return self._confirm(desired.page, whole=True)
            self.position, self.records = position, self._records
            self._forget()
        return self._confirm(desired.page)
