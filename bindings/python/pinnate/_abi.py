"""The C ABI in ctypes: every struct and callback type of include/pinnate/*.h, in the headers' order.

tests/test_layout.py compares all of it with the headers by means of a C compiler.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p,
)
from typing import Any, Dict, Sequence, Type, TypeVar

VERSION_MAJOR = 0
PHASE_COUNT = 8
CALLS_MAY_OVERLAP = 1

# ---- common.h ------------------------------------------------------------------------------------


class Bytes(Structure):
    # `data` is an address, not c_char_p: what it points to has a length and may hold NULs.
    _fields_ = [("data", c_void_p), ("size", c_size_t)]


class Label(Structure):
    _fields_ = [("size", c_size_t), ("key", c_char_p), ("value", c_char_p)]


LogFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p)
ClosedFn = CFUNCTYPE(None, c_void_p)


class TierOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("uv_loop", c_void_p),
        ("fleet", c_char_p),
        ("id", c_char_p),
        ("labels", POINTER(POINTER(Label))),
        ("label_count", c_size_t),
        ("log", LogFn),
        ("log_arg", c_void_p),
        ("log_level", c_int),
        ("heartbeat_ms", c_uint32),
        ("backoff_min_ms", c_uint32),
        ("backoff_max_ms", c_uint32),
        ("link_limit_bytes", c_size_t),
        ("loop", c_void_p),
        ("folder_wait_ms", c_uint32),
    ]


# ---- module.h ------------------------------------------------------------------------------------


class Host(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("context", c_void_p),
        ("log", CFUNCTYPE(None, c_void_p, c_int, c_char_p)),
        ("allocate", CFUNCTYPE(c_void_p, c_void_p, c_size_t)),
        ("release", CFUNCTYPE(None, c_void_p, c_void_p)),
        ("remaining_ms", CFUNCTYPE(c_uint32, c_void_p)),
        ("answer", CFUNCTYPE(None, c_void_p, c_char_p, c_size_t)),
        ("fail", CFUNCTYPE(None, c_void_p, c_char_p)),
        ("cancelled", CFUNCTYPE(c_int, c_void_p)),
        ("header", CFUNCTYPE(c_char_p, c_void_p, c_char_p)),
        ("header_at", CFUNCTYPE(c_int, c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_char_p))),
    ]


# ---- loader.h ------------------------------------------------------------------------------------


class Image(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("version", c_char_p),
        ("digest", c_char_p),
        ("fd", c_int),
        ("fd_path", c_char_p),
        ("data", c_void_p),
        ("size_bytes", c_uint64),
    ]


LoadFn = CFUNCTYPE(c_int, c_void_p, POINTER(Image), POINTER(c_void_p), c_void_p, c_size_t)
CreateFn = CFUNCTYPE(
    c_int, c_void_p, POINTER(Host), c_void_p, c_size_t, POINTER(c_void_p), c_void_p, c_size_t
)


class Reply(c_void_p):
    """A pinnate_reply that a service was given. One that is let go of unanswered is told to `unanswered`."""

    unanswered: Any = None

    def take(self) -> Any:
        """The pointer, which is used once; None when it has been."""
        pointer, self.value = self.value, None
        return pointer

    def __del__(self) -> None:
        pointer = self.take()
        if pointer and Reply.unanswered is not None:
            Reply.unanswered(pointer)


CallFn = CFUNCTYPE(None, c_void_p, c_void_p, Reply, c_void_p, c_size_t)
CheckHealthFn = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_size_t)
DestroyFn = CFUNCTYPE(None, c_void_p, c_void_p)
UnloadFn = CFUNCTYPE(None, c_void_p)


class Loader(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_char_p),
        ("flags", c_uint32),
        ("self", c_void_p),
        ("load", LoadFn),
        ("create", CreateFn),
        ("call", CallFn),
        ("check_health", CheckHealthFn),
        ("destroy", DestroyFn),
        ("unload", UnloadFn),
    ]


# ---- fleet.h -------------------------------------------------------------------------------------


class Artifact(Structure):
    _fields_ = [("size", c_size_t), ("platform", c_char_p), ("path", c_char_p), ("bytes", Bytes)]


class Finding(Structure):
    _fields_ = [("size", c_size_t), ("word", c_char_p), ("refused", c_int), ("text", c_char_p)]


class Checked(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("platform", c_char_p),
        ("c_library", c_char_p),
        ("c_library_version", c_char_p),
        ("module_abi", c_uint32),
        ("module_flags", c_uint32),
        ("findings", POINTER(POINTER(Finding))),
        ("finding_count", c_size_t),
    ]


CheckedFn = CFUNCTYPE(None, c_void_p, POINTER(Checked))


class Publish(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("version", c_char_p),
        ("loader", c_char_p),
        ("artifacts", POINTER(POINTER(Artifact))),
        ("artifact_count", c_size_t),
        ("config", Bytes),
        ("selector", c_char_p),
        ("load_limit_ms", c_uint32),
        ("create_limit_ms", c_uint32),
        ("health_limit_ms", c_uint32),
        ("call_limit_ms", c_uint32),
        ("drain_limit_ms", c_uint32),
        ("ticket", POINTER(c_uint64)),
        ("keep_older", c_int),
        ("allow", c_char_p),
        ("stop_first", c_int),
    ]


class Published(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("release", c_uint64),
        ("epoch", c_uint64),
        ("revision", c_uint64),
        ("created", c_int),
        ("prepare_us", c_uint32),
        ("durable_us", c_uint32),
    ]


class Release(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("number", c_uint64),
        ("name", c_char_p),
        ("version", c_char_p),
        ("selector", c_char_p),
        ("manifest", c_char_p),
        ("platforms", c_char_p),
        ("artifact_bytes", c_uint64),
        ("decided_unix_ms", c_int64),
        ("current", c_int),
        ("ended", c_char_p),
    ]


class Failure(Structure):
    _fields_ = [("size", c_size_t), ("engine", c_char_p), ("reason", c_char_p)]


class ReleaseStatus(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("number", c_uint64),
        ("name", c_char_p),
        ("version", c_char_p),
        ("current", c_int),
        ("phases", POINTER(c_uint64)),
        ("phase_count", c_size_t),
        ("serving", c_uint64),
        ("serving_offline", c_uint64),
        ("failures", POINTER(POINTER(Failure))),
        ("failure_count", c_size_t),
    ]


class Rollup(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("id", c_char_p),
        ("epoch", c_uint64),
        ("revision", c_uint64),
        ("known_engines", c_uint64),
        ("online_engines", c_uint64),
        ("forgotten_engines", c_uint64),
        ("known_gateways", c_uint64),
        ("online_gateways", c_uint64),
        ("releases", POINTER(POINTER(ReleaseStatus))),
        ("release_count", c_size_t),
        ("notices", POINTER(c_char_p)),
        ("notice_count", c_size_t),
        ("kept_images", c_uint64),
        ("kept_bytes", c_uint64),
    ]


class Lookup(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("at", c_char_p),
        ("name", c_char_p),
        ("engine", c_char_p),
        ("phase", c_int),
        ("gateways", c_int),
        ("cursor", c_char_p),
        ("limit", c_uint32),
        ("timeout_ms", c_uint32),
        ("ticket", POINTER(c_uint64)),
    ]


class Service(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("version", c_char_p),
        ("release", c_uint64),
        ("phase", c_int),
        ("reason", c_char_p),
        ("serving", c_int),
    ]


class KeptImage(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("function", c_char_p),
        ("version", c_char_p),
        ("bytes", c_uint64),
        ("threads", c_uint32),
        ("why", c_char_p),
    ]


class Row(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("role", c_int),
        ("id", c_char_p),
        ("path", c_char_p),
        ("online", c_int),
        ("platform", c_char_p),
        ("labels", POINTER(POINTER(Label))),
        ("label_count", c_size_t),
        ("epoch", c_uint64),
        ("revision", c_uint64),
        ("known_engines", c_uint64),
        ("online_engines", c_uint64),
        ("services", POINTER(POINTER(Service))),
        ("service_count", c_size_t),
        ("notice", c_char_p),
        ("kept", POINTER(POINTER(KeptImage))),
        ("kept_count", c_size_t),
    ]


class Member(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("state", c_int),
        ("path", c_char_p),
        ("address", c_char_p),
        ("id", c_char_p),
        ("sources", POINTER(c_char_p)),
        ("source_count", c_size_t),
        ("named", c_uint64),
        ("terminating", c_int),
        ("why", c_char_p),
        ("since_unix_ms", c_uint64),
    ]


class MemberCounts(Structure):
    _fields_ = [("size", c_size_t)] + [
        (name, c_uint64)
        for name in (
            "sources", "stale_sources", "linked", "dialling", "waiting", "refused", "elsewhere", "ending",
            "registered", "dials_total", "failed_dials_total", "refused_dials_total",
        )
    ]


class Header(Structure):
    _fields_ = [("size", c_size_t), ("key", c_char_p), ("value", c_char_p)]


class Call(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("payload", Bytes),
        ("engine", c_char_p),
        ("timeout_ms", c_uint32),
        ("idempotent", c_int),
        ("headers", POINTER(POINTER(Header))),
        ("header_count", c_size_t),
        ("ticket", POINTER(c_uint64)),
    ]


class Link(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("dial", c_uint64),
        ("state", c_int),
        ("address", c_char_p),
        ("upstream", c_int),
        ("id", c_char_p),
        ("role", c_int),
        ("status", c_int),
        ("why", c_char_p),
        ("next_try_ms", c_uint32),
    ]


PublishedFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p, POINTER(Published))
ProgressFn = CFUNCTYPE(None, c_void_p, c_uint64, c_uint64)
DoneFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p)
ReleasesFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p, POINTER(POINTER(Release)), c_size_t)
RollupFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p, POINTER(Rollup))
RowsFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p, POINTER(POINTER(Row)), c_size_t, c_char_p)
MembersFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p, POINTER(POINTER(Member)), c_size_t, c_char_p)
ResultFn = CFUNCTYPE(None, c_void_p, c_int, c_char_p, Bytes)
LinkFn = CFUNCTYPE(None, c_void_p, POINTER(Link))

# ---- controller.h, gateway.h, engine.h, client.h ---------------------------------------------------


class ControllerOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("tier", TierOptions),
        ("state_dir", c_char_p),
        ("artifact_limit_bytes", c_uint64),
        ("forget_after_ms", c_uint32),
    ]


class GatewayOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("tier", TierOptions),
        ("cache_dir", c_char_p),
        ("cache_limit_bytes", c_uint64),
        ("forget_after_ms", c_uint32),
    ]


class EngineOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("tier", TierOptions),
        ("state_dir", c_char_p),
        ("platform", c_char_p),
        ("worker_threads", c_uint32),
        ("queued_calls", c_uint32),
        ("close_limit_ms", c_uint32),
        ("loaders", POINTER(POINTER(Loader))),
        ("loader_count", c_size_t),
        ("instance", c_char_p),
        ("ephemeral", c_int),
        ("kept_bytes_limit", c_uint64),
        ("kept_images_limit", c_uint32),
    ]


class ClientOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("tier", TierOptions),
        ("to", c_char_p),
        ("connect_timeout_ms", c_uint32),
    ]


ServiceFn = CFUNCTYPE(None, c_void_p, POINTER(Service))

# ---- testing.h -----------------------------------------------------------------------------------


class TestingTier(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("parent", c_char_p),
        ("role", c_int),
        ("index", c_uint32),
        ("labels", POINTER(POINTER(Label))),
        ("label_count", c_size_t),
        ("platform", c_char_p),
        ("durable", c_int),
        ("latency_us", c_uint32),
    ]


DescribeFn = CFUNCTYPE(None, c_void_p, POINTER(TestingTier))
ConditionFn = CFUNCTYPE(c_int, c_void_p)


class TestingOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("seed", c_uint64),
        ("sites", c_uint32),
        ("clusters", c_uint32),
        ("engines", c_uint32),
        ("depth", c_uint32),
        ("durable", c_int),
        ("platform", c_char_p),
        ("latency_min_us", c_uint32),
        ("latency_max_us", c_uint32),
        ("heartbeat_ms", c_uint32),
        ("backoff_min_ms", c_uint32),
        ("backoff_max_ms", c_uint32),
        ("forget_after_ms", c_uint32),
        ("describe", DescribeFn),
        ("describe_arg", c_void_p),
        ("log", LogFn),
        ("log_arg", c_void_p),
        ("log_level", c_int),
    ]


class TestingFault(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("version", c_char_p),
        ("step", c_int),
        ("fate", c_int),
        ("first_times", c_uint32),
        ("takes_ms", c_uint32),
        ("engine", c_char_p),
        ("reason", c_char_p),
    ]


# Every struct by its C name.
STRUCTS: Dict[str, Type[Structure]] = {
    "pinnate_bytes": Bytes,
    "pinnate_label": Label,
    "pinnate_tier_options": TierOptions,
    "pinnate_host": Host,
    "pinnate_image": Image,
    "pinnate_loader": Loader,
    "pinnate_artifact": Artifact,
    "pinnate_publish": Publish,
    "pinnate_published": Published,
    "pinnate_release": Release,
    "pinnate_failure": Failure,
    "pinnate_release_status": ReleaseStatus,
    "pinnate_rollup": Rollup,
    "pinnate_lookup": Lookup,
    "pinnate_service": Service,
    "pinnate_finding": Finding,
    "pinnate_checked": Checked,
    "pinnate_kept_image": KeptImage,
    "pinnate_row": Row,
    "pinnate_member": Member,
    "pinnate_member_counts": MemberCounts,
    "pinnate_header": Header,
    "pinnate_call": Call,
    "pinnate_link": Link,
    "pinnate_controller_options": ControllerOptions,
    "pinnate_gateway_options": GatewayOptions,
    "pinnate_engine_options": EngineOptions,
    "pinnate_client_options": ClientOptions,
    "pinnate_testing_tier": TestingTier,
    "pinnate_testing_options": TestingOptions,
    "pinnate_testing_fault": TestingFault,
}

CALLBACKS: Dict[str, Any] = {
    "pinnate_log_fn": LogFn,
    "pinnate_closed_fn": ClosedFn,
    "pinnate_published_fn": PublishedFn,
    "pinnate_progress_fn": ProgressFn,
    "pinnate_done_fn": DoneFn,
    "pinnate_releases_fn": ReleasesFn,
    "pinnate_rollup_fn": RollupFn,
    "pinnate_checked_fn": CheckedFn,
    "pinnate_rows_fn": RowsFn,
    "pinnate_members_fn": MembersFn,
    "pinnate_result_fn": ResultFn,
    "pinnate_link_fn": LinkFn,
    "pinnate_service_fn": ServiceFn,
    "pinnate_testing_describe_fn": DescribeFn,
    "pinnate_testing_condition_fn": ConditionFn,
}

_Sized = TypeVar("_Sized", bound=Structure)


def sized(pointer: Any, kind: Type[_Sized]) -> _Sized:
    """The struct behind `pointer`, whose first field is its size. What an older library left out is zero."""
    address = ctypes.cast(pointer, c_void_p).value
    given = c_size_t.from_address(address).value
    if given >= ctypes.sizeof(kind):
        return kind.from_address(address)
    struct = kind()
    ctypes.memmove(ctypes.byref(struct), address, given)
    return struct


def array(structs: Sequence[_Sized], kind: Type[_Sized]) -> Any:
    """An array of pointers to structs, which it keeps alive; each is given its size."""
    for struct in structs:
        struct.size = ctypes.sizeof(kind)  # type: ignore[attr-defined]
    return (POINTER(kind) * len(structs))(*map(ctypes.pointer, structs))  # type: ignore[arg-type]
