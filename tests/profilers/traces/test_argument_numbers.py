"""Numbers among arguments: the compiled loop finds what a JSON library finds."""

import json
from types import ModuleType
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profilers import compiled
from profilers.traces.argument_numbers import argument_numbers
from profilers.traces.chrome_parts import SideText, SpannedJson
from profilers.traces.text_source import HeldText

DEFAULTS = {"Addr": 0, "Bytes": -3, "Device Id": -1}
VALUES = st.one_of(
    st.integers(-(10**17), 10**17),
    st.sampled_from([2**70, 1.5, "7", None, True, [1, {"Addr": 5}], {"Bytes": 8}, 'a"}b']),
)
OBJECTS = st.dictionaries(
    st.sampled_from(["Addr", "Bytes", "Device Id", "Device", "Add", "Addr2", "", 'q"{']), VALUES
)


def column(texts: list[bytes]) -> SpannedJson:
    side = SideText()
    begins = [side.add(text) if text else -1 for text in texts]
    lengths = [len(text) for text in texts]
    return SpannedJson(
        np.array(begins, np.int64), np.array(lengths, np.int32), HeldText(b""), side.joined()
    )


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.lists(OBJECTS, max_size=20), st.sampled_from([None, 2]))
def test_both_ways_give_the_same(
    loops: ModuleType, objects: list[dict[str, object]], indent: int | None
) -> None:
    arguments = column([json.dumps(each, indent=indent).encode() for each in objects] + [b"", b"["])
    rows = np.random.default_rng(0).permutation(len(arguments))
    found = argument_numbers(arguments, rows, DEFAULTS)
    with patch.object(compiled, "_loaded", None):
        expected = argument_numbers(arguments, rows, DEFAULTS)
    for key, default in DEFAULTS.items():
        assert found[key].tolist() == expected[key].tolist()
        for place, row in enumerate(rows.tolist()):
            value = objects[row].get(key) if row < len(objects) else None
            is_whole = type(value) is int and abs(value) < 10**18
            assert found[key][place] == (value if is_whole else default)
