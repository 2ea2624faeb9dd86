"""The shared library exports what tests/package/exports.txt lists and the headers declare, under its SONAME.

    exports.py LIBRARY             compares
    exports.py LIBRARY --accept    writes the list anew from the library
    exports.py --declared          prints what the headers declare
"""
import difflib
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE / "exports.txt"
INCLUDE = HERE.parent.parent / "include" / "pinnate"
SONAME = "libpinnate.so.0"


def declared():
    names = set()
    for header in sorted(INCLUDE.glob("*.h")):
        text = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#.*?[^\\]$", "", header.read_text(), flags=re.S | re.M)
        for declaration in re.findall(r"\bPINNATE_API\b(.*?);", text, flags=re.S):
            names.add(re.search(r"\b(pinnate_\w+)\s*(?:\(|$)", declaration).group(1))
    return sorted(names)


def exported(library):
    lines = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", library], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return sorted(line.split()[0] for line in lines)


def soname(library):
    text = subprocess.run(["readelf", "-d", library], check=True, text=True, stdout=subprocess.PIPE).stdout
    found = re.search(r"\(SONAME\).*\[(.*)\]", text)
    return found.group(1) if found else None


def differ(expected, actual, expected_name, actual_name):
    lines = list(difflib.unified_diff(expected, actual, expected_name, actual_name, lineterm="", n=0))
    if lines:
        print("\n".join(lines))
    return bool(lines)


def main(arguments):
    if arguments == ["--declared"]:
        print("\n".join(declared()))
        return 0
    if not arguments or arguments[1:] not in ([], ["--accept"]):
        print(__doc__)
        return 2
    library = arguments[0]
    actual = exported(library)
    if arguments[1:]:
        LIST.write_text("".join(name + "\n" for name in actual))
        print(f"{LIST}: {len(actual)} symbols")
        return 0
    wrong = False
    if differ(LIST.read_text().split(), actual, "tests/package/exports.txt", library):
        wrong = True
        print("The library exports other symbols than the committed list. A name that went breaks every host that uses\n"
              "it. If the change is meant, accept it and commit the list:\n"
              f"    /usr/bin/python3 tests/package/exports.py {library} --accept\n")
    if differ(declared(), actual, "include/pinnate/*.h", library):
        wrong = True
        print("The library exports other symbols than the headers declare with PINNATE_API: define, declare or hide them.\n")
    if soname(library) != SONAME:
        wrong = True
        print(f"{library}: the SONAME is {soname(library)}, expected {SONAME}")
    if not wrong:
        print(f"{len(actual)} symbols, all as listed and declared")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
