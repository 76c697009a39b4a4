"""Zeros in weights: which, and of what structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from accelsim.workload.encodings import BitPattern, BlockPattern, NmPattern, Pattern
from accelsim.workload.patterns import smallest_encoding

_DENSE = 0.99  # a weight with more nonzeros than this counts as dense
_ROWS = 1024


@dataclass(frozen=True)
class WeightSparsity:
    """The zeros of one weight matrix.

    Attributes
    ----------
    scope : str
        Name of the parameter.
    rows, cols : int
        Outputs, and inputs of an output (of a convolution: channels x kernel).
    density : float
        Nonzeros over all.
    structure : str
        "dense", "N:M" with its numbers, "block" with its side, or "unstructured".
    pattern : Pattern or None
        Nonzeros, rows x cols, in the smallest exact encoding; None if dense.
    """

    scope: str
    rows: int
    cols: int
    density: float
    structure: str
    pattern: Pattern | None


def capture_weights(model: nn.Module) -> list[WeightSparsity]:
    """Find the zeros of every weight matrix of `model`, and what structure they have.

    Zeros count wherever they come from: torch.nn.utils.prune, a 2:4 mask, a block mask or plain
    zeros. N:M is looked for along the inputs (M of 4, 8, 16), blocks with sides of 16 to 128.
    """
    found = []
    for name, weight in weight_matrices(model):
        pattern = nonzeros(weight)
        density = pattern.density
        encoded = smallest_encoding(pattern) if density <= _DENSE else None
        found.append(
            WeightSparsity(
                name, pattern.rows, pattern.cols, density, structure_of(encoded), encoded
            )
        )
    return found


def weight_matrices(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Every weight of two or more axes as (name, Tensor[outputs, inputs]); pruned ones applied."""
    for prefix, module in model.named_modules():
        pruned = {
            name.removesuffix("_mask") for name, _ in module.named_buffers(recurse=False)
            if name.endswith("_mask") and hasattr(module, name.removesuffix("_mask") + "_orig")
        }  # fmt: skip
        tensors = {
            name: parameter for name, parameter in module.named_parameters(recurse=False)
            if name.removesuffix("_orig") not in pruned
        }  # fmt: skip
        for name in sorted(pruned):
            tensors[name] = getattr(module, f"{name}_orig") * getattr(module, f"{name}_mask")
        for name, tensor in sorted(tensors.items()):
            if tensor.dim() >= 2 and not isinstance(module, nn.Embedding):
                scope = f"{prefix}.{name}" if prefix else name
                if tensor.dim() == 3:  # experts one after the other
                    yield scope, tensor.detach().flatten(0, 1)
                else:
                    yield scope, tensor.detach().flatten(1)


def nonzeros(weight: torch.Tensor) -> BitPattern:
    """Nonzeros of weight[rows, cols], one bit each."""
    parts = [
        np.packbits((weight[start : start + _ROWS] != 0).cpu().numpy(), axis=1, bitorder="little")
        for start in range(0, weight.shape[0], _ROWS)
    ]
    return BitPattern(np.concatenate(parts), weight.shape[1])


def structure_of(pattern: Pattern | None) -> str:
    """Name the structure that an encoding found."""
    if pattern is None:
        return "dense"
    if isinstance(pattern, NmPattern):
        return f"{pattern.n}:{pattern.m}"
    if isinstance(pattern, BlockPattern):
        return f"block {pattern.block_rows}x{pattern.block_cols}"
    return "unstructured"


class WeightPatterns:
    """Patterns of the weights that a run multiplies with, each looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Pattern | None] = {}
        self._passing: list[tuple[tuple[object, ...], torch.Tensor]] = []

    def forget(self) -> None:
        """Let go of weights that a run computed, such as those of torch.nn.utils.prune."""
        for key, _ in self._passing:
            self._known.pop(key, None)
        self._passing.clear()

    def pattern_of(self, weight: torch.Tensor) -> Pattern | None:
        """Nonzeros of weight[n, k]; None if it is dense."""
        key = (weight.data_ptr(), weight.shape, weight.stride())
        if key not in self._known:
            nonzero = int(torch.count_nonzero(weight))
            dense = nonzero > _DENSE * weight.numel()
            self._known[key] = None if dense else smallest_encoding(nonzeros(weight))
            if not isinstance(weight._base, nn.Parameter):
                self._passing.append((key, weight))  # held, so that its address stays its own
        return self._known[key]
