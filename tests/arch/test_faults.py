"""Every bad input is one line that names the place, what was expected and the nearest name."""

import pytest

from accelsim.arch.load import load_arch, resolved_yaml
from accelsim.errors import InputError
from tests.arch.simple import SIMPLE

SIMPLE_OVERRIDES = [
    ("dram.line=-64 B", "dram.line: '-64 B' is negative"),
    ("dram.line=0 B", "dram.line: is 0, expected more than 0"),
    ("dram.interleave=96 B", "dram.interleave: 96 B is not a multiple of line 64 B"),
    ("dram.row=384 B", "dram.row: 384 B is not a multiple of interleave 256 B"),
    ("dram.row_miss=1 ns", "dram.row_miss: is shorter than row_hit"),
    ("dram.refresh_overhead=1", "dram.refresh_overhead: is 1, expected less than 1"),
]
OVERRIDES = [
    ("dram.interleave=96 B", "dram.interleave: 96 B is not a multiple of the burst, 64 B"),
    ("dram.stacks=0", "dram.stacks: is 0, expected more than 0"),
    ("dram.stack=2", "unknown key 'dram.stack' (did you mean 'stacks'?"),
    ("dram.part=hbm22", "unknown DRAM part 'hbm22' (did you mean 'hbm2'?"),
    ("dram.part.timing.clx=3", "unknown key 'dram.part.timing.clx' (did you mean 'cl'?"),
    ("dram.part.banks=3", "dram.part.banks: is 3, expected a power of two"),
    ("dram.mapping=ro ra bg ba ch", "mapping: lacks 'co'"),
    ("dram.mapping=ro ra bg ba co ch co2 co1", "mapping: has 'co2' and 'co1', expected one"),
    ("dram.mapping=ro ra bg ba ch co2 co", "mapping: has 'co2' above 'co'"),
    ("dram.mapping=ro ra bg ba co ch co5", "mapping: has 'co5', but a column has 5 bits"),
    ("dram.level=simpel", "dram.level: 'simpel' is not known (did you mean 'simple'?"),
    ("dram.bandwith=450 GB/s", "unknown key 'dram.bandwith' (did you mean 'bandwidth'? known:"),
    ("drams.bandwidth=450 GB/s", "unknown key 'drams' (did you mean 'dram'?"),
    ("array.rowz=64", "unknown key 'array.rowz' (did you mean 'rows'?"),
    ("array.dense_mode.k_slice=[64]", "unknown key 'array.dense_mode.k_slice' (did you mean"),
    ("scratchpad.shares.vector.reads=1 B", "unknown key 'scratchpad.shares.vector.reads'"),
    ("index.window=1", "unknown key 'index.window' (did you mean 'window_entries'?"),
    ("dram.bandwidth=450", "dram.bandwidth: '450' has no unit, expected a rate such as"),
    ("array.rows=0", "array.rows: is 0, expected more than 0"),
    ("array.rows=2.5", "array.rows: '2.5' is not valid, expected a whole number"),
    ("array.rows=true", "array.rows: 'True' is not valid, expected a whole number"),
    ("array.kind=sparsee", "unknown kind 'sparsee' (did you mean 'sparse'?"),
    ("array.balance=statik", "array.balance: 'statik' is not known (did you mean 'static'?"),
    ("array.fifo_depth=64", "array.fifo_storage: 256 KiB is too small: 128 rows x fifo_depth 64"),
    ("array=5", "array: '5' is not valid, expected a mapping of keys"),
    ("mac_rate.bf17=1", "mac_rate.bf17: 'bf17' is not known (did you mean 'bf16'?"),
    ("mac_rate.fp32=0.00001", "mac_rate.fp32: 1e-05 of 16384 MAC units is not a whole number"),
    ("on_chip=400 KiB", "on_chip: 400 KiB leaves no scratchpad: local storage takes 525824 B"),
    ("on_chip=1 MiB", "mapping: prefetch + activation_storage + chunk = 10304 KiB exceed"),
    ("scratchpad.banks=16", "the read shares take 2048 B a cycle (store 192 + array 1280"),
    ("scratchpad.shares.load.write=1 KiB", "the write shares take 2112 B a cycle"),
    ("scratchpad.shares.index=null", "scratchpad.shares.index: is missing: the index unit needs"),
    ("scratchpad.shares.vector.read=0 B", "vector.read: is 0 B, but vector must read"),
    ("load.return_bytes_per_cycle=1 KiB", "load.return_bytes_per_cycle: 1024 B exceeds"),
    ("store.lines_per_cycle=4", "store.lines_per_cycle: 4 lines are 256 B, above"),
    ("vector.operations={exp: 1}", "vector.operations: has no 'scale', expected scale, max"),
    ("mapping.tile_queries=some", "'some' is not valid, expected a number of queries or 'auto'"),
    ("mapping.sparsity=1", "mapping.sparsity: '1' is not valid, expected true or false"),
    ("clock=5", "clock: '5' has no unit, expected a frequency such as '1.05 GHz'"),
    ("dram.clock", "is not an override (expected path=value"),
    ("dram.clock=", "is not an override"),
    ("=5", "is not an override"),
    ("index=[1, 2", "'[1, 2' is not a YAML value"),
    ("extends=systolic_128", "'extends' cannot be overridden"),
    ("clock.x=5", "'clock' is a single value, it has no 'x'"),
    ("array.dense_mode.k_slices.9=64", "'array.dense_mode.k_slices' has no entry '9'"),
]


