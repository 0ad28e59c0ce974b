"""``twinscope report X [Y] --out R.html``: one page to send to somebody who has nothing installed."""

import argparse
from pathlib import Path

from app.cli.reading import read_files
from app.report import write_report
from profilers.errors import TwinscopeError

HELP = "Write a report on one profile, or on two beside each other, as one HTML page or as PDF."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="snapshots or traces")
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="R.html", help="to write; R.pdf for a PDF"
    )


def run(arguments: argparse.Namespace) -> int:
    profiles, comparison = read_files(arguments.files)
    if len(profiles) > 2 and comparison is None:
        raise TwinscopeError(
            "A report has one profile or two beside each other",
            f"the files hold {len(profiles)}",
            "Name fewer files, or take profiles out with twinscope snapshot --only.",
        )
    write_report(profiles, arguments.out, comparison)
    print(arguments.out)
    return 0
