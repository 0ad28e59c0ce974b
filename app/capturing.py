"""A capture from request to Profile: the same path for the window and the command line."""

import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.autosave import Autosave
from app.reading_ahead import ReadingAhead
from profilers import attaching
from profilers.captures import read_capture
from profilers.errors import (
    Cancelled,
    CaptureFailed,
    CodeNeeded,
    MissingCode,
    ModeUnavailable,
    TrustRequired,
    TwinscopeError,
)
from profilers.launcher import Launcher
from profilers.models import ModelFile, model_named
from profilers.models.model_code import parse_code
from profilers.profile import Diagnostic, Profile, Severity
from profilers.request import InputSpec, RunRequest, with_sizes
from profilers.sweeps import SWEEP_STAGE
from profilers.trust import content_digest
from profilers.worker_process import OnEvent, Progress

_LEAST_BYTES = 1 << 20  # free on a disk: what fails below most likely failed for want of room


def request_for(model: ModelFile, mode: str = "", signature: str = "") -> RunRequest:
    """The request that the file itself suggests: its best mode and inputs, sizes filled in.

    `signature` chooses among the file's entry points, "" is the default one.

    Raises
    ------
    TwinscopeError
        If the file cannot run at all, or not in `mode`, or has no such signature.
    """
    if not model.modes:
        raise TwinscopeError(f"{model.path.name} cannot run", model.cannot_run)
    if mode == attaching.MODE:
        raise TwinscopeError(
            f"{model.path.name} cannot run in the mode {mode}",
            "that mode runs no model: it traces a process that runs already",
            "Give that process's address instead: twinscope attach HOST:PORT.",
        )
    if mode and mode not in model.modes:
        raise TwinscopeError(
            f"{model.path.name} cannot run in the mode {mode}",
            f"a {model.title} runs in: {', '.join(model.modes)}",
        )
    if signature and signature not in model.signatures:
        raise _without_signature(model, signature)
    return RunRequest(
        model_path=str(model.path),
        mode=mode or model.modes[0],
        inputs=with_sizes(model.inputs_of(signature)),
        signature=signature or next(iter(model.signatures), ""),
    )


def _without_signature(model: ModelFile, signature: str) -> TwinscopeError:
    entry = "entry point" if model.entries_are == "maker" else model.entries_are
    what = f"{model.path.name} has no {entry} {signature!r}"
    if not model.signatures:
        return TwinscopeError(
            what, f"this {model.title} has none to choose from", "Run it without one."
        )
    return TwinscopeError(what, f"it has {', '.join(model.signatures)}", "Choose one of them.")


def merge_inputs(
    known: tuple[InputSpec, ...], given: tuple[InputSpec, ...]
) -> tuple[InputSpec, ...]:
    """The model's inputs with the person's own in place of those of the same name.

    A given input keeps the range that the model suggests, where the dtype stays the same. Where all
    are guesses, names too, those that are given under other names are all there are.
    """
    if given and all(spec.guessed for spec in known):
        names = {spec.name for spec in known}
        if not any(spec.name in names for spec in given):
            return given
    by_name = {spec.name: spec for spec in given}
    merged = []
    for spec in known:
        own = by_name.pop(spec.name, None)
        if own is None:
            merged.append(spec)
        elif own.dtype == spec.dtype:
            merged.append(replace(own, low=spec.low, high=spec.high))
        else:
            merged.append(own)
    return (*merged, *by_name.values())


def model_to_trust(model: ModelFile, request: RunRequest) -> ModelFile | None:
    """What the person must agree to before `request` runs: the model, or the code for its weights.

    Raises
    ------
    CodeNeeded
        If the model holds weights alone and the request names no code for them.
    """
    if not model.needs_code:
        return model if model.needs_trust else None
    code = parse_code(request.code)
    if code is None:
        raise CodeNeeded(
            f"{model.path.name} holds weights but not the model that uses them",
            f"{request.code!r} is no code" if request.code else "",
            "Give the code that makes the model, such as model.py:make_model or "
            "torchvision:resnet18.",
        )
    return model_named(f"{code.path}:{code.entry}".rstrip(":")) if code.is_file else None


def require_trust(model: ModelFile, *, is_trusted: bool) -> None:
    """Refuse to run a file that can execute code before the person agreed.

    Raises
    ------
    TrustRequired
        With what the file would call.
    """
    if model.needs_trust and not is_trusted:
        calls = ", ".join(dict.fromkeys(danger.call for danger in model.dangers[:8]))
        raise TrustRequired(
            f"{model.path.name} was not loaded",
            f"loading it can execute code; it would call {calls}",
            "Run it only if you trust where it comes from.",
        )


