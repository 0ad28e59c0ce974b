"""Print how near the rows of a comparison come to layers timed alone: ``python -m tests.benchmarks.layers_alone``.

ResNet-50 and a 12-layer transformer encoder in PyTorch, on small inputs, of which the profiler adds most
to. The truth are clocks around each innermost module, without a profiler, less what the clocks take. On
the other side what the profile has of the same modules: as it was recorded, scaled alike to the step
without the profiler, and by `without_profiler`, which takes equal parts off the calls first. All are
shares of the time in these modules: *moved* is the part of the time that lies with another module than
it should, *typical* the median error of a module's share, and *small* that of the cheaper half.

The profile's times are those of its middle steps, the clocks' those of their quickest tenth. A machine
with other work tells nothing here.
"""

import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from profilers.analysis.comparison.profiler_cost import without_profiler
from profilers.analysis.comparison.spent import Spent, spent_by_graph
from profilers.analysis.pairing.item_sides import scope_paths
from profilers.launcher import Launcher
from profilers.profile import Profile, TimingPhase
from tests.benchmarks.comparison_explained import INPUTS, MODELS, capture

STEPS, ALONE, QUICKEST = 100, 300, 10  # the last in per cent
NAMES = ("resnet", "encoder")


def main(names: list[str]) -> None:
    print(f"{'':<28}{'step':>10}{'moved':>9}{'typical':>9}{'small':>9}")
    with tempfile.TemporaryDirectory() as place:
        for name in names or NAMES:
            folder = Path(place)
            command = [sys.executable, "-m", "tests.models.build_matching_torch"]
            subprocess.run([*command, str(folder), f"{name}.pt"], check=True, capture_output=True)
            launcher = Launcher()
            try:
                profile = capture(launcher, folder, name, "eager", STEPS)
            finally:
                launcher.close()
            print_model(name, profile, alone(folder / f"{name}.pt", name))


def print_model(name: str, profile: Profile, truth: dict[str, float]) -> None:
    recorded = spent_by_graph(profile)
    measured = profile.timings.phase == TimingPhase.MEASURED
    step_ns = float(np.median(profile.timings.duration_ns[measured]))
    ruled = without_profiler(recorded, step_ns)
    for title, spent in (("as recorded, or scaled", recorded), ("after the rule", ruled)):
        found = by_module(profile, spent)
        names = [module for module in truth if module in found]
        ours = np.array([found[module] for module in names])
        theirs = np.array([truth[module] for module in names])
        spare = f"    {ours.sum() / 1e6:.2f} ms in these modules, {theirs.sum() / 1e6:.2f} ms alone"
        ours, theirs = ours / ours.sum(), theirs / theirs.sum()
        errors = np.abs(ours / theirs - 1)
        small = errors[theirs <= np.median(theirs)]
        told = (np.abs(ours - theirs).sum() / 2, np.median(errors), np.median(small))
        cells = "".join(f"{100 * each:>7.1f} %" for each in told)
        print(f"{name}, {title:<{26 - len(name)}}{spent.whole_ns / 1e6:>7.2f} ms{cells}{spare}")
    print(
        f"    of {len(names)} modules; taken off {ruled.taken_off_ns / 1e6:.2f} ms, then all parts "
        f"times {ruled.scaled_by:.2f}"
    )


def by_module(profile: Profile, spent: Spent) -> dict[str, float]:
    paths = scope_paths(profile.authored, profile.strings)
    found: dict[str, float] = defaultdict(float)
    for node, share in spent.nodes.items():
        found[paths[int(profile.authored.nodes.scope[node])]] += share.time_ns
    for scope, share in spent.scopes.items():
        found[paths[scope]] += share.time_ns
    return found


def alone(path: Path, name: str) -> dict[str, float]:
    """The times of each innermost module in ns, without a profiler."""
    import torch

    sys.path.insert(0, str(MODELS))
    torch.set_num_threads(1)
    model = torch.load(path, weights_only=False).eval()
    shape, dtype = INPUTS[name].shape, INPUTS[name].dtype
    given = torch.randint(0, 1000, shape) if dtype == "int64" else torch.randn(shape)
    taken: dict[str, int] = defaultdict(int)

    def clocked(title: str, module: torch.nn.Module) -> None:
        begun = 0

        def before(*_: object) -> None:
            nonlocal begun
            begun = perf_counter_ns()

        def after(*_: object) -> None:
            taken[title] += perf_counter_ns() - begun

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)

    nothing = torch.nn.Identity()
    clocked("nothing", nothing)
    for title, module in model.named_modules():
        if not list(module.children()):
            clocked(title, module)
    steps: dict[str, list[int]] = defaultdict(list)
    with torch.inference_mode():
        for _ in range(ALONE):
            taken.clear()
            model(given)
            nothing(given)
            for title, ns in taken.items():
                steps[title].append(ns)
    found = {title: float(np.percentile(ns, QUICKEST)) for title, ns in steps.items()}
    clocks_ns = found.pop("nothing")
    return {title: max(ns - clocks_ns, 1.0) for title, ns in found.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
