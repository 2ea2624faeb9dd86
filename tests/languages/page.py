"""samples/modules/README.md and the table in rows.py say the same: the page's own table and each line that builds a module."""

import functools
import re
import subprocess

from rows import FRESH, GOES_ON, ROWS
from trial import REPOSITORY

PAGE = REPOSITORY / "samples/modules/README.md"
TABLE = re.compile(r"(?<=<!-- rows -->\n).*?(?=<!-- end of rows -->)", re.DOTALL)
NOT_INSTALLED = "?"


@functools.cache
def installed():
    """The versions of the packages that matter, in one question: dpkg reads all that it knows for each."""
    packages = sorted({row.packages.split()[0] for row in ROWS})
    ended = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *packages], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL)
    lines = (line.split() for line in ended.stdout.decode().splitlines())
    return {line[1]: line[2] for line in lines if line[0] == "installed"}


def version(row):
    """The package that matters, and the first two numbers of its version: fixes of Debian's change the rest."""
    package = row.packages.split()[0]
    number = installed().get(package)
    return f"{package} " + (re.match(r"(?:\d+:)?(\d+(?:\.\d+)?)", number)[1] if number else NOT_INSTALLED)


def second(row):
    if row.first != "live":
        return ""
    return {FRESH: "yes", GOES_ON: "with the values of the first"}.get(row.second, f"no: *{row.second}*")


def stays(row):
    parts = [(row.libraries, "its libraries"), (row.images, f"{row.images} images"), (row.threads, f"up to {row.threads} threads"),
             (row.descriptors, f"{row.descriptors} descriptors"), (row.executable_stacks, "executable stacks"), (row.handlers, "handlers of " + ", ".join(row.handlers.split()))]
    return "" if row.first != "live" else ", ".join(words for there, words in parts if there) or "nothing"


def cells(row):
    first = "yes" if row.first == "live" else f"refused: *{row.first}*"
    return [row.title, version(row), first, second(row), stays(row)]


def table():
    lines = [["module", "built by", "serves", "a second version", "stays after withdrawal"], ["---"] * 5, *map(cells, ROWS)]
    return "".join("| " + " | ".join(line).replace("|  |", "| |") + " |\n" for line in lines)


def alike(ours, theirs):
    """Two lines of the table; versions of what is not installed here are not compared."""
    return re.fullmatch(re.escape(ours).replace(re.escape(f" {NOT_INSTALLED} |"), r" [^ |]+ \|"), theirs) is not None


def differences(rows):
    text = PAGE.read_text()
    there = TABLE.search(text)
    ours, theirs = table().splitlines(), there[0].splitlines() if there else []
    wrong = [f"{PAGE.name}: its table has {len(theirs)} lines for {len(ours)}; run.py --write-page"] if len(ours) != len(theirs) else []
    wrong += [f"{PAGE.name}: says {b!r}, rows.py {a!r}; run.py --write-page" for a, b in zip(ours, theirs) if not alike(a, b)]
    return wrong + [f"{PAGE.name}: does not build {row.title} by {row.build!r}" for row in rows if f"```sh\n{row.build}\n```" not in text]


def write():
    text = PAGE.read_text()
    PAGE.write_text(TABLE.sub(lambda _: table(), text))
    missing = [row for row in ROWS if f"```sh\n{row.build}\n```" not in text]
    for row in missing:
        print(f"{row.title}:\n```sh\n{row.build}\n```")
    return 1 if missing else 0
