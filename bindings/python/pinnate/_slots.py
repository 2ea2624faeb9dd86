"""Numbers for Python objects that the C side holds by a `void *` argument.

The C functions that Python hands to the library are made once and never freed, and what they are
called with is a number from here. So a callback that comes late finds nothing, instead of freed
memory.

A request is kept here until it ends. What belongs to a handle is kept on the handle's own shelf,
which is found here without being kept: callbacks that know their handle do not keep it alive.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any, Dict, Optional, Set

# Single operations on a dict and a count are whole under the interpreter's lock: no lock of our
# own, hence nothing that a finalizer, which may run at any point, could deadlock on.
_numbers = itertools.count(1)  # 0 would be NULL
_objects: Dict[int, Any] = {}
_shelves: "Dict[int, weakref.ref[Shelf]]" = {}


class Shelf:
    """The objects of one handle."""

    def __init__(self) -> None:
        self._things: Dict[int, Any] = {}
        self.running: Set[str] = set()  # names of functions that one call at a time is in
        self._ref = weakref.ref(self)

    def add(self, thing: Any) -> int:
        """Keeps `thing` as long as this shelf is, and gives its number, which is never used
        again.
        """
        number = next(_numbers)
        self._things[number] = thing
        _shelves[number] = self._ref
        return number

    def get(self, number: int) -> Any:
        return self._things.get(number)

    def take(self, number: int) -> Any:
        _shelves.pop(number, None)
        return self._things.pop(number, None)

    def pin(self) -> None:
        """The collector, which is about to finalize the owner, has cleared weak references: makes
        new ones.
        """
        self._ref = weakref.ref(self)
        for number in list(self._things):
            _shelves[number] = self._ref

    def clear(self) -> None:
        """Lets all of it go."""
        for number in list(self._things):
            self.take(number)


def add(thing: Any) -> int:
    """Keeps `thing` alive and gives its number, which is never used again."""
    number = next(_numbers)
    _objects[number] = thing
    return number


def _shelf(number: int) -> Optional[Shelf]:
    ref = _shelves.get(number)
    return None if ref is None else ref()


def get(number: Optional[int]) -> Any:
    """The object of that number, or None when it is gone."""
    found = _objects.get(number or 0)
    if found is not None:
        return found
    shelf = _shelf(number or 0)
    return None if shelf is None else shelf.get(number or 0)


def take(number: Optional[int]) -> Any:
    """The same, and lets it go."""
    found = _objects.pop(number or 0, None)
    if found is not None:
        return found
    shelf = _shelf(number or 0)
    return None if shelf is None else shelf.take(number or 0)
