"""Capture beside plain inference: time, peak memory, size of the trace against its encodings.

Each row runs in a process of its own, so that its peak memory is its own. One thread.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAYERS, LENGTH, WIDTH, HEADS, EXPERTS, TOP_K, D_FF = 12, 2048, 768, 12, 64, 2, 256
RULES = ("off", "mask", "topk:64", "mass:0.95")


def build():
    """A causal transformer with routed experts, random weights."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x):
            b, n, _ = x.shape
            q, k, v = self.qkv(x).view(b, n, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
            y = functional.scaled_dot_product_attention(q * 3, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(b, n, WIDTH))

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.num_experts, self.hidden_dim = EXPERTS, WIDTH
            self.up_proj = nn.Parameter(torch.randn(EXPERTS, D_FF, WIDTH) * WIDTH**-0.5)
            self.down_proj = nn.Parameter(torch.randn(EXPERTS, WIDTH, D_FF) * D_FF**-0.5)

        def forward(self, hidden_states, top_k_index, top_k_weights):
            slots = top_k_index.flatten()
            order = slots.argsort(stable=True)
            rows = (order // TOP_K).split(torch.bincount(slots, minlength=EXPERTS).tolist())
            out = torch.zeros_like(hidden_states)
            weights = top_k_weights.flatten()[order].split([len(r) for r in rows])
            for expert, (row, weight) in enumerate(zip(rows, weights, strict=True)):
                hidden = functional.relu(hidden_states[row] @ self.up_proj[expert].T)
                out.index_add_(0, row, hidden @ self.down_proj[expert].T * weight[:, None])
            return out

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)
            self.attention, self.router = Attention(), nn.Linear(WIDTH, EXPERTS)
            self.experts = Experts()

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            y = self.norm2(x).view(-1, WIDTH)
            weights, chosen = self.router(y).softmax(-1).topk(TOP_K, dim=-1)
            return x + self.experts(y, chosen, weights).view_as(x)

    torch.manual_seed(0)
    return nn.Sequential(*(Layer() for _ in range(LAYERS))).eval()


def measure(rule: str) -> dict[str, float]:
    """Run the model once plainly ("plain") or under a capture."""
    import torch

    import accelsim

    torch.set_num_threads(1)
    model, x = build(), torch.randn(1, LENGTH, WIDTH)
    figures = {}
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        model(x[:, :64])
        began = time.perf_counter()
        if rule == "plain":
            model(x)
        else:
            out = Path(folder) / "bench.trace"
            with accelsim.capture(model, out, attention=rule) as session:
                model(x)
            figures = sizes(session.trace, out)
        figures["seconds"] = time.perf_counter() - began
    figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return figures


def sizes(trace, folder: Path) -> dict[str, float]:
    """Bytes of the folder, and of the smallest of CSR and bits for every pattern and id list."""
    smallest = 0
    for op in trace.operators:
        for name in ("pattern", "activation_pattern"):
            pattern = getattr(op, name, None)
            if pattern is not None and pattern.encoding in ("csr", "bits"):
                csr = 4 * (pattern.rows + 1) + pattern.nnz * (2 if pattern.cols <= 1 << 16 else 4)
                smallest += min(csr, pattern.rows * -(-pattern.cols // 8))
        ids = getattr(op, "expert_ids", None)
        smallest += 0 if ids is None else ids.nbytes
    written = sum(file.stat().st_size for file in folder.iterdir())
    return {"written": written / 1e6, "smallest": smallest / 1e6}


def main() -> None:
    """Print one row a rule."""
    if importlib.util.find_spec("torch") is None:
        print("needs PyTorch: make install-test, then .venv/bin/python -m benchmarks")
        return
    print(
        f"{LAYERS} layers, {LENGTH:,} tokens, d {WIDTH}, {HEADS} heads, {EXPERTS} experts "
        f"top-{TOP_K} with ReLU, d_ff {D_FF}; one thread"
    )
    plain = None
    for rule in ("plain", *RULES):
        command = [sys.executable, "-m", "benchmarks.bench_capture", rule]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        plain = plain or found
        text = f"{rule:<10s} {found['seconds']:6.1f} s, {found['seconds'] / plain['seconds']:5.2f}x"
        text += f", peak {found['peak']:.2f} GiB ({found['peak'] - plain['peak']:+.2f})"
        if rule != "plain":
            ratio = found["written"] / max(found["smallest"], 1e-9)
            text += f", trace {found['written']:.1f} MB = {ratio:.3f}x the smallest exact encoding"
        print(text, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
