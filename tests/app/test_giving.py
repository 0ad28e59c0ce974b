"""Exports from the window: files, pictures and the clipboard."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from app.document import Document
from app.report import exporter_named
from app.window.main_window import MainWindow
from profilers import snapshot
from profilers.graphs.tensorflow_protos import parse
from profilers.parquet_cells import can_write
from profilers.profile import StringTable
from tests.app.conftest import opened, settle
from tests.conftest import Capture
from tests.sample import sample_profile
from views.column_table import ColumnTable
from views.pictures import copy_picture, save_picture

_NUMBER = re.compile(r"-?[\d.]+(?:e[-+]?\d+)?")


@pytest.fixture
def document(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> Document:
    path = tmp_path / "sample.twin"
    snapshot.write(sample_profile(), path)
    return opened(window, qtbot, path)


def table_of(window: MainWindow, document: Document) -> ColumnTable:
    view = window.board.view(document, "operators")
    tables = [each for each in view.findChildren(ColumnTable) if each.columns.rowCount()]
    return tables[0]


@pytest.mark.parametrize("kind", ["chrome", "csv", "netron", "model-explorer", "html", "pdf"])
def test_each_export_is_a_command_that_writes_in_the_background(
    window: MainWindow, document: Document, qtbot: QtBot, tmp_path: Path, kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out = tmp_path / f"out.{'csv' if kind == 'csv' else kind}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    window.actions_by_id[f"export.{kind}"].trigger()
    settle(window, qtbot)
    assert out.stat().st_size > 100


def test_an_export_that_fails_is_told(
    window: MainWindow, document: Document, qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    nowhere = tmp_path / "sample.twin" / "x.html"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(nowhere), ""))
    window.actions_by_id["export.html"].trigger()
    settle(window, qtbot)
    assert "Cannot write" in window.notice.text


@pytest.mark.parametrize(
    "view_id", ["summary", "graph", "fusion", "memory", "timeline", "operators"]
)
def test_every_view_is_a_picture(
    window: MainWindow, document: Document, qtbot: QtBot, tmp_path: Path, view_id: str
) -> None:
    view = window.board.view(document, view_id)
    settle(window, qtbot)
    save_picture(view, tmp_path / "view.svg")
    drawing = ElementTree.parse(tmp_path / "view.svg").getroot()
    assert drawing.tag.endswith("svg")
    assert len(list(drawing.iter())) > 20
    parts = [each for each in drawing.iter() if each.tag.endswith("}svg") and each is not drawing]
    assert len(parts) > 3  # each clips what is in it
    assert all(each.get("overflow") == "hidden" for each in parts)
    fonts = {each.get("font-family") for each in drawing.iter() if each.get("font-family")}
    assert fonts
    assert all(font.endswith(", sans-serif") for font in fonts)
    points = [float(x) for each in drawing.iter() for x in _NUMBER.findall(each.get("d", ""))]
    assert max(map(abs, points), default=0) < 1e6  # pixels: no nanoseconds
    named = [each.get("id") for each in drawing.iter() if each.get("id")]
    assert len(named) == len(set(named))
    save_picture(view, tmp_path / "view.png")
    assert QImage(str(tmp_path / "view.png")).size() == view.grab().size()
    copy_picture(view)
    assert not QGuiApplication.clipboard().pixmap().isNull()
    with pytest.raises(OSError, match="Not a directory"):
        save_picture(view, tmp_path / "view.svg" / "x.svg")


def test_the_title_of_a_row_offers_its_pictures(
    window: MainWindow, document: Document, qtbot: QtBot
) -> None:
    row = window.board.row("memory")
    window.giving.show_menu(row, QPoint(10, 10))
    (menu,) = [each for each in window.findChildren(QMenu) if each.isVisible() and each.title() == ""]  # fmt: skip
    assert [action.text() for action in menu.actions()] == [document.title]
    menu.close()


def test_control_c_copies_the_picked_rows_of_a_table(
    window: MainWindow, document: Document, qtbot: QtBot
) -> None:
    table = table_of(window, document)
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 2
    first = table.columns.data(table.columns.index(0, 0))
    assert lines[1].split("\t")[0] == first
    assert lines[0].split("\t")[0] == table.columns.headerData(0, Qt.Orientation.Horizontal)


def test_a_table_is_saved_with_plain_numbers_and_inert_texts(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    evil = StringTable(
        "=HYPERLINK(1)" if text == "aten::relu" else text for text in sample_profile().strings
    )
    path = tmp_path / "evil.twin"
    snapshot.write(sample_profile(), path)
    document = opened(window, qtbot, path)
    document.show_profile(type(document.profile)(**{**vars(document.profile), "strings": evil}))
    settle(window, qtbot)
    table = table_of(window, document)
    table.actions_on_it.save(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert len(rows) == table.columns.rowCount()
    assert any(cell == "'=HYPERLINK(1)" for row in rows for cell in row)
    numbers = [cell for row in rows for cell in row if cell.isdigit()]
    assert len(numbers) >= len(rows)
    assert len(header) == len(rows[0])
    table.actions_on_it.copy_all()
    assert "\n'=HYPERLINK" in QGuiApplication.clipboard().text()


def test_node_figures_for_other_programs_name_the_same_nodes(tmp_path: Path) -> None:
    profile = sample_profile()
    names = {profile.strings[row] for row in profile.authored.nodes.name.tolist()}
    exporter_named("netron").write(profile, tmp_path / "n.json")
    attachment = json.loads((tmp_path / "n.json").read_text())
    assert attachment["signature"] == "netron:attachment"
    layers = {"blocks"}  # of the others there are several, or they are but numbers
    assert {each["target"] for each in attachment["metrics"]} - names == layers
    assert {"time per step", "FLOPs"} <= {each["name"] for each in attachment["metrics"]}
    exporter_named("model-explorer").write(profile, tmp_path / "m.json")
    data = json.loads((tmp_path / "m.json").read_text())
    assert data["results"]["conv_0"]["value"] == 0.49  # ms of own time per step
    assert {each["stop"] for each in data["gradient"]} == {0, 1}
    tensors = {profile.strings[row] for row in profile.authored.edges.tensor.tolist()}
    assert set(data["results"]) <= names | tensors | layers
    parts = [data["results"][name]["value"] for name in set(data["results"]) & names]
    assert data["results"]["blocks"]["value"] == pytest.approx(sum(parts))


def test_nodes_of_a_saved_model_have_their_numbers_in_its_functions(
    capture: Capture, tf_files: Path, tmp_path: Path
) -> None:
    folder = tf_files / "control_saved"
    profile = capture(folder, "tf-graph")
    exporter_named("model-explorer").write(profile, tmp_path / "m.json")
    data = json.loads((tmp_path / "m.json").read_text())
    library = parse("SavedModel", (folder / "saved_model.pb").read_bytes())
    functions = {
        each.signature.name: each for each in library.meta_graphs[0].graph_def.library.function
    }
    shown = {
        functions[graph].node_def[int(number) - 1].name: (graph, each["value"])
        for graph, told in data.items()
        for number, each in told["results"].items()
    }
    assert {"entry/MatMul", "while/MatMul", "while/Tanh"} <= shown.keys()
    assert shown["while/Tanh"][0].startswith("while_body")
    assert shown["entry/MatMul"][0].startswith("__inference___call__")
    assert all(value > 0 for _, value in shown.values())
    exporter_named("netron").write(profile, tmp_path / "n.json")
    targets = {each["target"] for each in json.loads((tmp_path / "n.json").read_text())["metrics"]}
    assert {"entry/MatMul", "while/Tanh"} <= targets  # without the call around the function


def test_without_the_saved_model_nodes_go_by_their_names(
    capture: Capture, tf_files: Path, tmp_path: Path
) -> None:
    profile = capture(tf_files / "control_saved", "tf-graph")
    environment = replace(profile.environment, request={"model_path": str(tmp_path / "gone")})
    exporter_named("model-explorer").write(
        replace(profile, environment=environment), tmp_path / "m.json"
    )
    assert "entry/MatMul" in json.loads((tmp_path / "m.json").read_text())["results"]


def test_a_table_is_saved_as_parquet_where_that_can_be_written(
    window: MainWindow, document: Document, qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    table = table_of(window, document)
    offers = {action.text(): action for action in table.actions_on_it.menu().actions()}
    if not can_write():
        assert "Save as Parquet…" not in offers
        return
    from pyarrow import parquet

    path = tmp_path / "table.parquet"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    offers["Save as Parquet…"].trigger()
    found = parquet.read_table(path)
    assert found.num_rows == table.columns.rowCount()
    assert found.column_names[0] == table.columns.headerData(0, Qt.Orientation.Horizontal)
    assert sum(found["Calls"].to_pylist()) > 0
