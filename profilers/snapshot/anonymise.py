"""A profile that tells neither who ran it, nor where, nor when; with hashed names if wanted."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from profilers.profile import Environment, Note, Profile, Report, StringTable
from profilers.profile.json_column import JsonColumn, JsonText
from profilers.snapshot.hashing import hashed
from profilers.snapshot.layer_names import LayerNames
from profilers.snapshot.packed_json import READ_ROWS, texts_between
from profilers.snapshot.parts import without
from profilers.snapshot.places import without_places
from profilers.snapshot.secrets import ADDRESSES, Secrets

_WORD = "‹name›"
_TELLING = ADDRESSES | {"command"}
_KEPT_OF_REQUEST = (
    "mode", "inputs", "steps", "warmup", "device", "threads", "seed", "signature", "limit_s",
    "memory_limit_bytes", "options",
)  # fmt: skip
_FREE_TEXT_OPTIONS = frozenset(("imports",))  # modules of the person's own
_CACHED_TEXTS = 1 << 17


def anonymised(profile: Profile, secrets: Secrets, layers: LayerNames | None = None) -> Profile:
    """The same measurements with nothing that tells who ran what where and when.

    Generated sources, source lines, moments and members that this version does not know are left
    out; what is left of every text has paths and the words of `secrets` replaced. Where `layers`
    are given, their names and the model's are hashed, equal ones alike in every snapshot.
    """
    profile = without(profile, {"sources"})
    scrub = Scrubber(secrets, layers)
    graphs = tuple(
        replace(
            graph,
            attributes=scrub.column(graph.attributes),
            parameter_statistics=scrub.column(graph.parameter_statistics),
        )
        for graph in profile.graphs
    )
    trace = replace(profile.trace, arguments=scrub.column(profile.trace.arguments))
    diagnostics = tuple(
        replace(each, message=scrub.text(each.message), remedy=scrub.text(each.remedy))
        for each in profile.diagnostics
    )
    return replace(
        profile,
        name=scrub.title(profile.name),
        strings=StringTable(scrub.text(text) for text in profile.strings),
        trace=trace,
        graphs=graphs,
        memory=replace(profile.memory, source=scrub.text(profile.memory.source)),
        diagnostics=diagnostics,
        environment=_environment(profile.environment, scrub),
        notes=tuple(_note(note, scrub) for note in profile.notes),
        reports=tuple(_report(report, scrub) for report in profile.reports),
        start_unix_ns=0,
        extra={},
    )


class Scrubber:
    """Replaces what is secret in texts, and the names of layers where those are given."""

    def __init__(self, secrets: Secrets, layers: LayerNames | None) -> None:
        self._secrets = secrets
        self._layers = layers
        self.text = lru_cache(_CACHED_TEXTS)(self._text)

    @property
    def hides_names(self) -> bool:
        return self._layers is not None

    def title(self, name: str) -> str:
        """The name of a model or file: it names no layer, but tells as much."""
        return hashed(name) if self._layers is not None and name else self.text(name)

    def person(self, name: str) -> str:
        """The same author is told apart from others, but not named."""
        return f"author {hashed(name)[1:5]}" if name else ""

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it scrubbed, keys too."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is dict:
            return {self.text(key): self.value(item) for key, item in value.items()}
        if kind is list:
            return [self.value(item) for item in value]
        return value

    def column(self, column: JsonColumn) -> JsonText:
        return JsonText.from_texts(
            self._json(text)
            for begin in range(0, len(column), READ_ROWS)
            for text in texts_between(column, begin, min(begin + READ_ROWS, len(column)))
        )

    def _json(self, text: bytes) -> bytes:
        if not text:
            return b""
        try:
            return msgspec.json.encode(self.value(msgspec.json.decode(text)))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._odd_json(text)

    def _odd_json(self, text: bytes) -> bytes:
        """NaN and lone surrogates, which strict readers refuse; nothing of what is no JSON."""
        try:
            return json.dumps(self.value(json.loads(text))).encode()
        except (ValueError, RecursionError):
            return b""

    def _text(self, text: str) -> str:
        text = without_places(text, self._secrets.is_name)
        if self._secrets.pattern is not None:
            text = self._secrets.pattern.sub(_WORD, text)
            text = without_places(text, self._secrets.is_name)
        return self._layers.hidden(text) if self._layers is not None else text


def _environment(kept: Environment, scrub: Scrubber) -> Environment:
    request = {key: kept.request[key] for key in _KEPT_OF_REQUEST if key in kept.request}
    if isinstance(options := request.get("options"), Mapping):
        request["options"] = {k: v for k, v in options.items() if k not in _FREE_TEXT_OPTIONS}
    return replace(
        kept,
        framework=scrub.text(kept.framework),
        model_name=scrub.title(kept.model_name),
        model_sha256="" if scrub.hides_names else kept.model_sha256,
        device=scrub.text(kept.device),
        facts=_facts(kept.facts, scrub),
        request=scrub.value(json.loads(json.dumps(request))),
        peaks=replace(
            kept.peaks,
            processor=scrub.text(kept.peaks.processor),
            measured_by=scrub.text(kept.peaks.measured_by),
            measured_on="",
        ),
    )


def _facts(facts: Mapping[str, str], scrub: Scrubber) -> dict[str, str]:
    return {
        scrub.text(label): scrub.title(text) if label == "File" else scrub.text(text)
        for label, text in facts.items()
        if label.lower() not in _TELLING
    }


def _report(report: Report, scrub: Scrubber) -> Report:
    return replace(
        report,
        title=scrub.text(report.title),
        facts=_facts(report.facts, scrub),
        columns=tuple(map(scrub.text, report.columns)),
        rows=tuple(tuple(map(scrub.text, row)) for row in report.rows),
    )


def _note(note: Note, scrub: Scrubber) -> Note:
    return replace(
        note,
        text=scrub.text(note.text),
        author=scrub.person(note.author),
        written_unix_ns=0,
    )
