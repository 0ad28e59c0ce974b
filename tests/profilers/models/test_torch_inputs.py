"""Inputs come from the file where it says them, else from what the first modules take."""

from pathlib import Path

import pytest

from profilers.graphs.module_tree import Module
from profilers.models.torch_input_guess import guess_input
from profilers.request import InputSpec
from tests.profilers.models.torch_archives import inspected

CNN = ("float32", (1, 3, 32, 32), None)
BLOCK = ("int64", (1, 16), 100.0)
CONTROL = ("float32", (1, 16), None)


@pytest.mark.parametrize(
    ("model", "expected"), [("cnn", CNN), ("block", BLOCK), ("control", CONTROL)]
)
@pytest.mark.parametrize("suffix", [".pt2", ".ts.pt", ".pt"])
def test_input_of_every_runnable_form(
    torch_files: Path, model: str, suffix: str, expected: tuple[str, tuple[int, ...], float | None]
) -> None:
    (spec,) = inspected(torch_files / f"{model}{suffix}").inputs
    assert (spec.dtype, spec.shape, spec.high) == expected
    assert spec.guessed == (suffix != ".pt2")


def test_names_are_those_of_forward(torch_files: Path) -> None:
    for suffix in (".pt2", ".ts.pt"):
        assert [spec.name for spec in inspected(torch_files / f"block{suffix}").inputs] == [
            "tokens"
        ]


def _convolutional(*leaves: tuple[str, dict[str, object]]) -> InputSpec | None:
    children = tuple(
        Module(str(index), f"torch.nn.modules.{kind}", attributes)
        for index, (kind, attributes) in enumerate(leaves)
    )
    return guess_input(Module("", "zoo.Net", children=children))


def test_image_side_fills_a_flattening_classifier() -> None:
    conv = {"in_channels": 1, "out_channels": 8, "kernel_size": (5, 5), "stride": (1, 1)}
    pool = {"kernel_size": 2, "stride": 2}
    spec = _convolutional(
        ("Conv2d", conv), ("MaxPool2d", pool), ("Linear", {"in_features": 8 * 46 * 46})
    )
    assert spec is not None
    assert spec.shape == (1, 1, 96, 96)


def test_image_side_follows_the_stem_where_the_model_averages() -> None:
    conv = {"in_channels": 3, "out_channels": 64, "kernel_size": (7, 7), "stride": (2, 2)}
    spec = _convolutional(
        ("Conv2d", conv), ("AdaptiveAvgPool2d", {"output_size": 1}), ("Linear", {"in_features": 64})
    )
    assert spec is not None
    assert spec.shape == (1, 3, 224, 224)


def test_nothing_is_guessed_without_a_known_module() -> None:
    assert _convolutional(("ReLU", {})) is None
