"""``twinscope export X.twin --to FORMAT --out PATH``."""

import argparse
from pathlib import Path

from app.cli.reading import read_profile
from app.report import EXPORTERS, exporter_named

HELP = "Write a profile in another program's format, or as a picture of its views."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="snapshot or trace")
    parser.add_argument(
        "--to", required=True, choices=[each.id for each in EXPORTERS], help="format"
    )
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="PATH", help="where to write"
    )


def run(arguments: argparse.Namespace) -> int:
    exporter_named(arguments.to).write(read_profile(arguments.file), arguments.out)
    print(arguments.out)
    return 0
