"""Captures of many architectures against the models themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers", reason="most models are those of transformers")

import torch
import transformers

import accelsim
from accelsim.workload.operators import Attention, Index, Matmul, Moe
from accelsim.workload.statistics import routed_slots
from accelsim.workload.trace import validate_trace
from tests.pytorch.models import LENGTH, MODELS, VOCABULARY, ids

ROUTED = ("mixtral", "qwen3_moe", "deepseek_v3", "deepseek_v32", "gpt_oss", "switch")
BOTH = ("mixtral", "qwen3_moe", "deepseek_v3", "deepseek_v32", "opt", "llama", "bert", "t5")
torch.set_num_threads(1)


def capture(name: str, out: Path, **options):
    model, inputs = MODELS[name]()
    implementation = options.pop("implementation", None)
    if implementation:
        model.set_attn_implementation(implementation)
    with torch.no_grad(), accelsim.capture(model, out / f"{name}.trace", **options) as session:
        model(**inputs)
    return model, inputs, session


def operators(session, kind):
    return [op for op in session.trace.operators if isinstance(op, kind)]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_gives_a_valid_trace_in_which_all_is_understood(name, tmp_path):
    _, _, session = capture(name, tmp_path)
    trace = validate_trace(tmp_path / f"{name}.trace")
    assert session.not_understood == {}
    assert trace.seq_len == (256 if name == "big_bird" else LENGTH) and trace.batch == 2
    layers = 1 if name == "multihead" else 2
    decoder = 2 * layers if name in ("switch", "t5") else 0
    assert len(operators(session, Attention)) == layers + decoder
    last = trace.operators[-1]
    assert set(last.inputs), "the last operator reads another"
    for op in trace.operators[1:]:
        assert op.inputs or op.scope.split(".")[0] in ("decoder", "embeddings", "L0"), op.scope
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{name}.trace"]


@pytest.mark.parametrize("name", ROUTED)
def test_routing_is_the_models_own(name, tmp_path):
    model, inputs = MODELS[name]()
    seen = []

    def listen(module, args, kwargs):
        chosen = [*args, *kwargs.values()][1]
        if chosen.dim() == 3:
            chosen = torch.where(chosen.any(-1), chosen.argmax(-1), -1)
        seen.append(chosen.numpy().copy())

    for module in model.modules():
        if type(module).__name__.endswith(("Experts", "NaiveMoe")):
            module.register_forward_pre_hook(listen, with_kwargs=True)
    with torch.no_grad(), accelsim.capture(model, tmp_path / "m.trace") as session:
        model(**inputs)
    routed = operators(session, Moe)
    assert len(routed) == len(seen) > 0
    for op, own in zip(routed, seen, strict=True):
        assert np.array_equal(op.expert_ids, own)
        dropped = int((own < 0).sum())
        assert routed_slots(op) == op.tokens * op.top_k - dropped
        assert op.matrices == (2 if name == "switch" else 3)
    major, minor = map(int, transformers.__version__.split(".")[:2])
    if name == "switch" and (major, minor) >= (5, 20):  # 5.6.2 drops none here
        assert any((own < 0).any() for own in seen)


@pytest.mark.parametrize("name", MODELS)
def test_products_are_those_that_torch_counts(name, tmp_path):
    """Eager attention and experts: there FlopCounterMode sees every product."""
    model, inputs = MODELS[name]()
    if hasattr(model, "set_attn_implementation") and name in BOTH:
        model.set_attn_implementation("eager")
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")
    from torch.utils.flop_counter import FlopCounterMode

    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(**inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    with torch.no_grad(), accelsim.capture(model, tmp_path / "m.trace", attention="off") as session:
        model(**inputs)
    fused = sum(macs for key, (_, macs) in session.products.items() if key.startswith("_scaled"))
    counted = {str(k).rpartition(".")[2]: v for k, v in counter.flop_counts["Global"].items()}
    mine = {k: 2 * macs for k, (_, macs) in session.products.items() if not k.startswith("_scaled")}
    assert mine == counted
    # and the operators of the trace hold them all, but for what they replace
    held = sum(executed_macs(op) for op in session.trace.operators)
    replaced = {"longformer": ("bmm",), "big_bird": ("bmm",)}.get(name)
    if replaced:
        rest = sum(op.m * op.n * op.k for op in operators(session, Matmul))
        assert 2 * rest == sum(v for k, v in counted.items() if k not in replaced)
    elif name == "deepseek_v32":  # sums over heads inside the indexer are not MACs of the scores
        weighting = sum(
            op.batch * op.q_len * op.kv_len * op.heads for op in operators(session, Index)
        )
        assert 2 * (held + weighting) == sum(counted.values())
    else:
        assert 2 * held == sum(counted.values()) + 2 * fused


def executed_macs(op) -> int:
    """MACs of a run without any skipping; attention over all keys, masked or not."""
    if isinstance(op, Attention):
        return op.batch * op.heads * op.q_len * op.kv_len * (op.d_qk + op.d_v)
    if isinstance(op, Index):
        return op.batch * op.heads * op.q_len * op.kv_len * op.d
    if isinstance(op, Moe):
        return routed_slots(op) * op.matrices * op.d_ff * op.d_model
    return op.m * op.n * op.k if isinstance(op, Matmul) else 0


@pytest.mark.parametrize("rule", ["mask", "mass:0.9", "topk:12", "threshold:0.01"])
@pytest.mark.parametrize("name", BOTH)
def test_a_fused_kernel_and_eager_attention_give_the_same(name, rule, tmp_path):
    (tmp_path / "sdpa").mkdir(), (tmp_path / "eager").mkdir()
    traces = [
        capture(name, tmp_path / kind, attention=rule, implementation=kind)[2].trace
        for kind in ("sdpa", "eager")
    ]
    first, second = ([op for op in t.operators if isinstance(op, Attention)] for t in traces)
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        for field in ("scope", "batch", "heads", "kv_heads", "q_len", "kv_len", "d_qk", "d_v",
                      "causal", "sharing", "selection"):  # fmt: skip
            assert getattr(one, field) == getattr(other, field), field
        assert (one.pattern is None) == (other.pattern is None)
        if one.pattern is not None:
            differ = np.count_nonzero(one.pattern.mask() != other.pattern.mask())
            # keys at the border of the rule may change places by rounding, and by nothing else
            allowed = 0 if rule == "mask" or one.selection == "model" else 0.001 * one.pattern.nnz
            assert differ <= allowed
    ids_of = [[op.expert_ids for op in t.operators if isinstance(op, Moe)] for t in traces]
    assert all(map(np.array_equal, *ids_of))


@pytest.mark.parametrize("name", ["mixtral", "llama", "deepseek_v32", "gpt_oss", "t5"])
def test_decode_gives_a_record_a_step(name, tmp_path):
    model, _ = MODELS[name]()
    with (
        torch.no_grad(),
        accelsim.capture(model, tmp_path / "m.trace", attention="mask") as session,
    ):
        model.generate(ids(2, 32), max_new_tokens=4, min_new_tokens=4, do_sample=False)
    trace = validate_trace(tmp_path / "m.trace")
    assert (trace.phase, trace.batch) == ("decode", 2)
    steps = [[op for op in trace.operators if op.scope.startswith(f"step{n}.")] for n in range(4)]
    assert sum(map(len, steps)) == len(trace.operators)
    own = [[op for op in step if isinstance(op, Attention) and "Enc" not in op.scope
            and "encoder." not in op.scope.replace("decoder.", "")] for step in steps]  # fmt: skip
    start = 1 if name == "t5" else 32
    for n, found in enumerate(own):
        assert len(found) == 2
        for layer, op in enumerate(found):
            assert op.q_len == (start if n == 0 else 1)
            # the cache of gpt-oss's first layer holds no more than its window
            assert op.kv_len == (32 if (name, layer) == ("gpt_oss", 0) else start + n)
    if name == "mixtral":
        assert [op.tokens for op in operators(session, Moe)] == [64, 64, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("name", ["mixtral", "deepseek_v32", "encoder", "multihead"])
def test_inference_mode_and_gradients_change_nothing(name, tmp_path):
    model, inputs = MODELS[name]()
    hashes = set()
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with mode(), accelsim.capture(model, tmp_path / "m.trace", attention="topk:8") as session:
            model(**inputs)
        hashes.add(session.trace.content_hash)
    assert len(hashes) == 1


@pytest.mark.parametrize(("phase", "lengths"), [("prefill", [32]), ("decode", [1, 1, 1])])
def test_a_phase_keeps_its_steps(phase, lengths, tmp_path):
    model, _ = MODELS["llama"]()
    with torch.no_grad(), accelsim.capture(model, tmp_path / "m.trace", phase=phase) as session:
        model.generate(ids(1, 32), max_new_tokens=4, min_new_tokens=4, do_sample=False)
    assert [op.q_len for op in operators(session, Attention)[::2]] == lengths
    assert session.trace.phase == phase


def test_masks_are_what_they_are(tmp_path):
    _, _, session = capture("gpt_oss", tmp_path, attention="mask")
    window, full = operators(session, Attention)
    assert window.pattern.rule == "band" and window.pattern.generator.window == 32
    assert (window.kv_heads, window.sharing, window.selection) == (2, "layer", "static")
    assert full.pattern is None and full.causal

    _, _, session = capture("longformer", tmp_path)
    first, second = operators(session, Attention)
    assert [op.pattern.rule for op in (first, second)] == ["global_band"] * 2
    keys = np.arange(LENGTH)
    for op, side in ((first, 16), (second, 8)):
        expected = np.abs(keys[:, None] - keys) <= side
        expected[0] = expected[:, 0] = True
        assert np.array_equal(op.pattern.mask(0, LENGTH), expected)

    _, _, session = capture("big_bird", tmp_path)
    blocks = operators(session, Attention)[0].pattern
    assert (blocks.encoding, blocks.block_rows) == ("block", 16)
    touched = blocks.mask(0, 256).reshape(16, 16, 16, 16).all(axis=(1, 3))
    expected = np.abs(np.subtract.outer(np.arange(16), np.arange(16))) <= 1
    expected[[0, -1]] = expected[:, [0, -1]] = True
    assert np.array_equal(touched, expected)  # in evaluation no block is random


def test_big_bird_in_training_keeps_its_random_blocks(tmp_path):
    model, inputs = MODELS["big_bird"]()
    model.train()
    with torch.no_grad(), accelsim.capture(model, tmp_path / "m.trace") as session:
        model(**inputs)
    op = operators(session, Attention)[0]
    assert op.sharing == "head" and not op.causal
    middle = op.pattern.mask(0, 256).reshape(16, 16, 16, 16).all(axis=(1, 3))[3:-3].sum(axis=1)
    assert (middle == 3 + 2 + 2).all()


def test_the_models_own_index_is_kept(tmp_path):
    _, _, session = capture("deepseek_v32", tmp_path)
    indexes, attentions = operators(session, Index), operators(session, Attention)
    assert [(op.heads, op.d, op.top_k) for op in indexes] == [(4, 16, 16)] * 2
    for op in attentions:
        assert (op.selection, op.sharing, op.causal) == ("model", "layer", True)
        assert session.trace.operators[op.index_operator] in indexes
        expected = np.tile(np.minimum(np.arange(LENGTH) + 1, 16), 2)
        assert np.array_equal(op.pattern.row_counts(), expected)


def test_padding_hides_keys(tmp_path):
    model, inputs = MODELS["llama"]()
    mask = torch.ones(2, LENGTH, dtype=torch.long)
    mask[0, :10] = 0
    with (
        torch.no_grad(),
        accelsim.capture(model, tmp_path / "m.trace", attention="mask") as session,
    ):
        model(**inputs, attention_mask=mask)
    op = operators(session, Attention)[0]
    kept = op.pattern.mask().reshape(2, LENGTH, LENGTH)
    assert op.sharing == "layer" and op.causal
    assert np.array_equal(kept[1], np.tri(LENGTH, dtype=bool))
    assert not kept[0, 10:, :10].any() and kept[0, 10:, 10:].sum() == 86 * 87 // 2


def test_replaying_the_keys_gives_the_layers_output_within_the_mass(tmp_path):
    """Masked softmax over the recorded CSR in NumPy, against the attention of the model."""
    model, inputs = MODELS["llama"]()
    model.set_attn_implementation("sdpa")
    seen = []
    original = torch.nn.functional.scaled_dot_product_attention

    def listen(q, k, v, **options):
        result = original(q, k, v, **options)
        seen.append((q, k, v, options, result))
        return result

    torch.nn.functional.scaled_dot_product_attention = listen
    try:
        with torch.no_grad(), accelsim.capture(model, tmp_path / "m.trace") as session:
            model(**inputs)
    finally:
        torch.nn.functional.scaled_dot_product_attention = original
    for op, (q, k, v, _, result) in zip(operators(session, Attention), seen, strict=True):
        group = op.heads // k.shape[1]
        keys, values = (x.repeat_interleave(group, 1).double().numpy() for x in (k, v))
        scores = q.double().numpy() @ keys.swapaxes(-1, -2) / np.sqrt(op.d_qk)
        scores[..., ~np.tri(LENGTH, dtype=bool)] = -np.inf
        exact = np.exp(scores - scores.max(-1, keepdims=True))
        exact /= exact.sum(-1, keepdims=True)
        kept = op.pattern.mask().reshape(exact.shape)
        mass = (exact * kept).sum(-1)
        assert (mass >= 0.95 - 1e-6).all() and mass.mean() < 0.99
        replayed = (exact * kept / mass[..., None]) @ values
        # moving a share (1 - mass) of the weights moves a row by twice that times the largest value
        bound = 2 * (1 - mass[..., None]) * np.abs(values).max(axis=(-2, -1), keepdims=True)
        assert (np.abs(replayed - result.double().numpy()) <= bound + 1e-5).all()


def test_quality_is_the_loss_with_the_recorded_keys_alone(tmp_path):
    model, inputs = MODELS["mixtral"]()
    losses = {}
    for rule in ("mask", "topk:2", "mass:0.99"):
        for kind in ("sdpa", "eager"):
            model.set_attn_implementation(kind)
            with (
                torch.no_grad(),
                accelsim.capture(
                    model, tmp_path / "m.trace", attention=rule, measure_quality=True
                ) as session,
            ):
                output = model(**inputs, labels=inputs["input_ids"])
            quality = session.trace.quality
            assert quality["loss_exact_attention"] == pytest.approx(float(output.loss), abs=2e-6)
            losses[rule, kind] = (
                quality["loss_replayed_selection"] - quality["loss_exact_attention"]
            )
    for rule in ("mask", "topk:2", "mass:0.99"):
        assert losses[rule, "sdpa"] == pytest.approx(losses[rule, "eager"], abs=2e-4)
    assert abs(losses["mask", "sdpa"]) < 2e-6
    assert abs(losses["mass:0.99", "sdpa"]) < abs(losses["topk:2", "sdpa"])


def test_every_model_of_the_list_is_here():
    assert len(MODELS) == 14 and VOCABULARY == 64
