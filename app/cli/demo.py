"""``twinscope demo``: one network in both frameworks, profiled and opened side by side."""

import argparse

from app.cli.window import add_window_options, show

HELP = "Build a small network in PyTorch and Keras, profile both, and open them side by side."


def configure(parser: argparse.ArgumentParser) -> None:
    add_window_options(parser)


def run(arguments: argparse.Namespace) -> int:
    return show(arguments, lambda window: window.run_demo())
