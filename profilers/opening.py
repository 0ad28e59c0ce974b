"""From a path to what Twinscope makes of it: a model to run or a profile to look at."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from profilers import snapshot
from profilers.analysis.trace_health import health
from profilers.captures.xla.plain_trace import with_programs
from profilers.captures.xplane.xprof_reports import xprof_reports
from profilers.errors import TwinscopeError, UnrecognisedFile
from profilers.models import ModelFile, format_of, model_named
from profilers.models.tf_checkpoint import WEIGHTS_REMEDY, checkpoint_part, is_prefix
from profilers.probe import Probe
from profilers.profile import Profile
from profilers.traces import Progress, reader_of, xplane
from profilers.traces.xplane_files import files_of

WHAT_WORKS = (
    "Twinscope opens PyTorch (.pt2, TorchScript, pickled modules, state dicts, safetensors), "
    "Python files that make PyTorch models, TensorFlow and Keras (.keras, .h5, SavedModel folders, frozen .pb, .tflite), ONNX, "
    "Kineto/Chrome traces (.json, .json.gz), xplane.pb (also gzip, or a whole logdir), CUDA memory "
    "snapshots (.pickle) and .twin snapshots."
)

_MOST_PARTS = 16  # of a folder, each a column
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a native program or library"),
    (b"MZ", "a Windows program"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"PK\x03\x04", "a ZIP archive with none of the known model layouts"),
    (b"\x1f\x8b", "a gzip file whose content is no trace"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file without a Keras model"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x93NUMPY", "a numpy array"),
    (b"PAR1", "a Parquet table"),
    (b"GGUF", "a GGUF file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
)


def open_path(
    path: Path,
    progress: Progress = lambda fraction: None,
    show: Callable[[Profile], None] | None = None,
) -> Profile | ModelFile:
    """Recognise a path by content and read it as far as that executes nothing.

    Parameters
    ----------
    path : Path
        File or folder, or the name of a model that code makes: see `profilers.models.model_named`.
    progress : callable
        Takes the fraction read; may raise Cancelled.
    show : callable, optional
        Takes the beginning of a large trace while the rest is still being read.

    Returns
    -------
    Profile or ModelFile
        A profile for traces and snapshots, a model file (with a preview) for models.

    Raises
    ------
    UnrecognisedFile
        If the content is no known format; the sentence names what was found.
    DamagedFile
        If the format was recognised but the content is unsound.
    """
    probe = Probe(path)
    try:
        named = None if path.exists() else model_named(str(path))
        if named is not None:
            return named
        if snapshot.matches(probe):
            return snapshot.read(path)
        reader = reader_of(probe)
        if reader is not None:
            read_showing = getattr(reader, "read_showing", None)
            if show is not None and read_showing is not None:
                return _with_health(read_showing(path, progress, show))
            profile = reader.read(path, progress)
            if reader is xplane:
                profile = _with_reports(with_programs(profile, path), path)
            return _with_health(profile)
        model_format = format_of(probe)
        if model_format is not None:
            return model_format.inspect(path)
        found, remedy = checkpoint_part(probe)
    except OSError as error:
        raise _unreadable(path, error) from error
    raise UnrecognisedFile(
        f"Cannot open {path.name}", f"it is {found or _describe(probe)}", remedy or WHAT_WORKS
    )


def parts_of(folder: Path) -> list[Path]:
    """What a dropped folder stands for: itself where it is a model or a trace, else its traces."""
    probe = Probe(folder)
    if reader_of(probe) is not None or format_of(probe) is not None:
        return [folder]
    files = [each for each in sorted(folder.iterdir()) if each.is_file() and _is_profile(each)]
    return files if 0 < len(files) <= _MOST_PARTS else [folder]


def _is_profile(path: Path) -> bool:
    probe = Probe(path)
    return snapshot.matches(probe) or reader_of(probe) is not None


def _with_health(profile: Profile) -> Profile:
    return replace(profile, diagnostics=(*profile.diagnostics, *health(profile)))


def _with_reports(profile: Profile, path: Path) -> Profile:
    """What xprof makes of a trace of TensorFlow's or JAX's profiler; of several hosts, of the first."""
    (first, *_), _ = files_of(path)
    return replace(profile, reports=xprof_reports(first))


def _unreadable(path: Path, error: OSError) -> TwinscopeError:
    if is_prefix(path):
        return TwinscopeError(
            f"Cannot open {path.name}",
            "it is the name of a TensorFlow checkpoint: weights without the graph that uses them",
            WEIGHTS_REMEDY,
        )
    reason = error.strerror or str(error)
    return TwinscopeError(
        f"Cannot open {path.name or path}", reason, "Check the path and its rights."
    )


def _describe(probe: Probe) -> str:
    if probe.is_folder:
        names = ", ".join(sorted(probe.folder_names)[:5]) or "nothing"
        return f"a folder without a saved_model.pb (it holds {names})"
    if probe.size == 0:
        return "empty"
    for magic, description in _SIGNATURES:
        if probe.head.startswith(magic):
            return description
    text = probe.head[:512]
    if text.isascii() and text.strip().startswith((b"{", b"[")):
        return "JSON that is no trace"
    if text.isascii():
        return "plain text"
    return f"binary data beginning with {probe.head[:8].hex(' ')}"
