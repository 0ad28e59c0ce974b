"""``twinscope info FILE``: what a file is, without executing any of it."""

import argparse
from pathlib import Path
from typing import Any

from app.cli.output import print_facts
from profilers.analysis.stats import statistics
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile

HELP = "Say what a file is, what inputs it takes and what it would call; nothing is executed."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="model, trace or snapshot")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    opened = open_path(arguments.file)
    facts = _model_facts(opened) if isinstance(opened, ModelFile) else _profile_facts(opened)
    print_facts(facts, as_json=arguments.json)
    return 0


def _model_facts(model: ModelFile) -> dict[str, Any]:
    graph = model.preview.authored
    return {
        "file": str(model.path),
        "kind": model.kind,
        "format": model.title,
        "framework": model.framework,
        "modes": list(model.modes),
        "inputs": [spec.text + (" (guessed)" if spec.guessed else "") for spec in model.inputs],
        "signatures": list(model.signatures),
        "inputs_of_others": {
            name: [spec.text for spec in specs] for name, specs in model.signature_inputs.items()
        },
        "graph_nodes": len(graph.nodes),
        "parameters": len(graph.parameters),
        "parameter_bytes": int(graph.parameters.bytes.sum()),
        "needs_trust": model.needs_trust,
        "would_call": [f"{danger.call} ({danger.where})" for danger in model.dangers],
        "cannot_run": model.cannot_run,
        "notes": [note.message for note in model.preview.diagnostics],
    }


def _profile_facts(profile: Profile) -> dict[str, Any]:
    return {"kind": "profile", **statistics(profile)}
