"""What people read: words for enumerations, tables for roll-ups, rows that can be hashed."""

from __future__ import annotations

import enum
from typing import Any, Dict, Iterator, List, Mapping, Sequence, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Word(enum.IntEnum):
    """A number of the C ABI that is written as a word: str(Phase.NOT_SELECTED) is "not
    selected".
    """

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")

    def __format__(self, spec: str) -> str:
        return int.__format__(self, spec) if spec[-1:] in tuple("bcdoxXn") else format(str(self), spec)


class FrozenMapping(Mapping[_Key, _Value]):
    """A mapping that cannot be changed, and so can be hashed. It equals a dict of the same
    items.
    """

    def __init__(self, items: Mapping[_Key, _Value]) -> None:
        self._items: Dict[_Key, _Value] = dict(items)

    def __getitem__(self, key: _Key) -> _Value:
        return self._items[key]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> List[str]:
    """Lines of text; numbers stand right, words left."""
    cells = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    numbers = [bool(rows) and isinstance(cell, int) for cell in (rows[0] if rows else heads)]
    return [
        "  ".join(cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(row, widths, numbers)).rstrip()
        for row in cells
    ]
