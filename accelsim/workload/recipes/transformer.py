"""A transformer as operators: prompt, decode steps, or training steps.

Between products stands what a fused implementation leaves: one element-wise operator for norms,
rotations, activations and additions each. The cache of keys and values is written by the
projection that makes them. Not expanded: dropout, auxiliary losses, sampling of the next token.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accelsim.workload.operators import Gather, Moe, Operator, TopK
from accelsim.workload.patterns import Pattern, RoutedPattern
from accelsim.workload.recipes.attention import AttentionOperators, Place
from accelsim.workload.recipes.backward import add_backward
from accelsim.workload.recipes.builder import (
    ACTIVATION,
    ADD,
    NORM,
    SOFTMAX,
    Builder,
    simulated,
)
from accelsim.workload.recipes.patterns import (
    ArraySpec,
    PatternSpec,
    make_array,
    make_pattern,
    seed_of,
)
from accelsim.workload.recipes.run import Run
from accelsim.workload.recipes.transformer_spec import (
    Experts,
    FeedForward,
    Group,
    Layer,
    Transformer,
)

# Words of a text are drawn by a power law (Zipf), 1.05 assumed.
_WORDS = ArraySpec.model_validate({"rule": "rows_zipf", "exponent_permille": 1050})


def transformer_operators(spec: Transformer, run: Run) -> list[Operator]:
    """Expand a transformer for a run."""
    return _Expansion(spec, run).whole()


class _Expansion:
    def __init__(self, spec: Transformer, run: Run) -> None:
        self.spec, self.run = spec, run
        self.b = Builder(run.dtype)
        self.attention = AttentionOperators(self.b, spec.d_model, run.seed, self.weights)
        self._weights: dict[tuple[str, int, int], Pattern] = {}

    def whole(self) -> list[Operator]:
        run, last = self.run, None
        for step in range(run.steps):
            first = len(self.b.operators)
            with self.b.within(f"step{step}" if run.steps > 1 else ""):
                last = self._pass(step, last)
                if run.phase == "training":
                    last = add_backward(self.b, first)
        return self.b.operators

    def _pass(self, step: int, after: int | None) -> int:
        """One call of the model; returns its last operator."""
        run, spec, encoded = self.run, self.spec, None
        if spec.encoder and run.phase != "decode":
            place = Place(run.batch, run.length, run.length, step, 0)
            with self.b.within("encoder"):
                encoded = self._stack(spec.encoder, self._embedded(place, after), place)
        cross = run.length if spec.encoder else 0
        length = run.target_length if spec.encoder else run.length
        if run.phase == "decode":
            place = Place(run.batch, 1, length + step + 1, step, cross)
        else:
            place = Place(run.batch, length, length, step, cross)
        x = self._embedded(place, after)
        x = self._stack(spec.stack, x, place, encoded)
        x = self.b.vector("norm", place.tokens * spec.d_model, NORM, x)
        if not spec.head:
            return x
        rows = place.tokens if run.phase == "training" else place.batch
        return self.b.matmul("head", rows, spec.vocabulary, spec.d_model, x)

    def _embedded(self, place: Place, after: int | None) -> int:
        spec, tokens, d = self.spec, place.tokens, self.spec.d_model
        if spec.patch:
            x = self.b.matmul("patches", tokens, d, spec.patch, after)
        else:
            seed = seed_of(self.run.seed, "words", place.step)
            words = make_array(_WORDS, seed, n=tokens, table_rows=spec.vocabulary)
            x = self.b.add(
                Gather, "embedding", after,
                table_rows=spec.vocabulary, row_elements=d, indices=words,
            )  # fmt: skip
        if not spec.positions:
            return x
        where = np.arange(place.kv_len - place.q_len, place.kv_len) % spec.positions
        rows = self.b.add(
            Gather, "positions", after, table_rows=spec.positions, row_elements=d,
            indices=np.tile(where, place.batch).astype(np.int32),
        )  # fmt: skip
        return self.b.vector("add_positions", tokens * d, ADD, x, rows, operands=2)

    def _stack(
        self, groups: Sequence[Group], x: int, place: Place, encoded: int | None = None
    ) -> int:
        base = 0
        for group in groups:
            size = len(group.layers)
            for number, repeat in simulated(group.repeat, self.run.simulated_layers):
                for at, layer in enumerate(group.layers):
                    with self.b.within(f"L{base + number * size + at}", repeat):
                        x = self._layer(layer, x, place, encoded, base + number * size + at)
            base += group.repeat * size
        return x

    def _layer(self, layer: Layer, x: int, place: Place, encoded: int | None, number: int) -> int:
        x = self.attention.add(layer.attention, x, place, number)
        if layer.cross:
            x = self.attention.add_cross(layer.attention, x, place, encoded)
        tokens, d = place.tokens, self.spec.d_model
        normed = self.b.vector("ffn_norm", tokens * d, NORM, x)
        seed = seed_of(self.run.seed, number, place.step)
        if layer.experts is not None:
            y = self._experts(layer.experts, normed, tokens, seed)
        else:
            assert layer.feed_forward is not None
            y = self._feed_forward(layer.feed_forward, normed, tokens, "ffn", seed)
        return self.b.vector("ffn_add", tokens * d, ADD, x, y, operands=2)

    def _feed_forward(self, part: FeedForward, x: int, tokens: int, name: str, seed: int) -> int:
        b, d, ff = self.b, self.spec.d_model, part.d_ff
        kept = _kept(part.kept, tokens, ff, seed)
        if part.predictor_rank:
            x = self._predicted(part, x, tokens, name)
        ups = part.matrices - 1
        if part.predictor_rank and kept is not None:  # only what is predicted is computed
            names = [f"{name}_up", f"{name}_gate"][:ups]
            made = [b.matmul(n, tokens, ff, d, x, output_pattern=kept) for n in names]
        else:
            weights = self.weights(f"{name}_up", ups * ff, d)
            made = [b.matmul(f"{name}_up", tokens, ups * ff, d, x, weight_pattern=weights)]
        lanes = ACTIVATION[part.activation] + (ups - 1)
        y = b.vector(f"{name}_activation", tokens * ff, lanes, *made, operands=ups)
        weights = self.weights(f"{name}_down", d, ff)
        return b.matmul(
            f"{name}_down", tokens, d, ff, y, activation_pattern=kept, weight_pattern=weights
        )

    def _predicted(self, part: FeedForward, x: int, tokens: int, name: str) -> int:
        """A low-rank guess of what will not be zero, compared with a threshold."""
        b, rank = self.b, part.predictor_rank
        low = b.matmul(f"{name}_guess_down", tokens, rank, self.spec.d_model, x)
        guess = b.matmul(f"{name}_guess_up", tokens, part.d_ff, rank, low)
        return b.vector(f"{name}_guess_threshold", tokens * part.d_ff, 1, guess, x)

    def _experts(self, part: Experts, x: int, tokens: int, seed: int) -> int:
        b, d = self.b, self.spec.d_model
        logits = b.matmul("router", tokens, part.experts, d, x)
        scores = b.vector("router_softmax", tokens * part.experts, SOFTMAX, logits)
        chosen = b.add(
            TopK, "router_topk", scores, rows=tokens, candidates=part.experts, k=part.top_k
        )
        ids = make_array(
            part.routing, seed, texts=self.run.phase == "decode",
            tokens=tokens, experts=part.experts, top_k=part.top_k,
        )  # fmt: skip
        kept = _kept(part.kept, tokens * part.top_k, part.d_ff, seed)
        if kept is not None and ids.bounds[0] < 0:
            kept = RoutedPattern(kept, ids)
        y = b.add(
            Moe, "experts", x, chosen,
            tokens=tokens, d_model=d, d_ff=part.d_ff, experts=part.experts, top_k=part.top_k,
            matrices=part.matrices, expert_ids=ids, activation_pattern=kept,
        )  # fmt: skip
        if not part.shared_d_ff:
            return y
        shared = FeedForward(
            d_ff=part.shared_d_ff, matrices=part.matrices, activation=part.activation
        )
        z = self._feed_forward(shared, x, tokens, "shared", seed)
        return b.vector("shared_add", tokens * d, ADD, y, z, operands=2)

    def weights(self, name: str, n: int, k: int) -> Pattern | None:
        """Kept weights of a product; layers share one pattern for each of their matrices."""
        if self.spec.weights is None:
            return None
        key = name, n, k
        if key not in self._weights:
            seed = seed_of(self.run.seed, *key)
            self._weights[key] = make_pattern(self.spec.weights, n, k, seed)
        return self._weights[key]


def _kept(spec: PatternSpec | None, rows: int, d_ff: int, seed: int) -> Pattern | None:
    return None if spec is None else make_pattern(spec, rows, d_ff, seed)
