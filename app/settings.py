"""Settings kept between runs, behind one typed object."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from app.paths import config_folder

_MOST_RECENT = 9


class Settings:
    """Recent files, theme and window geometry in one INI file."""

    def __init__(self, folder: Path | None = None) -> None:
        file = (folder or config_folder()) / "settings.ini"
        self._store = QSettings(str(file), QSettings.Format.IniFormat)

    @property
    def recent_files(self) -> list[Path]:
        """Newest first."""
        stored: Any = self._store.value("recent", [])
        names = [stored] if isinstance(stored, str) else stored or []
        return [Path(name) for name in names]

    def add_recent(self, path: Path) -> None:
        known = [each for each in self.recent_files if each != path]
        self._store.setValue("recent", [str(each) for each in [path, *known][:_MOST_RECENT]])

    @property
    def theme(self) -> str:
        """ "system", "light" or "dark"."""
        return str(self._store.value("theme", "system"))

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def hides_noise(self) -> bool:
        """Whether timelines leave out how a framework gets to its work."""
        return str(self._store.value("timeline/hides_noise", "false")) == "true"

    @hides_noise.setter
    def hides_noise(self, hides: bool) -> None:
        self._store.setValue("timeline/hides_noise", "true" if hides else "false")

    @property
    def attach_address(self) -> str:
        """HOST:PORT of the process that was attached to last."""
        return str(self._store.value("attach/address", ""))

    @attach_address.setter
    def attach_address(self, address: str) -> None:
        self._store.setValue("attach/address", address)

    def save_geometry(self, geometry: bytes) -> None:
        self._store.setValue("geometry", geometry)

    @property
    def geometry(self) -> bytes:
        stored: Any = self._store.value("geometry", b"")
        return bytes(stored) if stored else b""
