"""A recipe in small, to try it out or to test it: same operators, layers and rules, few of each."""

from __future__ import annotations

from typing import Any

from accelsim.workload.recipes.recipe import Recipe

# Largest figure of each name in a small model; what has no entry stays.
_MODEL = {
    "d_model": 128, "vocabulary": 512, "d_head": 32, "d_value": 32, "d_ff": 256, "shared_d_ff": 128,
    "q_rank": 64, "kv_rank": 32, "d_nope": 32, "d_rope": 16, "predictor_rank": 16, "memory": 512,
    "image": 32, "hidden": 64, "slots": 1024, "candidates": 32, "features": 500, "active": 8,
    "parameters": 65536, "workers": 4, "lookups": 4, "patch": 48, "experts": 16, "repeat": 1,
    "d": 32,
}  # fmt: skip
_RUN = {"batch": 2, "length": 256, "target_length": 64, "steps": 2}
_PATTERN_PART = 16  # of the keys, pages, columns or tokens that a pattern names


def reduced(recipe: Recipe) -> Recipe:
    """The recipe with every size cut down; heads, groups, layers of a group and rules stay."""
    data = recipe.model_dump()
    data["run"] = _cut(data["run"], _RUN)
    data["model"] = _cut(data["model"], _MODEL)
    data["name"], data["published"] = f"{recipe.name}_reduced", None
    return Recipe.model_validate(data)


def _cut(node: Any, most: dict[str, int]) -> Any:
    if isinstance(node, list | tuple):
        return [_cut(item, most) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("rule") or node.get("like"):
        return {key: _of_pattern(key, value) for key, value in node.items() if value != ""}
    cut = {key: _of(key, value, most) for key, value in node.items()}
    if "heads" in cut and "kv_heads" in cut:  # groups of heads keep their size, at most four
        group = cut["heads"] // cut["kv_heads"]
        cut["kv_heads"] = min(cut["kv_heads"], 2)
        cut["heads"] = min(group, 4) * cut["kv_heads"]
    elif cut.get("kind") == "latent":
        cut["heads"] = 4
    return cut


def _of(key: str, value: Any, most: dict[str, int]) -> Any:
    if key in ("widths", "bottom", "top", "classifier"):
        return [min(width, 64) for width in value]
    if key == "tables":
        return [min(rows, 4096) for rows in value[:4]]
    if key == "top_k" and value > _PATTERN_PART:  # of an index
        return value // _PATTERN_PART
    if key in ("channels", "inner") and value > _PATTERN_PART:
        return max(8, value // 8)
    return min(value, most[key]) if key in most and type(value) is int else _cut(value, most)


def _of_pattern(key: str, value: Any) -> Any:
    small = key in ("k", "pages", "vertical", "slash", "window") and value >= 4 * _PATTERN_PART
    return value // _PATTERN_PART if small else value
