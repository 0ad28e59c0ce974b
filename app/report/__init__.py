"""Writers of profiles in other programs' formats.

A module offers ``write(profile: Profile, path: Path) -> None`` and raises TwinscopeError where the
profile has nothing to write. Adding a format is one module and one line here.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from profilers.errors import TwinscopeError
from profilers.profile import Profile


@dataclass(frozen=True)
class Exporter:
    """`suffix` is what its files usually end with."""

    id: str
    title: str
    suffix: str
    module: str

    def write(self, profile: Profile, path: Path) -> None:
        """Write `profile`; raises TwinscopeError with a reason where that is not possible."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            import_module(self.module).write(profile, path)
        except OSError as error:
            raise TwinscopeError(
                f"Cannot write {path}", error.strerror or str(error), "Choose another place."
            ) from error


EXPORTERS: tuple[Exporter, ...] = (
    Exporter("chrome", "Chrome trace, for Perfetto", ".json", "app.report.chrome_trace"),
    Exporter("csv", "Tables as CSV", ".csv", "app.report.csv_tables"),
    Exporter("png", "Picture of all views", ".png", "app.report.png_picture"),
)


def exporter_named(exporter_id: str) -> Exporter:
    return next(each for each in EXPORTERS if each.id == exporter_id)