def captured(
    launcher: Launcher,
    request: RunRequest,
    autosave: Autosave,
    on_event: OnEvent = lambda event: None,
    cancelled: threading.Event | None = None,
    look: Callable[[Path], object] = lambda folder: None,
    enough: threading.Event | None = None,
) -> tuple[Profile, Path]:
    """Run `request` and read the result; blocks.

    `look` is shown the capture's folder before it is read; `enough` ends a sweep early.

    Returns
    -------
    profile : Profile
    folder : Path
        The capture, which the caller gives to `Autosave.keep` once the profile is on its way to the
        person: a crash in between loses nothing.

    Raises
    ------
    TwinscopeError
        See `profilers.launcher.Launcher.capture` and `profilers.captures.read_capture`.
    """
    launcher.prepare(request)  # beside the digest, which takes 0.9 s of a gigabyte
    request = replace(with_digest(request), wants_peaks=True)
    return run_and_read(launcher, request, autosave, on_event, cancelled, look, enough)


def with_digest(request: RunRequest) -> RunRequest:
    """The request with the digest of what its file holds now.

    Raises
    ------
    TwinscopeError
        If the file is gone.
    TrustRequired
        If the person agreed to another content, whose digest the request names.
    """
    path = Path(request.model_path)
    if not path.exists() and model_named(request.model_path) is None:
        raise TwinscopeError(
            f"{path.name} cannot run",
            f"it is no longer in {path.parent}",
            "Put it back, or open it where it is now.",
        )
    digest = content_digest(path)
    if request.trusted and request.model_sha256 not in ("", digest):
        raise TrustRequired(
            f"{path.name} was not loaded",
            "it has changed since you opened and trusted it",
            "Open it again to see what loading it would call now.",
        )
    return replace(request, model_sha256=digest)


def _without_sweep(
    launcher: Launcher,
    request: RunRequest,
    autosave: Autosave,
    on_event: OnEvent,
    cancelled: threading.Event | None,
    look: Callable[[Path], object],
    error: CaptureFailed,
) -> tuple[Profile, Path]:
    """The capture again, after other sizes of the inputs ended its process."""
    profile, folder = run_and_read(
        launcher, replace(request, sweep={}), autosave, on_event, cancelled, look
    )
    note = Diagnostic(
        Severity.WARNING,
        f"Measuring other sizes ended the model's process ({error.why or error.what}), so there "
        "are none of them here.",
        "Sweep over smaller sizes.",
    )
    return replace(profile, diagnostics=(*profile.diagnostics, note)), folder


def _full_disk(folder: Path) -> Path | None:
    """Which of the folders that a run writes to lies on a disk without room, if any does."""
    for place in (folder.parent.parent, Path(tempfile.gettempdir())):
        if shutil.disk_usage(place).free < _LEAST_BYTES:
            return place
    return None


def _without_room(place: Path, error: TwinscopeError) -> CaptureFailed:
    return CaptureFailed(
        f"The disk that holds {place} is full, so the run failed",
        f"{error.what}: {error.why}".rstrip(": "),
        "Make room there and run it again.",
        error.detail,
    )


def run_and_read(
    launcher: Launcher,
    request: RunRequest,
    autosave: Autosave,
    on_event: OnEvent = lambda event: None,
    cancelled: threading.Event | None = None,
    look: Callable[[Path], object] = lambda folder: None,
    enough: threading.Event | None = None,
) -> tuple[Profile, Path]:
    """The same for a request that names no file, such as a running process to attach to."""
    folder = autosave.new_capture_folder()
    ahead = ReadingAhead(request, folder, on_event)
    try:
        with ahead:
            launcher.capture(request, folder, ahead.follow, cancelled, enough)
    except (Cancelled, MissingCode, ModeUnavailable, TrustRequired):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except TwinscopeError as error:
        full = _full_disk(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if full is not None:
            raise _without_room(full, error) from error
        if not isinstance(error, CaptureFailed) or not ahead.stage.startswith(SWEEP_STAGE):
            raise
        return _without_sweep(launcher, request, autosave, on_event, cancelled, look, error)
    look(folder)
    on_event(Progress("reading", 0.0))
    profile = read_capture(
        folder, lambda fraction: on_event(Progress("reading", fraction)), ahead.begun()
    )
    return profile, folder
