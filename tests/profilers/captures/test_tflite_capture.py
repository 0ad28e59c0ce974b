"""Real runs of TFLite's interpreter, read back: delegates, times, memory, conversion, refusals."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.window.run_dialog import RunDialog
from profilers.analysis.coverage import link_coverage
from profilers.analysis.mode_figures import mode_figures
from profilers.analysis.sweep import sweep_rows
from profilers.captures.tflite.plan import units_of
from profilers.errors import CaptureFailed, TwinscopeError
from profilers.models import ModelFile, tflite_file
from profilers.opening import open_path
from profilers.profile import MemoryCategory, Profile, SliceKind
from profilers.profile.references import broken_references
from profilers.request import InputSpec
from tests.conftest import Capture, ModelFolders


@pytest.fixture(scope="module")
def odd_files(model_folders: ModelFolders) -> Path:
    """Folder with models that the interpreter refuses, and one of any batch."""
    return model_folders["odd_files"]


def delegated(profile: Profile) -> list[list[str]]:
    """Operators of each part that the delegate took."""
    strings, members = profile.strings, profile.fusion.members
    return [
        [
            strings[profile.authored.nodes.operator[node]]
            for node in members.node[members.group == group]
        ]
        for group in range(len(profile.fusion.groups))
    ]


def left(profile: Profile) -> list[str]:
    """Operators that the delegate did not take."""
    nodes = profile.fusion.breaks.node
    return [profile.strings[row] for row in profile.authored.nodes.operator[nodes]]


def operator_slices(profile: Profile) -> np.ndarray:
    return np.flatnonzero(profile.trace.slices.kind == SliceKind.OPERATOR)


def test_the_delegate_takes_what_it_can_and_the_rest_falls_back(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "control.tflite", "tflite", options={"delegate": "xnnpack"})
    assert broken_references(profile) == []
    assert sorted(delegated(profile)) == [["FULLY_CONNECTED", "SUM"], ["REDUCE_MAX"]]
    assert left(profile) == ["GREATER", "IF", "GREATER", "CAST", "ADD", "WHILE"]
    reasons = {profile.strings[row] for row in profile.fusion.breaks.reason}
    assert "XNNPACK has no kernel for WHILE with these types and options" in reasons
    assert link_coverage(profile).fused_kernel_time == 1.0


def test_the_graph_that_runs_has_a_node_for_each_part_of_the_delegate(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "control.tflite", "tflite", options={"delegate": "xnnpack"})
    strings, stage = profile.strings, profile.graphs[1]
    kinds = [strings[row] for row in stage.nodes.operator]
    assert kinds.count("XNNPACK") == 2
    assert {"IF", "WHILE", "GREATER", "CAST", "ADD"} < set(kinds)
    groups = profile.fusion.groups
    for group, members in enumerate(delegated(profile)):
        origins = stage.origins.authored[stage.origins.node == groups.node[group]]
        made_of = [strings[profile.authored.nodes.operator[row]] for row in origins]
        assert made_of == members
    made = set(stage.edges.target.tolist())
    assert all(row in made or kinds[row] == "Input" for row in range(len(kinds)))


def test_without_a_delegate_nothing_is_taken_and_nothing_falls_back(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "cnn.tflite", "tflite", options={"delegate": "none"})
    assert delegated(profile) == []
    assert left(profile) == []
    assert profile.environment.facts["Delegate"] == "none"
    assert link_coverage(profile).operator_time == 1.0


def test_estimated_times_fill_each_step_and_say_so(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "block.tflite", "tflite")
    slices = profile.trace.slices
    rows = operator_slices(profile)
    for number, duration in enumerate(profile.steps.duration_ns.tolist()):
        assert slices.duration_ns[rows[slices.step[rows] == number]].sum() == duration
    assert {profile.strings[row] for row in slices.category[rows]} == {"estimated"}
    assert any("estimated by isolated operators" in each.message for each in profile.diagnostics)


def test_tensors_live_from_their_maker_to_their_last_reader(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "cnn.tflite", "tflite")
    memory = profile.memory.allocations
    made = np.flatnonzero(memory.category == MemoryCategory.ACTIVATION)
    first = made[memory.allocated_ns[made] < profile.steps.start_ns[1]]
    # two convolutions, their mean and the dense layer, in float32
    assert sorted(memory.bytes[first].tolist()) == [
        4 * 10, 4 * 32, 4 * 16 * 16 * 32, 4 * 32 * 32 * 16,
    ]  # fmt: skip
    assert (
        memory.freed_ns[first] <= profile.steps.start_ns[0] + profile.steps.duration_ns[0]
    ).all()
    assert (memory.freed_ns[first] > memory.allocated_ns[first]).all()


def test_a_keras_model_is_converted_and_its_error_told(capture: Capture, tf_files: Path) -> None:
    plain = capture(tf_files / "cnn.keras", "tflite")
    small = capture(tf_files / "cnn.keras", "tflite", options={"quantisation": "dynamic-range"})
    for profile in (plain, small):
        assert link_coverage(profile).operator_time == 1.0
        assert profile.environment.facts["Size of the file"]
        assert profile.environment.facts["Size as TFLite"]
        figures = mode_figures(profile)
        assert figures.first_call_ns is not None
        assert figures.step_ns is not None
        assert figures.first_call_ns > 10 * figures.step_ns.value  # converting is a part of it
    weights = [profile.authored.parameters.bytes.sum() for profile in (plain, small)]
    assert weights[1] < 0.5 * weights[0]
    gaps = [
        float(p.environment.facts["Largest difference from TensorFlow"]) for p in (plain, small)
    ]
    assert gaps[0] < 1e-5 < gaps[1] < 0.1


def test_branches_of_a_converted_model_keep_their_weights_and_activations(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "control_saved", "tflite")
    assert float(profile.environment.facts["Largest difference from TensorFlow"]) < 1e-5
    assert link_coverage(profile).operator_time == 1.0


def test_a_state_is_compared_from_where_it_begins(capture: Capture, more_files: Path) -> None:
    profile = capture(more_files / "stateful.keras", "tflite")
    assert float(profile.environment.facts["Largest difference from TensorFlow"]) < 1e-5
    assert not any("differ" in each.message for each in profile.diagnostics)


def test_the_operator_that_the_converter_got_wrong_is_named(
    capture: Capture, unconvertible: Path
) -> None:
    profile = capture(unconvertible / "product_saved", "tflite")
    (told,) = [each.message for each in profile.diagnostics if "differ" in each.message]
    # of its three results, whose order the converter changes, that of the product is off
    assert told.endswith("The converter left out the ReLU after BATCH_MATMUL of MatMul, gate.")


def test_a_dynamic_batch_takes_the_size_that_was_asked_for(
    capture: Capture, odd_files: Path
) -> None:
    spec = InputSpec("x", "float32", (6, 8))
    profile = capture(odd_files / "dynamic.tflite", "tflite", inputs=(spec,))
    shapes = {profile.strings[row] for row in profile.authored.edges.shape if row >= 0}
    assert {"6,8", "6,4"} <= shapes


def test_other_batch_sizes_are_measured(capture: Capture, odd_files: Path) -> None:
    profile = capture(odd_files / "dynamic.tflite", "tflite", sweep={"batch": (2, 5)})
    assert profile.sweep.batch.tolist() == [2, 5]
    assert (profile.sweep.problem < 0).all()


def test_a_file_of_one_batch_size_says_so(capture: Capture, odd_files: Path) -> None:
    profile = capture(odd_files / "fixed.tflite", "tflite", sweep={"batch": (2, 5)})
    same, other = sweep_rows(profile)
    assert same["problem"] is None
    assert other["problem"].startswith("Its input sizes are fixed")


def test_a_model_that_cannot_be_resized_is_converted_for_each_size(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "control.keras", "tflite", sweep={"batch": (1, 4)})
    assert all(row["per_second"] for row in sweep_rows(profile))


def test_flex_operators_are_named_before_a_run_and_the_graph_is_shown(odd_files: Path) -> None:
    model = tflite_file.inspect(odd_files / "flex.tflite")
    assert model.modes == ()
    assert "(flex)" in model.cannot_run
    assert "Cumprod" in model.cannot_run
    assert len(model.preview.authored.nodes) == 3


def test_words_are_looked_up_in_tables_of_a_saved_model(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "tf1_words_saved", "tflite")
    assert "HASHTABLE_FIND" in operators(profile)
    assert float(profile.environment.facts["Largest difference from TensorFlow"]) < 1e-5
    assert link_coverage(profile).operator_time == 1.0


def test_a_signature_runs_beside_one_that_needs_flex(capture: Capture, odd_files: Path) -> None:
    path = odd_files / "partly.tflite"
    model = open_path(path)
    assert isinstance(model, ModelFile)
    assert model.signatures == ("scaled", "multiplied")  # one that runs is the default
    assert any(
        "multiplied cannot run here" in told.message and "Cumprod" in told.message
        for told in model.preview.diagnostics
    )
    profile = capture(path, "tflite")
    assert "MUL" in operators(profile)
    assert link_coverage(profile).operator_time == 1.0
    with pytest.raises(CaptureFailed, match=r"TensorFlow operators \(flex\)"):
        capture(path, "tflite", signature="multiplied")


def test_handles_of_variables_are_not_taken_for_values(odd_files: Path) -> None:
    program = (
        "import sys\n"
        "from profilers.runtimes.tflite.library import allocate, is_handle, tflite_library\n"
        "library = tflite_library()\n"
        "model = library.open(open(sys.argv[1], 'rb').read(), 'none', 1, keeps_all=True)\n"
        "allocate(model)\n"
        "told = {each['index'] for each in model.get_tensor_details() if is_handle(each)}\n"
        "makers = [each for each in model._get_ops_details() if each['op_name'] == 'VAR_HANDLE']\n"
        "assert told == {int(tensor) for each in makers for tensor in each['outputs']}, told\n"
        "assert told\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(odd_files / "unset.tflite")],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("custom.tflite", "custom operator Mine"),
        ("newer.tflite", "FULLY_CONNECTED in version 99, which is newer"),
        ("unset.tflite", "a variable that nothing has set.*Convert it again"),
    ],
)
def test_what_the_interpreter_lacks_is_named(
    capture: Capture, odd_files: Path, name: str, says: str
) -> None:
    with pytest.raises(CaptureFailed, match=says):
        capture(odd_files / name, "tflite")


def operators(profile: Profile) -> list[str]:
    return [profile.strings[row] for row in profile.authored.nodes.operator]


def test_the_chosen_signature_runs_with_inputs_and_graph_of_its_own(
    capture: Capture, odd_files: Path
) -> None:
    path = odd_files / "twofold.tflite"
    encode, look_up = (
        capture(path, "tflite", signature=name, inputs=()) for name in ("encode", "look_up")
    )
    assert "FULLY_CONNECTED" in operators(encode)
    assert {"GATHER", "WHILE"}.isdisjoint(operators(encode))
    assert {"GATHER", "WHILE"} <= set(operators(look_up))
    assert "FULLY_CONNECTED" not in operators(look_up)
    for profile in (encode, look_up):
        coverage = link_coverage(profile)
        assert coverage.operator_time == coverage.peak_bytes == 1.0


def test_weights_of_half_precision_have_times_too(capture: Capture, odd_files: Path) -> None:
    profile = capture(odd_files / "half.tflite", "tflite")
    assert "DEQUANTIZE" in operators(profile)
    assert not any("could not be run alone" in told.message for told in profile.diagnostics)


def test_an_unknown_signature_is_told(capture: Capture, odd_files: Path) -> None:
    with pytest.raises(TwinscopeError, match="no signature 'other': it has encode, look_up"):
        capture(odd_files / "twofold.tflite", "tflite", signature="other")


def test_a_signature_is_picked_in_the_run_dialog(
    qtbot: QtBot, capture: Capture, odd_files: Path
) -> None:
    model = open_path(odd_files / "twofold.tflite")
    assert isinstance(model, ModelFile)
    assert any("shown is that of encode" in told.message for told in model.preview.diagnostics)
    dialog = RunDialog(model)
    qtbot.addWidget(dialog)
    dialog.signature.setCurrentText("look_up")
    dialog.inputs.item(0, 2).setText("3,6")
    dialog.accept()
    (tokens,) = dialog.request.inputs
    assert (tokens.dtype, tokens.shape, tokens.high) == ("int32", (3, 6), 50)
    profile = capture(
        model.path, "tflite", signature=dialog.request.signature, inputs=dialog.request.inputs
    )
    shapes = {profile.strings[row] for row in profile.authored.edges.shape if row >= 0}
    assert "3,6,8" in shapes


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "words_saved",
            "no kernel for .*StringLength, .*StringSplitV2.* Leave these operators out",
        ),
        ("tf1_counting", "changes variables of TensorFlow 1's kind while it runs"),
        ("float8.keras", "no numbers of the type f8E4M3FN"),
        ("int8.keras", "FULLY_CONNECTED does not take plain numbers of the type i8,"),
    ],
)
def test_what_the_converter_refuses_is_told_in_words(
    capture: Capture, tf_files: Path, name: str, says: str
) -> None:
    with pytest.raises(CaptureFailed, match=says):
        capture(tf_files / name, "tflite")


def test_a_list_of_an_open_length_is_what_the_converter_refuses(
    capture: Capture, unconvertible: Path
) -> None:
    with pytest.raises(CaptureFailed, match=r"a list \(tf.TensorArray\) of an open length"):
        capture(unconvertible / "greedy_saved", "tflite")


def test_a_saved_loop_that_leaves_its_batch_open_runs(capture: Capture, tf_files: Path) -> None:
    path = tf_files / "recurrent_saved"
    profile = capture(path, "tflite", inputs=(InputSpec("sequence", "float32", (2, 8, 16)),))
    assert "WHILE" in operators(profile)
    assert float(profile.environment.facts["Largest difference from TensorFlow"]) < 1e-5
    coverage = link_coverage(profile)
    assert coverage.operator_time == coverage.peak_bytes == 1.0


def test_inputs_that_do_not_fit_are_told(capture: Capture, tf_files: Path) -> None:
    with pytest.raises(TwinscopeError, match="It takes image=1,32,32,3:float32"):
        capture(
            tf_files / "cnn.tflite", "tflite", inputs=(InputSpec("image", "int8", (1, 32, 32, 3)),)
        )


def test_a_partition_holds_what_lies_between_its_tensors() -> None:
    """0 → 1 → 2 → 3, where 1 falls back and an operator leaves an output out."""
    operators = [
        {"inputs": [0], "outputs": [1, -1]},
        {"inputs": [1, -1], "outputs": [2]},
        {"inputs": [2], "outputs": [3]},
        {"inputs": [3, 1], "outputs": [4]},
    ]
    partitions = [
        {"inputs": [2, 1], "outputs": [4]},
        {"inputs": [0], "outputs": [1]},
    ]
    units = units_of(operators, partitions)
    assert [unit.operators for unit in units] == [(0,), (1,), (2, 3)]
    assert [unit.is_delegated for unit in units] == [True, False, True]
