"""Write the workload of an embedding table: rows looked up, and their gradients added back.

    python workloads/tables/build.py [folder]

Same program, same bytes. Rows are drawn from a power law, as the words of a text and the items of
a shop are: a few are looked up often, most never. Evidence about no model.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from accelsim.workload import write_trace
from accelsim.workload.operators import Gather, ScatterAdd

ROWS, WIDTH, LOOKUPS, EXPONENT, SEED = 1 << 20, 128, 1 << 17, 1.05, 1


def indices() -> np.ndarray:
    """int32[LOOKUPS] : rows of the table; rank r is drawn with a weight of r ** -EXPONENT."""
    rng = np.random.default_rng(SEED)
    weight = np.cumsum(np.arange(1, ROWS + 1, dtype=np.float64) ** -EXPONENT)
    rank = np.searchsorted(weight, rng.random(LOOKUPS) * weight[-1])
    return rng.permutation(ROWS)[rank].astype(np.int32)


def build(folder: Path) -> None:
    """Write the workload below `folder`."""
    looked_up = indices()
    shape = {"table_rows": ROWS, "row_elements": WIDTH, "indices": looked_up}
    write_trace(
        folder / "embedding_update.trace",
        "embedding_update",
        [
            Gather(scope="lookup", **shape),
            ScatterAdd(scope="update", inputs=(0,), **shape),
        ],
        producer="workloads/tables/build.py",
        model="none: one embedding table",
        seed=SEED,
        phase="training",
        batch=1,
        seq_len=LOOKUPS,
        selection_rule=f"{LOOKUPS} of {ROWS} rows, drawn from a power law of exponent {EXPONENT}",
        synthetic=True,
        licence="MIT, as accelsim",
        note="Synthetic: generated from parameters, taken from no model. Rows of 256 B are looked "
        "up, and fp32 rows of 512 B added to where they were, in a table larger than any chip.",
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
