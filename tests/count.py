"""Counts test cases: prints "PASSED FAILED SKIPPED", then one line per failure: what failed, and its first or last words.

    count.py STATUS LOG [JUNIT]    STATUS is the part's exit status

JUNIT is what ctest wrote: a program of doctest counts as its test cases, any other test as one. LOG is searched for the last
words of Python's unittest, and for those of tests/chaos, where a round is a case. A part that failed without a failed test, or ran
none, has one failure: itself.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def from_ctest(path):
    passed, failures, skipped = 0, [], 0
    for case in xml.parse(path).getroot().iter("testcase"):
        name, said = case.get("name"), COLOURS.sub("", case.findtext("system-out") or "")
        counted = DOCTEST.findall(said)
        if case.get("status") == "run":
            passed += sum(int(row[1]) for row in counted) if counted else 1
        elif case.get("status") in ("disabled", "notrun") and case.find("skipped") is not None and \
                "Unable to find" not in (case.find("skipped").get("message") or "") and \
                "not available" not in (case.find("skipped").get("message") or ""):
            skipped += 1
        else:
            passed += sum(int(row[1]) for row in counted)
            cases = re.findall(r"^TEST CASE:\s+(.*?)\n(?:.*\n)*?(.*ERROR.*)$", said, flags=re.M)
            failed = max(1, sum(int(row[2]) for row in counted))
            names = [(name, dict(reversed(cases))[name]) for name in dict(cases)][:failed]  # with what was wrong first
            failures += [f"{name}: {case}: {wrong[:200]}" for case, wrong in names] + [name] * (failed - len(names))
    return passed, failures, skipped


def from_unittest(log):
    passed, failures, skipped = 0, [], 0
    for before, ran, said in re.findall(r"(.*?)^Ran (\d+) tests? in [^\n]*\n\n([^\n]*)$", log, flags=re.M | re.S):
        wrong = {key: int(n) for key, n in re.findall(r"(failures|errors|skipped|unexpected successes)=(\d+)", said)}
        failed = wrong.get("failures", 0) + wrong.get("errors", 0) + wrong.get("unexpected successes", 0)
        passed += max(0, int(ran) - failed - wrong.get("skipped", 0))
        skipped += wrong.get("skipped", 0)
        said = re.findall(r"^(?:FAIL|ERROR): (.*)\n-+\n(?:.*\n)*?(.*)\n\n(?=[=-]{70})", before, flags=re.M)[:failed]
        names = [f"{name}: {last[:200]}" for name, last in said]
        failures += names + ["a test"] * (failed - len(names))
    return passed, failures, skipped


def from_chaos(log):
    passed, failures = 0, []
    for held, broken in re.findall(r"^(\d+) rounds held, (\d+) broken$", log, flags=re.M):
        passed += int(held)
        failures += ["a round of tests/chaos"] * int(broken)
    return passed, failures, 0


def main(status, log, junit=None):
    text = pathlib.Path(log).read_text(errors="replace")
    counts = [from_unittest(text), from_chaos(text)]
    if junit and pathlib.Path(junit).is_file():
        counts.append(from_ctest(junit))
    passed, failures, skipped = (sum(column[1:], column[0]) for column in zip(*counts))
    if not failures and (status != "0" or passed == 0):
        failures = ["failed outside any test" if status != "0" else "ran no test"]
    print(passed, len(failures), skipped)
    for failure in failures:
        print(failure)


if __name__ == "__main__":
    main(*sys.argv[1:])
