"""The text and the training: Python's own standard library, read as bytes.

A fixed list of modules is never trained on; losses are measured, and traces captured, there.
"""

from __future__ import annotations

import hashlib
import math
import platform
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from model import Keep, TinyMoeLm
from torch import Tensor
from torch.nn import functional

# Neither tests nor tables (encodings, prose of pydoc_data) nor what others installed.
EXCLUDED_FOLDERS = frozenset(
    "__pycache__ dist-packages encodings idle_test pydoc_data site-packages test tests".split()
)
HELD_OUT = (
    "bisect.py",
    "calendar.py",
    "concurrent/futures/thread.py",
    "csv.py",
    "fractions.py",
    "heapq.py",
    "json/decoder.py",
    "logging/handlers.py",
    "shlex.py",
    "statistics.py",
    "textwrap.py",
    "xml/etree/ElementTree.py",
)
BALANCE_WEIGHT = 0.01


@dataclass(frozen=True)
class Text:
    """Training and held-out bytes (Tensor[bytes], uint8) and what identifies them."""

    train: Tensor
    held_out: Tensor
    note: str


def read_text(root: Path | None = None) -> Text:
    """Read every module below `root` (default: the running Python's library), sorted by path."""
    root = root or Path(sysconfig.get_path("stdlib"))
    train, held_out = [], []
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        relative = path.relative_to(root)
        if EXCLUDED_FOLDERS.isdisjoint(relative.parts):
            (held_out if relative.as_posix() in HELD_OUT else train).append(path.read_bytes())
    if len(held_out) != len(HELD_OUT):
        raise SystemExit(f"{len(held_out)} of the {len(HELD_OUT)} held-out modules are in {root}")
    joined = b"\n".join(train)
    note = (
        f"standard library of Python {platform.python_version()}: {len(train)} modules, "
        f"{len(joined)} bytes, sha256 {hashlib.sha256(joined).hexdigest()[:16]}"
    )
    return Text(as_tensor(joined), as_tensor(b"\n".join(held_out)), note)


def as_tensor(text: bytes) -> Tensor:
    return torch.frombuffer(bytearray(text), dtype=torch.uint8)


def held_out_windows(text: Text, count: int, length: int) -> Tensor:
    """`count` evenly spaced windows of the held-out text, int64[count, length]."""
    stride = (len(text.held_out) - length) // max(count, 1)
    starts = torch.arange(count) * stride + stride // 2
    return text.held_out[starts[:, None] + torch.arange(length)].long()


@torch.no_grad()
def bits_per_byte(model: TinyMoeLm, text: Text, keep: Keep | None, windows: int) -> float:
    """Mean cross-entropy over `windows` held-out windows, in bits."""
    total = 0.0
    for window in held_out_windows(text, windows, model.shape.window + 1):
        logits, _ = model(window[None, :-1], keep)
        total += functional.cross_entropy(logits[0], window[1:]).item()
    return total / windows / math.log(2.0)


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over a tenth (at most 100 steps), then a cosine down to a twentieth."""
    warm_up = max(1, min(100, steps // 10))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, steps - warm_up)
    return peak * (0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * progress)))


def train(
    model: TinyMoeLm,
    text: Text,
    keep: Keep | None,
    *,
    steps: int,
    batch: int,
    peak: float,
    seed: int,
    say: Callable[[str], None],
) -> None:
    """Train in place with AdamW on random windows; `say` gets a line every 50 steps."""
    draws = torch.Generator().manual_seed(seed)
    offsets = torch.arange(model.shape.window + 1)
    matrices = [weight for weight in model.parameters() if weight.dim() >= 2]
    gains = [weight for weight in model.parameters() if weight.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}],
        betas=(0.9, 0.95),
    )
    began = time.perf_counter()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        starts = torch.randint(len(text.train) - len(offsets), (batch, 1), generator=draws)
        windows = text.train[starts + offsets].long()
        logits, balance = model(windows[:, :-1], keep)
        loss = functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        (loss + BALANCE_WEIGHT * balance).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            bits = loss.item() / math.log(2.0)
            elapsed = time.perf_counter() - began
            say(f"step {step + 1}/{steps}: {bits:.2f} bits/byte, {elapsed:.0f} s")
