"""What stands for one thing of this process, and so has no copies."""

from __future__ import annotations

from typing import Any


class Unique:
    """Refuses copy.copy, copy.deepcopy and pickle in words."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"a pinnate.{type(self).__name__} can be neither copied nor pickled: it stands for something that is open in this process. "
            "Share the object itself between threads; in another process, open one of its own"
        )
