"""Captures of models that nobody named, by hand, of weights, and of what goes wrong."""

from __future__ import annotations

import errno
import gc
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune

import accelsim
from accelsim.errors import InputError
from accelsim.pytorch import spool
from accelsim.pytorch.modules import Adapter, ForModule
from accelsim.workload.operators import Attention, Gather, Matmul, Moe, ScatterAdd, Vector
from accelsim.workload.trace import read_trace, validate_trace
from tests.pytorch.models import multihead


def captured(model: nn.Module, out: Path, *inputs: object, **options):
    with torch.no_grad(), accelsim.capture(model, out / "m.trace", **options) as session:
        model(*inputs)
    validate_trace(out / "m.trace")
    return session


def kinds(session) -> list[str]:
    return [op.kind for op in session.trace.operators]


class OwnAttention(nn.Module):
    """Written by hand: einsum, a mask of -1e9, an additive sink column, and no name known."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(32, 96, bias=False)
        self.sink = nn.Parameter(torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, n, _ = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, 4, 8).permute(2, 0, 3, 1, 4)
        scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / 8**0.5
        scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -1e9)
        sink = self.sink.view(1, 4, 1, 1).expand(b, 4, n, 1)
        weights = torch.cat([sink, scores], dim=-1).softmax(-1)[..., 1:]
        return (weights @ v).transpose(1, 2).reshape(b, n, 32)


def test_attention_written_by_hand_is_found(tmp_path):
    session = captured(OwnAttention(), tmp_path, torch.randn(2, 24, 32), attention="topk:5")
    assert kinds(session) == ["matmul", "attention"]
    op = session.trace.operators[1]
    assert (op.batch, op.heads, op.kv_heads, op.q_len, op.kv_len, op.d_qk, op.d_v) == (
        2, 4, 4, 24, 24, 8, 8,
    )  # fmt: skip
    assert op.inputs == (0,) and op.causal and op.selection == "from_scores"
    counts = np.tile(np.minimum(np.arange(24) + 1, 5), 8)
    assert np.array_equal(op.pattern.row_counts(), counts)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("computed", [True, False])
def test_a_mask_that_the_model_computes_is_not_free(fused, computed, tmp_path):
    class Choosing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(32, 96)

        def forward(self, x):
            b, n, _ = x.shape
            q, k, v = self.qkv(x).view(b, n, 3, 4, 8).permute(2, 0, 3, 1, 4)
            guess = q.mean(1) @ k.mean(1).transpose(-1, -2) if computed else torch.rand(b, n, n)
            keep = torch.zeros(b, n, n, dtype=torch.bool)
            keep = keep.scatter(-1, guess.topk(5, dim=-1).indices, True)[:, None]
            if fused:
                return functional.scaled_dot_product_attention(q, k, v, attn_mask=keep)
            scores = (q @ k.transpose(-1, -2) / 8**0.5).masked_fill(~keep, -torch.inf)
            return scores.softmax(-1) @ v

    session = captured(Choosing(), tmp_path, torch.randn(2, 24, 32), attention="mask")
    op = next(op for op in session.trace.operators if isinstance(op, Attention))
    assert (op.pattern.row_counts() == 5).all() and op.sharing == "layer"
    assert op.selection == ("oracle" if computed else "static")


def test_probabilities_of_freed_scores_are_not_those_of_another(tmp_path):
    """Many short-lived tensors between attentions: addresses are given away again and again."""

    class Busy(OwnAttention):
        def forward(self, x):
            for _ in range(40):
                x = super().forward(x).tanh() * torch.sigmoid(x)
                x = x.matmul(x.transpose(-1, -2).contiguous()).tanh() @ x
            return x

    session = captured(Busy(), tmp_path, torch.randn(1, 24, 32), attention="mask")
    found = kinds(session)
    assert (found.count("attention"), found.count("matmul")) == (40, 40 * 3)
    assert session.graph._crowded < 10_000
    key = 12345
    session.tap.scores[key] = None
    session.graph.followers[0](key)
    assert key not in session.tap.scores


def test_linear_attention_stays_two_products(tmp_path):
    class Linear(nn.Module):
        def forward(self, q, k, v):
            return (functional.elu(q) + 1) @ ((functional.elu(k) + 1).transpose(-1, -2) @ v)

    session = captured(Linear(), tmp_path, *torch.randn(3, 2, 4, 16, 8))
    found = [op for op in session.trace.operators if isinstance(op, Matmul)]
    assert [op.weights for op in found] == ["dynamic"] * 16
    assert sum(op.m * op.n * op.k for op in found) == 2 * 8 * 16 * 8 * 8


def test_what_is_not_understood_is_named(tmp_path):
    class Strange(nn.Module):
        def forward(self, x):
            return torch.fft.fft(x.float()).real @ x.T

    with pytest.warns(UserWarning, match="not understood and not recorded: _fft_r2c"):
        session = captured(Strange(), tmp_path, torch.randn(8, 8))
    assert session.not_understood["_fft_r2c"] == 1
    assert "_fft_r2c (1)" in read_trace(tmp_path / "m.trace").note


def test_convolutions_are_products(tmp_path):
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 16, 3, groups=2), nn.Flatten(), nn.Linear(16 * 4 * 4, 10),
    )  # fmt: skip
    session = captured(model, tmp_path, torch.randn(2, 3, 8, 8))
    ops = session.trace.operators
    assert [(op.m, op.n, op.k) for op in ops if isinstance(op, Matmul)] == [
        (128, 8, 27), (32, 8, 36), (32, 8, 36), (2, 10, 256),
    ]  # fmt: skip
    assert [op.scope for op in ops if isinstance(op, Vector)] == ["L1", "L2"]  # ReLU, depth-wise


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_transposed_convolutions_give_all_taps_of_every_place(groups, tmp_path):
    from torch.utils.flop_counter import FlopCounterMode

    model, x = nn.ConvTranspose2d(8, 16, 3, stride=2, groups=groups), torch.randn(2, 8, 5, 5)
    session = captured(model, tmp_path, x)
    (products,) = [[op for op in session.trace.operators if isinstance(op, Matmul)]]
    assert [(op.m, op.n, op.k) for op in products] == [(50, 16 // groups * 9, 8 // groups)] * groups
    with FlopCounterMode(display=False) as counter:
        model(x)
    assert 2 * sum(op.m * op.n * op.k for op in products) == counter.get_total_flops()


def test_a_module_called_experts_that_gets_no_choice_is_recorded_as_it_comes(tmp_path):
    class SoftExperts(nn.Module):
        """Every expert sees every token; the second argument is weights, not ids."""

        def __init__(self) -> None:
            super().__init__()
            self.num_experts, self.hidden_dim = 2, 8
            self.up_proj = nn.Parameter(torch.randn(2, 8, 16))
            self.down_proj = nn.Parameter(torch.randn(2, 16, 8))

        def forward(self, hidden_states, weights, scale):
            hidden = (hidden_states @ self.up_proj).relu() @ self.down_proj
            return (hidden * weights.T[..., None]).sum(0) * scale

    model = SoftExperts()
    session = captured(model, tmp_path, torch.randn(4, 8), torch.rand(4, 2), 1.0)
    found = [op for op in session.trace.operators if isinstance(op, Matmul)]
    assert sum(op.m * op.n * op.k for op in found) == 2 * 2 * 4 * 8 * 16


def test_rows_by_index_on_request(tmp_path):
    class Graph(nn.Module):
        def forward(self, x, source, target):
            return torch.zeros_like(x).index_add(0, target, x.index_select(0, source))

    x, (source, target) = torch.randn(10, 4), torch.randint(0, 10, (2, 30))
    session = captured(Graph(), tmp_path, x, source, target, gathers=True)
    gather, scatter = session.trace.operators
    assert isinstance(gather, Gather) and isinstance(scatter, ScatterAdd)
    assert np.array_equal(gather.indices, source) and np.array_equal(scatter.indices, target)
    assert (gather.table_rows, gather.row_elements, scatter.inputs) == (10, 4, (0,))
    with pytest.raises(InputError, match="nothing was recorded"):
        captured(Graph(), tmp_path, x, source, target)


def test_flex_attention_is_recorded_by_its_mask(tmp_path):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    class Flex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mask = create_block_mask(
                lambda b, h, q, k: (q >= k) & (q - k < 20), None, None, 64, 64, device="cpu",
                BLOCK_SIZE=16,
            )  # fmt: skip

        def forward(self, q, k, v):
            return flex_attention(q, k, v, block_mask=self.mask)

    session = captured(Flex(), tmp_path, *torch.randn(3, 2, 4, 64, 8), attention="mask")
    (op,) = session.trace.operators
    assert (op.pattern.rule, op.pattern.generator.window) == ("band", 20)
    assert (op.heads, op.sharing, op.causal, op.selection) == (4, "layer", True, "static")


@pytest.mark.parametrize("name", ["relu", "relu2", "relu6", "hardshrink"])
def test_zeros_of_activations_reach_the_product_that_reads_them(name, tmp_path):
    function = {
        "relu": functional.relu, "relu2": lambda x: functional.relu(x).square(),
        "relu6": functional.relu6, "hardshrink": functional.hardshrink,
    }[name]  # fmt: skip

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.up, self.down = (nn.Linear(*s) for s in ((8, 40), (8, 40), (40, 8)))

        def forward(self, x):
            self.seen = function(self.gate(x)) * self.up(x)
            return self.down(self.seen)

    model = Gated()
    session = captured(model, tmp_path, torch.randn(16, 8), activations=(name,))
    down = session.trace.operators[-1]
    assert down.scope == "down"
    assert np.array_equal(down.activation_pattern.mask(), (model.seen != 0).numpy())
    others = [op for op in session.trace.operators[:-1] if isinstance(op, Matmul)]
    assert all(op.activation_pattern is None for op in others)
    session = captured(model, tmp_path, torch.randn(16, 8), activations=())
    assert session.trace.operators[-1].activation_pattern is None


def test_weights_of_every_structure(tmp_path):
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {name: nn.Linear(64, 64, bias=False) for name in ("dense", "plain", "nm", "block", "cut")}
    )
    with torch.no_grad():
        model["plain"].weight[torch.rand(64, 64) < 0.9] = 0
        order = torch.rand(64, 16, 4).argsort(-1)
        model["nm"].weight.view(64, 16, 4)[order < 2] = 0
        blocks = torch.rand(4, 4) < 0.5
        blocks[0, 0] = True
        model["block"].weight[blocks.repeat_interleave(16, 0).repeat_interleave(16, 1)] = 0
    prune.l1_unstructured(model["cut"], "weight", amount=0.75)
    found = {w.scope: w for w in accelsim.capture_weights(model)}
    assert {scope: w.structure for scope, w in found.items()} == {
        "dense.weight": "dense", "plain.weight": "unstructured", "nm.weight": "2:4",
        "block.weight": "block 16x16", "cut.weight": "unstructured",
    }  # fmt: skip
    assert found["dense.weight"].pattern is None and found["cut.weight"].density == 0.25
    for name, weight in model.items():
        if name != "dense":
            mask = found[f"{name}.weight"].pattern.mask()
            assert np.array_equal(mask, (weight.weight != 0).numpy())

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = model

        def forward(self, x):
            for part in self.parts.values():
                x = part(x)
            return x

    session = captured(Chain(), tmp_path, torch.randn(4, 64))
    assert kinds(session) == ["matmul"] * 5  # masking a weight is not work of the run
    for op, (name, weight) in zip(session.trace.operators, model.items(), strict=True):
        if name != "dense":
            assert np.array_equal(op.weight_pattern.mask(), (weight.weight != 0).numpy())
    assert session.trace.operators[2].weight_pattern.encoding == "nm"


class Kernel(nn.Module):
    """A custom kernel that PyTorch cannot see into."""

    def forward(self, q: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.tanh(q.numpy()))


@pytest.mark.parametrize("form", ["mask", "indices"])
def test_custom_kernels_are_recorded_by_hand(form, tmp_path):
    model = nn.Sequential(nn.Linear(8, 8), Kernel(), nn.Linear(8, 8))
    kept = torch.ones(6, 6).tril().bool()
    indices = torch.where(kept, torch.arange(6), -1)

    def record(session, call):
        given = kept if form == "mask" else indices
        session.record_attention(
            given.expand(1, 2, 6, 6), batch=1, heads=2, q_len=6, kv_len=6, d_qk=4,
            selection="oracle",
        )  # fmt: skip
        session.record_routing(torch.tensor([[0, 1], [2, 7]]), experts=4, d_model=8, d_ff=16)

    session = captured(model, tmp_path, torch.randn(6, 8), adapters=[ForModule(Kernel, record)])
    first, attention, moe, last = session.trace.operators
    assert isinstance(attention, Attention) and isinstance(moe, Moe)
    assert (attention.scope, attention.sharing, attention.causal) == ("L1", "layer", True)
    assert attention.pattern.rule == "causal" and attention.inputs == (0,)
    assert moe.expert_ids.tolist() == [[0, 1], [2, -1]]
    assert last.inputs == (2,)


def test_a_mask_of_the_wrong_shape_is_refused(tmp_path):
    def record(session, call):
        session.record_attention(np.ones((1, 3, 6, 6), bool), batch=1, heads=2, q_len=6, kv_len=6,
                                 d_qk=4)  # fmt: skip

    with pytest.raises(InputError, match=r"shape \(1, 3, 6, 6\), expected \[1, 2 or 2 or 1, 6, 6"):
        captured(Kernel(), tmp_path, torch.randn(6, 8), adapters=[ForModule(Kernel, record)])


# what goes wrong


def hooks_of(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_a_model_that_raises_leaves_nothing_behind(tmp_path):
    class Raises(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.experts = nn.Linear(8, 8), BadExperts()

        def forward(self, x):
            return self.experts(self.first(x), torch.zeros(4, 1, dtype=torch.long), None)

    class BadExperts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.num_experts, self.hidden_dim = 2, 8
            self.gate_up_proj = nn.Parameter(torch.randn(2, 16, 8))
            self.down_proj = nn.Parameter(torch.randn(2, 8, 8))

        def forward(self, hidden_states, top_k_index, top_k_weights):
            raise RuntimeError("out of experts")

    model = Raises()
    fast = torch.backends.mha.get_fastpath_enabled()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of experts"):
            captured(model, tmp_path, torch.randn(4, 8))
        assert list(tmp_path.iterdir()) == [] and hooks_of(model) == 0
        assert torch.backends.mha.get_fastpath_enabled() == fast
    assert not torch.utils._python_dispatch._get_current_dispatch_mode_stack()


def test_an_older_trace_survives_a_failed_capture(tmp_path):
    model, inputs = multihead()
    captured(model, tmp_path, inputs["x"])
    before = read_trace(tmp_path / "m.trace").content_hash
    with (
        pytest.raises(ZeroDivisionError),
        torch.no_grad(),
        accelsim.capture(model, tmp_path / "m.trace", attention="topk:2"),
    ):
        model(**inputs)
        raise ZeroDivisionError
    assert validate_trace(tmp_path / "m.trace").content_hash == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_and_a_read_only_place_are_one_clear_line(tmp_path, monkeypatch):
    model, inputs = multihead()

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(spool.os, "posix_fallocate", full)
        with pytest.raises(InputError, match="m.trace: the trace cannot be written: No space left"):
            captured(model, tmp_path, inputs["x"])
    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", full)
        with pytest.raises(InputError, match="m.trace: the trace cannot be written: No space left"):
            captured(model, tmp_path, inputs["x"])
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(spool.tempfile, "mkdtemp", lambda **_: full())
        with pytest.raises(InputError, match="cannot be written"):
            accelsim.capture(model, tmp_path / "m.trace").__enter__()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        captured(model, tmp_path / "file", inputs["x"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attention": "mass:1.5"}, "mass is 1.5"),
        ({"attention": "topk"}, "is not one of"),
        ({"attention": "top:3"}, "unknown attention selection"),
        ({"attention": "topk:2.5"}, "whole number"),
        ({"attention": "mask:1"}, "is not one of"),
        ({"attention": "threshold:x"}, "could not convert"),
        ({"activations": ("relux",)}, "did you mean 'relu"),
        ({"phase": "training2"}, "did you mean 'training'"),
        ({"dtype": "fp31"}, "unknown dtype"),
        ({"out": "run"}, "must be called NAME.trace"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(options, said, tmp_path):
    model, _ = multihead()
    out = tmp_path / options.pop("out", "m.trace")
    with pytest.raises(InputError, match=said):
        accelsim.capture(model, out, **options).__enter__()
    assert list(tmp_path.iterdir()) == [] and hooks_of(model) == 0


def test_a_compiled_model_is_captured_as_it_would_run_eagerly(tmp_path):
    model, inputs = multihead()
    plain = captured(model, tmp_path, inputs["x"]).trace.content_hash
    compiled = captured(torch.compile(model), tmp_path, inputs["x"])
    assert compiled.trace.content_hash == plain


def test_a_capture_inside_a_compiled_function_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    model, inputs = multihead()
    with pytest.raises(InputError, match="open it around the call of the compiled model"):
        captured(model, tmp_path, inputs["x"])


def test_a_training_step_records_the_forward_pass_alone(tmp_path):
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    x = torch.randn(4, 8)
    plain = captured(model, tmp_path, x).trace.content_hash
    with accelsim.capture(model, tmp_path / "m.trace", phase="training") as session:
        model(x).sum().backward()
    assert model[0].weight.grad is not None
    assert session.trace.content_hash == plain and session.trace.phase == "training"
    assert "operators of backward passes not recorded" in session.trace.note


def test_same_input_same_bytes_and_no_tensor_is_kept_alive(tmp_path):
    model, inputs = multihead()
    captured(model, tmp_path, inputs["x"])
    first = {p.name: p.read_bytes() for p in (tmp_path / "m.trace").iterdir()}
    session = captured(model, tmp_path, inputs["x"])
    assert {p.name: p.read_bytes() for p in (tmp_path / "m.trace").iterdir()} == first
    assert not session.tap.scores
    gc.collect()


def test_quality_without_a_loss_says_what_to_do(tmp_path):
    model, inputs = multihead()
    with pytest.raises(InputError, match=r"function\(output\) -> loss"):
        captured(model, tmp_path, inputs["x"], measure_quality=True)
    assert list(tmp_path.iterdir()) == []
    session = captured(
        model, tmp_path, inputs["x"], attention="topk:1",
        measure_quality=lambda y: (y - inputs["x"]).square().mean(),
    )  # fmt: skip
    quality = session.trace.quality
    assert quality["loss_exact_attention"] != quality["loss_replayed_selection"]


def test_an_adapter_asks_its_own_questions():
    with pytest.raises(TypeError, match="abstract"):
        Adapter()
