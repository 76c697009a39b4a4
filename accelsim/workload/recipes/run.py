"""What is run of a model: phase, sizes, and how much of it is replayed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from accelsim.config.record import Spec

Phase = Literal["prefill", "decode", "training"]


class Run(Spec):
    """Phase and sizes.

    Attributes
    ----------
    phase : str
        "prefill": the prompt; "decode": a token a step behind a context; "training": forward,
        backward and the optimizer.
    batch, length : int
        Sequences; tokens of each: of the prompt, the context before the first step, or the text
        that is trained on.
    target_length : int
        Tokens of the decoder of an encoder-decoder.
    steps : int
        Decode steps (the context grows by one each), or prompts and training steps one after
        another; the first is cold.
    simulated_layers : int
        Of so many equal layers at most are replayed; the inner ones stand for the rest.
    seed : int
        Of all patterns and routing.
    dtype : str
        Type of the products, but for those whose type the model fixes.
    """

    phase: Phase = "prefill"
    batch: int = Field(default=1, gt=0)
    length: int = Field(default=1, gt=0)
    target_length: int = Field(default=1, gt=0)
    steps: int = Field(default=1, gt=0)
    simulated_layers: int = Field(default=3, gt=0)
    seed: int = Field(default=0, ge=0)
    dtype: str = "bf16"
