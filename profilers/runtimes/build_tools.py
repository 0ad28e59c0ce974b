"""What PyTorch's compilers build with, looked for where they look; no framework is imported."""

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from shutil import which

_DEFAULT_CPP = {"darwin": "clang++", "win32": "cl"}  # as torch._inductor.config.cpp.cxx has it
_DEFAULT_C = ("gcc", "clang", "cl")  # as Triton looks for one
_CPP_PACKAGES = {
    "darwin": "Install the Xcode command line tools (xcode-select --install)",
    "win32": "Install the Visual Studio Build Tools and start Twinscope from their prompt",
}
_CPP_ON_LINUX = "Install the package g++ (Debian, Ubuntu) or gcc-c++ (Fedora)"


@dataclass(frozen=True)
class Lack:
    """What a compiler does without here, and who brings it."""

    why: str
    remedy: str


def inductor_lacks(device: str) -> Lack | None:
    """What torch.compile misses to run on `device`: a C++ compiler, or on a GPU Triton and a C one."""
    return _triton_lacks() if device.startswith("cuda") else cpp_lacks()


def aoti_lacks(device: str) -> Lack | None:
    """What AOTInductor misses to make a package for `device`: a GPU's is called by C++ code, too."""
    return (_triton_lacks() if device.startswith("cuda") else None) or cpp_lacks()


def no_cpp_compiler(reason: str) -> Lack:
    """That the one C++ compiler which Inductor would call is of no use, for a `reason`."""
    package = _CPP_PACKAGES.get(sys.platform, _CPP_ON_LINUX)
    named = " (named by the variable CXX)" if os.environ.get("CXX") else ""
    return Lack(
        "there is no C++ compiler to build the kernels with that Inductor generates: "
        f"{_cpp_compiler()}{named} {reason}",
        f"{package}, or name another compiler in the variable CXX.",
    )


def cpp_lacks() -> Lack | None:
    """That there is no C++ compiler where Inductor looks for one."""
    return None if which(_cpp_compiler()) else no_cpp_compiler("is not found")


def _cpp_compiler() -> str:
    return os.environ.get("CXX") or _DEFAULT_CPP.get(sys.platform, "g++")


def _triton_lacks() -> Lack | None:
    if find_spec("triton") is None:
        return Lack(
            "Triton, which Inductor generates kernels of a GPU for, is not installed",
            "Install it with: pip install triton.",
        )
    named = os.environ.get("CC")
    if any(map(which, (named,) if named else _DEFAULT_C)):
        return None
    return Lack(
        "there is no C compiler to build the code with that launches Triton's kernels: "
        f"{named or 'gcc'} is not found",
        "Install the package gcc, or name another compiler in the variable CC.",
    )
