"""`accelsim.capture`: any PyTorch model to a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from accelsim.pytorch.modules import Adapter
from accelsim.pytorch.session import Session


def capture(
    model: nn.Module,
    out: str | Path,
    *,
    attention: str = "mass:0.95",
    experts: bool = True,
    activations: Sequence[str] = ("relu", "relu2"),
    gathers: bool = False,
    phase: str | None = None,
    dtype: str = "bf16",
    measure_quality: bool | Callable[[Any], torch.Tensor] = False,
    adapters: Iterable[Adapter] = (),
    progress: Callable[[str, int, int], None] | None = None,
    **metadata: Any,
) -> Session:
    """Record what `model` does inside a with block, and write it as a trace.

    >>> with accelsim.capture(model, out="run.trace", attention="topk:64") as session:
    ...     model(**inputs)
    >>> trace = session.trace

    The model runs as it is, in eager mode (a compiled one too); nothing is written if the block
    raises. Every call of the model is a step; with several, such as in ``generate``, operators
    are named by their step.

    Parameters
    ----------
    model : Module
    out : str or Path
        The trace folder, ending in ``.trace``; an older trace of that name is replaced.
    attention : str
        Which visible keys are kept: ``mass:0.95`` (the fewest with this share of a query's
        probability; an upper bound, as nothing tells them beforehand), ``topk:64`` and
        ``threshold:2e-3`` (paid from the scores), ``mask`` (all that the model's masks leave) or
        ``off`` (dense, nothing is looked at). A model with an index of its own keeps that.
    experts : bool
        Record routed experts as one operator each; False: as plain products.
    activations : sequence of str
        Functions whose zeros are recorded with the product that reads them.
    gathers : bool
        Record rows taken from or added to tables by index (embeddings, graphs). Off by default:
        the indices of an embedding are the text itself.
    phase : str, optional
        "prefill": the first step only; "decode": all others; "training". Default: all steps.
    dtype : str
        Number type that the replay computes in, whatever the model computes in here.
    measure_quality : bool or callable
        Run every call again with the recorded keys only, and record the loss (``output.loss``,
        or what the callable gives) beside that of exact attention.
    adapters : iterable of Adapter
        For modules with custom kernels, asked before the built-in ones.
    progress : callable, optional
        Called with (text, done, of). Default: a bar on stderr if that is a terminal.
    **metadata
        name, seed, licence, note of the trace.

    Raises
    ------
    InputError
        An argument is unknown, the trace cannot be written there, nothing was recorded, or the
        block stands inside a compiled function.
    """
    return Session(
        model, Path(out), attention=attention, experts=experts, activations=activations,
        gathers=gathers, phase=phase, dtype=dtype, measure_quality=measure_quality,
        adapters=adapters, progress=progress, metadata=metadata,
    )  # fmt: skip
