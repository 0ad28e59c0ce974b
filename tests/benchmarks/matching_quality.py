"""Print how well graphs are matched: ``python -m tests.benchmarks.matching_quality [WORD...]``.

Of hand-checked pairs of one model, see `tests.models.matching_truth`: precision and recall of
operators and of layers, the share of layer time that is matched, and the time it took; then the
precision of pairs by their confidence. A word limits the pairs to those whose title has it.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.capturing import request_for
from profilers.analysis.matching import Match, match_graphs
from profilers.analysis.operators import measured_rows
from profilers.analysis.self_time import self_time_ns
from profilers.captures import read_capture
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Graph, Profile, SliceKind
from tests.models.matching_truth import (
    Role,
    keras_layers,
    keras_roles,
    torch_layers,
    torch_roles,
)

MODELS = Path(__file__).parents[1] / "models"
MODES = {
    "keras": "keras", "pt2": "torch-export", "pt": "torch-eager", "ts.pt": "torchscript",
    "onnx": "onnxruntime",
}  # fmt: skip
TUNED = (
    ("resnet", "resnet.pt2", "resnet.keras"),
    ("encoder", "encoder.pt2", "encoder.keras"),
    ("encoder", "encoder_joint.pt2", "encoder.keras"),
    ("encoder", "encoder_packed.pt2", "encoder.keras"),
    ("resnet", "resnet.pt2", "resnet.onnx"),
    ("encoder", "encoder.pt2", "encoder.onnx"),
    ("encoder", "encoder_packed.pt2", "encoder_packed.onnx"),
    ("resnet", "resnet.onnx", "resnet.keras"),
    ("encoder", "encoder.onnx", "encoder.keras"),
    ("resnet", "resnet.pt", "resnet.pt2"),
    ("resnet", "resnet.pt2", "resnet.ts.pt"),
    ("encoder", "encoder.pt2", "encoder.ts.pt"),
    ("encoder", "encoder.pt2", "encoder_packed.pt2"),
    ("encoder", "encoder_packed.pt", "encoder_packed.pt2"),
    ("encoder", "encoder_packed.pt", "encoder.keras"),
    ("resnet", "resnet.pt2", "resnet_added.pt2"),
    ("resnet", "resnet.pt2", "resnet_removed.pt2"),
    ("resnet", "resnet.pt2", "resnet_widened.pt2"),
)
UNTUNED = (
    ("mobilenet", "mobilenet.pt2", "mobilenet.keras"),
    ("mobilenet", "mobilenet.pt2", "mobilenet.onnx"),
    ("unet", "unet.pt2", "unet.keras"),
    ("unet", "unet.pt2", "unet.onnx"),
    ("lstm", "lstm.pt2", "lstm.keras"),
    ("lstm", "lstm.pt2", "lstm.onnx"),
)
STAGES = (
    "resnet.onnx", "encoder.onnx", "encoder_packed.onnx", "unet.onnx", "mobilenet.onnx",
    "resnet.keras", "encoder.keras", "mobilenet.keras",
)  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """Shares from 0 to 1; None where there is nothing to judge.

    Attributes
    ----------
    precision, recall : float
        Of pairs of operators that are right; of operators that are a whole operation and have a
        counterpart, on both sides, those that are rightly paired.
    layer_precision, layer_recall : float or None
        Of pairs of scopes; of the layers that have a scope on both sides.
    time : float or None
        Self time on paired nodes, of the self time on nodes, in the worse of both profiles.
    took_ms : float
    rights, confidences : ndarray
        Of each judged pair of operators.
    """

    precision: float
    recall: float
    layer_precision: float | None
    layer_recall: float | None
    time: float | None
    took_ms: float
    rights: NDArray[np.bool_]
    confidences: NDArray[np.float32]


def judged(architecture: str, a: Profile, b: Profile) -> Quality:
    """Match the authored graphs of two profiles and compare with what is written down."""
    took_ms, match = _matched(a.authored, a, b.authored, b)
    ours, theirs = (_roles(profile, architecture) for profile in (a, b))
    rights = np.array(
        [
            _agrees(ours[node], theirs[twin])
            for node, twin in zip(match.nodes.a.tolist(), match.nodes.b.tolist(), strict=True)
        ],
        np.bool_,
    )
    is_judged = np.array(
        [
            ours[node] is not None or theirs[twin] is not None
            for node, twin in zip(match.nodes.a.tolist(), match.nodes.b.tolist(), strict=True)
        ],
        np.bool_,
    )
    found = [set(match.nodes.a[rights].tolist()), set(match.nodes.b[rights].tolist())]
    wanted = [_with_counterpart(ours, theirs), _with_counterpart(theirs, ours)]
    hits = sum(len(want & have) for want, have in zip(wanted, found, strict=True))
    layers_a, layers_b = _layers(a, ours, architecture), _layers(b, theirs, architecture)
    rights_of = {
        layers_a[x]
        for x, y in zip(match.layers.a.tolist(), match.layers.b.tolist(), strict=True)
        if x in layers_a and layers_a[x] == layers_b.get(y)
    }
    found_a = _found(a.authored, match.nodes.a[rights], layers_a, rights_of)
    found_b = _found(b.authored, match.nodes.b[rights], layers_b, rights_of)
    times = [
        _time_share(a, _told(ours, theirs), found_a),
        _time_share(b, _told(theirs, ours), found_b),
    ]
    known = [share for share in times if share is not None]
    return Quality(
        float(rights[is_judged].mean()),
        hits / sum(map(len, wanted)),
        *_layer_figures(match, layers_a, layers_b),
        min(known, default=None),
        took_ms,
        rights[is_judged],
        match.nodes.confidence[is_judged],
    )


def judged_by_origins(profile: Profile) -> Quality:
    """Match a model as written with what its compiler made of it; the compiler told the truth."""
    later = profile.graphs[1]
    took_ms, match = _matched(profile.authored, profile, later, profile)
    told = set(zip(later.origins.authored.tolist(), later.origins.node.tolist(), strict=True))
    tied = set(later.origins.node.tolist())
    pairs = list(zip(match.nodes.a.tolist(), match.nodes.b.tolist(), strict=True))
    is_judged = np.array([twin in tied for _, twin in pairs], np.bool_)
    rights = np.array([pair in told for pair in pairs], np.bool_)
    telling = {node for _, node in told if _is_telling(profile, later, node)}
    hits = telling & set(match.nodes.b[rights].tolist())
    return Quality(
        float(rights[is_judged].mean()), len(hits) / max(len(telling), 1), None, None,
        None, took_ms, rights[is_judged],
        match.nodes.confidence[is_judged],
    )  # fmt: skip


def _matched(a: Graph, profile_a: Profile, b: Graph, profile_b: Profile) -> tuple[float, Match]:
    begin = time.perf_counter()
    match = match_graphs(a, profile_a.strings, b, profile_b.strings)
    return 1000 * (time.perf_counter() - begin), match


def _is_telling(profile: Profile, graph: Graph, node: int) -> bool:
    names = ("conv", "matmul", "gemm", "softmax", "norm", "relu", "gelu", "pool", "gather")
    operator = profile.strings[int(graph.nodes.operator[node])].lower()
    return any(name in operator for name in names)


def _roles(profile: Profile, architecture: str) -> list[Role | None]:
    roles_of = keras_roles if is_keras(profile) else torch_roles
    return roles_of(profile.authored, profile.strings, architecture)


def is_keras(profile: Profile) -> bool:
    return profile.environment.model_name.endswith(".keras")


def _agrees(ours: Role | None, theirs: Role | None) -> bool:
    return ours is not None and theirs is not None and ours.agrees(theirs)


def _with_counterpart(roles: list[Role | None], others: list[Role | None]) -> set[int]:
    known = {role for role in others if role is not None}
    return {
        row
        for row, role in enumerate(roles)
        if role is not None and role.is_telling and any(role.agrees(other) for other in known)
    }


def _layers(profile: Profile, roles: list[Role | None], architecture: str) -> dict[int, str]:
    if is_keras(profile):
        return keras_layers(profile.authored, profile.strings, architecture)
    return torch_layers(profile.authored, profile.strings, roles)


def _layer_figures(
    match: Match, ours: dict[int, str], theirs: dict[int, str]
) -> tuple[float | None, float | None]:
    """Precision and recall of the pairs of scopes."""
    pairs = zip(match.layers.a.tolist(), match.layers.b.tolist(), strict=True)
    told = [(ours[x], theirs[y]) for x, y in pairs if x in ours and y in theirs]
    right = [name for name, other in told if name == other]
    shared = set(ours.values()) & set(theirs.values())
    return (
        len(right) / len(told) if told else None,
        len(set(right) & shared) / len(shared) if shared else None,
    )


def _told(roles: list[Role | None], others: list[Role | None]) -> NDArray[np.bool_]:
    """Nodes of a layer that the other side has, too."""
    layers = {layer for role in others if role is not None for layer in role.layers}
    return np.array([role is not None and bool(role.layers & layers) for role in roles], np.bool_)


def _found(
    graph: Graph, nodes: NDArray[np.int32], layers: dict[int, str], rights: set[str]
) -> NDArray[np.bool_]:
    """Nodes that are rightly paired, or whose innermost layer is."""
    is_right = [False] * (len(graph.scopes) + 1)
    for scope, parent in enumerate(graph.scopes.parent.tolist()):
        is_right[scope] = layers[scope] in rights if scope in layers else is_right[parent]
    found: NDArray[np.bool_] = np.array(is_right)[graph.nodes.scope]
    found[nodes] = True
    return found


def _time_share(
    profile: Profile, told: NDArray[np.bool_], found: NDArray[np.bool_]
) -> float | None:
    """Self time on nodes that were found, of that on those that have a counterpart."""
    slices = profile.trace.slices
    rows = np.concatenate(
        [measured_rows(profile, kind) for kind in (SliceKind.OPERATOR, SliceKind.KERNEL)]
    )
    rows = rows[slices.node[rows] >= 0]
    rows = rows[told[slices.node[rows]]]
    own_ns = self_time_ns(slices)[rows]
    total = int(own_ns.sum())
    return int(own_ns[found[slices.node[rows]]].sum()) / total if total else None


class Captures:
    """Builds model files and captures them, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._launcher = Launcher()
        self._profiles: dict[str, Profile] = {}

    def build(self, files: list[str]) -> None:
        """Make model files, PyTorch's and Keras' side by side."""
        running = []
        for script, chosen in (
            ("build_matching_torch", [file for file in files if not file.endswith(".keras")]),
            ("build_matching_keras", [file for file in files if file.endswith(".keras")]),
        ):
            if chosen:
                command = [sys.executable, "-m", f"tests.models.{script}", str(self.folder)]
                running.append(
                    subprocess.Popen(
                        [*command, *chosen], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                    )
                )
        for process in running:
            _, errors = process.communicate()
            assert process.returncode == 0, errors.decode()[-4000:]

    def profile(self, file: str) -> Profile:
        if file not in self._profiles:
            self._profiles[file] = capture(self._launcher, self.folder / file)
        return self._profiles[file]

    def close(self) -> None:
        self._launcher.close()


