"""Runs the new dataflow on one small product: what lockstep costs where rows differ."""

import numpy as np

import accelsim
from accelsim.workload.encodings import BitPattern
from accelsim.workload.operators import Matmul
from accelsim.workload.trace import Trace

# Rows of A keep from 2 % to 60 %, sparse ones beside dense ones.
rng = np.random.default_rng(0)
kept = rng.random((64, 64)) < rng.permutation(np.linspace(0.02, 0.6, 64))[:, None]
product = Matmul(scope="product", m=64, n=32, k=64, activation_pattern=BitPattern.from_mask(kept))
trace = Trace(name="one_product", operators=(product,))

for height in (1, 2, 4, 8):
    changes = [f"array.dataflows.0.height={height}", "array.pe_array.pes=4", "dram.level=simple"]
    result = accelsim.simulate(accelsim.load_arch("sliced_rows", changes), trace)
    row = result.operators.iloc[0]
    print(height, row["effectual_macs"], row["issued_macs"], int(result.summary["total_cycles"]))
