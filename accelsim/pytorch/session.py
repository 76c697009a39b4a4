"""One capture: what is switched on while it lasts, what it hears, and the trace it leaves."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from accelsim.errors import InputError, unknown_name
from accelsim.progress import progress_display
from accelsim.pytorch import quality
from accelsim.pytorch.dispatch import Tap
from accelsim.pytorch.graph import Graph, with_dtype
from accelsim.pytorch.manual import Manual
from accelsim.pytorch.modules import ADAPTERS, DENSE, Adapter, Call
from accelsim.pytorch.selection import SelectionRule, parse_selection
from accelsim.pytorch.spool import Spool
from accelsim.pytorch.weights import WeightPatterns
from accelsim.workload.encodings import BitPattern, Pattern
from accelsim.workload.operators import DTYPE_BITS, Attention, Gather, Operator, ScatterAdd
from accelsim.workload.patterns import smallest_encoding
from accelsim.workload.trace import Trace, write_trace

# Activation functions whose exact zeros can be recorded, and the ATen operators they arrive as.
ACTIVATIONS: dict[str, tuple[str, ...]] = {
    "relu": ("relu", "clamp_min"),
    "relu2": ("relu", "clamp_min"),
    "relu6": ("hardtanh",),
    "threshold": ("threshold",),
    "hardshrink": ("hardshrink",),
    "softshrink": ("softshrink",),
}
_PHASES = ("prefill", "decode", "training")
_ROWS = 4096
_MASK = SelectionRule("mask", "mask")


class Session(Manual):
    """The state of a capture; `accelsim.capture` makes one and documents its arguments.

    Attributes
    ----------
    trace : Trace or None
        What was written, after the capture has ended.
    not_understood : dict[str, int]
        Operators that were seen and not recorded because nothing is known of them, with calls.
    metadata : dict[str, Any]
        Further fields of the trace; may be changed until the capture ends.
    products : dict[str, tuple[int, int]]
        Of each ATen product and fused attention: calls, and MACs without any skipping.
    """

    def __init__(
        self,
        model: nn.Module,
        out: Path,
        *,
        attention: str,
        experts: bool,
        activations: Sequence[str],
        gathers: bool,
        phase: str | None,
        dtype: str,
        measure_quality: bool | Callable[[Any], torch.Tensor],
        adapters: Iterable[Adapter],
        progress: Callable[[str, int, int], None] | None,
        metadata: dict[str, Any],
    ) -> None:
        self.model: nn.Module = getattr(model, "_orig_mod", model)
        self.out, self.rule = out, parse_selection(attention)
        for name in activations:
            if name not in ACTIVATIONS:
                raise unknown_name("activation", name, ACTIVATIONS)
        if phase is not None and phase not in _PHASES:
            raise unknown_name("phase", phase, _PHASES)
        if dtype not in DTYPE_BITS:
            raise unknown_name("dtype", dtype, DTYPE_BITS)
        self._activations = {name for key in activations for name in ACTIVATIONS[key]}
        self._gathers, self._phase, self._dtype = gathers, phase, dtype
        self._quality = measure_quality
        known = [a for a in ADAPTERS if experts or not a.experts]
        self._adapters = [*adapters, *known]
        self._progress, self.metadata = progress, metadata
        self.trace: Trace | None = None
        self.products: dict[str, tuple[int, int]] = {}
        self.not_understood: dict[str, int] = {}
        self._left: dict[str, Counter[str]] = {}
        self._notes: list[str] = []
        self.graph = Graph()
        self.weights = WeightPatterns()
        self.replay: quality.Replay | None = None
        self.collected: list[np.ndarray] | None = None
        self.tapped: list[int] = []
        self.backward = 0
        self.paused = False
        self._losses: list[tuple[float, float]] = []
        self._stack: list[tuple[str, nn.Module]] = []
        self._calls: list[Call] = []
        self._indexers: dict[str, int] = {}
        self._shape: tuple[int, int] | None = None
        self._attentions = self._per_call = 0

    # life

    def __enter__(self) -> Session:
        if torch.compiler.is_compiling():
            raise InputError(
                "a capture cannot be part of a compiled function",
                remedy="open it around the call of the compiled model, which then runs eagerly",
            )
        self.spool = Spool(self.out)
        self._exit = ExitStack()
        if self._progress is None:
            self._progress = self._exit.enter_context(progress_display())
        self._exit.callback(self.spool.close)
        try:
            self._hook_modules()
            self.graph.mark_constants([*self.model.parameters(), *self.model.buffers()])
            fast = torch.backends.mha.get_fastpath_enabled()
            self._exit.callback(torch.backends.mha.set_fastpath_enabled, fast)
            torch.backends.mha.set_fastpath_enabled(False)
            self._exit.enter_context(torch.compiler.set_stance("force_eager"))
            self.tap = Tap(self)
            self._exit.enter_context(self.tap)
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, place: Any) -> None:
        with self._exit:
            self.paused = True
            if kind is None:
                self.trace = self._write()

    def _hook_modules(self) -> None:
        for name, module in self.model.named_modules():
            adapter = next((a for a in self._adapters if a.matches(module)), None)

            def before(
                module: nn.Module, args: Any, kwargs: Any, name: str = name,
                adapter: Adapter | None = adapter,
            ) -> None:  # fmt: skip
                self._enter_module(name, module, adapter, args, kwargs)

            def after(
                module: nn.Module, args: Any, kwargs: Any, output: Any, name: str = name,
                adapter: Adapter | None = adapter,
            ) -> None:  # fmt: skip
                self._leave_module(name, module, adapter, args, kwargs, output)

            for handle in (
                module.register_forward_pre_hook(before, with_kwargs=True),
                module.register_forward_hook(after, with_kwargs=True, always_call=True),
            ):
                self._exit.callback(handle.remove)

    def _enter_module(
        self, name: str, module: nn.Module, adapter: Adapter | None, args: Any, kwargs: Any
    ) -> None:
        if module is self.model and not self._stack and self.replay is None:
            self.graph.step += 1
            self._per_call, self._attentions = self._attentions, 0
            self._forget()
            self._indexers.clear()
            self._shape = self._shape or _batch_and_length(args, kwargs)
        self._stack.append((name, module))
        if adapter is not None:
            call = Call(name, module, args, kwargs, len(self._stack), adapter.children)
            if adapter.accepts(call):
                self._calls.append(call)
                adapter.before(self, call)

    def _leave_module(
        self, name: str, module: nn.Module, adapter: Adapter | None, args: Any, kwargs: Any,
        output: Any,
    ) -> None:  # fmt: skip
        if not any(entry[1] is module for entry in self._stack):
            return
        while self._stack[-1][1] is not module:  # left by an exception
            self._stack.pop()
        call = self._calls[-1] if self._calls else None
        if adapter is not None and call is not None and call.depth == len(self._stack):
            call.output = output
            with self.pause():
                if output is not None:
                    adapter.after(self, call)
                else:
                    adapter.cancel(self, call)
            self._calls.pop()
        self._stack.pop()
        self.tap.scores = {k: s for k, s in self.tap.scores.items() if s.depth <= self.depth}
        if module is self.model and not self._stack and self.replay is None and output is not None:
            if self._quality:
                with self.pause():
                    losses = quality.losses(self, self._quality, args, kwargs, output)
                self._losses.append(losses)
            self._forget()

    def _forget(self) -> None:
        self.tap.forget()
        self.weights.forget()

    # what the tap asks

    @property
    def module(self) -> str:
        """Name of the innermost module that runs."""
        return self._stack[-1][0] if self._stack else ""

    @property
    def depth(self) -> int:
        """How many modules are running inside each other."""
        return len(self._stack)

    @property
    def muted(self) -> bool:
        """Whether operators are not recorded here: outside the model, or inside an adapter."""
        if not self._stack:
            return True
        return any(not call.children or call.depth == len(self._stack) for call in self._calls)

    def label(self, word: str) -> str:
        """Name of an operator within its module: none where the module is that operator."""
        return word if next(self._stack[-1][1].children(), None) is not None else ""

    def attribute(self, names: Sequence[str]) -> int | None:
        """The first of these integers that a running module has, innermost first."""
        for _, module in reversed(self._stack):
            for name in names:
                value = getattr(module, name, None)
                if isinstance(value, int) and value > 0:
                    return value
        return None

    def selection_here(self) -> tuple[SelectionRule, dict[str, Any]]:
        """The rule for an attention in the running module, and its `selection` fields."""
        for parent, number in self._indexers.items():
            if self.module == parent or self.module.startswith(f"{parent}."):
                return _MASK, {"selection": "model", "index_operator": number}
        return self.rule, {"selection": self.rule.selection}

    def indexed(self, number: int) -> None:
        """Note that entry `number` chooses the keys of the module around the running one."""
        self._indexers[self.module.rpartition(".")[0]] = number

    def executed(self, name: str, macs: int) -> None:
        """Count a product whether or not it is recorded."""
        calls, total = self.products.get(name, (0, 0))
        if self.replay is None and self._stack:
            self.products[name] = (calls + 1, total + macs)

    def is_activation(self, name: str, args: tuple[Any, ...]) -> bool:
        """Whether an operator is one of the activations whose zeros are wanted."""
        if name not in self._activations:
            return False
        return name != "clamp_min" or (isinstance(args[1], int | float) and args[1] == 0)

    def saw_activation(self, tensor: torch.Tensor) -> None:
        """Hand the zeros of an activation to the adapter that waits for them."""
        if self.collected is not None and tensor.dim() == 2:
            self.collected.append(
                np.packbits((tensor != 0).cpu().numpy(), axis=1, bitorder="little")
            )

    def zeros(self, tensor: torch.Tensor) -> Pattern | None:
        """Nonzeros of tensor[rows, cols]; None if nearly all are."""
        rows, cols = tensor.shape
        bits = self.spool.empty((rows, -(-cols // 8)), np.uint8)
        for start in range(0, rows, _ROWS):
            mask = (tensor[start : start + _ROWS] != 0).cpu().numpy()
            bits[start : start + _ROWS] = np.packbits(mask, axis=1, bitorder="little")
        pattern = BitPattern(bits, cols)
        found = smallest_encoding(pattern) if pattern.density < DENSE else None
        if found is not pattern:
            self.spool.discard(bits)
        return None if found is None else self.spool.keep_pattern(found)

    def merged(self, name: str, count: int) -> None:
        """Note that the products of a batch were recorded as one tall product."""
        self._notes.append(f"{self.module}: {count} products of aten.{name} as one tall product")

    def left_out(self, kind: str, name: str, tensor: torch.Tensor) -> None:
        """Count an operator that is not recorded."""
        if self.replay is not None or not self._stack:
            return
        number = tensor.is_floating_point() or tensor.is_complex()
        if not number and kind in ("vector", "unknown"):
            kind = "integer"
        self._left.setdefault(kind, Counter())[name] += 1
        if kind == "unknown":
            self.not_understood[name] = self.not_understood.get(name, 0) + 1

    def record_indexed(
        self, name: str, args: tuple[Any, ...], out: torch.Tensor, inputs: list[torch.Tensor]
    ) -> bool:
        """Record rows taken from or added to a table by index, if asked for and of that form."""
        found = _rows_by_index(name, args) if self._gathers else None
        if found is None:
            return False
        kind, table, indices = found
        if kind is ScatterAdd and not indices.numel():
            return False
        number = self.graph.add(
            kind, self.module, self.label("gather" if kind is Gather else "scatter"), inputs,
            table_rows=table.shape[0], row_elements=max(1, table[0].numel()),
            indices=self.spool.keep(indices.reshape(-1).cpu().numpy().astype(np.int32)),
        )  # fmt: skip
        self.graph.written([out], inputs, number)
        return True

    def progress(self) -> None:
        """Say how far the capture is."""
        self._attentions += 1
        if self._progress is not None:
            text = f"capturing call {self.graph.step + 1}: {self.module}"
            # how many attentions a call has is known from the second call on
            self._progress(text, self._attentions, max(self._attentions, self._per_call))

    # the end

    def _write(self) -> Trace:
        steps = sorted({entry.step for entry in self.graph.entries})
        phase = self._phase or ("decode" if len(steps) > 1 else "prefill")
        wanted = set(steps)
        if self._phase == "prefill":
            wanted = set(steps[:1])
        elif self._phase == "decode" and len(steps) > 1:
            wanted = set(steps[1:])
        operators = self.graph.operators(wanted)
        if not operators:
            raise InputError(
                "nothing was recorded",
                where=str(self.out),
                remedy="call the model inside the with block",
            )
        batch, length = self._shape or (1, 1)
        attentions = [op for op in operators if isinstance(op, Attention)]
        if phase == "decode" and attentions:
            length = max(op.kv_len for op in attentions)
        fields: dict[str, Any] = {
            "model": f"{type(self.model).__name__}, configuration {_config_hash(self.model)}",
            "phase": phase,
            "batch": batch,
            "seq_len": length,
            "selection_rule": self._selection_text(attentions),
        }
        if self._losses:
            exact, replayed = (float(np.mean(column)) for column in zip(*self._losses, strict=True))
            fields["quality"] = {
                "unit": "loss of the model",
                "loss_exact_attention": round(exact, 6),
                "loss_replayed_selection": round(replayed, 6),
            }
        fields |= self.metadata
        notes = [fields.pop("note", ""), self.summary()]
        fields["note"] = "; ".join(filter(None, notes))
        name = fields.pop("name", None) or self.out.name.removesuffix(".trace")
        trace = write_trace(self.out, name, with_dtype(operators, self._dtype), **fields)
        if self.not_understood:
            warnings.warn(
                f"not understood and not recorded: {_counted(Counter(self.not_understood))}",
                stacklevel=3,
            )
        return trace

    def _selection_text(self, attentions: list[Attention]) -> str:
        sources = sorted({op.selection for op in attentions})
        text = self.rule.text if attentions else "no attention"
        return text if sources != ["model"] else "the model's own index"

    def summary(self) -> str:
        """What was recorded and what was not, in words; also part of the trace's note."""
        computed = {str(p.dtype).removeprefix("torch.") for p in self.model.parameters()}
        parts = [f"computed in {', '.join(sorted(computed)) or 'no weights'}, torch "
                 f"{torch.__version__}"]  # fmt: skip
        if len({entry.step for entry in self.graph.entries}) > 1:
            parts.append("operators are named by the call of the model (step0 is the first)")
        words = {
            "unknown": "not understood and not recorded",
            "index": "rows moved by index, not recorded",
        }
        for kind, text in words.items():
            if self._left.get(kind):
                parts.append(f"{text}: {_counted(self._left[kind])}")
        if self.backward:
            parts.append(f"{self.backward} operators of backward passes not recorded")
        return "; ".join(parts + self._notes)


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(names.items()))


