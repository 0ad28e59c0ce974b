"""ONNX files of the model exported last, kept while the worker lives.

Rows of a matrix differ in the level of optimisation alone, and sweep over the same sizes: each size
is exported once and not once per level. What a run itself exports is always made anew, as its time
is a figure of that run.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from profilers.request import RunRequest
from profilers.runtimes.pytorch.options import IMPORTS

_FILE = "model.onnx"
_MOST_BYTES = 2 << 30


class KeptExports:
    def __init__(self) -> None:
        self._model: object = None
        self._folders: dict[str, Path] = {}

    @contextmanager
    def place_for(self, request: RunRequest) -> Iterator[Path]:
        """Where the export for the request's inputs is, or is to be written.

        A failure in between, and too many bytes, leave nothing there.
        """
        folder = self._folder_for(request)
        try:
            yield folder / _FILE
        except BaseException:
            self._drop(folder)
            raise
        if not request.model_sha256 or self._kept_bytes() > _MOST_BYTES:
            self._drop(folder)

    def _folder_for(self, request: RunRequest) -> Path:
        model = (
            request.model_path, request.model_sha256, request.code, request.source_folder,
            request.seed, request.options.get(IMPORTS.id),
        )  # fmt: skip
        if model != self._model:
            for folder in [*self._folders.values()]:
                self._drop(folder)
            self._model = model
        inputs = repr(request.inputs)
        if inputs not in self._folders:
            self._folders[inputs] = Path(tempfile.mkdtemp(prefix="twinscope-"))
        return self._folders[inputs]

    def _drop(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._folders = {key: each for key, each in self._folders.items() if each != folder}

    def _kept_bytes(self) -> int:
        return sum(
            file.stat().st_size for each in self._folders.values() for file in each.iterdir()
        )
