"""xplane files that another machine's profiler wrote, dropped without the model that ran."""

import random
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.captures.xla.fusion import STAGE, add_linked
from profilers.graphs.builder import GraphBuilder
from profilers.graphs.hlo_names import path_of
from profilers.graphs.hlo_operations import add_operations, with_own_names
from profilers.graphs.hlo_program import read_hlo
from profilers.graphs.tensorflow_protos import parse
from profilers.opening import open_path
from profilers.profile import MemoryCategory, Profile, SliceKind, StringPool, TrackKind, decode
from profilers.profile.references import broken_references
from profilers.traces.xplane_programs import programs_of
from tests.conftest import ROOT, build_models
from tests.profilers.captures.linked import assert_linked

GPU = ROOT / "tests" / "data" / "gpu"


def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    assert broken_references(profile) == []
    return profile


def scopes_of(profile: Profile, node: int) -> list[str]:
    scopes, found = profile.authored.scopes, []
    row = int(profile.authored.nodes.scope[node])
    while row >= 0:
        found.append(profile.strings[scopes.name[row]])
        row = int(scopes.parent[row])
    return found[::-1]


def linked(profile: Profile) -> list[tuple[str, list[str]]]:
    """The instruction of each operator, and the scopes of the operation that it is linked to."""
    slices = profile.trace.slices
    rows = np.flatnonzero(slices.kind == SliceKind.OPERATOR).tolist()
    return [
        (profile.strings[slices.name[row]], scopes_of(profile, int(slices.node[row])))
        for row in rows
    ]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    return build_models("build_xla_traces", tmp_path_factory.mktemp("xla_traces"))


@pytest.fixture(scope="module", params=["encoder_jax", "encoder_jax_training"])
def of_gpu(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    with zipfile.ZipFile(GPU / f"{request.param}.zip") as packed:
        return Path(packed.extract("xplane.pb", folder))


def test_kernels_of_a_gpu_are_linked_to_layers(of_gpu: Path) -> None:
    profile = opened(of_gpu)
    assert_linked(profile)
    assert link_coverage(profile).fused_kernel_time == 1.0
    assert [graph.stage for graph in profile.graphs] == ["operations", STAGE]
    slices = profile.trace.slices
    rows = np.flatnonzero((slices.kind == SliceKind.KERNEL) & (slices.node >= 0))
    layers = {name for row in rows.tolist() for name in scopes_of(profile, slices.node[row])}
    assert {"encoder0_mha", "encoder1_mha", "encoder0_intermediate", "logits"} <= layers


def test_programs_of_one_name_are_told_apart(traces: Path) -> None:
    profile = opened(traces / "two.xplane.pb")
    ran = {
        (arguments["hlo_module"], arguments["program_id"]): scopes_of(profile, int(node))
        for row, node in enumerate(profile.trace.slices.node.tolist())
        if node >= 0 and "program_id" in (arguments := decode(profile.trace.arguments, row))
    }
    assert {module for module, _ in ran} == {"jit_model"}
    assert sorted(ran.values()) == [["jit_model", "first"], ["jit_model 2", "second"]]
    coverage = link_coverage(profile)
    assert (coverage.operator_time, coverage.fused_kernel_time) == (1.0, 1.0)


def test_what_a_loop_runs_is_linked_to_its_body(traces: Path) -> None:
    profile = opened(traces / "loop.xplane.pb")
    nodes, subgraphs, strings = profile.authored.nodes, profile.authored.subgraphs, profile.strings
    slices = profile.trace.slices
    in_cell = [
        row
        for row in np.flatnonzero(slices.node >= 0).tolist()
        if scopes_of(profile, int(slices.node[row]))[:1] == ["cell"]
    ]
    bodies = {int(nodes.subgraph[slices.node[row]]) for row in in_cell}
    (body,) = bodies
    assert strings[subgraphs.name[body]] == "body"
    assert strings[nodes.operator[subgraphs.owner[body]]] == "while"
    rounds = profile.trace.tracks.kind.tolist().count(TrackKind.OTHER)
    assert rounds >= 1
    names = {strings[name] for name in slices.name}
    assert "repeated/while, round 5 of 5" in names
    coverage = link_coverage(profile)
    assert coverage.operator_time == 1.0
    assert coverage.peak_bytes is not None
    assert coverage.peak_bytes >= 0.95


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("StatefulPartitionedCall/model/dense/MatMul", ["model", "dense", "MatMul"]),
        ("jit(step)/jvp(net/dense)/jit(relu)/max", ["net", "dense", "relu", "max"]),
        ("jit(step)/transpose(jvp(dense))/dot_general", ["gradient", "dense", "dot_general"]),
        ("jit(f)/scan/while/body/closed_call/cell/add", ["scan", "while", "body", "cell", "add"]),
        ("jit(f)/scan/while/body", []),
        ("jit(f)", []),
        ("XLA_Args", []),
        ("args[0]", []),
        ("cond", ["cond"]),
    ],
)
def test_what_names_tell(name: str, path: list[str]) -> None:
    assert path_of(name) == path


@pytest.mark.parametrize("of_gpu", ["encoder_jax"], indirect=True)
def test_absurd_programs_are_shown_or_refused(of_gpu: Path) -> None:
    whole = max(programs_of(of_gpu).values(), key=len)
    numbers, read = random.Random(0), 0
    for _ in range(12):
        message = parse("HloProgram", whole)
        computations = list(message.hlo_module.computations)
        instructions = [each for one in computations for each in one.instructions]
        for one in numbers.sample(instructions, 60):
            one.operand_ids.append(numbers.choice(instructions).id)
            one.parameter_number = numbers.choice((-5, 2**40, 1))
            one.tuple_index = numbers.choice((-1, 2**40))
            one.metadata.op_name = numbers.choice(
                ("((((" * 200, "/" * 999, "a;b;a", "jit(x)/while")
            )
            one.opcode = numbers.choice(("parameter", "while", "tuple", "get-tuple-element"))
        try:
            program = with_own_names(read_hlo(message.SerializeToString()))
        except ValueError:
            continue
        pool = StringPool()
        builder, stage = GraphBuilder(pool), GraphBuilder(pool, STAGE)
        names = add_operations(builder, program, ())
        authored = builder.build()
        links = add_linked(stage, program, authored, (), 1, names, pool)
        profile = Profile("x", pool.table(), graphs=(authored, stage.build()), fusion=links.fusion)
        assert broken_references(profile) == []
        read += 1
    assert read > 5


def test_arguments_are_told_apart_by_their_names(traces: Path) -> None:
    profile = opened(traces / "trained.xplane.pb")
    assert profile.graphs[0].stage == "operations"  # nobody wrote it like that
    blocks = profile.memory.allocations
    sizes = dict(zip(blocks.category.tolist(), blocks.bytes.tolist(), strict=True))
    assert sizes[MemoryCategory.PARAMETER] == sizes[MemoryCategory.OPTIMISER_STATE] == 4 * 64 * 64
    assert sizes[MemoryCategory.INPUT] == 4 * 32 * 64
