"""Encoded messages as columns, held to protobuf's own parser."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from profilers.traces.xplane_batches import BATCH_EVENTS, StatKind, batches
from profilers.traces.xplane_wire import PADDING, VARINT, Messages, key_of
from tests.profilers.traces.made_xspace import CLASSES

INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)
STAT = st.fixed_dictionaries(
    {"metadata_id": INT64},
    optional={"int64_value": INT64},
) | st.fixed_dictionaries(
    {"metadata_id": INT64},
    optional={"double_value": st.floats(width=64)},
)
EVENT = st.fixed_dictionaries(
    {"metadata_id": INT64, "duration_ps": INT64, "stats": st.lists(STAT, max_size=4)},
    optional={"offset_ps": INT64},
)
UNKNOWN_FIELDS = (  # numbers that XEvent does not use, in all wire types
    b"",
    bytes([0x78, 0x96, 0x01]),
    bytes([0x7D, 1, 2, 3, 4]),
    bytes([0x79, *range(8)]),
    bytes([0xFA, 0x7F, 3]) + b"abc",
)


def encoded(values: dict[str, object]) -> bytes:
    fields = {name: value for name, value in values.items() if name != "stats"}
    event = CLASSES["XEvent"](**fields)
    for stat in values["stats"]:
        event.stats.add(**stat)
    return event.SerializeToString()


@given(st.lists(st.tuples(EVENT, st.sampled_from(UNKNOWN_FIELDS)), min_size=1, max_size=20))
def test_columns_hold_what_protobuf_reads(events: list[tuple[dict[str, object], bytes]]) -> None:
    texts = [unknown + encoded(values) + unknown for values, unknown in events]
    parsed = [CLASSES["XEvent"].FromString(text) for text in texts]
    (batch,) = batches(texts, None)
    assert batch.is_sound.all()
    assert batch.metadata.tolist() == [event.metadata_id for event in parsed]
    assert batch.offset_ps.tolist() == [event.offset_ps for event in parsed]
    assert batch.duration_ps.tolist() == [event.duration_ps for event in parsed]
    is_double = batch.stats.kind == StatKind.DOUBLE
    found = sorted(
        zip(*(column.tolist() for column in (
            batch.stats.event, batch.stats.name, batch.stats.value, is_double
        )), strict=True)
    )  # fmt: skip
    assert found == sorted(
        (row, stat.metadata_id, bits(stat), stat.WhichOneof("value") == "double_value")
        for row, event in enumerate(parsed)
        for stat in event.stats
    )


def bits(stat: object) -> int:
    if stat.WhichOneof("value") == "double_value":
        return struct.unpack("<q", struct.pack("<d", stat.double_value))[0]
    return stat.int64_value


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=30))
def test_any_bytes_are_read_or_called_damaged(texts: list[bytes]) -> None:
    (batch,) = batches(texts, None)
    for row, text in enumerate(texts):
        try:
            event = CLASSES["XEvent"].FromString(text)
        except Exception:
            continue
        if not batch.is_sound[row]:
            continue  # protobuf skips groups, a kind of field that proto3 does not have
        assert batch.metadata[row] == event.metadata_id


def test_only_the_wanted_stats_are_read() -> None:
    event = CLASSES["XEvent"]()
    for name in (3, 300, 70_000):
        event.stats.add(metadata_id=name, int64_value=name * 2)
    (batch,) = batches([event.SerializeToString()] * 3, np.array([300, 4]))
    assert batch.stats.name.tolist() == [300] * 3
    assert batch.stats.event.tolist() == [0, 1, 2]
    assert batch.stats.integers(np.array([300]))[1].tolist() == [600] * 3


def test_lines_are_read_in_batches() -> None:
    texts = [CLASSES["XEvent"](metadata_id=7, offset_ps=5).SerializeToString()] * (
        BATCH_EVENTS + 10
    )
    found = list(batches(texts, None))
    assert [len(batch) for batch in found] == [BATCH_EVENTS, 10]
    assert all((batch.offset_ps == 5).all() for batch in found)


def test_a_message_with_endless_fields_is_called_damaged() -> None:
    """Each field costs a round over all messages, so their number is bounded."""
    text = bytes([0x08, 1]) * 100_000
    messages = Messages(text + PADDING, np.array([0]), np.array([len(text)]))
    assert {field.key for field in messages.fields()} == {key_of(1, VARINT)}
    assert messages.is_damaged.tolist() == [True]
