"""How the engine's functions are compiled: the options, said once.

`kernel` compiles a function. `inlined` puts a small function into its callers' machine code, and
`spliced` a long one, which has one caller, into the source of that caller, so that it is not
compiled twice: a state of many arrays need not be passed. None counts references: they allocate
nothing, and counting them at every call with arrays made the engine 2.5 times slower (an atomic
increment and decrement each).
"""

from __future__ import annotations

from typing import Any

from numba import njit

_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}

kernel: Any = njit(**_OPTIONS)
inlined: Any = njit(**_OPTIONS, forceinline=True)
spliced: Any = njit(**_OPTIONS, inline="always")
