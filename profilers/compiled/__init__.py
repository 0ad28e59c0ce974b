"""The hot loops, compiled with numba the first time they are wanted.

Compiling takes some seconds once per machine, loading what was compiled 0.4 s: a process of its own
fills the cache, and until then everything runs without (`load` gives None). Once it is filled, the
loops are there for `loaded` too, if anybody asked for them meanwhile. Callers therefore always have
a way in numpy or plain Python, and the same tests go over both.
"""

import hashlib
import importlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import platformdirs
import psutil

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).parent.parent.parent
_KEPT_S = 30 * 24 * 3600
_NICENESS = 10  # of compiling while nobody waits for it
_lock = threading.Lock()
_loaded: ModuleType | None = None
_builder: threading.Thread | None = None
_is_wanted = False  # by somebody who goes on without them so far
_cannot_load = False
_COMMAND = ["-m", "profilers.compiled"]
_holders = 0  # what compiling stands still for
_held: list[psutil.Process] = []


def load() -> ModuleType | None:
    """`profilers.compiled.loops`, or None while it is being compiled or if it cannot be.

    Blocks for about half a second the first time that the cache is there.
    """
    global _is_wanted
    with _lock:
        if _loaded is not None or _cannot_load:
            return _loaded
        _is_wanted = True
        if _stamp().exists():
            _load()
        else:
            _begin_building(niceness=0)
        return _loaded


def compile_ahead() -> None:
    """Fill the cache at a low priority, unless it is filled: before anybody waits for it."""
    with _lock:
        if _loaded is None and not _cannot_load and not _stamp().exists():
            _begin_building(_NICENESS)


def load_compiled() -> None:
    """As `load` where they are compiled; never compiles."""
    with _lock:
        if _loaded is None and not _cannot_load and _stamp().exists():
            _load()


def loaded() -> ModuleType | None:
    """As `load`, but never waits: what is loaded already."""
    return _loaded


@contextmanager
def compiling_held() -> Iterator[None]:
    """Compiling stands still while it lasts.

    Beside it a model's steps take longer: ten times as long on two processors, both of which a step
    wants at once.
    """
    _hold(1)
    try:
        yield
    finally:
        _hold(-1)


def _hold(more: int) -> None:
    """Count who wants it to stand still; what is compiling by now follows."""
    global _holders, _held
    with _lock:
        _holders += more
        if _holders:
            _held = [*_held, *(each for each in _compilers() if each not in _held)]
        for process in _held:
            with suppress(psutil.Error):  # it has ended meanwhile
                if _holders:
                    process.suspend()
                else:
                    process.resume()
        _held = _held if _holders else []


def _compilers() -> list[psutil.Process]:
    """Processes that compile, also such as an earlier command left; none once the cache is filled."""
    if _stamp().exists():
        return []
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [])[-len(_COMMAND) :] == _COMMAND
    ]


def compile_now() -> ModuleType | None:
    """Compile in this process and wait for it; for tests and benchmarks."""
    with _lock:
        if _loaded is None:
            _load()
        if _loaded is not None:
            _stamp().parent.mkdir(parents=True, exist_ok=True)
            _stamp().touch()
        return _loaded


def cache_folder() -> Path:
    """Where compiled loops are kept; TWINSCOPE_CACHE names another place."""
    named = os.environ.get("TWINSCOPE_CACHE")
    if named:
        return Path(named)
    home = os.environ.get("TWINSCOPE_HOME")
    base = Path(home) if home else platformdirs.user_cache_path("twinscope", appauthor=False)
    return base / "compiled"


def _load() -> None:
    global _loaded, _cannot_load
    os.environ["NUMBA_CACHE_DIR"] = str(_version_folder())
    try:
        _loaded = importlib.import_module("profilers.compiled.loops")
        if _stamp().exists():
            _stamp().touch()
    except Exception:
        logger.exception("the compiled loops cannot be used; everything runs without them")
        _cannot_load = True
        _stamp().unlink(missing_ok=True)


def _begin_building(niceness: int) -> None:
    global _builder
    if _builder is None:
        _builder = threading.Thread(target=_build, args=(niceness,), daemon=True)
        _builder.start()


def _build(niceness: int) -> None:
    process = subprocess.Popen(
        [sys.executable, *_COMMAND],
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if niceness and hasattr(os, "setpriority"):
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    _hold(0)
    _, told = process.communicate()
    if process.returncode:
        logger.warning("the hot loops could not be compiled: %s", told[-2000:])
        return
    with _lock:
        if _is_wanted and _loaded is None:
            _load()
    _forget_old()


def _forget_old() -> None:
    """Loops that another version of Twinscope compiled, and that nothing loaded for a month."""
    for folder in cache_folder().iterdir():
        stamp = folder / _stamp().name
        if stamp.is_file() and time.time() - stamp.stat().st_mtime > _KEPT_S:
            shutil.rmtree(folder, ignore_errors=True)


def _stamp() -> Path:
    """Says that the cache is filled."""
    return _version_folder() / "ready"


@cache
def _version_folder() -> Path:
    """Named for all that a compiled loop depends on.

    numba itself looks at the file of a function only, not at those of the functions that it calls.
    """
    parts = [sys.version, platform.machine(), platform.processor(), _version("numba")]
    for path in sorted(Path(__file__).parent.glob("*.py")):
        status = path.stat()
        parts.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return cache_folder() / digest[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
