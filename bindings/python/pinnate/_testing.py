"""The parts of pinnate.testing besides the fleet itself: shapes, faults, and the C side of its
callbacks.
"""

from __future__ import annotations

import ctypes
import dataclasses
import enum
from typing import Any, Callable, Dict, List, Mapping, Optional

from . import _abi, _records, _slots
from ._values import label_array, number, said, text
from .errors import InvalidError
from .fleet import Role


class Step(enum.IntEnum):
    """What a module is asked to do."""

    LOAD = 0
    CREATE = 1
    HEALTH = 2
    CALL = 3
    DESTROY = 4


class Fate(enum.IntEnum):
    """What comes of it."""

    FAILS = 0
    """It says no, in words. Not for Step.DESTROY."""
    HANGS = 1
    """It never ends."""
    KILLS = 2
    """It ends its engine, which starts again after a second."""
    SLOW = 3
    """It does well, after the time that it `takes`."""


@dataclasses.dataclass
class TierShape:
    """One tier of the fleet; what stands behind `index` may be changed by `describe`."""

    name: str
    parent: str  # the tier that it dials; "" for the controller
    role: Role
    index: int  # its place below its parent, from 0
    labels: Dict[str, str] = dataclasses.field(default_factory=dict)  # its own
    platform: str = ""  # of an engine
    durable: bool = False  # an engine: has a state folder, which survives a restart
    latency: float = 0.0  # seconds that it adds to the latency of its links, one way


class Describing:
    """Takes the shape of each tier to Python and back; keeps what the C side is pointed to."""

    def __init__(
        self,
        labels: Mapping[str, Mapping[str, str]],
        describe: Optional[Callable[[TierShape], Any]],
    ) -> None:
        self._labels = dict(labels)
        self._describe = describe
        self._alive: List[Any] = []
        self.error: Optional[BaseException] = None

    def __call__(self, pointer: Any) -> None:
        if self.error is not None:
            return
        try:
            shape = shape_of(pointer)
            given = self._labels.pop(shape.name, {})
            label_array(given, f"the labels of '{shape.name}'")  # refuses what are none
            shape.labels.update(given)
            if self._describe is not None:
                self._describe(shape)
            self._put_back(pointer, shape)
        except BaseException as error:  # to whoever opens the fleet
            self.error = error

    def _put_back(self, pointer: Any, shape: TierShape) -> None:
        c = _abi.sized(pointer, _abi.TestingTier)
        labels = label_array(shape.labels, f"the labels of '{shape.name}'")
        platform = text(shape.platform, "platform")
        self._alive = [labels, platform]
        c.labels = labels
        c.label_count = len(labels)
        c.platform = platform
        c.durable = int(shape.durable)
        c.latency_us = micros(shape.latency, "latency")
        ctypes.memmove(pointer, ctypes.byref(c), min(c.size, ctypes.sizeof(c)))  # it may be a copy

    def unknown(self) -> List[str]:
        """Names that were given labels and are no tier's."""
        return sorted(self._labels)


@_abi.DescribeFn
def ON_TIER(slot: Optional[int], tier: Any) -> None:
    describing = _slots.get(slot)
    if describing is not None:
        describing(tier)


class Condition:
    def __init__(self, holds: Callable[[], Any]) -> None:
        self._holds = holds
        self.error: Optional[BaseException] = None

    def __call__(self) -> int:
        try:
            return int(bool(self._holds()))
        except BaseException as error:  # to whoever waits
            self.error = error
            return 1


@_abi.ConditionFn
def ON_CONDITION(slot: Optional[int]) -> int:
    condition = _slots.get(slot)
    return condition() if condition is not None else 1


def shape_of(pointer: Any) -> TierShape:
    c = _abi.sized(pointer, _abi.TestingTier)
    return TierShape(
        name=said(c.name),
        parent=said(c.parent),
        role=Role(c.role),
        index=c.index,
        labels=_records.labels(c),
        platform=said(c.platform),
        durable=bool(c.durable),
        latency=c.latency_us / 1e6,
    )


def micros(seconds: float, what: str) -> int:
    seconds = number(seconds, what)
    if not 0 <= seconds <= 4000:
        raise InvalidError(f"{what} must be between 0 and 4000 seconds, not {seconds}")
    return round(seconds * 1e6)


def span(seconds: float, what: str) -> int:
    """A span of virtual time in milliseconds, which may be 0."""
    seconds = number(seconds, what)
    if not 0 <= seconds <= 1e9:
        raise InvalidError(f"{what} must be between 0 and {10**9} seconds, not {seconds}")
    return round(seconds * 1000)
