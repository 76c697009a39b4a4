"""What each unit of the candidate is worth: the candidate without it, mapped and run again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from accelsim.arch.load import Setting
from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES
from accelsim.errors import InputError
from accelsim.sweep.trials import CANDIDATE, Case, Trials, same_scratchpad

METHOD = (
    "A unit is taken away as a setting of the candidate's YAML would; its port share stays unused, "
    "and its storage goes with it, so that the scratchpad keeps its size. Everything is mapped "
    "again, so that the machine does without as well as it can. A loss a little below 1 is the "
    "mapping's: it chooses by estimate, and fewer choices may leave a better one."
)


class Ablation(NamedTuple):
    """The candidate without something.

    `settings` : what would stand in its YAML. `speedup` : over the baseline, without it. `loss` :
    time without it over time with it. Both are None where `refused` says why it could not be run.
    """

    name: str
    settings: tuple[Setting, ...]
    speedup: float | None = None
    loss: float | None = None
    refused: str = ""


def ablation(trials: Trials) -> list[Ablation]:
    """Take the units of the candidate away, one at a time."""
    source = trials.machines[CANDIDATE]
    tried = list(removals(source.arch()))
    found = []
    for number, (name, settings) in enumerate(tried):
        trials.say(f"without {name}", number, len(tried))
        try:
            steady = same_scratchpad(source, settings)
            total = trials.total_ps(Case(trials.trace, {CANDIDATE: steady}), CANDIDATE)
            loss = total / max(1, trials.total_ps(trials.now, CANDIDATE))
            speedup = trials.total_ps(trials.now, "baseline") / max(1, total)
            found.append(Ablation(name, steady, speedup, loss))
        except InputError as error:
            found.append(Ablation(name, tuple(settings), refused=str(error)))
    return found


def removals(arch: Arch) -> Iterator[tuple[str, list[Setting]]]:
    """What a machine has that could be taken away, and the settings that do so.

    Without an index unit nothing gathers or skips by a pattern that is only known in the run:
    what needs the union of a tile's keys falls back to skipping blocks, or to dense work.
    """
    if arch.load.gathers_attention:
        yield "gather unit", [("load.gathers_attention", False)]
    if arch.index is not None:
        yield "index unit", [("index", None)]
    if arch.scatter is not None:
        yield "scatter unit", [("scatter", None)]
    if arch.load.duplicate_window:
        yield "window of duplicates", [("load.duplicate_window", 0)]
    if arch.load.cache is not None:
        yield "gather cache", [("load.cache", None)]
    array = arch.array
    if array.kind == "sparse":
        if array.fifo_depth > 1:
            left = BYTES.format(array.fifo_storage // array.fifo_depth)
            yield "run-ahead of the FIFOs", [("array.fifo_depth", 1), ("array.fifo_storage", left)]
        if array.tile_buffers > 1:
            yield "run-ahead of a tile", [("array.tile_buffers", 1)]
    if arch.mapping.sparsity and array.kind != "systolic":
        yield "all sparse computing", [("mapping.sparsity", False)]
