"""What a fleet answers: immutable records, copied out of the library's memory. Times are seconds."""

from __future__ import annotations

import dataclasses
import enum
from typing import Dict, Mapping, Optional, Tuple


class Phase(enum.IntEnum):
    """How far an engine is with a release."""

    PENDING = 0
    FETCHING = 1
    LOADING = 2
    LIVE = 3
    FAILED = 4
    INCOMPATIBLE = 5
    NOT_SELECTED = 6
    OFFLINE = 7


class Role(enum.IntEnum):
    """What a tier is."""

    CONTROLLER = 0
    GATEWAY = 1
    ENGINE = 2
    CLIENT = 3


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long an engine lets a module take, in seconds, 0.001 to 600 each. None is the library's default."""

    load: Optional[float] = None  # 10
    create: Optional[float] = None  # 10
    health: Optional[float] = None  # 5
    call: Optional[float] = None  # 30; bounds the deadline of every call
    drain: Optional[float] = None  # 30; how long a replaced service may finish its calls


@dataclasses.dataclass(frozen=True)
class Published:
    """What a publish came to; by then all of it is on the controller's disk."""

    release: int
    epoch: int
    revision: int  # of the desired state that contains it
    created: bool  # False: the current release already said exactly this
    prepare_time: float  # chunking, hashing, compressing; 0 when done elsewhere
    durable_time: float  # until everything was on the controller's disk


@dataclasses.dataclass(frozen=True)
class Release:
    """A numbered decision of the controller."""

    number: int
    name: str
    version: str
    selector: str  # "" selects everything
    manifest: str  # digest, 64 hex digits
    platforms: Tuple[str, ...]
    artifact_bytes: int  # of all platforms
    decided_at: float  # seconds since 1970, UTC
    current: bool
    ended: str  # "", "superseded by 7", "withdrawn", "lost with a restored copy"


@dataclasses.dataclass(frozen=True)
class Failure:
    """An engine that does not serve a release, and why."""

    engine: str
    reason: str


@dataclasses.dataclass(frozen=True)
class ReleaseStatus:
    """How one release stands. The counts of all phases sum to the known engines."""

    number: int
    name: str
    version: str
    current: bool  # part of the desired state; else still served somewhere
    phases: Mapping[Phase, int]
    serving: int  # online engines whose calls this release takes now
    serving_offline: int  # the same among engines that are offline, as last known
    failures: Tuple[Failure, ...]  # the first few


@dataclasses.dataclass(frozen=True)
class Rollup:
    """How the fleet stands below the tier that answers."""

    id: str
    epoch: int
    revision: int
    known_engines: int  # online and offline
    online_engines: int
    forgotten_engines: int
    known_gateways: int
    online_gateways: int
    releases: Tuple[ReleaseStatus, ...]
    notices: Tuple[str, ...]  # sentences: cache too small, disk full, two tiers under one id, ...

    def release(self, number: int) -> Optional[ReleaseStatus]:
        """The status of that release, or None when it is neither current nor served."""
        return next((release for release in self.releases if release.number == number), None)

    def live(self, number: int) -> int:
        """How many online engines serve that release now."""
        release = self.release(number)
        return release.phases[Phase.LIVE] if release else 0


@dataclasses.dataclass(frozen=True)
class Service:
    """One release on one engine."""

    name: str
    version: str
    release: int
    phase: Phase
    reason: str  # "" unless failed or incompatible
    serving: bool  # this release's service takes the function's calls


@dataclasses.dataclass(frozen=True)
class Tier:
    """A row of a lookup: an engine or a gateway. A gateway that cannot be asked has `online` False."""

    role: Role
    id: str
    path: str  # ids from below the answering tier down to its parent, joined by '/'
    online: bool
    platform: str  # engines
    labels: Dict[str, str]
    epoch: int
    revision: int  # of the desired state it has confirmed
    known_engines: int  # gateways
    online_engines: int  # gateways
    services: Tuple[Service, ...]  # engines
    notice: str  # "" or what is wrong with it, in words
