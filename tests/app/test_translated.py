"""Whatever a person reads in the window can be translated: no bare text goes to a widget."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRANSLATORS = {"tr", "_tr", "translate", "QT_TRANSLATE_NOOP"}
# Callables whose argument at this place is read by the person.
PLACES = {"Command": 2, "Section": 1} | dict.fromkeys(
    (
        *("QLabel", "QAction", "QPushButton", "QToolButton", "QCheckBox", "QRadioButton"),
        *("QGroupBox", "QMenu", "ElidedLabel", "EmptyNote", "Column", "LegendEntry"),
        *("setText", "setPlainText", "setHtml", "setTitle", "setWindowTitle", "setToolTip"),
        *("setStatusTip", "setPlaceholderText", "setAccessibleName", "setAccessibleDescription"),
        *("setLabelText", "setInformativeText", "setDetailedText", "setSuffix", "setPrefix"),
        *("setHeaderLabel", "setHeaderLabels", "setHorizontalHeaderLabels", "setFormat"),
        *("addAction", "addMenu", "addItem", "addItems", "addRow", "showMessage", "tell"),
    ),
    0,
)
PLACES |= {"addTab": 1, "setTabText": 1, "showText": 1}
WORD = re.compile(r"[^\W\d_]{3,}")
PROSE = re.compile(r"[A-Za-z]{2,} +[a-zA-Z]{2,}")
MARKUP = re.compile(r"<[^>]*>?|&\w+;")
NAMES = {
    *("FLOPs", "FLOP/s", "Twinscope"),
    *("localhost:6009", "torchvision:resnet18", "Call stack"),  # what others call their things
}


def bare_texts(path: Path) -> list[tuple[int, str]]:
    """Lines and texts that are read as they stand, whatever the language."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [*_given_to_widgets(tree), *_prose(tree)]
    return sorted({(line, text) for line, text in found if text not in NAMES})


def _given_to_widgets(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (place := PLACES.get(_name(node))) is not None:
            for argument in node.args[place : place + 1]:
                for text in _texts(argument):
                    if WORD.search(MARKUP.sub(" ", text)):
                        yield node.lineno, text


def _texts(value: ast.expr) -> Iterator[str]:
    """The literal texts that an expression may become as it stands."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
        case ast.BinOp(left=left, right=right):
            yield from (*_texts(left), *_texts(right))
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_texts(body), *_texts(orelse))
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            for each in values:
                yield from _texts(each)


def _prose(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Two words in a row that are neither translated nor a comment, a log or an assertion."""
    if isinstance(node, ast.Call) and (_name(node) in TRANSLATORS or _is_log(node)):
        return
    if isinstance(node, ast.Assert) or _is_docstring(node):
        return
    for text in _texts(node) if isinstance(node, ast.Constant) else ():
        if PROSE.search(MARKUP.sub(" ", text)):
            yield node.lineno, text
    for child in ast.iter_child_nodes(node):
        yield from _prose(child)


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_log(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "logger"


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@pytest.mark.parametrize("folder", ["views", "app/window"])
def test_no_bare_text_goes_to_a_widget(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in bare_texts(path)
    ]
    assert not found, "\n".join(found)


def test_the_check_sees_bare_texts(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    lines = (
        '"""A docstring of words."""',
        'a.setText(self.tr("fine"))',
        'b.setToolTip("bare")',
        'QLabel(f"also {bare}")',
        'c.setText("⤢")',
        'raise Wrong("no such file")',
        'Command("id.of.it", menu, tr("Open"), ("Ctrl+O",))',
        'd = "<b class=x>" + "words here"',
    )
    module.write_text("\n".join(lines), "utf-8")
    assert bare_texts(module) == [(3, "bare"), (4, "also "), (6, "no such file"), (8, "words here")]
