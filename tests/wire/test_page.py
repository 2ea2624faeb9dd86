"""What lib/wire/PROTOCOL.md says: its tables, its bytes and its remarks agree with each other, with what pinnate_wire.py makes
of them, and with what real tiers send. page_test.cc compares the same bytes with the library's encoder."""

import ast
import re
import unittest

import pinnate_wire as wire
from programs import REPOSITORY
from test_independent_engine import FleetTest

PAGE = (REPOSITORY / "lib" / "wire" / "PROTOCOL.md").read_text()
BLOCKS = dict(re.findall(r"^```hex (\S+)\n(.*?)^```", PAGE, re.M | re.S))
EXAMPLES = {name: bytes.fromhex(re.sub(r";.*", "", text)) for name, text in BLOCKS.items()}
CLASSES = {"control": wire.CONTROL, "call": wire.CALL, "bulk": wire.BULK}
TYPE = r"u8|u32|u64|i64|bool|text|bytes|digest|labels|nil|array|\[[a-zA-Z0-9]+\]|[A-Z][a-zA-Z]+"


def fields_in(text):
    """(name, type) of each field: of the numbered list in `text`, else of a sentence as in: `id` u64, `name` text."""
    rows = re.findall(rf"^\d+\. `([a-z_]+)` ({TYPE})(?=:|$)", text, re.M)
    return rows or re.findall(rf"`([a-z_]+)`\s({TYPE})(?!\w)", text)


def definitions():
    """name -> fields, of every message and structure: from its name in bold to the next one."""
    found = {}
    marks = list(re.finditer(r"\*\*([A-Z][a-zA-Z]+)\*\*(?=\s\(\d+\)|:|, a structure)", PAGE))
    sections = re.split(r"^## ", PAGE, flags=re.M)
    for title, section in (("Release", sections[7]), ("Manifest", sections[8])):
        found[title] = fields_in(section.partition("**Artifact**")[0])
    for mark, after in zip(reversed(marks), [len(PAGE)] + [m.start() for m in reversed(marks)]):
        fields = fields_in(re.split(r"^## ", PAGE[mark.end() : after], flags=re.M)[0])
        found[mark[1]] = fields or found[last]  # as in: Ping (4), Pong (5): ...
        last = mark[1]
    return found


DEFINED = definitions()


# name -> number, class, down to, up from, required
TABLE = {name: (int(number), CLASSES[kind], down.split(", "), up.split(", "), int(required)) for number, name, kind, down, up, required in
         re.findall(r"^\| (\d+) \| (\w+) \| (\w+) \| ([\w, ]*?) ?\| ([\w, ]*?) ?\| (\d+) \|$", PAGE, re.M)}


def is_of(kind, value):
    """Whether a decoded value is of a type that the page names."""
    if kind in ("u8", "u32", "u64"):
        return type(value) is int and 0 <= value < 1 << int(kind[1:])
    if kind.startswith("["):
        return type(value) is list and all(is_of(kind[1:-1], element) for element in value)
    if kind == "digest":
        return type(value) is bytes and len(value) == 32
    plain = {"i64": int, "bool": bool, "text": str, "bytes": bytes, "labels": dict, "nil": type(None), "array": list}
    if kind in plain:
        return type(value) is plain[kind]
    return type(value) is list and fits(DEFINED[kind], value)


def fits(fields, values):
    return len(fields) == len(values) and all(is_of(kind, value) for (_, kind), value in zip(fields, values))


def remark_of(block):
    """The message as the remark in a block shows it, or None. Bytes that are cut short come as a tuple."""
    text = " ".join(line.split(";", 1)[1].strip() for line in block.splitlines() if ";" in line)
    if not text.startswith("["):
        return None
    text = re.sub(r"h'([0-9a-f]+)\.\.\.' \((\d+) bytes\)", r"('\1', \2)", text)
    text = re.sub(r"h'([0-9a-f]*)'(?:\*(\d+))?", lambda m: repr(bytes.fromhex(m[1]) * int(m[2] or 1)), text)
    for word, value in (("true", "True"), ("false", "False"), ("nil", "None")):
        text = re.sub(rf"\b{word}\b", value, text)
    return ast.literal_eval(text)


def agree(shown, value):
    if isinstance(shown, tuple):
        return value.hex().startswith(shown[0]) and len(value) == shown[1]
    if isinstance(shown, list):
        return type(value) is list and len(shown) == len(value) and all(map(agree, shown, value))
    return type(shown) is type(value) and shown == value


def example_of(kind):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", kind).lower()


