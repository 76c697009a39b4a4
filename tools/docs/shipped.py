"""What is shipped: architectures, DRAM parts, workloads, sweeps and suites, with their sources."""

from __future__ import annotations

from pathlib import Path

from accelsim.arch.equal import array_shape
from accelsim.arch.load import load_arch, published_names, shipped_names
from accelsim.arch.parts import load_part, part_folder, part_names
from accelsim.arch.units import BYTES, BYTES_PER_SECOND
from accelsim.config.tree import shipped_folder
from accelsim.cost.load import cost_table_folder, cost_table_names, load_cost_table
from accelsim.sweep.plan import load_plan, plan_names
from accelsim.workload.recipes.recipe import load_recipe, recipe_files
from accelsim.workload.trace import read_trace, shipped_workloads
from tools.docs.markdown import blocks, code, prose, sentence

LEGEND = (
    "In a file every figure carries its source. [V]: abstract or vendor page; [A]: a public"
    " artifact of the paper, of TeAAL or of Sparseloop; [C]: a formula or byte count that gives"
    " published figures; [M]: the paper from memory, so assumed; `assumed`: chosen here."
)


def comment_of(path: Path) -> str:
    """The comment that a YAML file begins with, up to its list of marks."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or line.startswith("# Sources:"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def our_architectures() -> str:
    """Machines of our own: what they are, and what their figures rest on."""
    rows = [
        [
            *_machine(name),
            sentence(prose(comment_of(shipped_folder("arch_configs") / f"{name}.yaml"))),
        ]
        for name in shipped_names()
    ]
    return blocks(("Name", "Size", "Is", "Says of itself"), rows)


def published_architectures() -> str:
    """Models of published machines, with the paper or artifact that they follow."""
    folder = shipped_folder("arch_configs") / "published"
    rows = [
        [*_machine(name), sentence(prose(comment_of(folder / f"{name}.yaml")))]
        for name in published_names()
    ]
    return blocks(("Name", "Size", "Is", "Source"), rows)


def _machine(name: str) -> list[str]:
    arch = load_arch(name)
    size = [
        f"{arch.array.macs:,} MACs",
        BYTES.format(arch.on_chip),
        BYTES_PER_SECOND.format(arch.dram.bandwidth),
    ]
    return [
        code(name),
        f"{prose(array_shape(arch))}; {', '.join(map(_whole, size))}",
        sentence(prose(arch.description)),
    ]


def _whole(figure: str) -> str:
    """A figure that is not parted from its unit."""
    return figure.replace(" ", "\u00a0")


def parts() -> str:
    """DRAM parts."""
    rows = []
    for name in part_names():
        part = load_part(name)
        source = sentence(prose(comment_of(part_folder() / f"{name}.yaml")))
        rate = f"{part.bandwidth / 1e9:.4g} GB/s"
        size = _whole(rate), _whole(BYTES.format(part.capacity))
        rows.append([code(name), sentence(prose(part.description)), *size, source])
    return blocks(("Name", "Is", "Bandwidth", "Capacity", "Source"), rows)


def cost_tables() -> str:
    """Shipped cost tables."""
    rows = []
    for name in cost_table_names():
        file = load_cost_table(name).file
        said = comment_of(cost_table_folder() / f"{name}.yaml")
        texts = [sentence(prose(text)) for text in (file.description, said)]
        rows.append([code(name), _whole(f"{file.node_nm:g} nm"), *texts])
    return blocks(("Name", "Node", "Is", "Says of itself"), rows)


def traces() -> str:
    """Shipped traces."""
    rows = []
    for name, path in sorted(shipped_workloads().items()):
        trace = read_trace(path)
        kind = "synthetic" if trace.synthetic else f"captured: {prose(trace.model or '')}"
        size = f"{trace.phase}, batch {trace.batch:,}, length {trace.seq_len:,}"
        says = [sentence(prose(text)) for text in (trace.selection_rule, trace.note) if text]
        rows.append([code(name), kind, size, " ".join(says)])
    return blocks(("Name", "From", "Run", "Patterns, and what to know"), rows)


def recipes() -> str:
    """Shipped recipes, file by file: title, runs, and where the shape is from."""
    runs: dict[Path, list[str]] = {}
    for name, (path, _) in recipe_files().items():
        runs.setdefault(path, []).append(name)
    rows = []
    for names in runs.values():
        recipe = load_recipe(names[0])
        about = "; ".join(dict.fromkeys(load_recipe(name).patterns for name in names))
        rows.append(
            [
                " ".join(code(name) for name in names),
                sentence(prose(recipe.title)),
                sentence(prose(about)),
                sentence(prose(recipe.source)),
            ]
        )
    return blocks(("Names", "Model", "Sparsity", "Source of the shape"), rows)


def plans() -> str:
    """Shipped plans of sweeps."""
    rows = [[code(name), sentence(prose(load_plan(name)[0].description))] for name in plan_names()]
    return blocks(("Name", "Asks"), rows)
