"""Copies the records of fleet.py out of structs that belong to the library, while a callback
lasts.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from . import _abi
from ._tables import FrozenMapping
from ._values import said
from .fleet import (
    Checked,
    Failure,
    Finding,
    KeptImage,
    Link,
    LinkState,
    Member,
    MemberState,
    Phase,
    Published,
    Release,
    ReleaseStatus,
    Role,
    Rollup,
    Service,
    Tier,
)


def published(pointer: Any) -> Published:
    c = _abi.sized(pointer, _abi.Published)
    return Published(
        c.release, c.epoch, c.revision, bool(c.created), c.prepare_us / 1e6, c.durable_us / 1e6
    )


def release(pointer: Any) -> Release:
    c = _abi.sized(pointer, _abi.Release)
    return Release(
        number=c.number,
        name=said(c.name),
        version=said(c.version),
        selector=said(c.selector),
        manifest=said(c.manifest),
        platforms=tuple(said(c.platforms).split()),
        artifact_bytes=c.artifact_bytes,
        decided_at=c.decided_unix_ms / 1e3 or None,
        current=bool(c.current),
        ended=said(c.ended),
    )


def _failure(pointer: Any) -> Failure:
    c = _abi.sized(pointer, _abi.Failure)
    return Failure(said(c.engine), said(c.reason))


def _release_status(pointer: Any) -> ReleaseStatus:
    c = _abi.sized(pointer, _abi.ReleaseStatus)
    return ReleaseStatus(
        number=c.number,
        name=said(c.name),
        version=said(c.version),
        current=bool(c.current),
        phases=FrozenMapping({phase: c.phases[phase] if phase < c.phase_count else 0 for phase in Phase}),
        serving=c.serving,
        serving_offline=c.serving_offline,
        failures=tuple(_failure(c.failures[i]) for i in range(c.failure_count)),
    )


def rollup(pointer: Any) -> Rollup:
    c = _abi.sized(pointer, _abi.Rollup)
    return Rollup(
        id=said(c.id),
        epoch=c.epoch,
        revision=c.revision,
        known_engines=c.known_engines,
        online_engines=c.online_engines,
        forgotten_engines=c.forgotten_engines,
        known_gateways=c.known_gateways,
        online_gateways=c.online_gateways,
        releases=tuple(_release_status(c.releases[i]) for i in range(c.release_count)),
        notices=tuple(said(c.notices[i]) for i in range(c.notice_count)),
        kept_images=c.kept_images,
        kept_bytes=c.kept_bytes,
    )


def service(pointer: Any) -> Service:
    c = _abi.sized(pointer, _abi.Service)
    return Service(
        said(c.name), said(c.version), c.release, Phase(c.phase), said(c.reason), bool(c.serving)
    )


def link(pointer: Any) -> Tuple[Link, int]:
    """And the ticket of the dial that it belongs to, or 0."""
    c = _abi.sized(pointer, _abi.Link)
    row = Link(
        state=LinkState(c.state),
        address=said(c.address),
        id=said(c.id),
        role=Role(c.role) if c.id else None,
        upstream=bool(c.upstream),
        why=said(c.why),
        next_try=c.next_try_ms / 1e3 if c.next_try_ms else None,
    )
    return row, c.dial


def labels(c: Any) -> Dict[str, str]:
    """Those of a struct that has `labels` and `label_count`."""
    each = (_abi.sized(c.labels[i], _abi.Label) for i in range(c.label_count))
    return {said(label.key): said(label.value) for label in each}


def _kept_image(pointer: Any) -> KeptImage:
    c = _abi.sized(pointer, _abi.KeptImage)
    return KeptImage(said(c.function), said(c.version), c.bytes, c.threads, said(c.why))


def _finding(pointer: Any) -> Finding:
    c = _abi.sized(pointer, _abi.Finding)
    return Finding(said(c.word), bool(c.refused), said(c.text))


def checked(pointer: Any) -> Checked:
    c = _abi.sized(pointer, _abi.Checked)
    return Checked(
        platform=said(c.platform),
        c_library=said(c.c_library),
        c_library_version=said(c.c_library_version),
        module_abi=c.module_abi,
        module_flags=c.module_flags,
        findings=tuple(_finding(c.findings[i]) for i in range(c.finding_count)),
    )


def member(pointer: Any) -> Member:
    c = _abi.sized(pointer, _abi.Member)
    return Member(
        state=MemberState(c.state),
        path=said(c.path),
        address=said(c.address),
        id=said(c.id),
        sources=tuple(said(c.sources[i]) for i in range(c.source_count)),
        named=c.named,
        terminating=bool(c.terminating),
        why=said(c.why),
        since=c.since_unix_ms / 1e3,
    )


def tier(pointer: Any) -> Tier:
    c = _abi.sized(pointer, _abi.Row)
    return Tier(
        role=Role(c.role),
        id=said(c.id),
        path=said(c.path),
        online=bool(c.online),
        platform=said(c.platform),
        labels=FrozenMapping(labels(c)),
        epoch=c.epoch,
        revision=c.revision,
        known_engines=c.known_engines,
        online_engines=c.online_engines,
        services=tuple(service(c.services[i]) for i in range(c.service_count)),
        notice=said(c.notice),
        kept=tuple(_kept_image(c.kept[i]) for i in range(c.kept_count)),
    )
