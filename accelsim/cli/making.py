"""`accelsim trace capture | slice | import`: traces made from models, traces and masks."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from accelsim.errors import InputError

importing = typer.Typer(help="Traces from what other tools recorded.", no_args_is_help=True)
_Out = Annotated[Path, typer.Option("--out", metavar="NAME.trace", help="The trace to write.")]


def register(app: typer.Typer) -> None:
    """Add the subcommands to `accelsim trace`."""
    app.command("capture")(capture)
    app.command("slice")(slice_)
    app.add_typer(importing, name="import")


def capture(
    source: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="Or FILE.py:FUNCTION.")],
    out: _Out,
    attention: Annotated[
        str,
        typer.Option(help="Kept keys: mass:0.95, topk:64, threshold:2e-3, mask or off."),
    ] = "mass:0.95",
    activations: Annotated[
        str, typer.Option(help="Functions whose zeros are recorded, with commas; none: ''.")
    ] = "relu,relu2",
    experts: Annotated[bool, typer.Option(help="Record routed experts as one operator.")] = True,
    gathers: Annotated[
        bool, typer.Option(help="Record rows taken by index (the text itself, for embeddings).")
    ] = False,
    phase: Annotated[
        str | None, typer.Option(help="prefill (first step), decode (the others) or training.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="Number type of the replay.")] = "bf16",
    measure_quality: Annotated[
        bool, typer.Option("--measure-quality", help="Also run with the kept keys alone.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch.")] = 1,
) -> None:
    """Run a PyTorch model and record it; FUNCTION gives (model, inputs).

    The inputs are a tensor, a tuple, a dict of arguments, or a function that calls the model,
    such as lambda: model.generate(ids).

    Example: accelsim trace capture mine.py:build --out runs/mine.trace --attention topk:64
    """
    _need_torch()
    import accelsim

    build = _function(source)
    result = _guarded(source, build)
    if not (isinstance(result, tuple) and len(result) == 2 and callable(result[0])):
        raise InputError(f"gave {type(result).__name__}, expected (model, inputs)", where=source)
    model, inputs = result
    names = [name for name in activations.split(",") if name.strip()]
    with (
        _inference(threads),
        accelsim.capture(
            model, out, attention=attention, activations=[name.strip() for name in names],
            experts=experts, gathers=gathers, phase=phase, dtype=dtype,
            measure_quality=measure_quality,
        ) as session,
    ):  # fmt: skip
        _guarded(source, lambda: _call(model, inputs))
    trace = session.trace
    assert trace is not None
    size = sum(file.stat().st_size for file in out.iterdir())
    typer.echo(f"{out}: {len(trace.operators)} operators, {size / 1e6:.1f} MB")
    typer.echo(session.summary())


def slice_(
    path: Annotated[str, typer.Argument(help="Folder NAME.trace, or a shipped workload.")],
    out: _Out,
    layers: Annotated[str | None, typer.Option(metavar="A:B", help="Layers A to B - 1.")] = None,
    steps: Annotated[str | None, typer.Option(metavar="A:B", help="Steps A to B - 1.")] = None,
) -> None:
    """Cut some layers or steps out of a trace.

    Example: accelsim trace slice tiny_moe_lm --layers 0:2 --out runs/half.trace
    """
    from accelsim.workload.slicing import slice_trace
    from accelsim.workload.trace import find_trace, read_trace

    if layers is None and steps is None:
        raise InputError("nothing to cut", remedy="give --layers, --steps or both")
    part = slice_trace(read_trace(find_trace(path)), out, layers=layers, steps=steps)
    typer.echo(f"{out}: {len(part.operators)} operators")


@importing.command()
def spatten(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Of SpAtten's workloads.")],
    out: _Out,
) -> None:
    """Turn a SpAtten decode trace (counts of keys and values fetched) into a trace.

    Example: accelsim trace import spatten gpt2_small_pruned.csv --out runs/spatten.trace
    """
    from accelsim.workload.imports import import_spatten

    trace = import_spatten(file, out)
    typer.echo(f"{out}: {len(trace.operators)} operators; {trace.selection_rule}")


@importing.command()
def masks(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.npy", help="bool or int, layers x heads x q x k.")
    ],
    out: _Out,
    true_means: Annotated[str, typer.Option(metavar="kept|pruned", help="What True stands for.")],
    d_head: Annotated[int, typer.Option(min=1, help="Width of a head.")] = 64,
    kv_heads: Annotated[int | None, typer.Option(min=1, help="Key heads (default: heads).")] = None,
    selection: Annotated[
        str, typer.Option(help="Who pays for the indices: static, from_scores or oracle.")
    ] = "oracle",
) -> None:
    """Turn attention masks into a trace of one attention a layer.

    Example: accelsim trace import masks masks.npy --true-means kept --out runs/masks.trace
    """
    from accelsim.progress import progress_display
    from accelsim.workload.imports import import_masks

    with progress_display() as progress:
        trace = import_masks(
            file, out, true_means=true_means, d_head=d_head, kv_heads=kv_heads,
            selection=selection, progress=progress,  # type: ignore[arg-type]
        )  # fmt: skip
    kept = [op.pattern.density for op in trace.operators]  # type: ignore[attr-defined]
    typer.echo(f"{out}: {len(kept)} layers, density {min(kept):.4f} to {max(kept):.4f}")


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise InputError("a capture needs PyTorch", remedy="pip install 'accelsim[torch]'")


def _inference(threads: int) -> Any:
    from accelsim.pytorch.running import inference

    return inference(threads)


def _guarded(source: str, work: Callable[[], Any]) -> Any:
    """Run the user's code; what it raises is its own, not ours."""
    try:
        return work()
    except InputError:
        raise
    except Exception as error:
        if os.environ.get("ACCELSIM_TRACEBACK"):
            raise
        raise InputError(
            f"the model raised {type(error).__name__}: {error}", where=source,
            remedy="set ACCELSIM_TRACEBACK=1 to see where",
        ) from error  # fmt: skip


def _function(source: str) -> Callable[[], Any]:
    """Import what ``module:function`` or ``file.py:function`` names."""
    place, _, name = source.rpartition(":")
    if not place or not name:
        raise InputError(f"'{source}' is not MODULE:FUNCTION")
    sys.path.insert(0, str(Path.cwd()))
    try:
        if place.endswith(".py"):
            path = Path(place)
            if not path.is_file():
                raise InputError("no such file", where=place)
            sys.path.insert(0, str(path.parent.resolve()))
            spec = importlib.util.spec_from_file_location(path.stem, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[path.stem] = module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
    except ImportError as error:
        raise InputError(f"cannot be imported: {error}", where=place) from None
    found = getattr(module, name, None)
    if not callable(found):
        names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise InputError(
            f"has no function '{name}'", where=place, remedy=f"it has: {', '.join(sorted(names))}"
        )
    return found


def _call(model: Any, inputs: Any) -> None:
    if isinstance(inputs, dict):
        model(**inputs)
    elif isinstance(inputs, tuple | list):
        model(*inputs)
    elif callable(inputs):
        inputs()
    else:
        model(inputs)
