"""Tries modules in other languages on real engines, and compares with what rows.py says.

    run.py [--show] [--install] [ROW]...   all rows, or those named. --show prints what was seen and compares nothing;
                                           --install first installs Debian's packages that are missing
    run.py --write-page                    writes the table and the build lines of samples/modules/README.md
"""

import subprocess
import sys
import traceback

import page
from rows import ROWS
from trial import REPOSITORY, Trial, differences


def see(row):
    fleet = Trial()
    fleet.setUp()
    try:
        return fleet.see(row)
    finally:
        fleet.doCleanups()


def install(rows):
    packages = sorted({package for row in rows for package in row.packages.split()})
    script = 'cd "$0" && . tests/packages.sh && install_packages "$@"'
    return subprocess.run(["bash", "-ec", script, str(REPOSITORY), *packages], stdin=subprocess.DEVNULL).returncode == 0


def main(arguments):
    if "--write-page" in arguments:
        return page.write()
    named = [word for word in arguments if not word.startswith("-")]
    rows = [row for row in ROWS if not named or row.key in named]
    if "--install" in arguments and not install(rows):
        return 1
    wrong = page.differences(rows)
    for row in rows:
        try:
            seen = see(row)
            found = [] if "--show" in arguments else differences(row, seen)
        except Exception:  # of one row: the others are still to be tried
            seen, found = None, [traceback.format_exc()]
        print(f"{'FAILED' if found else 'ok'}  {row.key}: {seen}", *found, sep="\n    ", flush=True)
        wrong += [f"{row.key}: {what}" for what in found]
    print(*wrong, f"{len(rows)} rows, {len(wrong)} differences", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
