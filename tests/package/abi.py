"""The C ABI is the one of tests/older/VERSION/abi.xml, which libabigail wrote.

    abi.py BUILD            compares, and fails by any difference
    abi.py BUILD --record   writes the dump of this version anew, and the header that tests/older/host.c is built with:
                            what is there may grow, and never change

A function for each declaration of include/pinnate/ stands in for the library, whose objects need no
types for a debugger then; tests/package/exports.py says that the library exports just these.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = sorted((ROOT / "include/pinnate").glob("*.h"))
DUMP = ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed"]


def declarations():
    for header in HEADERS:
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for declared in re.findall(r"PINNATE_API\s+([^;{}]*?\));", text):
            yield " ".join(declared.split())


def one_header():
    """All that a host of this version was compiled with, without comments."""
    order = ["common.h", "fleet.h", "module.h", "loader.h"]
    named = {header.name: header for header in HEADERS}
    text = "/* include/pinnate of one version, as tests/package/abi.py wrote it. */\n"
    for name in order + [name for name in named if name not in order]:
        body = re.sub(r"/\*.*?\*/", "", named[name].read_text(), flags=re.S)
        body = "\n".join(line.rstrip() for line in body.split("\n") if line.strip() and "#include <pinnate/" not in line)
        text += f"\n{body}\n"
    return text


def stand_in(build):
    folder = build / "abi"
    folder.mkdir(exist_ok=True)
    lines = [f"#include <pinnate/{header.name}>" for header in HEADERS]
    lines += [f"{declared} {{ __builtin_trap(); }}" for declared in declarations()]
    (folder / "library.c").write_text("\n".join(lines) + "\n")
    library = folder / "library.so"
    subprocess.run(["cc", "-std=c99", "-g", "-O0", "-w", "-shared", "-fPIC", f"-I{ROOT / 'include'}", "-Wl,-soname,libpinnate.so.0",
                    "-o", "library.so", "library.c"], cwd=folder, check=True)
    return library


def main():
    build, record = pathlib.Path(sys.argv[1]), "--record" in sys.argv[2:]
    version = re.search(r"project\(pinnate VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    if not shutil.which("abidw"):
        print("no abidw here (Debian's abigail-tools): not compared")
        return 0
    library = stand_in(build)
    if record:
        dump = ROOT / "tests/older" / version / "abi.xml"
        subprocess.run(["abidw", *DUMP, "--out-file", dump, library], check=True)
        (dump.parent / "pinnate.h").write_text(one_header())
        print(f"wrote {dump.relative_to(ROOT)}, and pinnate.h beside it")
        return 0
    failed = 0
    for dump in sorted((ROOT / "tests/older").glob("*/abi.xml")):
        compared = subprocess.run(["abidiff", dump, library], text=True, capture_output=True)
        if compared.returncode != 0:
            failed = 1
            print(f"The C ABI is not that of {dump.relative_to(ROOT)}:\n{compared.stdout}{compared.stderr}")
    if failed:
        print("A host that was built against that version may break. If all of it is growth, record it: tests/package/abi.py BUILD --record")
    return failed


sys.exit(main())
