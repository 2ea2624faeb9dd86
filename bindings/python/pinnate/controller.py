"""The root of a fleet."""

from __future__ import annotations

import logging
from typing import Mapping, Optional

from . import _abi
from ._asking import Asking
from ._calling import Calling
from ._handle import TierSettings
from ._links import Dial
from ._listening import Listening
from ._logging import Log
from ._publishing import Publishing
from ._values import Path, count, milliseconds, path, wrong
from ._watching import Watching


class Controller(Publishing, Watching, Asking, Calling, Listening):
    """Takes publish requests, owns the desired state, knows the edge nodes. One per fleet.

    A context manager: leaving the `with` block closes it and waits. All methods may be called on
    any thread.
    """

    _noun = "controller"

    def __init__(
        self,
        state_dir: Path,
        *,
        fleet: Optional[str] = None,
        id: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        log: Optional[Log] = None,
        log_level: int = logging.DEBUG,
        heartbeat: Optional[float] = None,
        backoff_min: Optional[float] = None,
        backoff_max: Optional[float] = None,
        link_limit: Optional[int] = None,
        artifact_limit: Optional[int] = None,
        forget_after: Optional[float] = None,
        folder_wait: Optional[float] = None,
    ) -> None:
        """Opens the state folder, made if missing, and takes up where it left off. None is the
        library's default.

        `fleet`: who belongs together; default "default". `id`: unique in the fleet; default: kept
        in the folder. `log`: a logging.Logger, or a callable taking a level of `logging` and a
        line; it is called on any thread and must not call Pinnate. `log_level`: the lowest to
        report. `heartbeat`: seconds of silence after which a link is probed; a peer silent for
        three of them is dead; default 5. `backoff_min`, `backoff_max`: seconds before dialling
        again; defaults 0.2 and 30. `link_limit`: bytes that one link may hold in each direction;
        default 8 MiB. `artifact_limit`: bytes of the largest artifact accepted; default 256 MiB.
        `forget_after`: seconds that an offline tier is remembered; default one day. `folder_wait`:
        seconds to wait for a folder that another process or handle still has, such as one that is
        about to end; default: not at all.

        InUseError: another controller has the folder. IncompatibleError: it is of another version.
        Also CorruptError, IoError, InvalidError, LibraryNotFoundError.
        """
        if state_dir is None:
            raise wrong("state_dir", "a path (str or os.PathLike)", None)
        options = _abi.ControllerOptions(
            state_dir=path(state_dir, "state_dir"),
            artifact_limit_bytes=count(artifact_limit, "artifact_limit"),
            forget_after_ms=milliseconds(forget_after, "forget_after"),
        )
        self._open(
            options,
            TierSettings(fleet, id, labels, log, log_level, heartbeat, backoff_min, backoff_max, link_limit, folder_wait),
        )

    def dial(self, address: str) -> Dial:
        """Keeps a link to a gateway or engine that listens at `address`; dials again whenever it is
        lost, until the Dial that this gives is closed.
        """
        return self._dial("dial", address)
