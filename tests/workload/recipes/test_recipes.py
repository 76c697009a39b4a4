"""Every shipped recipe: its totals against the published ones, and a small copy that runs."""

from __future__ import annotations

import pytest

from accelsim import load_arch, load_trace, simulate
from accelsim.errors import InputError
from accelsim.report.plots import index_cost
from accelsim.workload.checks import check_contents, check_operators
from accelsim.workload.operators import Attention, Gather, Index, Matmul, Moe, ScatterAdd
from accelsim.workload.recipes.builder import simulated
from accelsim.workload.recipes.recipe import load_recipe, recipe_files
from accelsim.workload.recipes.reduced import reduced
from accelsim.workload.recipes.totals import active_parameters, macs, parameters
from accelsim.workload.statistics import effectual_macs
from accelsim.workload.trace import validate_trace, write_trace

RECIPES = sorted(recipe_files())
MODELS = sorted({path.stem for path, _ in recipe_files().values()})
FIRST = {model: next(n for n in RECIPES if recipe_files()[n][0].stem == model) for model in MODELS}
PUBLISHED = [model for model in MODELS if load_recipe(FIRST[model]).published is not None]


def test_there_are_many():
    assert len(RECIPES) >= 50
    phases = {load_recipe(name).run.phase for name in RECIPES}
    assert phases == {"prefill", "decode", "training"}


@pytest.mark.parametrize("model", PUBLISHED)
def test_totals_are_the_published_ones(model):
    recipe = load_recipe(FIRST[model], ("batch=1", "steps=1"))
    known = recipe.published
    assert known is not None
    if known.parameters:
        assert parameters(recipe) == pytest.approx(known.parameters, rel=0.02)
    if known.active_parameters:
        found = active_parameters(recipe, embedding=known.active_with_embedding)
        assert found == pytest.approx(known.active_parameters, rel=0.02)
    if known.macs:
        assert macs(recipe) == pytest.approx(known.macs, rel=0.02)


@pytest.mark.parametrize("name", RECIPES)
def test_a_small_copy_is_sound_and_runs_on_both_kinds_of_machine(name):
    trace = reduced(load_recipe(name)).trace()
    check_operators(trace.operators, name)
    check_contents(trace.operators, name)
    effectual = sum(op.repeat * effectual_macs(op) for op in trace.operators)
    for arch in ("systolic_32", "sparse_small"):
        machine = load_arch(arch, ("dram.level=train",))
        result = simulate(machine, trace)
        assert result.total_ps > 0 and result.summary["effectual_macs"] == effectual
        assert result.summary["overall_utilization"] <= 1


@pytest.mark.parametrize(("count", "most"), [(1, 3), (3, 3), (32, 3), (58, 5), (7, 1), (9, 2)])
def test_repeats_stand_for_all_layers(count, most):
    found = simulated(count, most)
    assert len(found) == min(count, most) and sum(repeat for _, repeat in found) == count
    assert [number for number, _ in found] == sorted({number for number, _ in found})
    assert most < 3 or (found[0] == (0, 1) and found[-1] == (count - 1, 1))


def test_repeats_change_no_total():
    few = load_recipe("mixtral_8x7b_prefill_2k")
    all_layers = load_recipe("mixtral_8x7b_prefill_2k", ("simulated_layers=32",))
    assert parameters(few) == parameters(all_layers) and macs(few) == macs(all_layers)


def test_decode_has_a_growing_cache_and_depends_on_the_step_before():
    operators = load_recipe("mixtral_8x7b_decode_4k_b32").operators()
    lengths = [op.kv_len for op in operators if isinstance(op, Attention) and ".L0." in op.scope]
    assert lengths == list(range(4097, 4097 + 16))
    for step in range(1, 16):
        first = next(n for n, op in enumerate(operators) if op.scope == f"step{step}.embedding")
        assert operators[first].inputs == (first - 1,)


def test_a_prompt_may_come_twice_cold_and_warm():
    operators = load_recipe("olmoe_1b_7b_prefill_4k", ("steps=2",)).operators()
    first, second = ([op for op in operators if op.scope.startswith(f"step{n}.")] for n in (0, 1))
    assert [op.scope[6:] for op in first] == [op.scope[6:] for op in second]
    assert len(first) + len(second) == len(operators)


def test_the_indexer_costs_more_than_its_attention_beyond_35k_keys():
    data = index_cost.prepare()
    assert data.crossing == pytest.approx(128 * 1088 * 2048 / 8192, rel=0.01)
    share = dict(zip(data.lengths, zip(data.prediction, data.attention, strict=True), strict=True))
    index, attention = share[1 << 17]
    assert index / attention == pytest.approx(3.77, abs=0.02)


