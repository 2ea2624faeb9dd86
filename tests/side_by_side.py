"""Runs the classes of unittest that a folder holds side by side, since their tests wait for processes more than they compute.

    side_by_side.py FOLDER AT_ONCE     what a class said is printed when it has ended

Each class has a process of its own. The exit status is 1 when one failed, or ran other tests than it has.
"""
import collections
import concurrent.futures
import re
import subprocess
import sys
import unittest


def tests(suite):
    for test in suite:
        yield from tests(test) if isinstance(test, unittest.TestSuite) else [test]


def classes(folder):
    """How many tests each class has, as (file, pattern of their names); those with most come first."""
    found = collections.Counter()
    for test in tests(unittest.defaultTestLoader.discover(folder)):
        kind = type(test)
        if kind.__module__ == "unittest.loader":  # a file that cannot be imported: it will say why once more
            found[test._testMethodName + ".py", "*"] += 1
        else:
            found[kind.__module__ + ".py", f"{kind.__module__}.{kind.__qualname__}.*"] += 1
    return found.most_common()


def run(folder, file, pattern, count):
    """Whether all is well, and what was said."""
    ended = subprocess.run([sys.executable, "-m", "unittest", "discover", "-v", "-s", folder, "-p", file, "-k", pattern],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = ended.stdout.decode("utf-8", "replace")
    ran = sum(map(int, re.findall(r"^Ran (\d+) tests? in ", said, flags=re.M)))
    skipped = re.search(r"^setUp(Module|Class) \(.*\) \.\.\. skipped ", said, flags=re.M)  # as a whole, so none of them ran
    if ran != (0 if skipped else count):
        said += f"{file}: {ran} tests of {count} ran for {pattern}; the exit status was {ended.returncode}\n"
        return False, said
    return ended.returncode == 0, said


def main(folder, at_once):
    sys.path[0] = ""  # where modules are looked for by `python -m unittest`: here, not beside this file
    well = True
    with concurrent.futures.ThreadPoolExecutor(int(at_once)) as pool:
        running = [pool.submit(run, folder, *names, count) for names, count in classes(folder)]
        for ended in concurrent.futures.as_completed(running):
            good, said = ended.result()
            well = well and good
            print(said, flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
