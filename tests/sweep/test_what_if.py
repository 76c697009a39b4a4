"""What would help most: each change is one that could stand in the YAML."""

from __future__ import annotations

import json

import pytest

from accelsim import load_arch, load_trace, simulate
from accelsim.arch.load import arch_source, published_names, shipped_names
from accelsim.sweep.what_if import changes, what_if


@pytest.mark.parametrize("name", [*shipped_names(), *published_names()])
def test_every_change_of_every_machine_can_be_made(name):
    source = arch_source(name)
    arch = source.arch()
    tried = {
        change.name: source.with_settings(change.settings).arch() for change in changes(source)
    }
    assert len(tried) >= 8
    twice = tried["MAC array x2, with its ports"]
    for dtype in arch.mac_rate:
        assert twice.peak_macs_per_cycle(dtype) == 2 * arch.peak_macs_per_cycle(dtype)
    assert tried["DRAM x2"].dram.bandwidth == 2 * arch.dram.bandwidth
    for changed in tried.values():
        assert changed.scratchpad_bytes >= arch.scratchpad_bytes


def test_gains_are_those_of_the_yaml(tmp_path, trace):
    before, found = what_if(arch_source("sparse_small"), load_trace(trace))
    gains = {change.name: change.gain for change in found}
    assert list(gains.values()) == sorted(gains.values(), reverse=True)
    assert not any(change.refused for change in found)
    assert before == simulate(load_arch("sparse_small"), load_trace(trace)).total_ps
    written = {
        "vector unit x2, with its ports": """
vector: {lanes: 256}
scratchpad: {read_ports: 2, write_ports: 2, shares: {vector: {read: 160 B, write: 160 B}}}
""",
        "DRAM x2": "dram: {stacks: 4, bandwidth: 100 GB/s}\n",
        "FIFOs of the array x2": """
array: {fifo_depth: 16, fifo_storage: 32 KiB}
on_chip: 400 KiB
""",
        "dispatch and reconfiguration free": """
control: {dispatch_cycles: 0}
array: {reconfiguration_cycles: 0}
""",
    }
    for name, text in written.items():
        path = tmp_path / "changed.yaml"
        path.write_text(f"extends: sparse_small\nname: changed\n{text}")
        total = simulate(load_arch(str(path)), load_trace(trace)).total_ps
        assert gains[name] == before / total, name
    assert gains["vector unit x2, with its ports"] > 1.02


def test_the_command_prints_and_writes_them(cli, trace, tmp_path):
    out = tmp_path / "w.json"
    done = cli("what-if", "--arch", "systolic_32", "--workload", trace, "--json", out)
    assert done.code == 0 and "MAC array x2, with its ports" in done.out
    found = json.loads(out.read_text())
    assert found["changes"][0]["gain"] >= found["changes"][-1]["gain"] > 0
