"""Writers of profiles in other programs' formats.

A module offers ``write(profile: Profile, path: Path) -> None`` and raises TwinscopeError where the
profile has nothing to write. Adding a format is one module and one line here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from app.matrix import MatrixRow
from profilers.analysis.comparison import compare
from profilers.analysis.comparison.kept import chosen_pair
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.profile import KeptComparison, Profile
from profilers.request import RunRequest


@dataclass(frozen=True)
class Exporter:
    """`suffix` is what its files usually end with."""

    id: str
    title: str
    suffix: str
    module: str

    def write(self, profile: Profile, path: Path) -> None:
        """Write `profile`; raises TwinscopeError with a reason where that is not possible."""
        with _to_be_written(path):
            import_module(self.module).write(profile, path)


EXPORTERS: tuple[Exporter, ...] = (
    Exporter("chrome", "Chrome trace, for Perfetto", ".json", "app.report.chrome_trace"),
    Exporter("csv", "Tables as CSV", ".csv", "app.report.csv_tables"),
    Exporter("png", "Picture of all views", ".png", "app.report.png_picture"),
    Exporter("parquet", "Tables as Parquet", ".parquet", "app.report.parquet_tables"),
    Exporter("netron", "Attachment for Netron", ".json", "app.report.netron_attachment"),
    Exporter(
        "model-explorer", "Node data for Model Explorer", ".json", "app.report.model_explorer"
    ),
    Exporter("html", "Report as one HTML page", ".html", "app.report.html"),
    Exporter("pdf", "Report as PDF", ".pdf", "app.report.pdf"),
)
_REPORTS = {".html": "app.report.html", ".htm": "app.report.html", ".pdf": "app.report.pdf"}


def exporter_named(exporter_id: str) -> Exporter:
    return next(each for each in EXPORTERS if each.id == exporter_id)


def write_report(
    profiles: Sequence[Profile], path: Path, comparison: KeptComparison | None = None
) -> None:
    """Write a report on one profile or on two beside each other, in the format of the suffix.

    `comparison` tells which two of the profiles, and how; without it they are the first two.

    Raises
    ------
    TwinscopeError
        If the suffix is no report's, or the file cannot be written.
    """
    module = _REPORTS.get(path.suffix.lower())
    if module is None:
        raise TwinscopeError(
            f"Cannot write {path.name}",
            "its name ends with no report's suffix",
            f"Reports are {', '.join(_REPORTS)}.",
        )
    with _to_be_written(path):
        writer = import_module(module)
        if len(profiles) == 1:
            writer.write(profiles[0], path)
        else:
            a, b, rounds, per_sample = chosen_pair(profiles, comparison)
            found = compare(a, b, rounds=rounds, per_sample=per_sample)
            writer.write_comparison(found, a, b, path)


def write_matrix(model: ModelFile, base: RunRequest, rows: Sequence[MatrixRow], path: Path) -> None:
    """Write the rows of a matrix as a page; raises TwinscopeError if the file cannot be written."""
    with _to_be_written(path):
        import_module("app.report.matrix_page").write(model, base, rows, path)


@contextmanager
def _to_be_written(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise TwinscopeError(
            f"Cannot write {path}", error.strerror or str(error), "Choose another place."
        ) from error