def test_backward_is_twice_the_forward_and_masks_come_back_transposed():
    operators = load_recipe("grow_and_prune_mlp_b512", ("steps=1",)).operators()
    forward = {op.scope: op for op in operators if isinstance(op, Matmul) and "." not in op.scope}
    for scope, op in forward.items():
        found = {
            o.scope.rpartition(".")[2]: o
            for o in operators
            if o.scope.startswith(f"backward.{scope}.")
        }
        weights = found["weights"]
        assert effectual_macs(weights) == effectual_macs(op)
        assert weights.output_pattern is op.weight_pattern
        if op.inputs:
            data = found["data"]
            assert effectual_macs(data) == effectual_macs(op)
            assert (data.weight_pattern.mask() == op.weight_pattern.mask().T).all()


def test_training_attention_is_seven_products():
    operators = load_recipe("longformer_base_train_4k", ("simulated_layers=1",)).operators()
    macs_of = {op.scope: effectual_macs(op) for op in operators if isinstance(op, Attention)}
    forward = macs_of["L1.attention"]
    back = sum(value for scope, value in macs_of.items() if scope.startswith("backward."))
    assert back == 7 * forward // 2


def test_selection_by_the_model_names_its_operator():
    for name in ("deepseek_v32_decode_32k_b32", "nsa_27b_decode_64k_b16",
                 "llama3_8b_quest_decode_32k_b8", "llama3_8b_moba_prefill_8k"):  # fmt: skip
        operators = load_recipe(name, ("steps=1",)).operators()
        chosen = [op for op in operators if isinstance(op, Attention) and op.selection == "model"]
        assert chosen and all(isinstance(operators[op.index_operator], Index) for op in chosen)


def test_layers_differ_and_seeds_do_too():
    def ids(*shape: str) -> list[bytes]:
        operators = load_recipe("qwen3_30b_a3b_decode_4k_b64", ("steps=1", *shape)).operators()
        return [
            bytes(memoryview(op.expert_ids.__array__())) for op in operators if isinstance(op, Moe)
        ]

    assert len(set(ids())) == 3 and ids() == ids()
    assert not set(ids()) & set(ids("seed=1"))


def test_a_recipe_is_written_and_read_as_a_trace(tmp_path):
    trace = reduced(load_recipe("deepseek_v32_prefill_8k")).trace()
    written = write_trace(tmp_path / "r.trace", trace.name, trace.operators, **trace.metadata)
    assert validate_trace(tmp_path / "r.trace").content_hash == written.content_hash
    assert written.content_hash == trace.content_hash
    assert sum(p.stat().st_size for p in (tmp_path / "r.trace").iterdir()) < 100_000


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("batch=0", "run.batch: is 0, expected more than 0"),
        ("lenght=4", "unknown key 'run.lenght' (did you mean 'length'?"),
        ("model.d_modle=4", "unknown key 'model.d_modle' (did you mean 'd_model'?"),
        ("phase=decoding", "'decoding' is not known (did you mean 'decode'?"),
    ],
)
def test_a_wrong_shape_is_one_clear_line(shape, said):
    with pytest.raises(InputError) as error:
        load_trace("mixtral_8x7b_prefill_2k", (shape,))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_names_that_are_not_there():
    with pytest.raises(InputError, match="did you mean 'mixtral_8x7b_prefill_2k'"):
        load_trace("mixtral_8x7b_prefil_2k")
    with pytest.raises(InputError, match="a trace has the shape that was captured"):
        load_trace("tiny_moe_lm", ("batch=2",))
    with pytest.raises(InputError, match=r"no such file 'no\.yaml'"):
        load_trace("no.yaml:prefill")


@pytest.mark.parametrize("arch", ["systolic_128", "sparse_v1"])
def test_decode_reads_its_cache_from_dram(arch):
    """Also where the projections of the new tokens stay on chip; a short prompt may stay there."""
    shape = ("steps=2", "simulated_layers=1", "length=512", "batch=2")
    trace = load_trace("llama3_8b_decode_32k_b8", shape)
    traffic = simulate(load_arch(arch, ("dram.level=train",)), trace).traffic
    read = traffic[traffic["cause"] == "keys and values"].set_index("scope")["requested_bytes"]
    for op in trace.operators:
        if isinstance(op, Attention):
            cache = 2 * op.batch * op.kv_heads * op.kv_len * op.d_qk * 2
            assert read[op.scope] == op.repeat * cache


def test_heads_of_a_group_look_at_the_same_page_bounds_in_decode():
    operators = load_recipe("llama3_8b_quest_decode_32k_b8", ("steps=1",)).operators()
    index = next(op for op in operators if isinstance(op, Index))
    attention = next(op for op in operators if isinstance(op, Attention))
    assert (index.batch, index.q_len) == (
        8 * attention.kv_heads,
        attention.heads // attention.kv_heads,
    )
    assert index.batch * index.q_len == attention.batch * attention.heads


def test_of_embedding_tables_only_looked_up_rows_are_updated():
    operators = load_recipe("dlrm_train_b2048").operators()
    tables = [op for op in operators if isinstance(op, Gather)]
    updates = [op for op in operators if op.scope.endswith(".update")]
    assert len(tables) == 26 and sum(isinstance(op, ScatterAdd) for op in operators) == 26
    assert updates and not any("table" in op.scope for op in updates)
