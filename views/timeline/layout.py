"""Where groups, tracks and their lanes lie from top to bottom."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from profilers.analysis.framework_noise import framework_noise
from profilers.profile import Profile, TrackKind
from profilers.profile.table import Int32, Int64
from views.timeline.heights import Heights
from views.timeline.lane_state import LaneState

TRACK_GAP = 5
_KINDS = {
    TrackKind.THREAD: "thread",
    TrackKind.STREAM: "stream",
    TrackKind.COUNTER: "counter",
    TrackKind.OTHER: "other",
}

_RANK = re.compile(r", rank (\d+)$")  # of a device that several ranks have
_DEVICE_NUMBER = re.compile(r"(?:cuda|gpu|xpu|hip|mtia|tpu)\D*(\d+)", re.IGNORECASE)


def memory_track(device: int) -> int:
    """Stands for a track where a device's memory is drawn: no track of the trace holds it."""
    return -2 - device


class BandKind(Enum):
    GROUP = 0
    SLICES = 1
    COUNTER = 2
    BUSY = 3  # share of time in which a device worked


@dataclass(frozen=True)
class Band:
    """One group header or one track; `height` is in pixels, `lanes` says how many are drawn.

    `track` is -1 where there is none, below that for a device's memory.

    `top` counts from the top of the first band; pinned bands come first and never scroll.
    """

    kind: BandKind
    title: str
    group: str
    track: int
    top: int
    height: int
    first_lane: int = 0
    lanes: int = 0
    is_folded: bool = False
    can_fold: bool = True
    is_pinned: bool = False

    @property
    def bottom(self) -> int:
        return self.top + self.height


