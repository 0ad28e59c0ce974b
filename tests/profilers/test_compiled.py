"""How compiled loops come to a machine: in the background, once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FIRST = """
import time
from profilers import compiled
compiled.compile_ahead()
assert compiled.load() is None, "nothing was compiled yet"
began = time.monotonic()
while compiled.loaded() is None:
    assert time.monotonic() - began < 200
    time.sleep(0.1)
assert compiled.loaded().walk is not None
"""
HELD = """
import time
import psutil
from profilers import compiled

def state():
    compiler, = psutil.Process().children()
    return compiler.status()

def waited_for(is_stopped):
    began = time.monotonic()
    while (state() == psutil.STATUS_STOPPED) != is_stopped:
        assert time.monotonic() - began < 60
        time.sleep(0.01)

with compiled.compiling_held():
    compiled.compile_ahead()
    while not psutil.Process().children():
        time.sleep(0.01)
    waited_for(True)  # it began to be held
    with compiled.compiling_held():
        pass
    waited_for(True)  # one of two let go
waited_for(False)
with compiled.compiling_held():
    waited_for(True)
waited_for(False)
psutil.Process().children()[0].kill()
"""
LEFT = """
import sys
import time
import psutil
from profilers import compiled

def waited_for(is_stopped):
    began = time.monotonic()
    while (left.status() == psutil.STATUS_STOPPED) != is_stopped:
        assert time.monotonic() - began < 60
        time.sleep(0.01)

left = psutil.Popen([sys.executable, "-m", "profilers.compiled"])  # as by an earlier command
try:
    while left.cmdline()[1:] != ["-m", "profilers.compiled"]:
        time.sleep(0.01)
    with compiled.compiling_held():
        waited_for(True)
    waited_for(False)
finally:
    left.kill()
"""
LATER = """
from profilers import compiled
assert compiled.loaded() is None
assert compiled.load() is not None, "it was compiled before"
"""
BROKEN = """
import sys
sys.modules["numba"] = None  # as if it could not be installed
from profilers import compiled
assert compiled.compile_now() is None
assert compiled.load() is None
"""


def run(script: str, cache: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "TWINSCOPE_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.timeout(300)
def test_loops_are_compiled_in_the_background_and_found_again(tmp_path: Path) -> None:
    run(FIRST, tmp_path)
    run(LATER, tmp_path)


def test_compiling_stands_still_beside_a_run(tmp_path: Path) -> None:
    run(HELD, tmp_path)
    run(LEFT, tmp_path)


def test_without_the_compiler_everything_runs_on(tmp_path: Path) -> None:
    run(BROKEN, tmp_path)
