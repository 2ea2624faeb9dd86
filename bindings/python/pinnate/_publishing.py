"""Publishing and withdrawing, as Controller and Client have it."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Callable, Iterable, List, Mapping, Optional, Tuple, Union

from . import _abi, _library
from ._handle import Handle
from ._records import checked
from ._requests import ON_DONE, ON_PROGRESS, ON_PUBLISHED, ON_RELEASES, ask
from ._values import (
    BytesLike, Path, as_bytes, flag, function, is_bytes, milliseconds, path, point_at, required, several, text,
    wrong,
)
from .fleet import AnyRelease, Checked, Limits, Published, Release, release_number

Artifact = Union[Path, BytesLike]
Artifacts = Union[Artifact, Mapping[str, Artifact]]


class Publishing(Handle):
    """A handle that orders what the fleet serves."""

    def publish(
        self,
        name: str,
        version: str,
        artifacts: Artifacts,
        *,
        loader: Optional[str] = None,
        config: BytesLike = b"",
        selector: Optional[str] = None,
        keep_older: bool = False,
        allow: Iterable[str] = (),
        stop_first: bool = False,
        limits: Optional[Limits] = None,
        on_progress: Optional[Callable[[int, int], Any]] = None,
        timeout: Optional[float] = 60.0,
    ) -> Published:
        """Publishes a module and waits until all of it is on the controller's disk, synced.

        `name`: the function's, 1 to 63 of [a-z0-9._-], beginning with a letter or digit. `version`:
        1 to 63 of [a-zA-Z0-9._+-]. `artifacts`: a file's path (str or os.PathLike), the bytes
        themselves, or either by platform, such as {"linux-x86_64": "a.so", "any": b"..."}. Without
        a platform it is read from an ELF file, else it is "any". A file is read meanwhile and must
        not change. `loader`: the kind of loader that makes services from it; default "native",
        shared objects. `config`: handed to the service when it is created; at most 64 KiB.
        `selector`: such as "region=eu,ring!=canary"; default: every engine. `keep_older`: current
        releases of this name stay so below this one, and serve again when it is withdrawn; else one
        without a selector supersedes them all. `allow`: words of findings (see pinnate.check) that are
        no reason to refuse it. `stop_first`: an engine destroys the function's service and unloads
        its module before it loads this one, and makes that one again where this one fails; calls wait
        meanwhile, for 10 s at most. `on_progress(done, total)`: bytes stored of bytes in all; called
        by this very method, and what it raises ends the wait, as a timeout does: what is not at the
        controller by then is not sent any more.

        ConflictError: the version was published with other bytes. TimedOutError: it may still be
        published. Also InvalidError, TooLargeError, NoSpaceError, IoError, and from a client
        UnreachableError and RefusedError.
        """
        request, alive = _publish_struct(name, version, artifacts, loader, config, selector, limits)
        request.keep_older = flag(keep_older, "keep_older")
        request.allow = text(",".join(several(allow, "allow", "words")), "allow")
        request.stop_first = flag(stop_first, "stop_first")
        progress = _abi.ProgressFn()
        if on_progress is not None:
            function(on_progress, "on_progress")
            progress = ON_PROGRESS
        ticket = ctypes.c_uint64()
        request.ticket = ctypes.pointer(ticket)
        published: Published = ask(
            self,
            "publish",
            ctypes.byref(request),
            progress,
            ON_PUBLISHED,
            what=f"publishing '{name}' {version}",
            timeout=timeout,
            on_progress=on_progress,
            ticket=ticket,
        )
        del alive  # the library has copied it
        return published

    def unpublish(self, name: str, release: AnyRelease = 0, *, timeout: Optional[float] = 10.0) -> None:
        """Withdraws one release, or with 0 all current ones of `name`. NotFoundError when none is
        current.
        """
        ask(
            self,
            "unpublish",
            required(name, "name"),
            release_number(release),
            ON_DONE,
            what=f"withdrawing '{name}'",
            timeout=timeout,
        )

    def releases(self, name: Optional[str] = None, *, timeout: Optional[float] = 10.0) -> List[Release]:
        """Lists releases, of one name or of all, newest first; at most 1000."""
        listed: List[Release] = ask(
            self, "releases", text(name, "name"), ON_RELEASES, what="listing releases", timeout=timeout
        )
        return listed


def _artifact_struct(platform: Optional[str], artifact: Artifact, alive: List[bytes]) -> _abi.Artifact:
    struct = _abi.Artifact(size=ctypes.sizeof(_abi.Artifact))
    struct.platform = text(platform, "platform")
    if is_bytes(artifact):
        alive.append(as_bytes(artifact, "artifact"))  # type: ignore[arg-type]
        point_at(struct.bytes, alive[-1])
    elif isinstance(artifact, (str, os.PathLike)):
        struct.path = path(artifact, "path")
    else:
        raise wrong("an artifact", "a path or bytes", artifact)
    return struct


def check(artifact: Artifact) -> Checked:
    """Looks at a module of the loader "native" (a file's path or its bytes) without loading it, for
    whatever platform it is. A publish does the same, and each engine, which also sees what its own
    process makes of it. InvalidError: it is not a whole shared object.
    """
    alive: List[bytes] = []
    seen: List[Checked] = []
    struct = _artifact_struct(None, artifact, alive)
    on_checked = _abi.CheckedFn(lambda _, pointer: seen.append(checked(pointer)))
    _library.check(_library.load().pinnate_check_artifact(ctypes.byref(struct), on_checked, None))
    return seen[0]


def _publish_struct(
    name: str,
    version: str,
    artifacts: Artifacts,
    loader: Optional[str],
    config: BytesLike,
    selector: Optional[str],
    limits: Optional[Limits],
) -> Tuple[_abi.Publish, List[bytes]]:
    """The struct, and the bytes that it points into."""
    by_platform: List[Tuple[Optional[str], Artifact]] = (
        [(platform, artifact) for platform, artifact in artifacts.items()]
        if isinstance(artifacts, Mapping)
        else [(None, artifacts)]
    )
    alive: List[bytes] = []
    structs = [_artifact_struct(platform, artifact, alive) for platform, artifact in by_platform]
    alive.append(as_bytes(config, "config"))
    if limits is None:
        limits = Limits()
    elif not isinstance(limits, Limits):
        raise wrong("limits", "a pinnate.Limits", limits)
    publish = _abi.Publish(
        size=ctypes.sizeof(_abi.Publish),
        name=required(name, "name"),
        version=required(version, "version"),
        loader=text(loader, "loader"),
        artifacts=_abi.array(structs, _abi.Artifact),
        artifact_count=len(structs),
        selector=text(selector, "selector"),
        load_limit_ms=milliseconds(limits.load, "limits.load"),
        create_limit_ms=milliseconds(limits.create, "limits.create"),
        health_limit_ms=milliseconds(limits.health, "limits.health"),
        call_limit_ms=milliseconds(limits.call, "limits.call"),
        drain_limit_ms=milliseconds(limits.drain, "limits.drain"),
    )
    point_at(publish.config, alive[-1])
    return publish, alive
