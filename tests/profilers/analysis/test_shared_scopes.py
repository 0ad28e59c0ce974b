"""Long names of one list, told apart by what they do not share."""

import pytest

from profilers.analysis.shared_scopes import shared_scope, without_shared_scope

CALL = "StatefulPartitionedCall/mobile_1/"


def test_what_nearly_all_names_begin_with_is_left_out() -> None:
    layers = [f"{CALL}block_{number}/conv/Conv2D" for number in range(9)]
    names = [*layers, "The model's own call", "StatefulPartitionedCall/Identity"]
    shown = without_shared_scope(names)
    assert shown == [
        *(f"…block_{number}/conv/Conv2D" for number in range(9)),
        "The model's own call",
        "StatefulPartitionedCall/Identity",
    ]


def test_scopes_end_where_names_part_and_are_never_cut() -> None:
    names = [f"{CALL}block_1{number}/conv/Conv2D" for number in range(5)]
    assert shared_scope(names) == CALL  # and not "block_1", which all have


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["aten::conv2d", "aten::relu_", "aten::addmm"],
        [f"net.layer{number}" for number in range(9)],  # too little to be worth it
        [f"{CALL}a/b", f"{CALL}a/c"],  # too few
        ["a_rather_long_one/x", "b_rather_long_one/y", "c_rather_long_one/z"],
        ["Each of these/is", "Each of these/is no", "Each of these/name"],
    ],
)
def test_names_that_are_told_apart_stay_whole(names: list[str]) -> None:
    assert without_shared_scope(names) == names


def test_one_name_many_times_keeps_its_end() -> None:
    assert without_shared_scope([f"{CALL}Relu"] * 5) == ["…Relu"] * 5


def test_scopes_of_a_hundred_thousand_names_are_found() -> None:
    names = [f"{CALL}block_{number}/Conv2D" for number in range(100_000)]
    assert shared_scope(names) == CALL
