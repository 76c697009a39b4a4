"""A recipe: a model with its sources, and what is run of it; read from YAML, made into a trace.

A file `workloads/NAME.yaml` describes one model and names its recipes; recipe KEY of it is called
NAME_KEY. A recipe gives the fields of `Run`, and under ``set`` what it changes in the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from accelsim.config.faults import input_error
from accelsim.config.record import Spec
from accelsim.config.tree import Tree, override, read_tree, shipped_folder
from accelsim.errors import InputError, unknown_name
from accelsim.workload.operators import Operator
from accelsim.workload.recipes.convolution import Convolution, convolution_operators
from accelsim.workload.recipes.memory import Memory, memory_operators
from accelsim.workload.recipes.run import Run
from accelsim.workload.recipes.tables import (
    Interactions,
    Recommendation,
    interaction_operators,
    recommendation_operators,
)
from accelsim.workload.recipes.training import (
    Exchange,
    GrowAndPrune,
    exchange_operators,
    grow_and_prune_operators,
)
from accelsim.workload.recipes.transformer import transformer_operators
from accelsim.workload.recipes.transformer_spec import Transformer
from accelsim.workload.trace import Trace

Model = Annotated[
    Transformer | Convolution | Memory | Recommendation | Interactions | Exchange | GrowAndPrune,
    Field(discriminator="kind"),
]
EXPAND: dict[type, Callable[[Any, Run], list[Operator]]] = {
    Transformer: transformer_operators,
    Convolution: convolution_operators,
    Memory: memory_operators,
    Recommendation: recommendation_operators,
    Interactions: interaction_operators,
    Exchange: exchange_operators,
    GrowAndPrune: grow_and_prune_operators,
}


class Published(Spec):
    """Totals that were published; `source` says where.

    `active_parameters` : those that a token uses, the embedding included or not. `macs` : of one
    input.

    Attributes
    ----------
    parameters : float, optional
        Parameters of the whole model.
    active_with_embedding : bool
        Whether `active_parameters` counts the embedding.
    source : str
        Where the totals were published.
    """

    parameters: float | None = None
    active_parameters: float | None = None
    active_with_embedding: bool = True
    macs: float | None = None
    source: str


class Recipe(Spec):
    """A model and a run of it.

    Attributes
    ----------
    name, title : str
    source : str
        Where the shape is from; marked [M] where it is from memory, `assumed` where chosen.
    patterns : str
        Where the sparsity is from.
    published : Published, optional
    run : Run
    model : Model
    name : str
        Made from the file and the key of the recipe; not written in the file.
    title : str
        The model in one line.
    """

    name: str
    title: str
    source: str
    patterns: str = "dense"
    published: Published | None = None
    run: Run
    model: Model

    def operators(self) -> list[Operator]:
        """Expand the recipe; patterns are generated where they are read."""
        return EXPAND[type(self.model)](self.model, self.run)

    def trace(self) -> Trace:
        """The recipe as a trace in memory."""
        run = self.run
        return Trace(
            name=self.name, operators=tuple(self.operators()), producer="accelsim recipe",
            model=self.title, seed=run.seed, phase=run.phase, batch=run.batch,
            seq_len=run.length, selection_rule=self.patterns, synthetic=True,
            licence="MIT, as accelsim", note=f"Synthetic patterns at full size. {self.source}",
        )  # fmt: skip


@cache
def recipe_files() -> dict[str, tuple[Path, str]]:
    """File and key of every shipped recipe by name."""
    found: dict[str, tuple[Path, str]] = {}
    for path in sorted(shipped_folder("workloads").glob("*.yaml")):
        recipes = read_tree(path, path.name, "a model").data.get("recipes")
        for key in recipes if isinstance(recipes, dict) else ():
            found[f"{path.stem}_{key}"] = path, key
    return found


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Load a shipped recipe.

    Parameters
    ----------
    name : str
        See `recipe_files`; or ``FILE.yaml:KEY``.
    overrides : sequence of str
        ``path=value``, such as ``length=4096``, ``batch=8`` or ``model.d_model=1024``; a path
        without ``model.`` is a field of `Run`.

    Raises
    ------
    InputError
        No such recipe, or a field that is unknown, missing or wrong; names file, line and field.
    """
    path, key = _find(name)
    name = name if name in recipe_files() else f"{path.stem}_{key}"
    tree = _of_recipe(read_tree(path, path.name, "a model"), name, key)
    for text in overrides:
        inside = text if text.startswith("model.") else f"run.{text}"
        override(tree, inside, "--shape")
    try:
        return Recipe.model_validate(tree.data)
    except ValidationError as error:
        raise input_error(error, tree.data, tree.place, path.name, Recipe) from None


def _find(name: str) -> tuple[Path, str]:
    """File and key of a recipe: of a shipped one, or FILE.yaml:KEY."""
    files = recipe_files()
    if name in files:
        return files[name]
    file, colon, key = name.rpartition(":")
    if not colon:
        raise unknown_name("recipe", name, files)
    path = Path(file)
    if not path.is_file():
        raise InputError(f"no such file '{file}'", remedy="expected FILE.yaml:KEY")
    recipes = read_tree(path, path.name, "a model").data.get("recipes")
    if not isinstance(recipes, dict) or key not in recipes:
        raise unknown_name("recipe", key, recipes if isinstance(recipes, dict) else (), where=file)
    return path, key


def _of_recipe(tree: Tree, name: str, key: str) -> Tree:
    """Lay one of a file's recipes over its model."""
    data = tree.data
    recipes = data.pop("recipes")
    assert isinstance(recipes, dict)
    chosen = recipes[key]
    at = ("recipes", key)
    if not isinstance(chosen, dict):
        raise InputError("must be a mapping such as {phase: prefill}", where=tree.place[at])
    changes = chosen.pop("set", {})
    patterns = chosen.pop("patterns", None)
    if patterns is not None:
        data["patterns"] = patterns
    data |= {"name": name, "run": chosen}
    found = {("run", *p[2:]): place for p, place in tree.place.items() if p[:2] == at}
    tree.place.update(found)
    for path, value in changes.items():
        _put(tree, f"model.{path}", value, tree.place.get((*at, "set", path), ""))
    return tree


def _put(tree: Tree, dotted: str, value: object, place: str) -> None:
    """Set one value of a tree at a dotted path."""
    node: Any = tree.data
    steps = dotted.split(".")
    try:
        for step in steps[:-1]:
            node = node[int(step)] if isinstance(node, list) else node[step]
    except (KeyError, IndexError, ValueError, TypeError):
        raise InputError(f"'{dotted}' is not in the model", where=place) from None
    last: Any = int(steps[-1]) if isinstance(node, list) else steps[-1]
    node[last] = value
    tree.place[tuple(int(s) if s.isdecimal() else s for s in steps)] = place
