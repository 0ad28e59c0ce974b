"""ONNX Runtime's profile JSON: nesting by the order of writing, and damaged files."""

import json
from pathlib import Path
from typing import Any

import pytest

from profilers.errors import DamagedFile
from profilers.probe import Probe
from profilers.traces import onnxruntime_profile as reader


def event(name: str, start_us: int, duration_us: int, category: str = "Session") -> dict[str, Any]:
    return {"cat": category, "pid": 1, "tid": 1, "ph": "X", "name": name, "ts": start_us,
            "dur": duration_us, "args": {"op_name": name[:2]} if category == "Node" else {}}  # fmt: skip


def node(name: str, start_us: int, duration_us: int) -> dict[str, Any]:
    return event(f"{name}_kernel_time", start_us, duration_us, "Node")


def written(tmp_path: Path, *events: dict[str, Any]) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(events))
    return path


def test_nodes_at_the_same_microsecond_are_siblings(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        node("A", 10, 2),
        node("B", 12, 0),
        event(reader.EXECUTE, 10, 5),
        event(reader.RUN, 9, 7),
    )
    (run,) = reader.read_spans(path)
    (execute,) = run.children
    assert [span.event.node_name for span in execute.children] == ["A", "B"]
    assert not any(span.children for span in execute.children)


def test_a_control_node_holds_its_bodies(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        node("before", 10, 1),
        node("inner", 12, 1),
        event(reader.EXECUTE, 12, 2),
        node("inner", 15, 1),
        event(reader.EXECUTE, 15, 1),
        node("If", 11, 6),
        event(reader.EXECUTE, 10, 8),
        event(reader.RUN, 9, 10),
    )
    (run,) = reader.read_spans(path)
    before, control = run.children[0].children
    assert not before.children
    assert [len(execute.children) for execute in control.children] == [1, 1]


def test_the_time_of_each_provider_is_told(tmp_path: Path) -> None:
    nodes = [node("Xnnpack_0", 10, 4), node("Softmax", 14, 1), node("Xnnpack_1", 15, 2)]
    for each, provider in zip(nodes, ("Xnnpack", "CPU", "Xnnpack"), strict=True):
        each["args"]["provider"] = f"{provider}ExecutionProvider"
    path = written(tmp_path, *nodes, event(reader.EXECUTE, 10, 8), event(reader.RUN, 9, 10))
    facts = reader.read(path, lambda fraction: None).environment.facts
    assert facts == {"Time by execution provider": "Xnnpack 6 µs, CPU 1 µs"}


def test_a_rounded_end_does_not_leave_its_holder(tmp_path: Path) -> None:
    path = written(
        tmp_path, node("A", 10, 5), event(reader.EXECUTE, 10, 4), event(reader.RUN, 10, 4)
    )
    profile = reader.read(path, lambda fraction: None)
    assert profile.trace.slices.depth.tolist() == [0, 1, 2]
    assert profile.trace.slices.duration_ns.max() == 4000


@pytest.mark.parametrize(
    "content",
    [
        b'[{"cat": "Session", "name": "session_initialization", "ts": 1, "dur": 2}',
        b'[{"cat": "Session", "name": "session_initialization", "ts": "a", "dur": 2}]',
        b'[{"cat": "Session", "name": "session_initialization", "ts": -1, "dur": 2}]',
        b'[{"cat": "Session", "name": "session_initialization", "ts": 1e99, "dur": 2}]',
        b'[{"cat": "Session", "name": "session_initialization", "args": ' + b"[" * 50_000,
    ],
)
def test_damaged_profiles_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(content)
    assert reader.matches(Probe(path))
    with pytest.raises(DamagedFile, match=r"profile\.json"):
        reader.read(path, lambda fraction: None)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"traceEvents": []}', b'[{"name": "x", "ph": "X", "ts": 1, "dur": 1}]'],
)
def test_other_json_is_not_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(content)
    assert not reader.matches(Probe(path))
