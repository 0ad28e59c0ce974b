"""Models compiled by XLA in a real worker, and the program that the worker leaves behind."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.analysis.memory.curve import curve_of
from profilers.captures import read_capture
from profilers.captures.tf.files import AUTHORED_FILE, MODULE_FILE, OPTIMISED_FILE
from profilers.captures.tf.names import NodeNames
from profilers.captures.xla.fusion import link_program
from profilers.captures.xla.memory import planned_blocks
from profilers.errors import CaptureFailed, DamagedFile
from profilers.graphs.hlo_program import read_hlo
from profilers.graphs.hlo_text import computation_text
from profilers.graphs.tensorflow_protos import parse
from profilers.graphs.tf_graph_def import read_graph_def
from profilers.profile import NodeKind, Profile, SliceKind, StringPool, decode
from profilers.profile.references import broken_references
from tests.conftest import Capture, CaptureFolder

Captured = Callable[[str], Path]
GAP = "Largest difference from TensorFlow without XLA"


@pytest.fixture
def captured(tf_files: Path, capture_folder: CaptureFolder) -> Captured:
    """Folder of a capture of one of the test models."""
    return lambda name: capture_folder(tf_files / name, "tf-xla")


def names_of(profile: Profile, stage: int, rows: Any) -> list[str]:
    nodes = profile.graphs[stage].nodes
    return [profile.strings[name] for name in nodes.name[rows]]


def operators_of(profile: Profile, stage: int, rows: Any) -> set[str]:
    nodes = profile.graphs[stage].nodes
    return {profile.strings[operator] for operator in nodes.operator[rows]}


@pytest.mark.parametrize(
    "name", ["cnn_saved", "cnn.keras", "cnn.h5", "cnn_frozen.pb", "block.keras", "control.keras"]
)
def test_every_kind_of_file_runs_and_is_linked(captured: Captured, name: str) -> None:
    profile = read_capture(captured(name))
    assert broken_references(profile) == []
    assert [graph.stage for graph in profile.graphs] == ["authored", "hlo"]
    coverage = link_coverage(profile)
    for share in (coverage.operator_time, coverage.fused_kernel_time, coverage.peak_bytes):
        assert share is not None
        assert share >= 0.95
    assert profile.steps.number.tolist() == [0, 1, 2, 3, 4]
    assert not profile.diagnostics
    assert float(profile.environment.facts[GAP]) < 1e-5


def test_what_xla_reduced_to_a_copy_stands_for_the_result(captured: Captured) -> None:
    """Of one row the sum of each row is the input: no instruction has a name left."""
    profile = read_capture(captured("rows_saved"))
    coverage = link_coverage(profile)
    assert coverage.operator_time == 1.0
    assert coverage.peak_bytes == 1.0
    slices = profile.trace.slices
    ran = slices.node[(slices.kind == SliceKind.OPERATOR) & (slices.node >= 0)]
    assert operators_of(profile, 0, ran) == {"UnsortedSegmentSum"}


def test_a_fusion_opens_and_names_the_operators_that_it_computes(captured: Captured) -> None:
    profile = read_capture(captured("cnn_saved"))
    groups, members, program = profile.fusion.groups, profile.fusion.members, profile.graphs[1]
    assert operators_of(profile, 1, groups.node) == {"fusion"}
    assert set(program.nodes.kind[groups.node]) == {NodeKind.CONTROL}
    assert {profile.strings[kind] for kind in groups.kind} == {"loop", "output"}
    made_of = [
        operators_of(profile, 0, members.node[members.group == group])
        for group in range(len(groups))
    ]
    first = next(found for found in made_of if "Relu" in found)
    assert {"BiasAdd", "Mul", "Sub", "AddV2", "Relu"} == first  # the convolution runs apart
    for group, node in enumerate(groups.node.tolist()):
        bodies = np.flatnonzero(program.subgraphs.owner == node)
        inside = np.isin(program.nodes.subgraph, bodies)
        assert inside.sum() > 1
        tied = np.isin(program.origins.node, np.flatnonzero(inside))
        assert set(members.node[members.group == group]) <= set(program.origins.authored[tied])
        source = profile.strings[groups.source[group]]
        for name in names_of(profile, 1, inside):
            assert f"%{name} = " in source
        assert source.startswith(f"// makes %{profile.strings[groups.name[group]]} f32[")
        assert all(
            " bytes at " in line for line in source.splitlines() if line.startswith("// makes")
        )


def test_slices_carry_the_fusion_that_ran(captured: Captured) -> None:
    profile = read_capture(captured("cnn_saved"))
    slices, groups = profile.trace.slices, profile.fusion.groups
    for group, name in enumerate(groups.name.tolist()):
        rows = np.flatnonzero(slices.group == group)
        assert len(rows) == 5  # once per step
        assert set(slices.name[rows]) == {name}
        assert (slices.kind[rows] == SliceKind.OPERATOR).all()
    lone = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.group < 0))
    assert operators_of(profile, 0, np.unique(slices.node[lone])) == {"Conv2D"}
    assert len(np.unique(slices.node[lone])) == 2


def test_weights_are_parameters_and_tensors_have_shapes(captured: Captured) -> None:
    profile = read_capture(captured("cnn_saved"))
    authored, program = profile.graphs
    named = [
        {
            (profile.strings[name], profile.strings[shape])
            for name, shape in zip(g.parameters.name, g.parameters.shape, strict=True)
        }
        for g in (authored, program)
    ]
    assert named[0] == named[1]
    entry = program.nodes.subgraph < 0
    given = np.flatnonzero(entry & (program.nodes.kind == NodeKind.INPUT))
    origin = program.origins.authored[np.isin(program.origins.node, given)]
    assert names_of(profile, 0, origin) == ["image"]
    edges = program.edges
    assert (edges.bytes > 0).all()
    assert "1,32,32,16" in {profile.strings[shape] for shape in edges.shape}
    flops = [
        sorted(int(count) for count in graph.nodes.flops if count > 0)
        for graph in (authored, replace(program, nodes=program.nodes.take(entry)))
    ]
    assert flops[0] == flops[1]  # two convolutions, and a product that is fused with its bias


def test_loops_and_branches_open_and_their_slices_find_the_bodies(captured: Captured) -> None:
    profile = read_capture(captured("control_saved"))
    authored, program = profile.graphs
    strings, slices = profile.strings, profile.trace.slices
    opened = {
        (strings[program.nodes.operator[owner]], strings[name])
        for name, owner in zip(program.subgraphs.name, program.subgraphs.owner, strict=True)
    }
    assert {("while", "body"), ("while", "cond")} <= opened
    assert {("conditional", "then"), ("conditional", "else")} <= opened
    linked = slices.node[(slices.kind == SliceKind.OPERATOR) & (slices.node >= 0)]
    bodies = authored.nodes.subgraph[linked]
    ran = {strings[name] for name in authored.subgraphs.name[np.unique(bodies[bodies >= 0])]}
    assert {"body", "cond"} <= ran
    assert len(ran & {"then", "else"}) == 1  # both branches call theirs cond/MatMul


def test_products_without_a_name_find_theirs(captured: Captured) -> None:
    """XLA rewrites the two products of attention, and its new ones have no name."""
    profile = read_capture(captured("block.keras"))
    program, strings = profile.graphs[1], profile.strings
    is_dot = np.array([strings[operator] == "dot" for operator in program.nodes.operator])
    of_dots = program.origins.take(is_dot[program.origins.node])
    assert of_dots.node.tolist() == np.flatnonzero(is_dot).tolist()  # one each
    assert len(np.unique(of_dots.authored)) == is_dot.sum()
    assert operators_of(profile, 0, of_dots.authored) == {"BatchMatMulV2", "Einsum", "MatMul"}
    flops = profile.graphs[0].nodes.flops[of_dots.authored]
    assert program.nodes.flops[of_dots.node].tolist() == flops.tolist()


def test_what_xla_refuses_is_named(captured: Captured, tf_files: Path) -> None:
    with pytest.raises(CaptureFailed, match=r"XLA cannot compile .*no kernel for .*EagerPyFunc"):
        captured("file_access_saved")
    (tf_files / "written.txt").unlink()  # loading a trusted model does what its preview warned of


def test_a_model_that_xla_refuses_runs_without_it(capture: Capture, unconvertible: Path) -> None:
    profile = capture(unconvertible / "text_saved", "tf-xla")
    strings, breaks = profile.strings, profile.fusion.breaks
    operators = [strings[profile.authored.nodes.operator[node]] for node in breaks.node]
    assert {strings[kind] for kind in breaks.kind} == {"not compiled"}
    assert operators == ["AsString", "StringLength"]  # XLA's own refusal names the first alone
    told = "no kernel for AsString or StringLength"
    assert any(told in each.message for each in profile.diagnostics)
    assert profile.environment.facts["Compiled by XLA"] == "no"
    assert len(profile.steps) == 5


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("seen_saved", "some depend on the values within the model .at MatMul"),
        ("control_frozen.pb", "control flow is of TensorFlow 1's kind"),
        ("tf1_counting", "changes variables of TensorFlow 1's kind while it runs"),
    ],
)
def test_sizes_and_old_graphs_that_xla_refuses_are_told_in_words(
    capture: Capture, tf_files: Path, unconvertible: Path, name: str, says: str
) -> None:
    folder = unconvertible if (unconvertible / name).exists() else tf_files
    profile = capture(folder / name, "tf-xla")
    assert profile.environment.facts["Compiled by XLA"] == "no"
    assert any(re.search(says, each.message) for each in profile.diagnostics)
    assert link_coverage(profile).operator_time == 1.0


def test_a_list_that_xla_leaves_empty_is_told(capture: Capture, unconvertible: Path) -> None:
    profile = capture(unconvertible / "greedy_saved", "tf-xla")
    (told,) = [each for each in profile.diagnostics if "in shape" in each.message]
    assert "result 0 is [0, 1] and not" in told.message
    assert "lists" in told.remedy


def test_a_state_is_the_same_for_both_that_are_compared(
    capture: Capture, unconvertible: Path
) -> None:
    profile = capture(unconvertible / "counting_saved", "tf-xla")
    assert float(profile.environment.facts[GAP]) < 1e-5


def test_text_is_never_given_to_xla(capture: Capture, tf_files: Path) -> None:
    for seed in (0, 1):  # the second program would end TensorFlow's process
        profile = capture(tf_files / "words_saved", "tf-xla", seed=seed)
        assert profile.environment.facts["Compiled by XLA"] == "no"
        (told,) = [each for each in profile.diagnostics if "inputs such as text" in each.message]
        assert "without the layers that read text" in told.remedy


def test_instructions_tell_their_buffers(captured: Captured) -> None:
    profile = read_capture(captured("cnn_saved"))
    program = profile.graphs[1]
    held = [
        text
        for row in range(len(program.nodes))
        for text in decode(program.attributes, row).get("buffers", ())
    ]
    assert f"{4 * 32 * 32 * 16:,} bytes at 0 of" in " ".join(held)  # of the first convolution
    assert any(text.endswith("(result)") and text.startswith("40 bytes") for text in held)


def test_the_text_of_a_computation_names_every_instruction(captured: Captured) -> None:
    program = read_hlo((captured("control_saved") / MODULE_FILE).read_bytes())
    for computation in program.computations.values():
        lines = computation_text(computation, program).splitlines()[1:-1]
        assert len(lines) == len(computation.instructions)
        assert sum(line.startswith("  ROOT ") for line in lines) == 1


def test_a_damaged_program_is_refused_with_a_sentence(captured: Captured, tmp_path: Path) -> None:
    for file in captured("cnn_saved").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = (tmp_path / MODULE_FILE).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\xff" * 100):
        (tmp_path / MODULE_FILE).write_bytes(damaged)
        with pytest.raises(DamagedFile):
            read_capture(tmp_path)


def test_a_capture_without_its_program_says_so(captured: Captured, tmp_path: Path) -> None:
    for file in captured("cnn_saved").iterdir():
        if file.name not in (MODULE_FILE, OPTIMISED_FILE):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    profile = read_capture(tmp_path)
    assert [graph.stage for graph in profile.graphs] == ["authored"]
    assert ["optimised graph" in told.message for told in profile.diagnostics] == [True]


def test_a_program_that_calls_itself_or_what_is_not_there_is_refused(captured: Captured) -> None:
    whole = (captured("cnn_saved") / MODULE_FILE).read_bytes()
    for called, reason in ((None, "deep|absurd number"), (12345, "not there")):
        message = parse("HloProgram", whole)
        module = message.hlo_module
        entry = next(c for c in module.computations if c.id == module.entry_computation_id)
        fusion = next(each for each in entry.instructions if each.opcode == "fusion")
        fusion.called_computation_ids[0] = entry.id if called is None else called
        with pytest.raises(ValueError, match=reason):
            read_hlo(message.SerializeToString())


def test_absurd_programs_are_read_or_refused(captured: Captured) -> None:
    """Ids, shapes and names at random: a graph that holds together, or a ValueError."""
    folder = captured("control_saved")
    whole = (folder / MODULE_FILE).read_bytes()
    authored_bytes = (folder / AUTHORED_FILE).read_bytes()
    numbers = random.Random(0)
    read = 0
    for _ in range(150):
        try:
            program = read_hlo(_changed(whole, numbers))
        except ValueError:
            continue
        pool = StringPool()
        authored = read_graph_def(parse("GraphDef", authored_bytes), pool)
        names = NodeNames(authored, pool.table())
        result = link_program(program, authored, [], 1, names, pool)
        profile = Profile("x", pool.table(), graphs=(authored, result.stage), fusion=result.fusion)
        assert broken_references(profile) == []
        read += 1
    assert read > 20


def _changed(data: bytes, numbers: random.Random) -> bytes:
    message = parse("HloProgram", data)
    computations = list(message.hlo_module.computations)
    instructions = [each for computation in computations for each in computation.instructions]
    for _ in range(numbers.choice((1, 3, 10))):
        one, other = numbers.choice(instructions), numbers.choice(instructions)
        absurd = numbers.choice((-1, 0, 2**31, 2**62, -(2**63), other.id))
        match numbers.randrange(6):
            case 0:
                one.id = absurd
            case 1:
                one.operand_ids.append(absurd)
            case 2:
                one.called_computation_ids.append(numbers.choice(computations).id)
            case 3:
                one.opcode = numbers.choice(("fusion", "while", "conditional", "dot", "parameter"))
            case 4:
                one.shape.dimensions.append(absurd)
            case 5:
                one.metadata.op_name = numbers.choice((";" * 999, "/" * 999, "x" * 9999))
    encoded: bytes = message.SerializeToString()
    return encoded


@pytest.mark.parametrize("name", ["cnn_saved", "control_saved"])
def test_without_allocator_events_memory_is_what_xla_planned(captured: Captured, name: str) -> None:
    """No more than its blocks at any time, and every buffer within its step."""
    folder = captured(name)
    profile = read_capture(folder)
    program = read_hlo((folder / MODULE_FILE).read_bytes())
    names, slices = NodeNames(profile.authored, profile.strings), profile.trace.slices
    result = link_program(program, profile.authored, (), 1, names, StringPool(profile.strings))
    blocks = planned_blocks(program, result.node_of, slices, profile.strings, 0)
    placed = {  # neither what a reduction calls nor what a loop hands on
        place.instruction.id
        for place in program.places
        if place.instruction.opcode not in ("parameter", "while")
    }
    made_by = {each.id: each.defined_at.instruction_id for each in program.buffers.logical_buffers}
    sizes = [
        part.size
        for block in program.buffers.buffer_allocations
        if not block.is_entry_computation_parameter and not block.is_constant
        for part in block.assigned
        if made_by[part.logical_buffer_id] in placed
    ]
    assert sorted(blocks.bytes.tolist()) == sorted(sizes * len(profile.steps))
    assert (blocks.freed_ns >= blocks.allocated_ns).all()
    is_run = blocks.slice >= 0
    assert is_run.any()
    assert (slices.start_ns[blocks.slice[is_run]] == blocks.allocated_ns[is_run]).all()
    assert (blocks.node[is_run] >= 0).mean() > 0.95
    total = sum(block.size for block in program.buffers.buffer_allocations)
    _, levels = curve_of(blocks)
    assert max(sizes) <= levels.max() <= total
