"""What runs in branches and loops is tied to the nodes of their bodies."""

from collections import Counter

import numpy as np

from profilers.captures.pytorch.links import outermost_operators
from profilers.profile import Profile
from profilers.request import InputSpec
from tests.conftest import ROOT, Capture
from tests.profilers.captures.linked import assert_linked

MODELS = ROOT / "tests" / "models"
PLACES = {
    "Decided": ("awkward.py", InputSpec("x", "float32", (4, 16))),
    "Scanned": ("bodies.py", InputSpec("x", "float32", (6, 4, 16))),
    "Experts": ("bodies.py", InputSpec("x", "float32", (8, 16))),
}


def captured(capture: Capture, name: str, mode: str, **options: str) -> Profile:
    file, given = PLACES[name]
    return capture(MODELS / file, mode, signature=name, inputs=(given,), options=options)


def calls(profile: Profile, step: int) -> Counter[tuple[str, str]]:
    """How often operators of a step ran, by what owns the body that their node is in, and the node."""
    graph, slices = profile.authored, profile.trace.slices
    rows, _ = outermost_operators(slices, profile.strings)
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        node = int(slices.node[row])
        if node >= 0 and slices.step[row] == step:
            body = int(graph.nodes.subgraph[node])
            owner = int(graph.subgraphs.owner[body]) if body >= 0 else -1
            found[name_of(profile, owner), name_of(profile, node)] += 1
    return found


def name_of(profile: Profile, node: int) -> str:
    return profile.strings[int(profile.authored.nodes.name[node])] if node >= 0 else ""


def test_eager_mode_runs_the_nodes_of_bodies(capture: Capture) -> None:
    profile = captured(capture, "Decided", "torch-eager")
    assert_linked(profile)
    assert not any("one run executed" in each.message for each in profile.diagnostics)
    ran = calls(profile, 1)
    assert ran["while_loop", "tanh"] == ran["while_loop", "linear"] == 3  # rounds
    assert ran["while_loop", "lt"] == 4
    assert ran["", "linear"] == 1
    assert ran["cond", "linear"] == 1  # of one of both branches


def test_training_traces_a_scan_in_each_step_and_all_of_it_is_linked(capture: Capture) -> None:
    profile = captured(capture, "Scanned", "torch-eager", run="training")
    assert_linked(profile)
    ran = calls(profile, 1)
    assert ran["scan", "tanh"] >= 6  # rounds, and what is traced
    slices = profile.trace.slices
    backward = [
        row
        for row, name in enumerate(slices.name.tolist())
        if profile.strings[name].endswith(": ScanAutogradOpBackward")
    ]
    assert {name_of(profile, int(node)) for node in slices.node[backward]} == {"scan"}


def test_branches_after_each_other_are_told_apart(capture: Capture) -> None:
    profile = captured(capture, "Experts", "torch-eager")
    assert_linked(profile)
    graph = profile.authored
    owners = {owner for owner, _ in calls(profile, 1)}
    assert {"cond", "cond_1"} <= owners
    assert np.unique(graph.subgraphs.owner).size == 2