@dataclass(frozen=True, eq=False)
class TrackOrder:
    """Tracks that hold something, in display order, and the lanes that each of them needs.

    Track ``i`` has the slices ``first_row[i]:first_row[i + 1]`` and the group ``group_of[i]``: its
    process or device, with the rank where the run had several. Its lanes begin at ``first_lane[i]``:
    ``depths[i]`` of them are drawn; where noise is hidden, one more below them holds it. `silent` are
    the tracks that hold nothing else.
    """

    profile: Profile
    tracks: tuple[int, ...]
    group_of: tuple[str, ...]
    depths: Int64
    first_lane: Int64
    first_row: Int64
    lane_count: int
    silent: frozenset[int] = frozenset()

    @classmethod
    def of(cls, profile: Profile, hides_noise: bool = False) -> "TrackOrder":
        trace = profile.trace
        first_row = np.searchsorted(trace.slices.track, np.arange(len(trace.tracks) + 1))
        depths, hidden = np.zeros((2, len(trace.tracks)), np.int64)
        is_filled = np.diff(first_row) > 0
        filled = np.flatnonzero(is_filled)
        if len(filled):
            drawn = trace.slices.depth
            if hides_noise:
                noise = framework_noise(profile)
                drawn = np.where(noise.is_noise, np.int16(-1), noise.depth)
                hidden[filled] = np.maximum.reduceat(noise.is_noise, first_row[filled])
            depths[filled] = np.maximum.reduceat(drawn, first_row[filled])
            depths[filled] += 1
        ends = np.cumsum(depths + hidden)
        return cls(
            profile,
            _display_order(profile, is_filled),
            tuple(_group_title(profile, track) for track in range(len(trace.tracks))),
            depths,
            ends - depths - hidden,
            first_row.astype(np.int64),
            int(ends[-1]) if len(ends) else 0,
            frozenset(np.flatnonzero(is_filled & (depths == 0)).tolist()),
        )

    @cached_property
    def track_of_lane(self) -> Int32:
        """The track that each lane belongs to, also one that is not drawn."""
        counts = np.diff(np.append(self.first_lane, self.lane_count))
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @cached_property
    def members(self) -> dict[str, tuple[int, ...]]:
        """Tracks of each group, in display order."""
        members: dict[str, list[int]] = {}
        for track in self.tracks:
            members.setdefault(self.group_of[track], []).append(track)
        return {group: tuple(tracks) for group, tracks in members.items()}

    @cached_property
    def streams(self) -> dict[str, tuple[int, ...]]:
        """Of each group the tracks that are a device's streams, mostly none."""
        is_stream = self.profile.trace.tracks.kind == TrackKind.STREAM
        return {
            group: tuple(track for track in tracks if is_stream[track])
            for group, tracks in self.members.items()
        }

    @cached_property
    def memory_of(self) -> dict[str, list[int]]:
        """Of each group the devices (rows of strings) whose memory is drawn below its tracks."""
        memory_of: dict[str, list[int]] = {}
        if self.members:
            for device in np.unique(self.profile.memory.counters.device).tolist():
                memory_of.setdefault(self._group_of_device(device), []).append(device)
        return memory_of

    def _group_of_device(self, device: int) -> str:
        """Of the groups of its rank or host, or of all where it names neither, that with the device's
        streams, else the first one."""
        name, tracks = self.profile.strings[device], self.profile.trace.tracks
        number, rank = _DEVICE_NUMBER.search(name), _RANK.search(name)
        host = name.rpartition(": ")[0]
        own = [
            group
            for group, inside in self.members.items()
            if (rank and tracks.rank[inside[0]] == int(rank.group(1)))
            or (host and self._process_of(inside[0]).startswith(f"{host}: "))
        ]
        groups = own or list(self.members)
        for group in groups:
            streams = self.streams[group]
            if number and any(tracks.device[track] == int(number.group(1)) for track in streams):
                return group
        return groups[0]

    def _process_of(self, track: int) -> str:
        return self.profile.strings[int(self.profile.trace.tracks.process[track])]

    def slices_of(self, group: str) -> int:
        """How many slices a group's tracks hold."""
        tracks = np.array(self.members[group])
        return int((self.first_row[tracks + 1] - self.first_row[tracks]).sum())

    def matching(self, state: LaneState) -> list[int]:
        """Tracks in the person's order, less those that the filter leaves out."""
        shown = (track for track in state.tracks if track not in self.silent)
        return [track for track in shown if self._holds(track, state.words)]

    def bands(self, state: LaneState, heights: Heights) -> tuple[Band, ...]:
        """All bands, top to bottom; what is filtered out or in a folded group is left out."""
        bands: list[Band] = []
        top = 0
        for band in self._in_order(state, heights):
            bands.append(replace(band, top=top))
            top += band.height
        return tuple(bands)

    def _in_order(self, state: LaneState, heights: Heights) -> Iterator[Band]:
        shown = self.matching(state)
        for track in state.pinned:
            if track in shown:
                yield replace(self._track_band(track, state, heights), is_pinned=True)
        shown_of: dict[str, list[int]] = {}
        for track in shown:
            shown_of.setdefault(self.group_of[track], []).append(track)
        for group in state.groups:
            inside = shown_of.get(group, [])
            memory = [
                band
                for band in self._memory_bands(group, heights)
                if _has_words(state.words, group, band.title, "counter")
            ]
            if inside or memory:
                yield from self._group_bands(group, inside, memory, state, heights)

    def _group_bands(
        self,
        group: str,
        inside: list[int],
        memory: list[Band],
        state: LaneState,
        heights: Heights,
    ) -> Iterator[Band]:
        is_folded = group in state.folded_groups
        yield Band(BandKind.GROUP, group, group, -1, 0, heights.group, is_folded=is_folded)
        if is_folded:
            return
        streams = set(self.streams[group]).intersection(inside)
        last_stream = max(streams, key=inside.index) if streams else -1
        for track in inside:
            if track not in state.pinned:
                yield self._track_band(track, state, heights)
            if track == last_stream:
                height = heights.busy + TRACK_GAP
                yield Band(BandKind.BUSY, _tr("busy"), group, -1, 0, height, can_fold=False)
        yield from memory

    def _holds(self, track: int, words: tuple[str, ...]) -> bool:
        tracks = self.profile.trace.tracks
        name = self.profile.strings[int(tracks.name[track])]
        return _has_words(words, self.group_of[track], name, _KINDS[TrackKind(tracks.kind[track])])

    def _memory_bands(self, group: str, heights: Heights) -> Iterator[Band]:
        for device in self.memory_of.get(group, ()):
            title = _tr("memory of {}").format(self.profile.strings[device])
            yield Band(
                BandKind.COUNTER, title, group, memory_track(device), 0,
                heights.counter + TRACK_GAP, can_fold=False,
            )  # fmt: skip

    def _track_band(self, track: int, state: LaneState, heights: Heights) -> Band:
        depth, group = int(self.depths[track]), self.group_of[track]
        title = self.profile.strings[int(self.profile.trace.tracks.name[track])]
        if not depth:
            return Band(
                BandKind.COUNTER, title, group, track, 0, heights.counter + TRACK_GAP,
                can_fold=False,
            )  # fmt: skip
        is_folded = track in state.folded_tracks and depth > 1
        lanes = 1 if is_folded else depth
        return Band(
            BandKind.SLICES,
            title,
            group,
            track,
            0,
            lanes * heights.lane + TRACK_GAP,
            int(self.first_lane[track]),
            lanes,
            is_folded,
            depth > 1,
        )


def _display_order(profile: Profile, is_filled: NDArray[np.bool_]) -> tuple[int, ...]:
    """Tracks with slices or samples, by rank, device, process and the writer's own order."""
    trace = profile.trace
    has_samples = np.zeros(len(is_filled), bool)
    has_samples[trace.counters.track] = True
    shown = np.flatnonzero(is_filled | has_samples).tolist()
    first_of_group: dict[int, int] = {}
    for track in shown:
        first_of_group.setdefault(int(trace.tracks.process[track]), track)

    def place(track: int) -> tuple[int, ...]:
        tracks = trace.tracks
        return (
            int(tracks.rank[track]),
            int(tracks.device[first_of_group[int(tracks.process[track])]]),
            first_of_group[int(tracks.process[track])],
            int(tracks.kind[track]) == TrackKind.COUNTER,
            int(tracks.sort_index[track]),
            track,
        )

    return tuple(sorted(shown, key=place))


def _has_words(words: tuple[str, ...], *texts: str) -> bool:
    whole = " ".join(texts).lower()
    return all(word in whole for word in words)


def _group_title(profile: Profile, track: int) -> str:
    tracks = profile.trace.tracks
    name = profile.strings[int(tracks.process[track])] or "process"
    return f"rank {int(tracks.rank[track])} · {name}" if int(tracks.rank.max()) > 0 else name


def _tr(text: str) -> str:
    return QCoreApplication.translate("Timeline", text)
