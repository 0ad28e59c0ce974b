"""What a device can do at most: common GPUs by NVIDIA's data sheets (dense arithmetic, no sparsity),
and the processors of a run by what was measured there.
"""

import re
from dataclasses import dataclass

from profilers.profile import MachinePeaks, Profile, TrackKind

_BUSY = 0.1  # share of waiting for a processor from which on a measurement is doubted


@dataclass(frozen=True)
class Peak:
    """Operations per second of float32 and of 16-bit matrix units, and bytes per second of memory.

    `float16` is None where nobody knows it. `source` says where the figures come from.
    """

    name: str
    float32: float
    float16: float | None
    bandwidth: float
    source: str = "data sheet"
    is_measured: bool = False


_TERA, _GIGA = 1e12, 1e9
_KNOWN: tuple[tuple[str, Peak], ...] = (  # the first pattern that the device's name holds counts
    (r"H200", Peak("H200", 67 * _TERA, 989 * _TERA, 4800 * _GIGA)),
    (r"H100.*PCIe", Peak("H100 PCIe", 51 * _TERA, 756 * _TERA, 2000 * _GIGA)),
    (r"H100", Peak("H100 SXM", 67 * _TERA, 989 * _TERA, 3350 * _GIGA)),
    (r"A100.*80", Peak("A100 80 GB", 19.5 * _TERA, 312 * _TERA, 2039 * _GIGA)),
    (r"A100", Peak("A100 40 GB", 19.5 * _TERA, 312 * _TERA, 1555 * _GIGA)),
    (r"V100", Peak("V100 SXM2", 15.7 * _TERA, 125 * _TERA, 900 * _GIGA)),
    (r"L40S", Peak("L40S", 91.6 * _TERA, 362 * _TERA, 864 * _GIGA)),
    (r"\bL4\b", Peak("L4", 30.3 * _TERA, 121 * _TERA, 300 * _GIGA)),
    (r"\bA10\b", Peak("A10", 31.2 * _TERA, 125 * _TERA, 600 * _GIGA)),
    (r"\bT4\b", Peak("T4", 8.1 * _TERA, 65 * _TERA, 320 * _GIGA)),
    (r"RTX 4090", Peak("GeForce RTX 4090", 82.6 * _TERA, 165 * _TERA, 1008 * _GIGA)),
    (r"RTX 3090", Peak("GeForce RTX 3090", 35.6 * _TERA, 71 * _TERA, 936 * _GIGA)),
)


def peak_of(profile: Profile) -> Peak | None:
    """Of the device that the profile names, else of the processors that it ran on; None if not known."""
    environment = profile.environment
    name = " ".join((environment.device, environment.facts.get("GPU", "")))
    known = next((peak for pattern, peak in _KNOWN if re.search(pattern, name)), None)
    if known is not None or not environment.peaks.are_known:
        return known
    on_device = bool((profile.trace.tracks.kind == TrackKind.STREAM).any())
    return None if on_device else _measured(environment.peaks)


def _measured(peaks: MachinePeaks) -> Peak:
    threads = "1 thread" if peaks.threads == 1 else f"{peaks.threads} threads"
    source = f"measured on the machine of the run, {threads}, by {peaks.measured_by}"
    if peaks.measured_on:  # an anonymous snapshot does not tell
        source += f" on {peaks.measured_on[:10]}"
    if peaks.waited > _BUSY:
        source += ", while other programs ran: it may reach more"
    return Peak(peaks.processor, peaks.float32, None, peaks.bandwidth, source, is_measured=True)
