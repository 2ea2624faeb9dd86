"""Asking how the fleet stands, as Controller, Gateway and Client have it."""

from __future__ import annotations

import ctypes
from typing import Any, Iterator, List, Optional, Tuple

from . import _abi
from ._handle import Handle
from ._requests import ON_MEMBERS, ON_ROLLUP, ON_TIERS, after, ask
from ._values import count, limit_ms, member, text
from .fleet import Member, Phase, Role, Rollup, Tier


class Asking(Handle):
    """A handle that tells what is below its tier."""

    def status(self, name: Optional[str] = None, *, timeout: Optional[float] = 10.0) -> Rollup:
        """How the fleet stands now, for one function or for all."""
        rollup: Rollup = ask(
            self, "status", text(name, "name"), ON_ROLLUP, what="asking for status", timeout=timeout
        )
        return rollup

    def engines(
        self,
        *,
        at: Optional[str] = None,
        name: Optional[str] = None,
        engine: Optional[str] = None,
        phase: Optional[Phase] = None,
        page: int = 100,
        timeout: Optional[float] = 10.0,
    ) -> Iterator[Tier]:
        """Yields the engines, asking for the next page when the one before is used up.

        `at`: only below the gateway of this id. `name`: only services of this function. `engine`:
        only the engine of this id. `phase`: only engines with a release in this phase. `page`: rows
        to ask for at once, at most 1000. `timeout`: for each page. Raises, while iterating, what
        asking for a page raised; a wrong argument is refused at once.
        """
        rows = self._lookup(at, name, engine, phase, False, page, timeout)
        return (tier for tier in rows if tier.role == Role.ENGINE)

    def tiers(
        self,
        *,
        at: Optional[str] = None,
        name: Optional[str] = None,
        phase: Optional[Phase] = None,
        page: int = 100,
        timeout: Optional[float] = 10.0,
    ) -> Iterator[Tier]:
        """Yields gateways too, each before what is below it. One that cannot be asked has `online`
        False.

        The arguments are those of engines().
        """
        return self._lookup(at, name, None, phase, True, page, timeout)

    def members(
        self, *, at: Optional[str] = None, page: int = 100, timeout: Optional[float] = 10.0
    ) -> Iterator[Member]:
        """Yields, of each gateway, where it looks for members and then whom it found: who is named
        there, dialled in, or is dialled.

        `at`: only of the gateway of this id, and of those below it. The other arguments are those of
        engines().
        """
        ticket = ctypes.c_uint64()
        lookup = _abi.Lookup(
            size=ctypes.sizeof(_abi.Lookup),
            at=text(at, "at"),
            limit=count(page, "page", 1000),
            timeout_ms=limit_ms(timeout),
            ticket=ctypes.pointer(ticket),
        )
        return self._pages("members", lookup, ON_MEMBERS, ticket, timeout)

    def _lookup(
        self,
        at: Optional[str],
        name: Optional[str],
        engine: Optional[str],
        phase: Optional[Phase],
        gateways: bool,
        page: int,
        timeout: Optional[float],
    ) -> Iterator[Tier]:
        ticket = ctypes.c_uint64()
        lookup = _abi.Lookup(
            size=ctypes.sizeof(_abi.Lookup),
            at=text(at, "at"),
            name=text(name, "name"),
            engine=text(engine, "engine"),
            phase=0 if phase is None else 1 + member(phase, Phase, "phase"),
            gateways=int(gateways),
            limit=count(page, "page", 1000),
            timeout_ms=limit_ms(timeout),
            ticket=ctypes.pointer(ticket),
        )
        return self._pages("lookup", lookup, ON_TIERS, ticket, timeout)

    def _pages(
        self, verb: str, lookup: _abi.Lookup, callback: Any, ticket: ctypes.c_uint64, timeout: Optional[float]
    ) -> Iterator[Any]:
        while True:
            page_of_rows: Tuple[List[Any], str] = ask(
                self,
                verb,
                ctypes.byref(lookup),
                callback,
                what="looking up tiers",
                timeout=after(timeout),
                ticket=ticket,
            )
            rows, following = page_of_rows
            yield from rows
            if not following:
                return
            lookup.cursor = text(following, "cursor")
