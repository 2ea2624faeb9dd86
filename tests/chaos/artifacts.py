"""Artifacts: one built module, stamped with a version of its own, and as large as wanted."""

import random

import fleet

STAMP = b"PINNATE-STAMP"
FIELD = 64

_built = None


def artifact(name, version, size_bytes=0):
    """A module whose service answers "NAME@VERSION CONFIGURATION"; `size_bytes` more that nothing compresses. Always the same."""
    global _built
    if _built is None:
        _built = fleet.module("stamped").read_bytes()
        if _built.count(STAMP) != 1:
            raise AssertionError(f"the stamp is {_built.count(STAMP)} times in the module")
    stamp = f"{name}@{version}".encode()
    at = _built.index(STAMP)
    stamped = _built[:at] + stamp.ljust(FIELD, b"\0") + _built[at + FIELD:]
    return stamped + random.Random(stamp).randbytes(size_bytes)
