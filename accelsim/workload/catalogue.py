"""Every workload by name: shipped traces, shipped recipes, and the user's own of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from accelsim.errors import InputError, unknown_name
from accelsim.workload.trace import Trace, find_trace, read_trace, shipped_workloads


def is_recipe(name: str) -> bool:
    """Whether a workload is expanded from a recipe, so that its shape can be changed."""
    from accelsim.workload.recipes.recipe import recipe_files

    return name in recipe_files() or ".yaml:" in name


def load_workload(name_or_path: str | Path, shape: Sequence[str] = ()) -> Trace:
    """Open a trace, or expand a recipe.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped trace or recipe, a trace folder, or ``FILE.yaml:KEY`` for a recipe of one's own.
    shape : sequence of str
        Changes of a recipe, such as ``batch=8``; see `load_recipe`.

    Raises
    ------
    InputError
        No such workload, or what is wrong in it.
    """
    name = str(name_or_path)
    from accelsim.workload.recipes.recipe import load_recipe, recipe_files

    if is_recipe(name):
        return load_recipe(name, shape).trace()
    shipped = shipped_workloads()
    path = Path(name)
    bare = name.removesuffix(".trace")
    if bare not in shipped and not path.exists() and len(path.parts) == 1:
        raise unknown_name("workload", name, [*shipped, *recipe_files()])
    if shape:
        raise InputError(
            "a trace has the shape that was captured", where=f"--shape {shape[0]}",
            remedy="name a recipe (accelsim workload list)",
        )  # fmt: skip
    return read_trace(find_trace(name_or_path))


def with_batch(
    name: str, shape: Sequence[str] = (), dtype: str | None = None
) -> Callable[[int], Trace] | None:
    """Give the maker of a recipe's workload with another batch; None for a stored trace."""
    if not is_recipe(name):
        return None

    return partial(_batched, name, tuple(shape), dtype)


def _batched(name: str, shape: Sequence[str], dtype: str | None, batch: int) -> Trace:
    trace = load_workload(name, [*shape, f"batch={batch}"])
    return trace if dtype is None else trace.replayed(dtype)
