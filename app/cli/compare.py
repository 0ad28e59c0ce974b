"""``twinscope compare A B``: what differs between two profiles, how surely, and why."""

import argparse
import json
import math
from pathlib import Path

from app.cli.compare_runs import add_run_options, run_both
from app.cli.comparison_text import comparison_text, worsened_text
from app.cli.reading import read_profile, read_profiles
from app.sharing import Sharing, save_shared
from profilers.analysis.comparison import ProfileComparison, can_normalise, compare
from profilers.analysis.comparison.figures import Rounds
from profilers.analysis.comparison.kept import chosen_pair, turns_of
from profilers.analysis.comparison.plain import plain
from profilers.analysis.comparison.side import samples_per_step
from profilers.errors import TwinscopeError
from profilers.profile import KeptComparison, Profile

HELP = (
    "Compare two profiles: figures with their uncertainty, and the layers that make the difference. "
    "With --run, A and B are models, which are profiled and then measured in turns."
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", type=Path, metavar="A", help="snapshot or trace (a model with --run)")
    parser.add_argument(
        "b", type=Path, nargs="?", metavar="B",
        help="what is compared with it; left out, A is a snapshot that holds both",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="PAIR.twin", help="keep both and how they compare"
    )
    parser.add_argument("--html", type=Path, metavar="OUT", help="write a report")
    parser.add_argument(
        "--fail-over",
        type=_share,
        metavar="5%",
        help="exit with 1 if a figure worsens by more than this and more than the noise",
    )
    parser.add_argument(
        "--per-sample", action="store_true", help="divide step times by the batch size"
    )
    parser.add_argument("--rows", type=int, default=12, metavar="N", help="rows of layers to print")
    add_run_options(parser)


def run(arguments: argparse.Namespace) -> int:
    a, b, rounds, kept_per_sample = _read(arguments)
    if arguments.per_sample and not can_normalise(a, b):
        silent = [name for name, each in (("A", a), ("B", b)) if not samples_per_step(each)]
        raise TwinscopeError(
            "Step times cannot be divided by the batch size",
            f"{' and '.join(silent)} {'do' if len(silent) > 1 else 'does'} not tell it",
            "Leave out --per-sample.",
        )
    per_sample = arguments.per_sample or kept_per_sample
    comparison = compare(a, b, rounds=rounds, per_sample=per_sample)
    if arguments.out is not None:
        turns = (turns_of(0, 1, rounds),) if rounds is not None else ()
        kept = KeptComparison(per_sample=per_sample, turns=turns)
        save_shared([a, b], arguments.out, Sharing(), kept)
    if arguments.html is not None:
        _write_page(comparison, a, b, arguments.html)
    if arguments.json:
        worse = _worse(comparison, arguments.fail_over)
        print(json.dumps({**plain(comparison), "worse": worse}, indent=2, ensure_ascii=False))
    else:
        print(comparison_text(comparison, a, b, arguments.rows))
    if arguments.fail_over is None:
        return 0
    told = worsened_text(comparison, arguments.fail_over)
    if told and not arguments.json:
        print(f"\n{told}")
    return 1 if told else 0


def _write_page(comparison: ProfileComparison, a: Profile, b: Profile, path: Path) -> None:
    from app.report.html import write_comparison

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_comparison(comparison, a, b, path)
    except OSError as error:
        raise TwinscopeError(
            f"Cannot write {path}", error.strerror or str(error), "Choose another place."
        ) from error


def _worse(comparison: ProfileComparison, threshold: float | None) -> list[str]:
    """Ids of the figures that --fail-over is about."""
    if threshold is None:
        return []
    return [pair.metric.id for pair in comparison.figures if pair.worsened_by > threshold]


def _read(arguments: argparse.Namespace) -> tuple[Profile, Profile, Rounds | None, bool]:
    """Both sides, their rounds in turns, and whether the file wants times per sample."""
    if arguments.b is None and arguments.run:
        raise TwinscopeError(
            "There is nothing to compare it with", "--run takes two models", "Name B."
        )
    if arguments.b is None:
        return _pair_of(arguments.a)
    if arguments.run:
        return *run_both(arguments), False
    return read_profile(arguments.a), read_profile(arguments.b), None, False


def _pair_of(path: Path) -> tuple[Profile, Profile, Rounds | None, bool]:
    profiles, kept = read_profiles(path)
    if len(profiles) != 2 and kept is None:
        raise TwinscopeError(
            f"{path.name} holds no pair to compare",
            f"it has {len(profiles)} profile{'s' if len(profiles) != 1 else ''}",
            "Name what it is compared with, too.",
        )
    return chosen_pair(profiles, kept)


def _share(text: str) -> float:
    """0.05 for ``5%``."""
    try:
        share = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        raise argparse.ArgumentTypeError("must be a percentage such as 5%") from None
    if not 0 <= share < math.inf:  # nor is it "nan"
        raise argparse.ArgumentTypeError("must be a percentage of 0 or more")
    return share
