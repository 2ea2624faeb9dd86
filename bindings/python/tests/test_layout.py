"""The ctypes declarations are those of the headers, as a C compiler sees them."""

import ctypes
import os
import re
import shlex
import subprocess
import tempfile
import unittest

from pinnate import Phase, Role, Status, _abi, _prototypes, _records
from pinnate.fleet import Failure, Service
from pinnate.testing import Fate, Step

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.environ.get("PINNATE_INCLUDE") or os.path.normpath(os.path.join(HERE, "../../../include"))
COMPILER = shlex.split(os.environ.get("CC", "cc"))
HEADERS = (
    "client.h", "common.h", "controller.h", "engine.h", "fleet.h", "gateway.h", "loader.h", "loop.h", "module.h", "testing.h"
)


def compiled_output(body):
    """What a C program with these statements prints, by line."""
    source = "".join(f"#include <pinnate/{header}>\n" for header in HEADERS)
    source += "#include <stdio.h>\nint main(void) {\n" + body + "return 0;\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        file, program = os.path.join(folder, "layout.c"), os.path.join(folder, "layout")
        with open(file, "w") as out:
            out.write(source)
        # No inherited sanitizer flags: the program only prints constants.
        subprocess.run([*COMPILER, "-std=c99", f"-I{INCLUDE}", "-o", program, file], check=True)
        return subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def headers_text():
    text = ""
    for header in HEADERS:
        with open(os.path.join(INCLUDE, "pinnate", header)) as file:
            text += file.read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"\bpinnate_ticket\b", "uint64_t", text)  # as it is defined


def parameters(declared):
    """The parameters of a declaration, as written."""
    depth, found = 0, [""]
    for character in declared:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [] if declared.strip() in ("", "void") else [" ".join(each.split()) for each in found]


def shape(declared):
    """What ctypes must say about a parameter or result: how large it is, and whether it is a
    pointer.
    """
    if "*" in declared or re.search(r"\bpinnate_\w+_fn\b", declared):
        return "pointer"
    kind = re.sub(r"\b(const|struct)\b", "", declared).split()[0]
    if kind in ("pinnate_status", "pinnate_phase", "pinnate_role", "pinnate_member_state", "pinnate_log_level", "int"):
        return "int"
    return kind


SHAPES = {
    None: "void",
    ctypes.c_int: "int",
    ctypes.c_uint32: "uint32_t",
    ctypes.c_uint64: "uint64_t",
    ctypes.c_size_t: "size_t",
    ctypes.c_void_p: "pointer",
    ctypes.c_char_p: "pointer",
    _abi.Bytes: "pinnate_bytes",
}


def python_shapes(types):
    # size_t and uint64_t are one ctypes type where they are one C type.
    return [SHAPES.get(kind, "pointer").replace("size_t", "uint64_t") for kind in types]


def header_shapes(declared):
    return [shape(each).replace("size_t", "uint64_t") for each in declared]


