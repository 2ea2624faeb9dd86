"""What a fleet answers: immutable records, copied out of the library's memory. Times are
seconds.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Mapping, Optional, Tuple, Union

from ._tables import Word, table
from ._values import whole
from .errors import InvalidError


class Phase(Word):
    """How far an engine is with a release. str() and format() give its word, such as "not
    selected".
    """

    PENDING = 0
    FETCHING = 1
    LOADING = 2
    LIVE = 3
    FAILED = 4
    INCOMPATIBLE = 5
    NOT_SELECTED = 6
    OFFLINE = 7


class Role(Word):
    """What a tier is. str() and format() give its word, such as "engine"."""

    CONTROLLER = 0
    GATEWAY = 1
    ENGINE = 2
    CLIENT = 3


class LinkState(Word):
    """How a link fares. str() and format() give its word, such as "up"."""

    CONNECTING = 0
    UP = 1
    DOWN = 2


class MemberState(Word):
    """How a member of a gateway stands, or one of its sources. str() and format() give its word, such
    as "stale source".
    """

    UNKNOWN = 0  # a gateway that cannot be asked for its own, and why
    LINKED = 1
    DIALLING = 2
    WAITING = 3  # for its next try, or for its turn among many
    REFUSED = 4  # it is of another fleet, or no tier at all
    ELSEWHERE = 5  # its engine is linked under another address
    ENDING = 6  # it ends, as a source says, and is not dialled
    SOURCE = 7  # a source: what it said last is whole
    STALE_SOURCE = 8  # a source that fails or is incomplete: its last good set stands


@dataclasses.dataclass(frozen=True)
class Member:
    """Who is right below a gateway, or where that looks for members."""

    state: MemberState
    path: str  # ids from below the answering tier down to its gateway, joined by '/'
    address: str  # as it is dialled, or dialled in from; "" for a source
    id: str  # of the tier there; "" while that is not known
    sources: Tuple[str, ...]  # who names it: "registration", "dial", or a source. For a source: itself
    named: int  # for a source: how many members it names
    terminating: bool  # a source says that it ends: it gets no new call
    why: str  # "", why it is not linked, or why a source is stale
    since: float  # of a source that is stale: seconds since 1970, else 0


@dataclasses.dataclass(frozen=True)
class MemberCounts:
    """How the members of a gateway stand, as numbers to be exported: now, and those called _total
    since it was opened.
    """

    sources: int
    stale_sources: int
    linked: int  # this and the next five: members that a source names, by state
    dialling: int
    waiting: int
    refused: int
    elsewhere: int
    ending: int
    registered: int  # linked, and named by no source
    dials_total: int  # downward
    failed_dials_total: int  # of these, those that made no link
    refused_dials_total: int  # of those, where somebody answered and said no, or was no tier


@dataclasses.dataclass(frozen=True)
class Link:
    """How a link to another tier fares."""

    state: LinkState
    address: str  # as it was dialled, or where the peer dialled from
    id: str  # the peer's, "" until it has said so
    role: Optional[Role]  # the peer's, None until it has said so
    upstream: bool  # the peer is above this tier; known once the link is up
    why: str  # of a link that is down, in words; else ""
    next_try: Optional[float]  # seconds until it is dialled again; None: not by itself


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long an engine lets a module take, in seconds, 0.001 to 600 each. None is the library's
    default.
    """

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
    decided_at: Optional[float]  # since 1970, UTC; None: no more is known than name and version
    current: bool
    ended: str  # "", "superseded by 7", "withdrawn", "lost with a restored copy"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a shared object's own bytes let one expect of it in an engine."""

    word: str  # its kind, as `allow` of publish() names it
    refused: bool  # by engines and publish(), unless it is allowed; else a warning
    text: str  # what it is, what comes of it and what helps


@dataclasses.dataclass(frozen=True)
class Checked:
    """What check() found of a module."""

    platform: str
    c_library: str  # "glibc", "musl" or ""
    c_library_version: str  # the oldest that will do, or ""
    module_abi: int  # of its descriptor; 0 when it has none
    module_flags: int
    findings: Tuple[Finding, ...]


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


AnyRelease = Union[int, Published, Release, ReleaseStatus]
"""What names a release wherever one is asked for: its number, or a row that has it."""


def release_number(release: AnyRelease, what: str = "release") -> int:
    """The number of a release that is given as one of these."""
    if isinstance(release, Published):
        return release.release
    if isinstance(release, (Release, ReleaseStatus)):
        return release.number
    number = whole(release, what, "a release's number, a Published or a Release")
    if not 0 <= number < 2**64:
        raise InvalidError(f"{what} must not be negative or beyond 64 bits: {number}")
    return number


@dataclasses.dataclass(frozen=True)
class Rollup:
    """How the fleet stands below the tier that answers. str() gives a table."""

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
    kept_images: int = 0  # of online engines; see KeptImage
    kept_bytes: int = 0

    def release(self, release: AnyRelease) -> Optional[ReleaseStatus]:
        """The status of that release, or None when it is neither current nor served."""
        number = release_number(release)
        return next((each for each in self.releases if each.number == number), None)

    def live(self, release: AnyRelease) -> int:
        """How many online engines serve that release now."""
        found = self.release(release)
        return found.phases[Phase.LIVE] if found else 0

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.id}: epoch {self.epoch}, revision {self.revision}, engines {self.online_engines} of "
            f"{self.known_engines} online, gateways {self.online_gateways} of {self.known_gateways} online"
        )
        # A phase that no engine is in has no column.
        phases = [phase for phase in Phase if any(each.phases.get(phase) for each in self.releases)]
        rows = [
            [each.number, each.name, each.version, each.serving, *(each.phases.get(phase, 0) for phase in phases)]
            for each in self.releases
        ]
        if rows:
            yield from table(["release", "function", "version", "serving", *map(str, phases)], rows)
        for each in self.releases:
            for failure in each.failures:
                yield f"{each.name} {each.version} on '{failure.engine}': {failure.reason}"
        yield from self.notices

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What IPython shows."""
        printer.text(str(self))


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
class KeptImage:
    """A module that is in an engine's memory although its service is gone, since to unmap it could
    end the process, or a library that came with one.
    """

    function: str
    version: str
    bytes: int  # mapped
    threads: int  # that are in it
    why: str


@dataclasses.dataclass(frozen=True)
class Tier:
    """A row of a lookup: an engine or a gateway. A gateway that cannot be asked has `online`
    False.
    """

    role: Role
    id: str
    path: str  # ids from below the answering tier down to its parent, joined by '/'
    online: bool
    platform: str  # engines
    labels: Mapping[str, str]
    epoch: int
    revision: int  # of the desired state it has confirmed
    known_engines: int  # gateways
    online_engines: int  # gateways
    services: Tuple[Service, ...]  # engines
    notice: str  # "" or what is wrong with it, in words
    kept: Tuple[KeptImage, ...] = ()  # online engines
