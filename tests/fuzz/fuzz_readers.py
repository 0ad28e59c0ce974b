"""Coverage-guided fuzzing of the trace readers; needs ``pip install atheris``, so it is no test.

``python -m tests.fuzz.fuzz_readers NAME CORPUS_FOLDER [libFuzzer options]``, for example
``python -m tests.fuzz.fuzz_readers trace.json /tmp/corpus -max_total_time=600 -max_len=4096``. NAME
is what the bytes are opened as; with ``--scan`` in front of it by the compiled scan in small windows.
Anything but a sound profile or a TwinscopeError is a finding.
"""

import sys
import tempfile
from importlib import import_module
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["profilers"], exclude=["profilers.compiled"]):
    import profilers.opening
    from profilers.traces import READERS

    for _name in READERS:
        import_module(f"profilers.traces.{_name}")

from profilers import compiled
from profilers.errors import TwinscopeError
from profilers.profile import Profile
from profilers.profile.references import broken_references
from profilers.traces import chrome_reader, chrome_windows


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[0] == "--scan":
        arguments = arguments[1:]
        compiled.compile_now()
        chrome_reader.SMALL_BYTES = -1
        chrome_windows.WINDOW_BYTES = 500
    path = Path(tempfile.mkdtemp(dir="/dev/shm")) / arguments[0]

    def open_bytes(data: bytes) -> None:
        path.write_bytes(data)
        try:
            opened = profilers.opening.open_path(path)
        except TwinscopeError:
            return
        if isinstance(opened, Profile):
            assert not broken_references(opened), broken_references(opened)
            for row in range(min(len(opened.trace.slices), 5)):
                opened.trace.arguments.text(row)

    atheris.Setup([sys.argv[0], *arguments[1:]], open_bytes)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
