"""The command line: ``twinscope [FILE...]`` opens the window, a first word names a command.

A command module offers ``HELP: str``, ``configure(parser) -> None`` and ``run(arguments) -> int``.
Adding a command is one module and one line here.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from profilers.errors import TwinscopeError

COMMANDS: dict[str, str] = {
    "demo": "app.cli.demo",
    "info": "app.cli.info",
    "profile": "app.cli.profile",
    "matrix": "app.cli.matrix",
    "attach": "app.cli.attach",
    "stats": "app.cli.stats",
    "compare": "app.cli.compare",
    "export": "app.cli.export",
    "snapshot": "app.cli.snapshot",
    "report": "app.cli.report",
    "modes": "app.cli.modes",
    "install-desktop": "app.cli.install_desktop",
}
_WINDOW = "app.cli.window"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done, 1 failed (one sentence on stderr), 2 wrong use.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser, chosen = _parser(words)
    options = parser.parse_args(words)
    if getattr(options, "verbose", False):
        logging.basicConfig(level=logging.INFO)
    try:
        status: int = import_module(chosen).run(options)
    except TwinscopeError as error:
        print(f"twinscope: {_sentence(error)}", file=sys.stderr)
        if error.detail and getattr(options, "verbose", False):
            print(error.detail, file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("twinscope: stopped", file=sys.stderr)
        return 1
    return status


def _sentence(error: TwinscopeError) -> str:
    """What is told everywhere, and with which option it is mended here."""
    return f"{str(error).rstrip('.')} (with {error.option})." if error.option else str(error)


def _parser(words: list[str]) -> tuple[argparse.ArgumentParser, str]:
    """The parser for these words and the module that will run."""
    command = words[0] if words and words[0] in COMMANDS else ""
    if command:
        words.pop(0)
        module_name = COMMANDS[command]
        module = import_module(module_name)
        parser = argparse.ArgumentParser(prog=f"twinscope {command}", description=module.HELP)
    else:
        module_name = _WINDOW
        module = import_module(module_name)
        parser = argparse.ArgumentParser(
            prog="twinscope",
            description=module.HELP,
            epilog="Commands: " + ", ".join(COMMANDS) + ". Each takes --help.",
        )
        parser.add_argument("--version", action="version", version=f"twinscope {_version()}")
    parser.add_argument("--verbose", action="store_true", help="show logs and error details")
    module.configure(parser)
    return parser, module_name


def _version() -> str:
    try:
        return version("twinscope")
    except PackageNotFoundError:
        return "(not installed)"