def _config_hash(model: nn.Module) -> str:
    config: Any = getattr(model, "config", None)
    text = str(config.to_dict()) if hasattr(config, "to_dict") else str(model)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _batch_and_length(args: Any, kwargs: Any) -> tuple[int, int] | None:
    named = ("input_ids", "inputs_embeds", "decoder_input_ids")
    chosen = [kwargs[name] for name in named if isinstance(kwargs.get(name), torch.Tensor)]
    tensors = chosen or [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    if not tensors:
        return None
    shape = tensors[0].shape
    return (max(1, shape[0]), max(1, shape[1])) if len(shape) > 1 else (1, max(1, *shape, 1))


def _rows_by_index(
    name: str, args: tuple[Any, ...]
) -> tuple[type[Operator], torch.Tensor, torch.Tensor] | None:
    """Table and row numbers of an ATen call that takes or adds whole rows."""
    if name == "embedding":
        return Gather, args[0], args[1]
    if name == "index_select" and args[1] == 0:
        return Gather, args[0], args[2]
    if name == "index" and len(args[1]) == 1 and args[1][0].dtype in (torch.int64, torch.int32):
        return Gather, args[0], args[1][0]
    if name == "index_add" and args[1] == 0:
        return ScatterAdd, args[0], args[2]
    if name == "scatter_add" and args[1] == 0 and args[2].dim() == 2 and args[2].stride(1) == 0:
        return ScatterAdd, args[0], args[2][:, 0]
    return None
