"""What runs in branches and loops is tied to the nodes of their bodies."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from profilers.captures.pytorch.links import outermost_operators
from profilers.profile import Profile
from profilers.request import InputSpec
from tests.conftest import ROOT, Capture
from tests.profilers.captures.linked import assert_linked

MODELS = ROOT / "tests" / "models" / "awkward.py"
SHAPES = {"Decided": (4, 16), "Scanned": (6, 4, 16), "Mapped": (4, 16), "Lowered": (4, 16)}


def captured(capture: Capture, name: str, mode: str, **options: str) -> Profile:
    inputs = (InputSpec("x", "float32", SHAPES[name]),)
    return capture(MODELS, mode, signature=name, inputs=inputs, options=options)


def calls(profile: Profile, rows: Iterable[int]) -> Counter[tuple[str, str]]:
    """How often slices are of each node, by the body that it is in (``cond then``) and its name."""
    graph, slices = profile.authored, profile.trace.slices
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        node = int(slices.node[row])
        if node >= 0:
            body = int(graph.nodes.subgraph[node])
            inside = f"{name_of(profile, int(graph.subgraphs.owner[body]))} " if body >= 0 else ""
            title = profile.strings[int(graph.subgraphs.name[body])] if body >= 0 else ""
            found[f"{inside}{title}", name_of(profile, node)] += 1
    return found


def operators(profile: Profile, step: int) -> list[int]:
    rows, _ = outermost_operators(profile.trace.slices, profile.strings)
    return [row for row in rows if profile.trace.slices.step[row] == step]


def name_of(profile: Profile, node: int) -> str:
    return profile.strings[int(profile.authored.nodes.name[node])] if node >= 0 else ""


def test_eager_mode_runs_the_nodes_of_bodies(capture: Capture) -> None:
    profile = captured(capture, "Decided", "torch-eager")
    assert_linked(profile)
    assert not any("one run executed" in each.message for each in profile.diagnostics)
    ran = calls(profile, operators(profile, 1))
    assert ran["while_loop body", "tanh"] == ran["while_loop body", "linear"] == 3  # rounds
    assert ran["while_loop cond", "lt"] == 4
    assert ran["", "linear"] == 1
    assert ran["cond then", "linear"] + ran["cond else", "linear"] == 1


def test_of_branches_with_the_same_operators_the_one_that_ran_is_told(capture: Capture) -> None:
    profile = captured(capture, "Decided", "torch-eager")
    ran = calls(profile, operators(profile, 1))
    assert ran["cond_1 else", "linear"] == 1
    assert ran["cond_1 then", "linear"] == 0


def test_training_traces_a_scan_in_each_step_and_all_of_it_is_linked(capture: Capture) -> None:
    profile = captured(capture, "Scanned", "torch-eager", run="training")
    assert_linked(profile)
    ran = calls(profile, operators(profile, 1))
    assert ran["scan body", "tanh"] >= 6  # rounds, and what is traced
    slices = profile.trace.slices
    backward = [
        row
        for row, name in enumerate(slices.name.tolist())
        if profile.strings[name].endswith(": ScanAutogradOpBackward")
    ]
    assert {name_of(profile, int(node)) for node in slices.node[backward]} == {"scan"}


def test_kernels_of_a_package_are_of_the_nodes_in_their_own_bodies(capture: Capture) -> None:
    """Nodes of bodies and of the graph around them have the same names."""
    profile = captured(capture, "Decided", "torch-aoti")
    assert_linked(profile)
    slices = profile.trace.slices
    kernels = np.flatnonzero((slices.group >= 0) & (slices.step == 1))
    products = [row for row in kernels if "addmm" in profile.strings[int(slices.name[row])]]
    outermost = [row for row in products if slices.group[slices.parent[row]] < 0]
    ran = calls(profile, outermost)
    assert ran["while_loop body", "linear"] == 3
    assert ran["", "linear"] == 1
    assert ran["cond then", "linear"] + ran["cond else", "linear"] == 1
    assert ran["cond_1 then", "linear"] + ran["cond_1 else", "linear"] == 1


def test_a_loop_over_rows_is_compiled_though_its_rounds_read_numbers(capture: Capture) -> None:
    profile = captured(capture, "Mapped", "torch-compile")
    assert_linked(profile)
    assert len(profile.fusion.groups) > 0
    assert not len(profile.fusion.breaks)
    assert any("capture_scalar_outputs" in each.message for each in profile.diagnostics)
    slices = profile.trace.slices
    ran = calls(profile, np.flatnonzero((slices.group >= 0) & (slices.step == 1)).tolist())
    assert ran["map_impl body", "linear"] >= 4  # rows


def test_kernels_of_a_part_under_autocast_are_tied_to_its_body(capture: Capture) -> None:
    """Export makes a body of the part, the compiler does not."""
    profile = captured(capture, "Lowered", "torch-compile")
    assert_linked(profile)
    members = profile.fusion.members
    assert set(members.group.tolist()) == set(range(len(profile.fusion.groups)))
    ran = calls(profile, np.flatnonzero(profile.trace.slices.group >= 0).tolist())
    assert ran["linear body", "linear"] > 0


def test_a_check_that_export_adds_belongs_to_the_operator_after_it(capture: Capture) -> None:
    profile = captured(capture, "Lowered", "torch-export")
    slices = profile.trace.slices
    is_check = [text == "aten::_assert_tensor_metadata" for text in profile.strings]
    checks = np.flatnonzero(np.array(is_check)[slices.name] & (slices.step >= 0))
    assert {name_of(profile, int(node)) for node in slices.node[checks]} == {"to"}
