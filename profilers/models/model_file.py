"""What can be known of a model file without executing any of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from profilers.profile import Profile
from profilers.request import InputSpec


@dataclass(frozen=True)
class Danger:
    """One thing that loading or running the file could call, in the file's own words."""

    call: str  # "posix.system", "zoo.Net", "Lambda layer 'scale'", "WriteFile"
    where: str  # the member, node or layer that asks for it
    severe: bool = False  # not explained by an ordinary model


@dataclass(frozen=True)
class ModelFile:
    """A recognised model.

    Parameters
    ----------
    path : Path
    kind : str
        Id of the format, e.g. "torch-export".
    title : str
        The format in words.
    framework : str
        "torch", "tensorflow", "onnxruntime", "tflite" or "" where nothing here can run it.
    modes : tuple of str
        Run modes that take this kind, the best first; empty where it cannot run.
    inputs : tuple of InputSpec
        As far as the file tells or lets guess; empty if nothing is known.
    dangers : tuple of Danger
        Why the person must agree before it is loaded; empty if loading executes nothing.
    preview : Profile
        Graph and parameters as seen without executing; no trace.
    cannot_run : str
        Why it cannot run and what is missing, "" if it can.
    signatures : tuple of str
        Names to choose from where the file has several entry points, the default first.
    signature_inputs : mapping of str to tuple of InputSpec
        What the entry points other than the default take.
    entries_are : str
        What `signatures` names: "signature", "function" of a SavedModel without any, or "maker" in
        a Python file.
    needs_code : bool
        True for weights alone: a run must name the code that makes the model they belong to.
    """

    path: Path
    kind: str
    title: str
    framework: str
    modes: tuple[str, ...]
    inputs: tuple[InputSpec, ...] = ()
    dangers: tuple[Danger, ...] = ()
    preview: Profile = field(default_factory=lambda: Profile("model"))
    cannot_run: str = ""
    signatures: tuple[str, ...] = ()
    signature_inputs: Mapping[str, tuple[InputSpec, ...]] = field(default_factory=dict)
    entries_are: str = "signature"
    needs_code: bool = False

    def inputs_of(self, signature: str) -> tuple[InputSpec, ...]:
        """What an entry point takes; "" is the default one."""
        return self.signature_inputs.get(signature, self.inputs)

    @property
    def needs_trust(self) -> bool:
        return bool(self.dangers)
