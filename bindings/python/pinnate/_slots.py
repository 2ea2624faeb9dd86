"""Numbers for Python objects that the C side holds by a `void *` argument.

The C functions that Python hands to the library are made once and never freed, and what they are called with
is a number from here. So a callback that comes late finds nothing, instead of freed memory.
"""

from __future__ import annotations

import itertools
from typing import Any, Dict, Iterable, Optional

# Single operations on a dict and a count are whole under the interpreter's lock: no lock of our own, hence
# nothing that a finalizer, which may run at any point, could deadlock on.
_numbers = itertools.count(1)  # 0 would be NULL
_objects: Dict[int, Any] = {}


def add(thing: Any) -> int:
    """Keeps `thing` alive and gives its number, which is never used again."""
    number = next(_numbers)
    _objects[number] = thing
    return number


def get(number: Optional[int]) -> Any:
    """The object of that number, or None when it is gone."""
    return _objects.get(number or 0)


def take(number: Optional[int]) -> Any:
    """The same, and lets it go."""
    return _objects.pop(number or 0, None)


def drop(numbers: Iterable[int]) -> None:
    """Lets several go."""
    for number in numbers:
        _objects.pop(number, None)
