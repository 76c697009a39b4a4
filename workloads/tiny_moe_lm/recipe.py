"""Train the tiny language model and capture its trace, or report what its traces show.

    python workloads/tiny_moe_lm/recipe.py --variant topk
    python workloads/tiny_moe_lm/recipe.py --report workloads/tiny_moe_lm*.trace

One thread, fixed seeds: the same seed on the same machine and library gives the same bytes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import figures
import torch
from capture import MASS, capture_forward
from model import Keep, Shape, TinyMoeLm
from train import Text, bits_per_byte, held_out_windows, read_text, train

from accelsim.pytorch.selection import select_mass, select_topk
from accelsim.workload.operators import Selection
from accelsim.workload.trace import read_trace

WORKLOADS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Variant:
    """How a shipped trace comes about."""

    name: str
    steps: int
    sparse_training: bool
    selection: Selection
    about: str


VARIANTS = {
    "topk": Variant(
        "tiny_moe_lm",
        1000,
        True,
        "from_scores",
        "trained with top-k attention; every query keeps its k best keys",
    ),
    "mass95": Variant(
        "tiny_moe_lm_mass95",
        1400,
        False,
        "oracle",
        "trained with dense attention; kept: the fewest keys with 95 % of a query's mass",
    ),
    "random": Variant(
        "tiny_moe_lm_random",
        0,
        True,
        "from_scores",
        "the initial weights of the topk variant, untrained; a control, not a workload",
    ),
}


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", choices=VARIANTS, default="topk")
    parser.add_argument("--out", type=Path, help="trace folder (default: the shipped one)")
    parser.add_argument("--steps", type=int, help="training steps (default: the variant's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path, help="read if it exists, else train and write it")
    parser.add_argument("--top-k", type=int, default=32, help="keys kept per query and head")
    parser.add_argument("--train-batch", type=int, default=4, help="windows per training step")
    parser.add_argument("--learning-rate", type=float, default=4e-3, help="peak")
    parser.add_argument("--batch", type=int, default=2, help="held-out windows in the trace")
    parser.add_argument("--windows", type=int, default=64, help="held-out windows for the loss")
    for name in ("layers", "d_model", "heads", "d_ff", "window"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=getattr(Shape, name))
    parser.add_argument("--report", type=Path, nargs="+", metavar="TRACE", help="print a table")
    return parser.parse_args(argv)


def build(args: argparse.Namespace, variant: Variant, text: Text) -> TinyMoeLm:
    """Make the model of `variant`, trained or read from ``--weights``."""
    torch.manual_seed(args.seed)
    shape = Shape(
        layers=args.layers,
        d_model=args.d_model,
        heads=args.heads,
        d_ff=args.d_ff,
        window=args.window,
    )
    model = TinyMoeLm(shape)
    if args.weights and args.weights.exists():
        model.load_state_dict(torch.load(args.weights, weights_only=True))
        return model
    train(
        model,
        text,
        partial(select_topk, k=args.top_k) if variant.sparse_training else None,
        steps=args.steps,
        batch=args.train_batch,
        peak=args.learning_rate,
        seed=args.seed,
        say=print,
    )
    if args.weights:
        torch.save(model.state_dict(), args.weights)
    return model


def save(args: argparse.Namespace, variant: Variant, model: TinyMoeLm, text: Text) -> Path:
    """Capture `model` on held-out text and write the trace folder."""
    shape = model.shape
    by_mass = variant.selection == "oracle"
    keep: Keep = partial(select_mass, mass=MASS) if by_mass else partial(select_topk, k=args.top_k)
    out = args.out or WORKLOADS / f"{variant.name}.trace"
    capture_forward(
        model,
        held_out_windows(text, args.batch, shape.window),
        keep,
        variant.selection,
        out,
        {
            "name": variant.name,
            "producer": f"workloads/tiny_moe_lm/recipe.py --variant {args.variant}",
            "model": f"tiny_moe_lm {shape.layers} layers, d {shape.d_model}, {shape.heads} heads, "
            f"{shape.experts} experts top-{shape.top_k}, d_ff {shape.d_ff}, {args.steps} steps",
            "seed": args.seed,
            "phase": "prefill",
            "selection_rule": f"mass:{MASS}" if by_mass else f"topk:{args.top_k}",
            "quality": {
                "unit": "bits per byte of held-out text",
                "loss_exact_attention": round(bits_per_byte(model, text, None, args.windows), 4),
                "loss_replayed_selection": round(bits_per_byte(model, text, keep, args.windows), 4),
                "held_out_bytes": args.windows * shape.window,
            },
            "licence": "index patterns only, no text; the text read is under the PSF licence",
            "note": f"{variant.about}; byte-level text "
            f"of one language: not evidence about large models; {text.note}",
        },
    )
    return out


def report(paths: list[Path]) -> str:
    """Markdown table of the figures of the traces at `paths`, layers side by side."""
    columns = []
    for path in paths:
        trace = read_trace(path)
        quality = trace.quality
        column = {
            "bits/byte, exact (dense) attention": [quality["loss_exact_attention"]],
            "bits/byte, replayed selection": [quality["loss_replayed_selection"]],
            "keys for 95 % of the mass": quality["keys_for_95_percent_mass"],
            **figures.figures_of(trace),
        }
        columns.append((trace.name, column))
    lines = [
        "| per layer, first to last | " + " | ".join(name for name, _ in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for row in columns[0][1]:
        cells = (" ".join(f"{value:.4g}" for value in column[row]) for _, column in columns)
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if args.report:
        print(report(args.report))
        return
    variant = VARIANTS[args.variant]
    args.steps = variant.steps if args.steps is None else args.steps
    text = read_text()
    print(text.note)
    out = save(args, variant, build(args, variant, text), text)
    print(report([out]))


if __name__ == "__main__":
    main()
