"""Where Twinscope keeps what outlives a run. TWINSCOPE_HOME moves all of it to one folder."""

import os
from pathlib import Path

import platformdirs

_NAME = "twinscope"


def data_folder() -> Path:
    """Autosaved captures."""
    home = os.environ.get("TWINSCOPE_HOME")
    return Path(home) if home else platformdirs.user_data_path(_NAME, appauthor=False)


def config_folder() -> Path:
    """Settings, recent files, trusted digests."""
    home = os.environ.get("TWINSCOPE_HOME")
    return Path(home) if home else platformdirs.user_config_path(_NAME, appauthor=False)
