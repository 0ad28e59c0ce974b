"""``twinscope install-desktop``: a menu entry, and `.twin` files that open with a double click."""

import argparse

from app.desktop import install, remove

HELP = "Put Twinscope into your desktop's menu and let it open .twin files; for your account alone."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--remove", action="store_true", help="take everything away again")


def run(arguments: argparse.Namespace) -> int:
    paths = remove() if arguments.remove else install()
    for path in paths:
        print(f"{'removed ' if arguments.remove else ''}{path}")
    if not paths:
        print("nothing was installed")
    return 0