def refused(name, overrides=()):
    with pytest.raises(InputError) as caught:
        load_arch(name, overrides)
    message = str(caught.value)
    assert "\n" not in message and "pydantic" not in message
    return message


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture(scope="module")
def good():
    return "".join(
        line
        for line in resolved_yaml(load_arch("systolic_128")).splitlines(keepends=True)
        if not line.startswith("#")
    )


@pytest.mark.parametrize(("override", "message"), OVERRIDES)
def test_overrides_are_refused(override, message):
    assert message in refused("sparse_v1", [override])


@pytest.mark.parametrize(("override", "message"), SIMPLE_OVERRIDES)
def test_overrides_of_a_simple_dram_are_refused(override, message):
    assert message in refused("sparse_v1", [SIMPLE, override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("index.window_entries=1", "'index' is null here (give the whole of it: index={"),
        ("array.shapes.7.rows=1", "'array.shapes' has no entry '7' (expected 0 to 1)"),
        ("array.shapes.0.row=1", "unknown key 'array.shapes.0.row' (did you mean 'rows'?"),
        ("array.shapes.0.rows=1024", "array.stationary: 64 KiB is too small: fold_rule preload"),
        ("array.dataflows=[ws, ws]", "array.dataflows: 'ws' is there twice"),
        ("array.dataflows=[ws, wx]", "array.dataflows.1: 'wx' is not known"),
    ],
)
def test_overrides_of_a_systolic_array_are_refused(override, message):
    assert message in refused("systolic_128", [override])


def test_an_override_is_named_as_the_place():
    assert refused("sparse_v1", ["array.rows=0"]).startswith("--set array.rows=0, array.rows:")


def test_an_unknown_architecture_is_refused_with_the_nearest():
    message = refused("sparse_v2")
    assert message.startswith("unknown architecture 'sparse_v2' (did you mean 'sparse_v1'? known:")
    assert "no such file 'none/such.yaml'" in refused("none/such.yaml")


@pytest.mark.parametrize(
    ("old", "new", "line_of", "message"),
    [
        ("  banks: 32\n", "  bankz: 32\n", "bankz", "unknown key 'scratchpad.bankz'; 1 more fault"),
        ("  banks: 32\n", "", "scratchpad:", "'scratchpad.banks' is missing"),
        ("on_chip: 24 MiB\n", "on_chip: 24\n", "on_chip", "on_chip: '24' has no unit"),
        ("on_chip: 24 MiB\n", "on_chip: -24 MiB\n", "on_chip", "on_chip: '-24 MiB' is negative"),
        (
            "    - count: 1\n",
            "    - count: 0\n",
            "count: 0",
            "array.shapes.0.count: is 0, expected",
        ),
        ("  lanes: 512\n", "  lanes: 512\n  lanes: 1\n", "lanes: 1", "key 'lanes' is there twice"),
        ("  lanes: 512\n", "  lanes: 512\n  5: 1\n", "5: 1", "key '5' is not a name"),
        ("  lanes: 512\n", "  lanes: [512\n", None, "is not YAML"),
    ],
)
def test_faults_in_a_file_name_its_line(good, write, old, new, line_of, message):
    assert old in good
    text = good.replace(old, new, 1)
    said = refused(write(text))
    assert message in said
    if line_of is not None:
        number = 1 + next(i for i, line in enumerate(text.splitlines()) if line_of in line)
        assert f"mine.yaml line {number}" in said


def test_missing_at_the_top_names_the_file(good, write):
    assert "mine.yaml: 'clock' is missing" in refused(write(good.replace("clock: 1 GHz\n", "", 1)))


@pytest.mark.parametrize("text", ["", "- 1\n", "just text\n"])
def test_a_file_that_is_no_architecture(write, text):
    assert "is not an architecture" in refused(write(text))


def test_binary_files_and_deep_nesting_are_refused(write, tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    assert "cannot be read" in refused(str(tmp_path / "binary.yaml"))
    assert "nested too deeply" in refused(write("a: " + "[" * 30 + "]" * 30 + "\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nextends: systolic_127\n", "line 2: unknown architecture 'systolic_127'"),
        ("name: x\nextends: nowhere.yaml\n", "line 2: no such file 'nowhere.yaml'"),
        ("name: x\nextends: mine.yaml\n", "extends itself"),
        ("name: x\nextends: [a, b]\n", "is not a name"),
        ("name: x\nextends: systolic_128_gather\n", "itself extends another, expected a parent"),
        ("extends: systolic_128\n", "'name' is missing"),
    ],
)
def test_extends_is_refused(write, text, message):
    assert message in refused(write(text))


def test_a_fault_inherited_from_the_parent_names_the_parents_line(good, write):
    write(good.replace("  lanes: 512\n", "  lanes: 0\n"), "parent.yaml")
    said = refused(write("name: x\nextends: parent.yaml\n"))
    assert said.startswith("parent.yaml line ") and "vector.lanes: is 0" in said
