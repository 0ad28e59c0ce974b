"""Object ends counted with numpy against a reader that goes character by character."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profilers.traces.json_brackets import whole_objects


def slowly(text: bytes) -> tuple[list[int], int]:
    ends, depth, in_string, escaped = [], 0, False, False
    for place, sign in enumerate(text.decode("ascii")):
        if sign == '"' and not escaped:
            in_string = not in_string
        escaped = sign == "\\" and not escaped
        if in_string or sign not in "{}[]":
            continue
        depth += 1 if sign in "{[" else -1
        if depth < 0:
            return ends, place
        if depth == 0 and sign == "}":
            ends.append(place + 1)
    return ends, -1


_OBJECTS = st.lists(
    st.sampled_from([
        b"{}", b'{"a":[{}]}', b'{"b":"}"}', b'{"c":"\\""}', b'{"d":"\\\\\\\\\\\\"}',
        b'{"e":"\\\\\\"]"}', b",", b" ", b"[{}]", b"7", b"]", b'{"cut":"', b"{",
    ])
)  # fmt: skip


@pytest.mark.parametrize("step", [1, 3, 1 << 20])
def test_objects_end_where_a_slow_reader_says(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profilers.traces.json_brackets._STEP", step)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(_OBJECTS)
    def agree(parts: list[bytes]) -> None:
        text = b"".join(parts)
        assert whole_objects(text) == slowly(text)

    agree()
