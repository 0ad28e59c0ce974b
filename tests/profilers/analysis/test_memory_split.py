"""Memory split into groups: over time, and at a moment as a tree; against slower ways of counting."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.memory.breakdown import breakdown
from profilers.analysis.memory.curve import alive_at, memory_curve
from profilers.analysis.memory.groups import GroupBy, block_groups
from profilers.analysis.memory.owners import block_scopes, owner_names, scope_paths, tensor_text
from profilers.analysis.memory.stack import highest_moments, memory_stack
from profilers.opening import open_path
from profilers.profile import NEVER_NS, MemoryCategory, Profile
from tests.conftest import Capture
from tests.sample import MIB, sample_profile

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Profile:
    profile = open_path(shared_data / "df_index_resolver.json.gz")
    assert isinstance(profile, Profile)
    return profile


@pytest.mark.parametrize("by", GroupBy)
def test_groups_add_up_to_the_curve_at_every_moment(real: Profile, by: GroupBy) -> None:
    for device in np.unique(real.memory.allocations.device).tolist():
        stack = memory_stack(real, device, by)
        levels = stack.levels(stack.total.time_ns)
        assert (levels >= 0).all()
        assert (levels.sum(axis=0) == stack.total.total_bytes).all()
        assert len(stack.names) == len(levels)


def test_no_peak_is_lost_where_a_picture_has_fewer_columns(real: Profile) -> None:
    stack = memory_stack(real, memory_curve(real).device, GroupBy.CATEGORY)
    times, total = stack.total.time_ns, stack.total.total_bytes
    for begin, end, columns in ((0, int(times[-1]) + 1, 7), (times[100], times[2000], 50)):
        edges = np.linspace(float(begin), float(end), columns + 1)
        moments = highest_moments(times, total, edges)
        drawn = stack.levels(moments).sum(axis=0)
        for at, level in enumerate(drawn.tolist()):
            low, high = np.ceil(edges[at : at + 2]).astype(np.int64)
            within = total[(times >= low) & (times < high)].tolist()
            before = total[times <= low][-1:].tolist()
            assert level == max(within + before, default=0)
            assert low <= moments[at] < high


def test_the_trace_tells_operators_that_made_its_blocks(real: Profile) -> None:
    curve = memory_curve(real)
    names = block_groups(real, GroupBy.OPERATOR, curve.device).names
    assert any(name.startswith("aten::") for name in names)
    assert len(names) <= 11
    made_by = owner_names(real, alive_at(real, curve.device, curve.peak_ns))
    assert len(set(made_by)) > 3


@pytest.mark.parametrize("by", GroupBy)
def test_a_breakdown_holds_every_byte_once(by: GroupBy) -> None:
    profile = sample_profile(blocks=3)
    curve = memory_curve(profile)
    found = breakdown(profile, curve.device, curve.peak_ns, by)
    outermost = found.parent < 0
    assert found.total_bytes == curve.peak_bytes
    assert int(found.row_bytes[outermost].sum()) == curve.peak_bytes
    for row in np.unique(found.parent[~outermost]).tolist():
        assert found.row_bytes[row] >= found.row_bytes[found.parent == row].sum()
    assert (found.parent < np.arange(len(found.parent))).all()


def test_a_module_holds_its_weights_and_what_it_made(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    allocations = profile.memory.allocations
    curve = memory_curve(profile)
    found = breakdown(profile, curve.device, curve.peak_ns, GroupBy.MODULE)
    row = found.names.index("stem")
    weights = 4 * (16 * 3 * 9 + 16)  # the convolution's
    statistics = 4 * 4 * 16 + 8  # the normalisation's, and how many batches it saw
    assert found.bytes[row, MemoryCategory.PARAMETER] == weights + statistics
    assert found.bytes[row, MemoryCategory.ACTIVATION] >= 4 * 16 * 32 * 32
    paths = scope_paths(profile)
    for alive in alive_at(profile, curve.device, curve.peak_ns).tolist():
        parameter, scope = int(allocations.parameter[alive]), int(block_scopes(profile)[alive])
        if parameter >= 0:
            name = profile.strings[int(profile.authored.parameters.name[parameter])]
            assert name.startswith(paths[scope] + ".")


def test_tensors_are_told_by_type_and_shape(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    curve = memory_curve(profile)
    rows = alive_at(profile, curve.device, curve.peak_ns)
    texts = [tensor_text(profile, row) for row in rows.tolist()]
    assert "float32 [1, 16, 32, 32]" in texts
    assert "float32 [32, 16, 3, 3]" in texts
    stays = profile.memory.allocations.freed_ns[rows] == NEVER_NS
    assert all(text for text, is_given in zip(texts, stays.tolist(), strict=True) if is_given)


def test_modules_are_told_apart_below_one_that_holds_all(
    capture: Capture, torch_files: Path
) -> None:
    """Of the encoder, all but the embedding lies in one list of layers."""
    profile = capture(torch_files / "encoder.pt", "torch-eager", source_folder=str(MODELS))
    names = block_groups(profile, GroupBy.MODULE, memory_curve(profile).device).names
    assert {"1.layers.0", "1.layers.1"} <= set(names)


def test_the_sample_is_grouped_by_category_and_operator() -> None:
    profile = sample_profile(blocks=2)
    device = memory_curve(profile).device
    assert memory_stack(profile, device, GroupBy.CATEGORY).names == ("Parameter", "Activation")
    by_operator = memory_stack(profile, device, GroupBy.OPERATOR)
    assert set(by_operator.names) == {
        "(parameters)", "aten.conv2d", "aten.batch_norm", "aten.relu",
    }  # fmt: skip
    at_peak = by_operator.levels(np.array([by_operator.total.peak_ns]))[:, 0]
    assert int(at_peak.sum()) == 3 * MIB + 2 * 9216
