"""Functions compiled by numba, typed for their callers.

Compiled code is kept on disk beside the source, or below the user's cache folder where that cannot
be written. No fast-math: the same operations in the same order as numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


def jit(function: _F) -> _F:
    """Compiled at the first call of each signature; lets other threads run."""
    return _compiled(function, nogil=True)


def jit_parallel(function: _F) -> _F:
    """The same; its `numba.prange` loops run on all cores."""
    return _compiled(function, parallel=True)


def jit_inline(function: _F) -> _F:
    """For small functions that compiled ones call."""
    return _compiled(function, inline="always")


def _compiled(function: _F, **options: Any) -> _F:
    import numba

    try:
        return cast(_F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder where compiled code could be kept
        return cast(_F, numba.njit(**options)(function))