class Layout(unittest.TestCase):
    maxDiff = None

    def test_every_struct_has_the_size_and_the_offsets_that_the_compiler_gives_it(self):
        body, expected = "", []
        for name, struct in _abi.STRUCTS.items():
            body += f'printf("{name} %zu\\n", sizeof({name}));\n'
            expected.append(f"{name} {ctypes.sizeof(struct)}")
            for field, _ in struct._fields_:
                member = f"(({name} *)0)->{field}"
                body += (
                    f'printf("{name}.{field} %zu %zu\\n", (size_t)&{member}, sizeof({member}));\n'
                )
                place = getattr(struct, field)
                expected.append(f"{name}.{field} {place.offset} {place.size}")
        self.assertEqual(compiled_output(body), expected)

    def test_no_struct_of_the_headers_is_left_out_and_no_field_of_one(self):
        structs = re.findall(r"typedef struct \w+ \{(.*?)\n\} (\w+);", headers_text(), flags=re.S)
        declared = {name: fields for fields, name in structs}
        declared.pop("pinnate_descriptor")  # what modules in C export; Python defines none
        self.assertEqual(set(declared), set(_abi.STRUCTS))
        for name, fields in declared.items():
            count = sum(
                len(parameters(statement)) if "(" not in statement else 1
                for statement in fields.split(";")
                if statement.strip()
            )
            self.assertEqual(count, len(_abi.STRUCTS[name]._fields_), name)

    def test_every_function_of_the_headers_has_its_prototype(self):
        declared = {
            name: (result, parameters(given))
            for result, name, given in re.findall(
                r"PINNATE_API\s+([\w\s*]+?[\s*])(\w+)\(([^;]*)\);", headers_text()
            )
        }
        self.assertGreater(len(declared), 40)
        self.assertEqual(set(declared), set(_prototypes.PROTOTYPES))
        for name, (result, given) in declared.items():
            with self.subTest(name):
                python_result, python_given = _prototypes.PROTOTYPES[name]
                self.assertEqual(header_shapes(given), python_shapes(python_given))
                self.assertEqual(header_shapes([result]), python_shapes([python_result]))

    def test_every_callback_type_of_the_headers_has_its_prototype(self):
        declared = {
            name: (result, parameters(given))
            for result, name, given in re.findall(r"typedef (\w+) \(\*(\w+)\)\(([^;]*)\);", headers_text())
        }
        self.assertEqual(set(declared), set(_abi.CALLBACKS))
        for name, (result, given) in declared.items():
            with self.subTest(name):
                self.assertEqual(header_shapes(given), python_shapes(_abi.CALLBACKS[name]._argtypes_))
                self.assertEqual(header_shapes([result]), python_shapes([_abi.CALLBACKS[name]._restype_]))

    def test_every_function_pointer_in_a_table_has_its_prototype(self):
        for table, name in ((_abi.Host, "pinnate_host"), (_abi.Loader, "pinnate_loader")):
            struct = re.search(r"typedef struct " + name + r" \{(.*?)\n\}", headers_text(), flags=re.S)
            fields = struct.group(1)
            pointers = re.findall(r"([\w\s*]+?)\(\*(\w+)\)\(([^;]*)\);", fields)
            python_types = dict(table._fields_)
            self.assertEqual(
                {field for _, field, _ in pointers},
                {field for field, kind in table._fields_ if hasattr(kind, "_argtypes_")},
            )
            for result, field, given in pointers:
                with self.subTest(f"{name}.{field}"):
                    kind = python_types[field]
                    self.assertEqual(header_shapes(parameters(given)), python_shapes(kind._argtypes_))
                    self.assertEqual(header_shapes([result]), python_shapes([kind._restype_]))

    def test_the_constants_are_those_of_the_headers(self):
        constants = {f"PINNATE_{status.name}": int(status) for status in Status}
        constants.update({f"PINNATE_PHASE_{phase.name}": int(phase) for phase in Phase})
        constants.update({f"PINNATE_ROLE_{role.name}": int(role) for role in Role})
        constants.update({f"PINNATE_TESTING_{step.name}": int(step) for step in Step})
        constants.update({f"PINNATE_TESTING_{fate.name}": int(fate) for fate in Fate})
        constants["PINNATE_PHASE_COUNT"] = _abi.PHASE_COUNT
        constants["PINNATE_CALLS_MAY_OVERLAP"] = _abi.CALLS_MAY_OVERLAP
        constants["PINNATE_VERSION_MAJOR"] = _abi.VERSION_MAJOR
        body = "".join(f'printf("{name} %d\\n", (int)({name}));\n' for name in constants)
        self.assertEqual(compiled_output(body), [f"{name} {value}" for name, value in constants.items()])

    def test_no_status_phase_or_role_of_the_headers_is_left_out(self):
        text = headers_text()
        kinds = ("status", Status), ("phase", Phase), ("role", Role), ("testing_step", Step), ("testing_fate", Fate)
        for kind, members in kinds:
            body = re.search(r"typedef enum pinnate_" + kind + r" \{(.*?)\}", text, flags=re.S).group(1)
            names = [name for name in re.findall(r"\b(PINNATE_\w+)", body) if not name.endswith("_COUNT")]
            self.assertEqual(len(names), len(members), kind)


class Growth(unittest.TestCase):
    """Structs of libraries older and newer than this package."""

    @staticmethod
    def handed_out(kind, size, **fields):
        """A struct as such a library hands it out: nothing behind its end means anything."""
        memory = ctypes.create_string_buffer(b"\x5a" * max(size, ctypes.sizeof(kind)))
        struct = kind.from_buffer(memory)
        struct.size = size
        for field, value in fields.items():
            setattr(struct, field, value)
        return ctypes.pointer(struct)

    def test_of_an_older_library_s_struct_nothing_is_read_behind_its_end(self):
        service = self.handed_out(_abi.Service, _abi.Service.reason.offset, name=b"f", version=b"1", release=7, phase=3)
        self.assertEqual(_records.service(service), Service("f", "1", 7, Phase.LIVE, "", False))

    def test_of_a_newer_library_s_struct_the_known_part_is_read(self):
        failure = _abi.array([_abi.Failure(engine=b"e", reason=b"r")], _abi.Failure)
        status = self.handed_out(
            _abi.ReleaseStatus, ctypes.sizeof(_abi.ReleaseStatus) + 8, number=7, name=b"f", version=b"1", current=1,
            phases=(ctypes.c_uint64 * 9)(*range(9)), phase_count=9, serving=1, serving_offline=0, failures=failure,
            failure_count=1,
        )
        row = _records._release_status(status)
        self.assertEqual(row.phases[Phase.OFFLINE], 7)
        self.assertEqual(row.failures, (Failure("e", "r"),))

    def test_structs_that_are_handed_in_have_their_size(self):
        labels = _abi.array([_abi.Label(key=b"k", value=b"v")] * 2, _abi.Label)
        self.assertEqual([label.contents.size for label in labels], [ctypes.sizeof(_abi.Label)] * 2)


if __name__ == "__main__":
    unittest.main()
