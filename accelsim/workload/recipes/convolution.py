"""Convolutional networks as operators: products of image patches (im2col), pools, a classifier.

A convolution is a product with a row for each output place and `kernel`^2 x channels columns; the
patches overlap, so the image itself is what is moved (`Matmul.activation_elements`). A depth-wise
one has no reuse of weights beyond its own channel and is work of the vector lanes, as in a capture.
Normalisation is folded into the weights (inference); training counts it as element-wise work.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accelsim.config.record import Spec
from accelsim.workload.operators import Operator
from accelsim.workload.recipes.backward import add_backward
from accelsim.workload.recipes.builder import ACTIVATION, ADD, Builder
from accelsim.workload.recipes.patterns import PatternSpec, make_pattern, seed_of
from accelsim.workload.recipes.run import Run

Count = Annotated[int, Field(gt=0)]


class Block(Spec):
    """`repeat` equal blocks; the first has the stride.

    Attributes
    ----------
    kind : str
        "plain": one convolution; "bottleneck": 1x1, 3x3, 1x1 with a shortcut (ResNet-50);
        "separable": depth-wise and 1x1 (MobileNet V1); "inverted": 1x1 up, depth-wise, 1x1 down,
        with a shortcut (MobileNet V2).
    channels : int
        Of the result.
    inner : int
        Channels inside a bottleneck; of an inverted block the factor of expansion.
    kernel : int
        Side of the convolution.
    stride : int
        Of the first of the repeated blocks.
    repeat : int
        Equal blocks.
    pool : int
        Stride of a pool behind the block; 0: none.
    """

    kind: Literal["plain", "bottleneck", "separable", "inverted"] = "plain"
    channels: Count
    inner: Count = 1
    kernel: Count = 3
    stride: Count = 1
    repeat: Count = 1
    pool: int = Field(default=0, ge=0)


class Convolution(Spec):
    """A convolutional network.

    Attributes
    ----------
    image, image_channels : int
        Side and channels of the input.
    blocks : tuple of Block
        `pool` of a block: a pool of that stride behind it.
    pooled : bool
        Whether places are averaged before the classifier.
    classifier : tuple of int
        Widths of its layers.
    weights : PatternSpec, optional
        Kept weights of all products but the first.
    kept : PatternSpec, optional
        What is not zero of every input of a product but the first (places x patch).
    """

    kind: Literal["convolution"]
    image: Count
    image_channels: Count = 3
    blocks: Annotated[tuple[Block, ...], Field(min_length=1)]
    pooled: bool = True
    classifier: tuple[Count, ...]
    weights: PatternSpec | None = None
    kept: PatternSpec | None = None


def convolution_operators(spec: Convolution, run: Run) -> list[Operator]:
    """Expand a convolutional network for a run of `batch` images."""
    return _Network(spec, run).whole()


class _Network:
    def __init__(self, spec: Convolution, run: Run) -> None:
        self.spec, self.run, self.b = spec, run, Builder(run.dtype)

    def whole(self) -> list[Operator]:
        last = None
        for step in range(self.run.steps):
            name = f"step{step}" if self.run.steps > 1 else ""
            first = len(self.b.operators)
            with self.b.within(name):
                last = self._pass(last)
                if self.run.phase == "training":
                    last = add_backward(self.b, first)
        return self.b.operators

    def _pass(self, after: int | None) -> int:
        self.side, self.channels, self.number = self.spec.image, self.spec.image_channels, 0
        x = after
        for at, block in enumerate(self.spec.blocks):
            for number in range(block.repeat):
                stride = block.stride if number == 0 else 1
                with self.b.within(f"B{at}.{number}"):
                    x = getattr(self, f"_{block.kind}")(block, stride, x)
            if block.pool:
                self.side = -(-self.side // block.pool)
                x = self.b.vector(f"B{at}.pool", self._elements() * block.pool**2, 1, x)
        if self.spec.pooled:
            x = self.b.vector("pool", self._elements(), 1, x)
            self.side = 1
        width = self.side**2 * self.channels
        for at, out in enumerate(self.spec.classifier):
            x = self._product(f"classifier{at}", self.run.batch, out, width, x)
            width = out
        assert x is not None
        return x

    def _elements(self) -> int:
        return self.run.batch * self.side**2 * self.channels

    def _plain(self, block: Block, stride: int, x: int | None) -> int:
        x = self._convolution("conv", block.channels, block.kernel, stride, x)
        return self._relu("relu", x)

    def _bottleneck(self, block: Block, stride: int, x: int | None) -> int:
        shortcut, before = x, (self.side, self.channels)
        y = self._relu("relu1", self._convolution("conv1", block.inner, 1, 1, x))
        y = self._relu("relu2", self._convolution("conv2", block.inner, block.kernel, stride, y))
        y = self._convolution("conv3", block.channels, 1, 1, y)
        after = (self.side, self.channels)
        if before != after:
            self.side, self.channels = before
            shortcut = self._convolution("shortcut", block.channels, 1, stride, x)
        return self.b.vector("add_relu", self._elements(), 2 * ADD, y, shortcut, operands=2)

    def _separable(self, block: Block, stride: int, x: int | None) -> int:
        y = self._relu("relu1", self._depthwise("depthwise", block.kernel, stride, x))
        return self._relu("relu2", self._convolution("pointwise", block.channels, 1, 1, y))

    def _inverted(self, block: Block, stride: int, x: int | None) -> int:
        channels, y = self.channels, x
        if block.inner > 1:
            y = self._relu("relu1", self._convolution("expand", channels * block.inner, 1, 1, x))
        y = self._relu("relu2", self._depthwise("depthwise", block.kernel, stride, y))
        y = self._convolution("project", block.channels, 1, 1, y)
        if stride > 1 or channels != block.channels:
            return y
        return self.b.vector("add", self._elements(), ADD, y, x, operands=2)

    def _convolution(
        self, name: str, channels: int, kernel: int, stride: int, x: int | None
    ) -> int:
        image = self._elements()
        self.side = -(-self.side // stride)
        places, k = self.run.batch * self.side**2, self.channels * kernel**2
        self.channels = channels
        return self._product(name, places, channels, k, x, min(image, places * k))

    def _product(
        self, name: str, m: int, n: int, k: int, x: int | None, elements: int | None = None
    ) -> int:
        weights = kept = None
        if self.number:  # the first layer sees the image itself and is not pruned
            seed = seed_of(self.run.seed, self.number)
            if self.spec.weights is not None:
                weights = make_pattern(self.spec.weights, n, k, seed)
            if self.spec.kept is not None:
                kept = make_pattern(self.spec.kept, m, k, seed)
        self.number += 1
        return self.b.matmul(
            name, m, n, k, x, weight_pattern=weights, activation_pattern=kept,
            activation_elements=elements,
        )  # fmt: skip

    def _depthwise(self, name: str, kernel: int, stride: int, x: int | None) -> int:
        self.side = -(-self.side // stride)
        return self.b.vector(name, self._elements(), 2 * kernel**2, x)

    def _relu(self, name: str, x: int) -> int:
        return self.b.vector(name, self._elements(), ACTIVATION["relu"], x)
