"""All that the window can do, as one table that menus, palette and key sheet read."""

from collections.abc import Callable
from functools import partial

from app.commands import Command
from app.document import Document
from app.rank_columns import rank_columns
from app.window.columns_window import ColumnsWindow
from app.window.compare_row import COMPARE_ID
from views import VIEWS
from views.selection import Selection


def command_table(window: ColumnsWindow) -> list[Command]:
    """Commands in the order of the menus."""
    return [
        *_file_commands(window),
        *_view_commands(window),
        *_go_commands(window),
    ]


def _file_commands(window: ColumnsWindow) -> list[Command]:
    file = window.tr("&File")
    has_document = partial(_has_document, window)
    can_run = partial(_can_run, window)
    return [
        Command("file.open", file, window.tr("Open…"), ("Ctrl+O",), window.ask_open),
        Command(
            "file.open_folder", file, window.tr("Open a SavedModel folder…"), ("Ctrl+Shift+O",),
            window.ask_open_folder,
        ),
        Command(
            "file.open_name", file, window.tr("Open a model by name…"), ("Ctrl+Shift+N",),
            window.ask_open_name,
        ),
        Command("file.attach", file, window.tr("Attach to a TensorFlow process…"), (), window.ask_attach),
        Command("file.demo", file, window.tr("Show the demo"), (), window.run_demo),
        Command(
            "file.run", file, window.tr("Run the model…"), ("Ctrl+R", "Shift+F10"),
            _with_current(window, window.ask_run), can_run,
        ),
        Command(
            "file.matrix", file, window.tr("Run the model in every mode…"), ("Ctrl+Shift+R",),
            _with_current(window, window.ask_matrix), can_run,
        ),
        Command(
            "file.save", file, window.tr("Save the snapshot…"), ("Ctrl+S",),
            _with_current(window, window.giving.ask_save), has_document,
        ),
        Command(
            "file.rename", file, window.tr("Rename the column"), ("F2",),
            _with_current(window, lambda document: window.board.header(document).begin_rename()),
            has_document,
        ),
        Command(
            "file.join", file, window.tr("Join the columns of ranks into one"), (),
            window.session.join_ranks, lambda: bool(rank_columns(window.session.documents)),
        ),
        Command(
            "file.close", file, window.tr("Close the column"), ("Ctrl+W", "Ctrl+F4"),
            _with_current(window, window.close_column), has_document,
        ),
        Command("file.quit", file, window.tr("Quit"), ("Ctrl+Q",), window.close),
        *window.giving.commands(),
    ]  # fmt: skip


def _view_commands(window: ColumnsWindow) -> list[Command]:
    view = window.tr("&View")
    has_document = partial(_has_document, window)
    has_two = partial(_has_two, window)
    rows = [
        Command(
            f"row.{spec.id}",
            view,
            window.tr("Fold or unfold {}").format(spec.heading),
            (f"Ctrl+{number}",),
            partial(window.toggle_row, spec.id),
            has_document,
        )
        for number, spec in enumerate(VIEWS, 1)
    ]
    return [
        *rows,
        Command(
            "row.compare", view, window.tr("Fold or unfold Compare"), ("Ctrl+0",),
            partial(window.toggle_row, COMPARE_ID), has_two,
        ),
        Command("view.full", view, window.tr("Full screen, or back"), ("F11",), window.toggle_full_screen),
        Command("view.system", view, window.tr("Theme: follow the system"), (), lambda: window.set_theme("system")),
        Command("view.light", view, window.tr("Theme: light"), (), lambda: window.set_theme("light")),
        Command("view.dark", view, window.tr("Theme: dark"), (), lambda: window.set_theme("dark")),
        Command(
            "view.link", view, window.tr("Link or unlink the columns' selections"), ("Ctrl+L",),
            window.toggle_link, has_document,
        ),
        Command(
            "view.align", view, window.tr("Align the columns' times, or let them move apart"),
            ("Ctrl+Shift+L",), window.board.align.toggle, has_document,
        ),
    ]  # fmt: skip


def _go_commands(window: ColumnsWindow) -> list[Command]:
    go = window.tr("&Go")
    has_document = partial(_has_document, window)
    has_two = partial(_has_two, window)
    return [
        Command(
            "compare.turns", go, window.tr("Measure both columns again, interleaved"), (),
            window.board.ask_turns, has_two,
        ),
        Command(
            "go.back", go, window.tr("Back to the selection before"), ("Alt+Left", "Ctrl+Alt+Left"),
            _each_selection(window, lambda selection: selection.back()), has_document,
        ),
        Command(
            "go.forward", go, window.tr("Forward again"), ("Alt+Right", "Ctrl+Alt+Right"),
            _each_selection(window, lambda selection: selection.forward()), has_document,
        ),
        Command(
            "go.clear", go, window.tr("Clear the selection"), (),
            _each_selection(window, lambda selection: selection.clear()), has_document,
        ),
        *window.going.commands(),
    ]  # fmt: skip


def _has_document(window: ColumnsWindow) -> bool:
    return bool(window.session.documents)


def _can_run(window: ColumnsWindow) -> bool:
    current = window.current()
    model = current.model if current is not None and not current.is_busy else None
    return model is not None and bool(model.modes)


def _has_two(window: ColumnsWindow) -> bool:
    return window.board.compare.has_two


def _with_current(window: ColumnsWindow, act: Callable[[Document], object]) -> Callable[[], object]:
    def run() -> None:
        document = window.current()
        if document is not None:
            act(document)

    return run


def _each_selection(
    window: ColumnsWindow, act: Callable[[Selection], object]
) -> Callable[[], object]:
    """Each in its own history: what one column does must not be picked in the others anew."""

    def run() -> None:
        with window.linker.apart():
            for document in window.session.documents:
                act(document.selection)

    return run