class PageTest(unittest.TestCase):
    def test_every_message_has_an_example_whose_fields_are_those_of_its_definition(self):
        for made, (number, _) in wire.TYPE_OF.items():
            with self.subTest(made.__name__):
                fields = DEFINED[made.__name__]
                self.assertEqual(TABLE[made.__name__][4], made.required)
                self.assertEqual([name for name, _ in fields], list(made._fields))
                self.assertRegex(PAGE, rf"\*\*{made.__name__}\*\*\s\({number}\)")
                data = EXAMPLES[example_of(made.__name__)]
                values = wire.unpack(data)
                self.assertEqual(values[0], number)
                self.assertTrue(fits(fields, values[1:]), (fields, values))
                encoded = wire.encode(wire.decode(data))
                if made.__name__ in ("Call", "Returned"):  # the library writes their ids wider than they need
                    encoded, data = wire.unpack(encoded), wire.unpack(data)
                self.assertEqual(encoded, data)

    def test_every_remark_says_what_its_bytes_are(self):
        shown = {name: remark for name, block in BLOCKS.items() if (remark := remark_of(block)) is not None}
        for name, remark in shown.items():
            with self.subTest(name):
                self.assertTrue(agree(remark, wire.unpack(EXAMPLES[name])), (remark, wire.unpack(EXAMPLES[name])))
        self.assertEqual(len(shown), len(wire.TYPE_OF) + 2, "all messages, a release and a manifest")

    def test_the_table_of_types_names_every_message_its_number_and_its_class(self):
        told = {name: row[:2] for name, row in TABLE.items()}
        self.assertEqual(told, {made.__name__: number_and_class for made, number_and_class in wire.TYPE_OF.items()})

    def test_a_structure_has_the_fields_that_pinnate_wire_reads(self):
        for kind in (wire.Position, wire.ReleaseEntry, wire.ServiceRow, wire.Manifest, wire.Artifact):
            self.assertEqual([name for name, _ in DEFINED[kind.__name__]], list(kind._fields))
        self.assertEqual([name for name, _ in DEFINED["Release"]], list(wire.Release._fields))

    def test_the_examples_of_release_manifest_and_digest_are_right(self):
        self.assertTrue(fits(DEFINED["Release"][:-1], wire.unpack(EXAMPLES["release"])), "nothing is allowed, so it is not said")
        self.assertTrue(fits(DEFINED["Manifest"], wire.unpack(EXAMPLES["manifest"])))
        release = wire.decode_release(EXAMPLES["release"])
        self.assertEqual(wire.encode_release(release), EXAMPLES["release"])
        manifest = wire.decode_manifest(EXAMPLES["manifest"])
        self.assertEqual(wire.encode_manifest(manifest), EXAMPLES["manifest"])
        self.assertEqual(release.manifest, wire.sha256(EXAMPLES["manifest"]))
        self.assertEqual((release.name, release.version), (manifest.name, manifest.version))
        self.assertEqual(manifest.artifacts[0].digest, wire.sha256(b"abc"))
        self.assertEqual(wire.sha256(EXAMPLES["state"]), EXAMPLES["state-digest"])
        self.assertEqual(wire.state_digest(1, release.number, {release.number: EXAMPLES["release"]}), EXAMPLES["state-digest"])

    def test_the_examples_of_chunks_and_frames_are_right(self):
        self.assertEqual(wire.decode_chunk(EXAMPLES["chunk-plain"], 3, wire.sha256(b"abc")), b"abc")
        self.assertEqual(wire.decode_chunk(EXAMPLES["chunk-zlib"], 1000, wire.sha256(b"a" * 1000)), b"a" * 1000)
        self.assertEqual(EXAMPLES["frame-control"], wire.frame(EXAMPLES["ping"]))
        self.assertEqual(EXAMPLES["frame-first"], wire.frame(bytes(16384), wire.BULK, 0, 2)[:8])
        self.assertEqual(EXAMPLES["frame-last"], wire.frame(bytes(20000 - 16384), wire.BULK, wire.FIN, 2)[:8])
        self.assertEqual(EXAMPLES["frame-credit"], wire.frame((1474560).to_bytes(4, "big"), 0, wire.CREDIT, 3))

    def test_the_statuses_are_those_of_the_library(self):
        header = (REPOSITORY / "include" / "pinnate" / "common.h").read_text()
        known = {int(number) for number in re.findall(r"^  PINNATE_[A-Z_]+ = (\d+)", header.partition("PINNATE_LOG_DEBUG")[0], re.M)}
        rows = re.findall(r"^\| ([\d, ]+) \| \w", PAGE.partition("| status | meaning |")[2], re.M)
        self.assertEqual({int(n) for row in rows for n in row.split(",")}, known)


class PageAndTiersTest(FleetTest):
    def test_a_controller_stores_and_a_gateway_passes_on_the_bytes_that_the_page_shows(self):
        """The examples of manifest, release and chunks, made by the program."""
        abc, many = self.folder / "abc", self.folder / "many"
        abc.write_bytes(b"abc")
        many.write_bytes(b"a" * 1000)
        for i in range(6):
            self.publish(f"filler-{i}@1", many)
        number = self.publish("thumbnail@1.1.0", f"--platform=linux-x86_64={abc}", "--select", "region=eu", "--config-text", "CONFIG")
        engine = self.engine()
        engine.take_state(number)
        record = engine.state.records[number]
        example = wire.decode_release(EXAMPLES["release"])
        self.assertEqual(record, wire.encode_release(example._replace(decided=wire.decode_release(record).decided)))
        self.assertEqual(engine.fetch_manifest(example.manifest), EXAMPLES["manifest"])
        for name, manifest in (("chunk-plain", example.manifest), ("chunk-zlib", engine.release_of("filler-0").manifest)):
            engine.link.send(wire.WantChunk(manifest, 0, 0))
            self.assertEqual(engine.link.receive(wire.ChunkBytes).encoded, EXAMPLES[name])


if __name__ == "__main__":
    unittest.main()
