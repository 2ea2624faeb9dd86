"""Modules that are Python source: a fleet of Python agents can be given Python functions."""

from __future__ import annotations

import itertools
import linecache
import sys
import types
from typing import Any, Callable

from .errors import InvalidError
from .loader import Image, Loader
from .module_call import takes_call, takes_one

_numbers = itertools.count(1)


class PythonLoader(Loader):
    """Loads artifacts that are Python source, UTF-8, of kind "python".

    The source defines either

        def handle(payload: bytes) -> bytes

    or, for services with configuration or state,

        def create(config: bytes)

    which returns an object with call(payload: bytes) -> bytes, and optionally check_health(), which
    raises when it cannot take calls, and close(). handle and call may have a second parameter named
    `call`, a ModuleCall, and they may be coroutine functions; see Loader. What cannot be called so
    fails to load. Each version and each engine has a Python module of its own, so nothing is shared
    between them unless they import it.

    Nothing can end Python code that does not return, unless it looks at its ModuleCall.cancelled.
    An engine that closes leaves it behind after its close_limit, and a program that ends meanwhile
    may end abnormally: give loops an end.
    """

    kind = "python"

    def __init__(self, *, calls_may_overlap: bool = False) -> None:
        """`calls_may_overlap`: whether calls of one service may run on several threads at once."""
        self.calls_may_overlap = calls_may_overlap

    def load(self, image: Image) -> Any:
        """Runs the source as a new Python module. Raises whatever it raises."""
        source = image.read()
        filename = f"<{image.name} {image.version}>"
        # dont_inherit: else this file's own __future__ imports would change what the source means.
        code = compile(source, filename, "exec", dont_inherit=True)
        # A name of its own in sys.modules, which dataclasses, pickle and typing look modules up in.
        module = types.ModuleType(f"pinnate_module_{next(_numbers)}_{image.name}")
        module.__file__ = filename
        sys.modules[module.__name__] = module
        # Tracebacks quote the source from here; without a time of change the entry is never checked
        # against a file.
        lines = source.decode("utf-8", "replace").splitlines(True)
        linecache.cache[filename] = (len(source), None, lines, filename)
        try:
            exec(code, module.__dict__)
            return _PythonModule(module)
        except BaseException:
            del sys.modules[module.__name__]
            raise


class _PythonModule:
    def __init__(self, module: types.ModuleType) -> None:
        self._module = module
        create = getattr(module, "create", None)
        handle = getattr(module, "handle", None)
        if callable(create):
            takes_one(create, "create")
            self.create: Callable[[bytes], Any] = create
        elif callable(handle):
            takes_call(handle, "handle")
            self.create = lambda config: _HandleService(handle)
        else:
            raise InvalidError(
                f"{module.__file__} defines neither handle(payload: bytes) -> bytes nor create(config: bytes)"
            )

    def unload(self) -> None:
        sys.modules.pop(self._module.__name__, None)


class _HandleService:
    def __init__(self, handle: Callable[[bytes], bytes]) -> None:
        self.call = handle
