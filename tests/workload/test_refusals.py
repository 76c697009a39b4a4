"""What a trace may not be: each fault is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim.errors import InputError
from accelsim.workload.operators import Attention, Gather, Index, Matmul, Moe, Operator
from accelsim.workload.patterns import BitPattern, CsrPattern, NmPattern, csr_pattern
from accelsim.workload.trace import read_trace, validate_trace, write_trace


def operators() -> list[Operator]:
    mask = np.tri(8, dtype=bool) & (np.add.outer(np.arange(8), np.arange(8)) % 3 > 0)
    csr = csr_pattern(np.r_[0, np.cumsum(mask.sum(axis=1))], np.nonzero(mask)[1], 8)
    offsets = np.tile(np.array([0, 3], np.uint8), (4, 3))
    square = {"batch": 1, "q_len": 8, "kv_len": 8}
    return [
        Index(scope="index", heads=1, d=4, top_k=2, **square),
        Attention(
            scope="attention", heads=2, kv_heads=2, d_qk=4, d_v=4, sharing="layer",
            selection="model", index_operator=0, inputs=(0,), pattern=csr, **square,
        ),
        Moe(
            scope="moe", tokens=3, d_model=4, d_ff=6, experts=4, top_k=2,
            expert_ids=np.array([[0, 1], [2, 3], [-1, 0]], np.int16),
            activation_pattern=BitPattern.from_mask(
                np.eye(6, dtype=bool) & (np.arange(6) != 4)[:, None]
            ),
        ),
        Matmul(
            scope="up", m=2, n=4, k=12, weight_pattern=NmPattern.from_offsets(2, 4, offsets, 12)
        ),
        Gather(scope="gather", table_rows=5, row_elements=2, indices=np.array([0, 4], np.int32)),
    ]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.trace"
    write_trace(path, "t", operators())
    return path


Edit = Callable[[dict[str, Any]], None]


def set_field(operator: int, *keys: str, value: Any) -> Edit:
    def edit(manifest: dict[str, Any]) -> None:
        place = manifest["operators"][operator]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return edit


def top(key: str, value: Any) -> Edit:
    return lambda manifest: manifest.__setitem__(key, value)


def drop(operator: int, key: str) -> Edit:
    return lambda manifest: manifest["operators"][operator].pop(key)


def rule(name: str, version: int = 1, **params: int) -> dict[str, Any]:
    return {"rule": name, "version": version, "params": params}


def routed(name: str = "route_uniform", version: int = 1, **changes: int) -> dict[str, Any]:
    return rule(name, version, **{"tokens": 3, "experts": 4, "top_k": 2, "seed": 0, **changes})


DENSE: dict[str, Any] = {"encoding": "rule", "rule": "dense", "version": 1, "nnz": 48, "params": {}}
TURNED: dict[str, Any] = {
    "encoding": "transposed", "of": {**DENSE, "rows": 12, "cols": 4}, "unit_rows": 12,
    "rows": 4, "cols": 12, "nnz": 48,
}  # fmt: skip

MANIFEST_FAULTS: list[tuple[Edit, str]] = [
    (top("schema_version", 99), r"manifest\.json: schema_version 99 is newer than 1"),
    (top("schema_version", "1"), "schema_version must be an integer"),
    (top("colour", 1), "unknown field of a manifest 'colour'"),
    (top("phase", "later"), "unknown phase 'later'"),
    (top("batch", 0), "batch must be positive"),
    (top("name", 3), "name must be of type str"),
    (lambda m: m.pop("arrays"), "field arrays is missing"),
    (set_field(0, "kind", value="idx"), r"operators\[0\]: unknown operator kind 'idx'.*'index'"),
    (set_field(0, "widht", value=1), r"operators\[0\]: unknown field 'widht'"),
    (set_field(0, "heads", value="1"), r"operators\[0\]\.heads: must be of type int, not '1'"),
    (set_field(0, "heads", value=True), r"operators\[0\]\.heads: must be of type int"),
    (set_field(0, "heads", value=0), r"operator 0 \(index\)\.heads: must be a positive"),
    (set_field(0, "kv_len", value=-8), r"operator 0 \(index\)\.kv_len: must be a positive"),
    (set_field(0, "kv_len", value=4), "operator 0 .*causal with q_len 8 above the 4 tokens of its"),
    (drop(0, "heads"), r"operators\[0\]: field heads is missing"),
    (set_field(0, "dtype", value="fp17"), "operator 0 .*unknown dtype 'fp17'.*'fp16'"),
    (set_field(1, "scope", value="index"), "operator 1 .*scope is already that of operator 0"),
    (set_field(1, "scope", value=""), "operator 1 .*scope is empty"),
    (set_field(1, "inputs", value=[1]), "operator 1 .*input 1 is not the index of an earlier"),
    (set_field(1, "inputs", value=["a"]), r"operators\[1\]\.inputs: must be a list of integers"),
    (set_field(1, "selection", value="some"), r"operators\[1\]\.selection: unknown selection"),
    (set_field(1, "sharing", value="all"), r"operators\[1\]\.sharing: unknown sharing 'all'"),
    (set_field(1, "sharing", value="head"), r"operator 1 .*\.pattern: shape 8 x 8 does not match"),
    (set_field(1, "selection", value="accelerator"), "index_operator is set, but selection"),
    (drop(1, "index_operator"), "operator 1 .*selection 'model' without index_operator"),
    (set_field(1, "index_operator", value=4), "index_operator 4 is not an earlier operator"),
    (set_field(1, "heads", value=3), "heads 3 is not a multiple of kv_heads 2"),
    (set_field(1, "pattern", "encoding", value="coo"), r"\[1\]\.pattern: unknown encoding 'coo'"),
    (set_field(1, "pattern", "nnz", value=7), r"\[1\]\.pattern: has nnz \d+, the manifest says 7"),
    (set_field(1, "pattern", "rows", value=9), r"\[1\]\.pattern: has 8 rows, the manifest says 9"),
    (set_field(1, "pattern", "cols", value=9), r"\.pattern: shape 8 x 9 does not match"),
    (
        set_field(1, "pattern", "indices", value={"array": "nothing"}),
        r"operators\[1\]\.pattern\.indices: unknown array 'nothing'",
    ),
    (
        set_field(1, "pattern", value={"encoding": "rule", "rule": "casual", "nnz": 1}),
        "unknown rule 'casual'",
    ),
    (
        set_field(1, "pattern", value={"encoding": "rule", "rule": "causal", "version": 9}),
        "rule causal has version 9 here, this program has 1",
    ),
    (set_field(2, "matrices", value=4), "operator 2 .*matrices must be 2 or 3"),
    (set_field(2, "top_k", value=5), "top_k 5 is above experts 4"),
    (set_field(2, "tokens", value=4), r"\.expert_ids: shape \(3, 2\) does not match .*\(4, 2\)"),
    (
        set_field(2, "expert_ids", value={"rule": "route_zipf", "version": 1}),
        r"operators\[2\]\.expert_ids: must be {\"array\": name}, or rule, version and params",
    ),
    (set_field(2, "expert_ids", value=routed("route_zip")), "unknown array rule 'route_zip'"),
    (
        set_field(2, "expert_ids", value=routed(version=9)),
        r"\[2\]\.expert_ids: array rule route_uniform has version 9 here, this program has 1",
    ),
    (
        set_field(2, "expert_ids", value=routed(colour=1)),
        r"\[2\]\.expert_ids: unknown parameter of array rule route_uniform 'colour'",
    ),
    (set_field(2, "expert_ids", value=routed(top_k=9)), r"\[2\]\.expert_ids: .*top_k must be in"),
    (
        set_field(2, "expert_ids", value=routed(tokens=4)),
        r"shape \(4, 2\) does not match .*\(3, 2\)",
    ),
    (
        set_field(2, "expert_ids", value=routed(experts=5)),
        r"route_uniform gives values in \[0, 5\), not in \[-1, 4\)",
    ),
    (
        set_field(4, "indices", value=rule("rows_uniform", n=3, table_rows=6)),
        r"operator 4 .*\.indices: array rule rows_uniform gives values in \[0, 6\), not",
    ),
    (
        set_field(3, "weight_pattern", value={**TURNED, "unit_rows": 5}),
        r"\[3\]\.weight_pattern: 12 rows are no multiple of unit_rows 5",
    ),
    (
        set_field(3, "weight_pattern", value={**TURNED, "cols": 6}),
        r"\[3\]\.weight_pattern: has 12 cols, the manifest says 6",
    ),
    (
        set_field(3, "weight_pattern", value={**TURNED, "of": {**TURNED["of"], "version": 9}}),
        r"\[3\]\.weight_pattern\.of: rule dense has version 9 here",
    ),
    (set_field(3, "weights", value="some"), r"\[3\]\.weights: unknown weights 'some'"),
    (set_field(3, "weight_pattern", "m", value=5), r"\[3\]\.weight_pattern: an N:M pattern needs"),
]


@pytest.mark.parametrize(("edit", "message"), MANIFEST_FAULTS)
def test_reading_refuses_a_bad_manifest(path: Path, edit: Edit, message: str) -> None:
    file = path / "manifest.json"
    manifest = json.loads(file.read_text())
    edit(manifest)
    file.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=message) as caught:
        read_trace(path)
    assert "t.trace" in str(caught.value) and "\n" not in str(caught.value)


def test_reading_refuses_broken_json(path: Path) -> None:
    file = path / "manifest.json"
    lines = file.read_text().splitlines()
    lines[4] = lines[4].replace(":", ";", 1)
    file.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"manifest\.json, line 5, column \d+: broken JSON"):
        read_trace(path)
    file.write_text("[]")
    with pytest.raises(InputError, match="must be a mapping"):
        read_trace(path)
    file.unlink()
    with pytest.raises(InputError, match="cannot read the manifest"):
        read_trace(path)


def npy(path: Path, part: str) -> Path:
    return next(file for file in path.glob("*.npy") if part in file.name)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: f.unlink(), r"pattern\.indices\.npy: file is missing"),
        (lambda f: f.write_bytes(f.read_bytes()[:-1]), r"indices\.npy: has \d+ bytes instead of"),
        (lambda f: f.write_bytes(f.read_bytes()[:40]), r"indices\.npy: not a \.npy file"),
        (lambda f: f.write_bytes(b"text"), r"indices\.npy: not a \.npy file"),
        (lambda f: np.save(f, np.load(f).astype(np.int64)), "is int64 of shape"),
        (lambda f: np.save(f, np.load(f)[1:]), r"is uint16 of shape \[\d+\], the manifest says"),
        (lambda f: np.save(f, np.array([{}], object), allow_pickle=True), "is object of shape"),
    ],
)
def test_reading_refuses_a_damaged_file(
    path: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(npy(path, "pattern.indices"))
    with pytest.raises(InputError, match=message):
        read_trace(path)


def test_validation_finds_a_changed_byte(path: Path) -> None:
    for file in sorted(path.glob("*.npy")):
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(InputError, match=rf"{file.name}: contents have sha256"):
            validate_trace(path)
        file.write_bytes(data)
    validate_trace(path)


def rewrite(path: Path, part: str, change: Callable[[np.ndarray], None]) -> None:
    """Change an array and make its hash in the manifest agree."""
    import hashlib

    file = npy(path, part)
    array = np.load(file)
    change(array)
    np.save(file, array)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["arrays"][file.stem]["sha256"] = hashlib.sha256(array.tobytes()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))


def put(place: Any, value: int) -> Callable[[np.ndarray], None]:
    return lambda array: array.__setitem__(place, value)


CONTENT_FAULTS = [
    ("pattern.indices", put(-1, 0), r"1 \(attention\)\.pattern: indices\[\d+\] = 0 \(row 7"),
    ("pattern.indices", put(-1, 8), r"\.pattern: indices\[\d+\] = 8 \(row 7\) is outside \[0, 8\)"),
    ("pattern.indices", put(1, 7), r"\.pattern: row 1 keeps key 7, after its own position 1"),
    ("pattern.indptr", put(3, 1 << 20), r"\.pattern: indptr\[4\] = \d+ is below indptr\[3\]"),
    ("pattern.indptr", put(0, 1), r"\.pattern: indptr\[0\] must be 0"),
    ("expert_ids", put((1, 0), 4), r"2 \(moe\)\.expert_ids: value 4 at \[1, 0\] is outside"),
    ("expert_ids", put((1, 0), -2), r"\.expert_ids: value -2 at \[1, 0\] is outside \[-1, 4\)"),
    ("expert_ids", put((1, 0), -1), r"activation_pattern: row 2 belongs to a dropped slot"),
    ("activation_pattern.bits", put((0, 0), 255), r"bits\[0, 0\] has padding bits"),
    ("activation_pattern.bits", put((0, 0), 63), r"activation_pattern: has nnz 10, the manifest"),
    ("weight_pattern.positions", put((2, 0), 0), r"positions of row 2, group 0 do not rise"),
    ("gather.indices", put(1, 5), r"operator 4 \(gather\)\.indices: value 5 at \[1\] is outside"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "change", "message"), CONTENT_FAULTS)
def test_validation_refuses_bad_contents(
    path: Path, part: str, change: Callable[[np.ndarray], None], message: str
) -> None:
    rewrite(path, "0004.indices" if part == "gather.indices" else part, change)
    with pytest.raises(InputError, match=message):
        validate_trace(path)


def test_a_wrong_pointer_at_the_end_is_refused(path: Path) -> None:
    rewrite(path, "pattern.indptr", put(-1, 1 << 20))
    with pytest.raises(InputError, match=r"indptr\[8\] = 1048576, but there are \d+ indices"):
        validate_trace(path)


def test_writing_refuses_what_validation_would(tmp_path: Path) -> None:
    late = CsrPattern(np.arange(9), np.full(8, 7), 8)
    bad = Attention(
        scope="a", batch=1, heads=1, kv_heads=1, q_len=8, kv_len=8, d_qk=4, d_v=4, pattern=late
    )
    with pytest.raises(InputError, match="row 0 keeps key 7, after its own position 0"):
        write_trace(tmp_path / "a.trace", "a", [bad])
    assert not list(tmp_path.iterdir())