def capture(launcher: Launcher, path: Path) -> Profile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    mode = MODES[path.name.split(".", 1)[1]]
    request = replace(
        request_for(model, mode), trusted=True, source_folder=str(MODELS), steps=5, warmup=2
    )
    with tempfile.TemporaryDirectory() as folder:
        launcher.capture(request, Path(folder))
        return read_capture(Path(folder))


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        captures = Captures(Path(folder))
        try:
            print_all(captures, words)
        finally:
            captures.close()


def print_all(captures: Captures, words: list[str]) -> None:
    def is_wanted(*titles: str) -> bool:
        return not words or any(word in title for word in words for title in titles)

    sections = {
        "tuned on": [pair for pair in TUNED if is_wanted(*pair)],
        "not tuned on": [pair for pair in UNTUNED if is_wanted(*pair)],
    }
    stages = [file for file in STAGES if is_wanted(file, "stage")]
    files = {file for pairs in sections.values() for pair in pairs for file in pair[1:]}
    captures.build(sorted(files | set(stages)))
    print(
        f"{'pair':<44}{'nodes':>12}{'precision':>10}{'recall':>8}{'layers: P':>11}{'R':>7}"
        f"{'time':>7}{'ms':>7}"
    )
    qualities = []
    for title, pairs in sections.items():
        print(title)
        for architecture, *names in pairs:
            a, b = map(captures.profile, names)
            quality = judged(architecture, a, b)
            qualities.append(quality)
            sizes = f"{len(a.authored.nodes)}/{len(b.authored.nodes)}"
            print(line(" - ".join(names), sizes, quality))
    print("before and after fusion; the compiler's own account is the truth")
    for file in stages:
        profile = captures.profile(file)
        quality = judged_by_origins(profile)
        sizes = "/".join(str(len(graph.nodes)) for graph in profile.graphs)
        print(line(f"{file} - {profile.graphs[1].stage}", sizes, quality))
        qualities.append(quality)
    print("\n".join(calibration(qualities)))


def line(title: str, sizes: str, quality: Quality) -> str:
    shares = (quality.layer_precision, quality.layer_recall, quality.time)
    cells = ["-" if share is None else f"{share:.3f}" for share in shares]
    return (
        f"  {title:<42}{sizes:>12}{quality.precision:>10.3f}{quality.recall:>8.3f}"
        f"{cells[0]:>11}{cells[1]:>7}{cells[2]:>7}{quality.took_ms:>7.0f}"
    )


def calibration(
    qualities: list[Quality], edges: tuple[float, ...] = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)
) -> Iterator[str]:
    """Precision of the pairs whose confidence lies in each span."""
    rights = np.concatenate([quality.rights for quality in qualities])
    confidences = np.concatenate([quality.confidences for quality in qualities])
    yield "precision by confidence"
    for low, high in zip((0.0, *edges), edges, strict=False):
        inside = (confidences >= low) & (confidences < high)
        if inside.any():
            yield f"  {low:.2f} to {min(high, 1):.2f}{inside.sum():>8} pairs{rights[inside].mean():>8.3f}"


if __name__ == "__main__":
    main(sys.argv[1:])
