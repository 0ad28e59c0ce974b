"""``twinscope snapshot IN... --out OUT.twin``: choose what a teammate gets, and hide who you are."""

import argparse
from pathlib import Path

from app.cli.reading import read_files
from app.sharing import Sharing, save_shared
from profilers.errors import TwinscopeError
from profilers.snapshot.parts import PARTS
from profilers.units import format_bytes

HELP = "Write a smaller or anonymous snapshot, or several profiles into one file."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="IN", help="snapshots or traces")
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="OUT.twin", help="to write"
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=[part.id for part in PARTS],
        metavar="PART",
        help=f"leave out, repeatable: {', '.join(part.id for part in PARTS)}",
    )
    parser.add_argument(
        "--only", type=int, metavar="N", help="the Nth profile of a file that holds several"
    )
    parser.add_argument(
        "--anonymise",
        action="store_true",
        help="no paths, users, hosts, source lines and dates; the finished file is searched for them",
    )
    parser.add_argument(
        "--hash-names", action="store_true", help="with --anonymise: layers and tensors as hashes"
    )
    parser.add_argument(
        "--hide", action="append", default=[], metavar="WORD", help="more to hide, repeatable"
    )


def run(arguments: argparse.Namespace) -> int:
    if (arguments.hash_names or arguments.hide) and not arguments.anonymise:
        raise TwinscopeError("--hash-names and --hide belong to --anonymise", "", "Add it.")
    profiles, comparison = read_files(arguments.files)
    if arguments.only is not None:
        if not 1 <= arguments.only <= len(profiles):
            raise TwinscopeError(
                f"There is no profile {arguments.only}", f"the files hold {len(profiles)}"
            )
        profiles, comparison = [profiles[arguments.only - 1]], None
    sharing = Sharing(
        frozenset(arguments.without), arguments.anonymise, arguments.hash_names,
        tuple(arguments.hide),
    )  # fmt: skip
    save_shared(profiles, arguments.out, sharing, comparison)
    print(f"{arguments.out}  {format_bytes(arguments.out.stat().st_size)}")
    return 0
