"""Where groups, tracks and their lanes lie from top to bottom."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from profilers.profile import Profile, TrackKind
from profilers.profile.table import Int64

GROUP_HEIGHT = 20
LANE_HEIGHT = 17
COUNTER_HEIGHT = 40
TRACK_GAP = 5


class BandKind(Enum):
    GROUP = 0
    SLICES = 1
    COUNTER = 2


@dataclass(frozen=True)
class Band:
    """One group header or one track; `height` is in pixels, `lanes` says how many are drawn."""

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

    @property
    def bottom(self) -> int:
        return self.top + self.height


@dataclass(frozen=True, eq=False)
class TrackOrder:
    """Tracks that hold something, in display order, and the lanes that each of them needs."""

    profile: Profile
    tracks: tuple[int, ...]
    depths: Int64
    first_lane: Int64
    lane_count: int

    @classmethod
    def of(cls, profile: Profile) -> "TrackOrder":
        trace = profile.trace
        depths = np.zeros(len(trace.tracks), np.int64)
        np.maximum.at(depths, trace.slices.track, trace.slices.depth.astype(np.int64) + 1)
        ends = np.cumsum(depths)
        has_samples = np.zeros(len(depths), bool)
        has_samples[trace.counters.track] = True
        shown = np.flatnonzero((depths > 0) | has_samples).tolist()
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

        return cls(
            profile,
            tuple(sorted(shown, key=place)),
            depths,
            ends - depths,
            int(ends[-1]) if len(ends) else 0,
        )

    def bands(self, folded_groups: set[str], folded_tracks: set[int]) -> tuple[Band, ...]:
        """All bands, top to bottom; tracks of a folded group are left out."""
        tracks, strings = self.profile.trace.tracks, self.profile.strings
        bands: list[Band] = []
        top, current = 0, None
        for track in self.tracks:
            group = self.group_of(track)
            if group != current:
                current = group
                is_folded = group in folded_groups
                band = Band(
                    BandKind.GROUP, group, group, -1, top, GROUP_HEIGHT, is_folded=is_folded
                )
                bands.append(band)
                top = band.bottom
            if group in folded_groups:
                continue
            band = self._track_band(
                track, group, strings[int(tracks.name[track])], top, track in folded_tracks
            )
            bands.append(band)
            top = band.bottom
        return tuple(bands)

    def group_of(self, track: int) -> str:
        """Title of the process or device, with its rank where the run had several."""
        tracks = self.profile.trace.tracks
        name = self.profile.strings[int(tracks.process[track])] or "process"
        has_ranks = len(tracks) > 0 and int(tracks.rank.max()) > 0
        return f"rank {int(tracks.rank[track])} · {name}" if has_ranks else name

    def _track_band(self, track: int, group: str, title: str, top: int, is_folded: bool) -> Band:
        depth = int(self.depths[track])
        if not depth:
            return Band(
                BandKind.COUNTER, title, group, track, top, COUNTER_HEIGHT + TRACK_GAP,
                can_fold=False,
            )  # fmt: skip
        lanes = 1 if is_folded else depth
        return Band(
            BandKind.SLICES,
            title,
            group,
            track,
            top,
            lanes * LANE_HEIGHT + TRACK_GAP,
            int(self.first_lane[track]),
            lanes,
            is_folded,
            depth > 1,
        )
