"""Pictures of one trace: where kept keys lie, how queries share them, how experts are loaded."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import InputError
from accelsim.report.plots import expert_load, key_reuse, pattern_map
from accelsim.report.style import save
from accelsim.workload.trace import Trace


def draw_trace(trace: Trace, folder: Path) -> list[Path]:
    """Draw what the trace has patterns for; give the PNG files.

    Raises
    ------
    InputError
        There is nothing to draw, or the folder cannot be written.
    """
    figures = {}
    kept = pattern_map.prepare(trace)
    if kept is not None:
        figures["kept_keys"] = pattern_map.draw(kept)
        figures["key_reuse"] = key_reuse.draw(key_reuse.prepare([trace]))
    load = expert_load.prepare([trace])
    if load is not None:
        figures["expert_load"] = expert_load.draw(load)
    if not figures:
        raise InputError(
            "nothing to draw: no attention has a pattern and there are no experts",
            where=trace.name,
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [save(figure, folder, name)[0] for name, figure in figures.items()]
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(folder)) from None
