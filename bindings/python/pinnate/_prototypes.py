"""The functions of include/pinnate/*.h in ctypes: what they return and what they take.

tests/test_layout.py compares all of it with the headers by means of a C compiler.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, List, Tuple

from ._abi import (
    Artifact, Bytes, Call, ClientOptions, ClosedFn, ConditionFn, ControllerOptions, DoneFn,
    EngineOptions, GatewayOptions, Header, Label, LinkFn, Loader, Lookup, MembersFn, ProgressFn, Publish,
    Published, PublishedFn, ReleasesFn, ResultFn, Rollup, RollupFn, Row, RowsFn, ServiceFn,
    TestingFault, TestingOptions, TestingTier, TierOptions,
    CheckedFn,
)

Prototype = Tuple[Any, List[Any]]  # what it returns, what it takes

_HANDLE = c_void_p
_ARG = c_void_p
_STATUS = c_int
_TEXT_OUT = c_void_p  # a buffer that the function writes text to
_TICKET = POINTER(c_uint64)
_CALL_INTO = [_HANDLE, POINTER(Call), c_void_p, c_size_t, POINTER(c_size_t), _TEXT_OUT, c_size_t]

PROTOTYPES: Dict[str, Prototype] = {
    "pinnate_status_name": (c_char_p, [c_int]),
    "pinnate_last_error": (c_char_p, []),
    "pinnate_version": (c_char_p, []),
    "pinnate_platform": (c_char_p, []),
    "pinnate_phase_name": (c_char_p, [c_int]),
    "pinnate_member_state_name": (c_char_p, [c_int]),
    "pinnate_check_artifact": (_STATUS, [POINTER(Artifact), CheckedFn, _ARG]),
    "pinnate_loader_init": (None, [POINTER(Loader), c_size_t]),
    "pinnate_label_init": (None, [POINTER(Label), c_size_t]),
    "pinnate_tier_options_init": (None, [POINTER(TierOptions), c_size_t]),
    "pinnate_artifact_init": (None, [POINTER(Artifact), c_size_t]),
    "pinnate_publish_init": (None, [POINTER(Publish), c_size_t]),
    "pinnate_published_init": (None, [POINTER(Published), c_size_t]),
    "pinnate_lookup_init": (None, [POINTER(Lookup), c_size_t]),
    "pinnate_header_init": (None, [POINTER(Header), c_size_t]),
    "pinnate_call_init": (None, [POINTER(Call), c_size_t]),
    "pinnate_testing_options_init": (None, [POINTER(TestingOptions), c_size_t]),
    "pinnate_testing_fault_init": (None, [POINTER(TestingFault), c_size_t]),
    "pinnate_controller_options_init": (None, [POINTER(ControllerOptions), c_size_t, c_size_t]),
    "pinnate_gateway_options_init": (None, [POINTER(GatewayOptions), c_size_t, c_size_t]),
    "pinnate_engine_options_init": (None, [POINTER(EngineOptions), c_size_t, c_size_t]),
    "pinnate_client_options_init": (None, [POINTER(ClientOptions), c_size_t, c_size_t]),
    "pinnate_loop_new": (_STATUS, [POINTER(c_void_p)]),
    "pinnate_loop_fd": (c_int, [c_void_p]),
    "pinnate_loop_timeout_ms": (c_int, [c_void_p]),
    "pinnate_loop_dispatch": (_STATUS, [c_void_p]),
    "pinnate_loop_free": (_STATUS, [c_void_p]),
    "pinnate_controller_open": (_STATUS, [POINTER(ControllerOptions), POINTER(c_void_p)]),
    "pinnate_controller_listen": (_STATUS, [_HANDLE, c_char_p, _TEXT_OUT, c_size_t, _TICKET]),
    "pinnate_controller_dial": (_STATUS, [_HANDLE, c_char_p, _TICKET]),
    "pinnate_controller_publish": (_STATUS, [_HANDLE, POINTER(Publish), ProgressFn, PublishedFn, _ARG]),
    "pinnate_controller_publish_wait": (
        _STATUS,
        [_HANDLE, POINTER(Publish), POINTER(Published), _TEXT_OUT, c_size_t],
    ),
    "pinnate_controller_unpublish": (_STATUS, [_HANDLE, c_char_p, c_uint64, DoneFn, _ARG]),
    "pinnate_controller_unpublish_wait": (_STATUS, [_HANDLE, c_char_p, c_uint64, _TEXT_OUT, c_size_t]),
    "pinnate_controller_releases": (_STATUS, [_HANDLE, c_char_p, ReleasesFn, _ARG]),
    "pinnate_controller_releases_wait": (_STATUS, [_HANDLE, c_char_p, ReleasesFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_controller_status": (_STATUS, [_HANDLE, c_char_p, RollupFn, _ARG]),
    "pinnate_controller_status_wait": (_STATUS, [_HANDLE, c_char_p, RollupFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_controller_watch": (_STATUS, [_HANDLE, RollupFn, _ARG, _TICKET]),
    "pinnate_controller_when_live": (
        _STATUS,
        [_HANDLE, c_uint64, c_uint64, c_uint32, DoneFn, _ARG, _TICKET],
    ),
    "pinnate_controller_when_live_wait": (
        _STATUS,
        [_HANDLE, c_uint64, c_uint64, c_uint32, _TEXT_OUT, c_size_t],
    ),
    "pinnate_controller_members": (_STATUS, [_HANDLE, POINTER(Lookup), MembersFn, _ARG]),
    "pinnate_controller_members_wait": (_STATUS, [_HANDLE, POINTER(Lookup), MembersFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_controller_lookup": (_STATUS, [_HANDLE, POINTER(Lookup), RowsFn, _ARG]),
    "pinnate_controller_lookup_wait": (_STATUS, [_HANDLE, POINTER(Lookup), RowsFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_controller_call": (_STATUS, [_HANDLE, POINTER(Call), ResultFn, _ARG]),
    "pinnate_controller_call_wait": (
        _STATUS,
        [_HANDLE, POINTER(Call), POINTER(c_void_p), POINTER(c_size_t), _TEXT_OUT, c_size_t],
    ),
    "pinnate_controller_id": (c_char_p, [_HANDLE]),
    "pinnate_controller_watch_links": (_STATUS, [_HANDLE, LinkFn, _ARG, _TICKET]),
    "pinnate_controller_reload": (_STATUS, [_HANDLE, POINTER(TierOptions)]),
    "pinnate_controller_cancel": (_STATUS, [_HANDLE, c_uint64]),
    "pinnate_controller_close": (_STATUS, [_HANDLE, ClosedFn, _ARG]),
    "pinnate_controller_close_wait": (_STATUS, [_HANDLE]),
    "pinnate_controller_free": (None, [_HANDLE]),
    "pinnate_gateway_open": (_STATUS, [POINTER(GatewayOptions), POINTER(c_void_p)]),
    "pinnate_gateway_dial_upstream": (_STATUS, [_HANDLE, c_char_p, _TICKET]),
    "pinnate_gateway_listen": (_STATUS, [_HANDLE, c_char_p, _TEXT_OUT, c_size_t, _TICKET]),
    "pinnate_gateway_dial_downstream": (_STATUS, [_HANDLE, c_char_p, _TICKET]),
    "pinnate_gateway_add_source": (_STATUS, [_HANDLE, c_char_p, _TICKET]),
    "pinnate_gateway_set_members": (_STATUS, [_HANDLE, c_char_p, POINTER(c_char_p), c_size_t]),
    "pinnate_gateway_status": (_STATUS, [_HANDLE, c_char_p, RollupFn, _ARG]),
    "pinnate_gateway_status_wait": (_STATUS, [_HANDLE, c_char_p, RollupFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_gateway_members": (_STATUS, [_HANDLE, POINTER(Lookup), MembersFn, _ARG]),
    "pinnate_gateway_members_wait": (_STATUS, [_HANDLE, POINTER(Lookup), MembersFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_gateway_lookup": (_STATUS, [_HANDLE, POINTER(Lookup), RowsFn, _ARG]),
    "pinnate_gateway_lookup_wait": (_STATUS, [_HANDLE, POINTER(Lookup), RowsFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_gateway_call": (_STATUS, [_HANDLE, POINTER(Call), ResultFn, _ARG]),
    "pinnate_gateway_call_wait": (
        _STATUS,
        [_HANDLE, POINTER(Call), POINTER(c_void_p), POINTER(c_size_t), _TEXT_OUT, c_size_t],
    ),
    "pinnate_gateway_id": (c_char_p, [_HANDLE]),
    "pinnate_gateway_watch_links": (_STATUS, [_HANDLE, LinkFn, _ARG, _TICKET]),
    "pinnate_gateway_reload": (_STATUS, [_HANDLE, POINTER(TierOptions)]),
    "pinnate_gateway_cancel": (_STATUS, [_HANDLE, c_uint64]),
    "pinnate_gateway_close": (_STATUS, [_HANDLE, ClosedFn, _ARG]),
    "pinnate_gateway_close_wait": (_STATUS, [_HANDLE]),
    "pinnate_gateway_free": (None, [_HANDLE]),
    "pinnate_engine_open": (_STATUS, [POINTER(EngineOptions), POINTER(c_void_p)]),
    "pinnate_engine_add_loader": (_STATUS, [_HANDLE, POINTER(Loader)]),
    "pinnate_engine_dial_upstream": (_STATUS, [_HANDLE, c_char_p, _TICKET]),
    "pinnate_engine_listen": (_STATUS, [_HANDLE, c_char_p, _TEXT_OUT, c_size_t, _TICKET]),
    "pinnate_engine_call_wait": (
        _STATUS,
        [_HANDLE, POINTER(Call), POINTER(c_void_p), POINTER(c_size_t), _TEXT_OUT, c_size_t],
    ),
    "pinnate_engine_call_into": (_STATUS, _CALL_INTO),
    "pinnate_engine_try_call": (_STATUS, _CALL_INTO),
    "pinnate_engine_function": (_STATUS, [_HANDLE, c_char_p, POINTER(c_void_p)]),
    "pinnate_function_call": (
        _STATUS,
        [c_void_p, Bytes, c_uint32, c_void_p, c_size_t, POINTER(c_size_t), _TEXT_OUT, c_size_t],
    ),
    "pinnate_function_free": (None, [c_void_p]),
    "pinnate_result_free": (None, [c_void_p]),
    "pinnate_engine_call": (_STATUS, [_HANDLE, POINTER(Call), ResultFn, _ARG]),
    "pinnate_engine_services": (_STATUS, [_HANDLE, RowsFn, _ARG]),
    "pinnate_engine_services_wait": (_STATUS, [_HANDLE, RowsFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_engine_when_serving": (_STATUS, [_HANDLE, c_char_p, c_uint32, DoneFn, _ARG, _TICKET]),
    "pinnate_engine_when_serving_wait": (_STATUS, [_HANDLE, c_char_p, c_uint32, _TEXT_OUT, c_size_t]),
    "pinnate_engine_watch": (_STATUS, [_HANDLE, ServiceFn, _ARG, _TICKET]),
    "pinnate_engine_id": (c_char_p, [_HANDLE]),
    "pinnate_engine_watch_links": (_STATUS, [_HANDLE, LinkFn, _ARG, _TICKET]),
    "pinnate_engine_reload": (_STATUS, [_HANDLE, POINTER(TierOptions)]),
    "pinnate_engine_cancel": (_STATUS, [_HANDLE, c_uint64]),
    "pinnate_engine_close": (_STATUS, [_HANDLE, ClosedFn, _ARG]),
    "pinnate_engine_close_wait": (_STATUS, [_HANDLE]),
    "pinnate_engine_free": (None, [_HANDLE]),
    "pinnate_client_open": (_STATUS, [POINTER(ClientOptions), POINTER(c_void_p)]),
    "pinnate_client_publish": (_STATUS, [_HANDLE, POINTER(Publish), ProgressFn, PublishedFn, _ARG]),
    "pinnate_client_publish_wait": (
        _STATUS,
        [_HANDLE, POINTER(Publish), POINTER(Published), _TEXT_OUT, c_size_t],
    ),
    "pinnate_client_unpublish": (_STATUS, [_HANDLE, c_char_p, c_uint64, DoneFn, _ARG]),
    "pinnate_client_unpublish_wait": (_STATUS, [_HANDLE, c_char_p, c_uint64, _TEXT_OUT, c_size_t]),
    "pinnate_client_releases": (_STATUS, [_HANDLE, c_char_p, ReleasesFn, _ARG]),
    "pinnate_client_releases_wait": (_STATUS, [_HANDLE, c_char_p, ReleasesFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_client_status": (_STATUS, [_HANDLE, c_char_p, RollupFn, _ARG]),
    "pinnate_client_status_wait": (_STATUS, [_HANDLE, c_char_p, RollupFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_client_watch": (_STATUS, [_HANDLE, RollupFn, _ARG, _TICKET]),
    "pinnate_client_when_live": (
        _STATUS,
        [_HANDLE, c_uint64, c_uint64, c_uint32, DoneFn, _ARG, _TICKET],
    ),
    "pinnate_client_when_live_wait": (
        _STATUS,
        [_HANDLE, c_uint64, c_uint64, c_uint32, _TEXT_OUT, c_size_t],
    ),
    "pinnate_client_members": (_STATUS, [_HANDLE, POINTER(Lookup), MembersFn, _ARG]),
    "pinnate_client_members_wait": (_STATUS, [_HANDLE, POINTER(Lookup), MembersFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_client_lookup": (_STATUS, [_HANDLE, POINTER(Lookup), RowsFn, _ARG]),
    "pinnate_client_lookup_wait": (_STATUS, [_HANDLE, POINTER(Lookup), RowsFn, _ARG, _TEXT_OUT, c_size_t]),
    "pinnate_client_call": (_STATUS, [_HANDLE, POINTER(Call), ResultFn, _ARG]),
    "pinnate_client_call_wait": (
        _STATUS,
        [_HANDLE, POINTER(Call), POINTER(c_void_p), POINTER(c_size_t), _TEXT_OUT, c_size_t],
    ),
    "pinnate_client_id": (c_char_p, [_HANDLE]),
    "pinnate_client_watch_links": (_STATUS, [_HANDLE, LinkFn, _ARG, _TICKET]),
    "pinnate_client_reload": (_STATUS, [_HANDLE, POINTER(TierOptions)]),
    "pinnate_client_cancel": (_STATUS, [_HANDLE, c_uint64]),
    "pinnate_client_close": (_STATUS, [_HANDLE, ClosedFn, _ARG]),
    "pinnate_client_close_wait": (_STATUS, [_HANDLE]),
    "pinnate_client_free": (None, [_HANDLE]),
    "pinnate_testing_open": (_STATUS, [POINTER(TestingOptions), POINTER(c_void_p)]),
    "pinnate_testing_tiers": (_STATUS, [_HANDLE, POINTER(POINTER(POINTER(TestingTier))), POINTER(c_size_t)]),
    "pinnate_testing_add_loader": (_STATUS, [_HANDLE, POINTER(Loader)]),
    "pinnate_testing_now": (_STATUS, [_HANDLE, POINTER(c_uint64)]),
    "pinnate_testing_advance": (_STATUS, [_HANDLE, c_uint64]),
    "pinnate_testing_run_until": (_STATUS, [_HANDLE, ConditionFn, _ARG, c_uint64]),
    "pinnate_testing_wait_online": (_STATUS, [_HANDLE, c_uint64]),
    "pinnate_testing_wait_live": (_STATUS, [_HANDLE, c_uint64, c_uint64, c_uint64]),
    "pinnate_testing_publish": (_STATUS, [_HANDLE, POINTER(Publish), POINTER(Published)]),
    "pinnate_testing_unpublish": (_STATUS, [_HANDLE, c_char_p, c_uint64]),
    "pinnate_testing_call": (_STATUS, [_HANDLE, c_char_p, POINTER(Call), POINTER(Bytes)]),
    "pinnate_testing_begin_call": (_STATUS, [_HANDLE, c_char_p, POINTER(Call), ResultFn, _ARG]),
    "pinnate_testing_status": (_STATUS, [_HANDLE, c_char_p, c_char_p, POINTER(POINTER(Rollup))]),
    "pinnate_testing_lookup": (
        _STATUS,
        [
            _HANDLE,
            c_char_p,
            POINTER(Lookup),
            POINTER(POINTER(POINTER(Row))),
            POINTER(c_size_t),
            POINTER(c_char_p),
        ],
    ),
    "pinnate_testing_engine": (_STATUS, [_HANDLE, c_char_p, POINTER(POINTER(Row))]),
    "pinnate_testing_version_on": (_STATUS, [_HANDLE, c_char_p, c_char_p, POINTER(c_char_p)]),
    "pinnate_testing_count": (_STATUS, [_HANDLE, c_char_p, c_char_p, POINTER(c_uint64)]),
    "pinnate_testing_is_up": (_STATUS, [_HANDLE, c_char_p, POINTER(c_int), POINTER(c_uint32)]),
    "pinnate_testing_cut": (_STATUS, [_HANDLE, c_char_p, c_char_p]),
    "pinnate_testing_partition": (_STATUS, [_HANDLE, c_char_p]),
    "pinnate_testing_heal": (_STATUS, [_HANDLE]),
    "pinnate_testing_kill": (_STATUS, [_HANDLE, c_char_p]),
    "pinnate_testing_lose_power": (_STATUS, [_HANDLE, c_char_p]),
    "pinnate_testing_stop": (_STATUS, [_HANDLE, c_char_p]),
    "pinnate_testing_restart": (_STATUS, [_HANDLE, c_char_p]),
    "pinnate_testing_inject": (_STATUS, [_HANDLE, POINTER(TestingFault)]),
    "pinnate_testing_cure": (_STATUS, [_HANDLE, c_char_p, c_char_p]),
    "pinnate_testing_close": (_STATUS, [_HANDLE]),
}


def bind(library: ctypes.CDLL) -> None:
    """Gives every function of the library its types. AttributeError names the one that the library lacks."""
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
