"""What the head of a column says of where its profile comes from."""

from app.origin import origin_words
from profilers.profile import Environment


def test_settings_that_were_changed_tell_runs_of_one_mode_apart() -> None:
    options = {"run": "training", "loss": "mse", "autocast": "bfloat16", "activations": "on"}
    environment = Environment(
        "PyTorch 2", "torch-eager", device="cpu", request={"options": options}
    )
    assert origin_words(environment) == [
        "PyTorch 2", "torch-eager", "training step", "bfloat16 autocast", "activations", "cpu",
    ]  # fmt: skip


def test_a_mode_of_another_version_is_named_alone() -> None:
    request = {"options": {"run": "training"}}
    assert origin_words(Environment("X 1", "warp", request=request)) == ["X 1", "warp"]
