"""What was run, as it stands in a result's JSON, and the same again from there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accelsim.errors import InputError

if TYPE_CHECKING:
    from accelsim.analysis.comparison import Comparison
    from accelsim.arch.load import ArchSource
    from accelsim.arch.spec import Arch
    from accelsim.workload.trace import Trace

RAN = "ran"
DENSE = "mapping.sparsity=false"  # what makes a candidate its dense twin


def what_ran(
    arch: str,
    made: Arch,
    workload: str,
    trace: Trace,
    shape: Sequence[str] | None,
    dtype: str | None,
    overrides: Sequence[str] | None,
) -> dict[str, Any]:
    """Names as they were given, hashes of what they led to, and the command of it alone.

    `made` : the architecture with its overrides. `trace` : as loaded, in its own types.
    """
    from accelsim.arch.load import content_hash

    ran = {
        "arch": arch,
        "arch_hash": content_hash(made),
        "set": list(overrides or ()),
        "workload": workload,
        "workload_hash": trace.content_hash,
        "shape": list(shape or ()),
        "dtype": dtype,
    }
    return ran | {"command": command(ran, "run")}


def comparison_json(
    comparison: Comparison,
    named: Mapping[str, str | None],
    workload: str,
    trace: Trace,
    shape: Sequence[str] | None,
    dtype: str | None,
    overrides: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """A comparison as plain data, in which every result says what was run.

    `named` : role -> name of the architecture as it was given; `overrides` : role -> what was
    laid over it. The rest: see `what_ran`.
    """
    content = comparison.as_json()
    for role, result in comparison.results.items():
        given = "candidate" if role == "candidate_dense" else role
        settings = [*overrides[given], *[DENSE] * (role == "candidate_dense")]
        ran = what_ran(named[given] or "", result.arch, workload, trace, shape, dtype, settings)
        content["results"][role][RAN] = ran
    return content


def command(ran: dict[str, Any], name: str) -> str:
    """A command on the same architecture and workload."""
    words = ["accelsim", name, "--arch", ran["arch"], "--workload", ran["workload"]]
    words += [word for text in ran["shape"] for word in ("--shape", text)]
    words += ["--dtype", ran["dtype"]] if ran["dtype"] is not None else []
    words += [word for text in ran["set"] for word in ("--set", text)]
    return shlex.join(words)


def load_again(ran: dict[str, Any] | None, where: str) -> tuple[ArchSource, Trace]:
    """Read the same architecture and workload.

    Raises
    ------
    InputError
        The JSON does not say what was run, it is not there any more, or it has changed.
    """
    from accelsim.arch.load import arch_source, content_hash
    from accelsim.workload.catalogue import load_workload

    if ran is None:
        raise InputError(
            "does not say what was run", where=where, remedy="run it again with --json"
        )
    try:
        source = arch_source(ran["arch"]).changed(ran["set"])
        made = source.arch()
        trace = load_workload(ran["workload"], ran["shape"])
    except InputError as error:
        raise error.inside(f"{where}, to run it again") from None
    for kind, then, now in (
        ("arch", ran["arch_hash"], content_hash(made)),
        ("workload", ran["workload_hash"], trace.content_hash),
    ):
        if then != now:
            raise InputError(
                f"{kind} '{ran[kind]}' is another one than was run", where=where,
                remedy=f"restore it, or write the result anew: {ran['command']} --json FILE",
            )  # fmt: skip
    return source, trace if ran["dtype"] is None else trace.replayed(ran["dtype"])
