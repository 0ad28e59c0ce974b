"""Text in tables that other people open in a spreadsheet."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilers.csv_cells import inert, write_rows


@pytest.mark.parametrize("sign", [*"=+-@＝＋－＠", "\t", "\r", "\n"])
@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\u200b", "\ufeff", "\u3000", "\0"])
def test_no_text_is_taken_for_a_formula(sign: str, before: str) -> None:
    text = f"{before}{sign}cmd|' /C calc'!A0" if sign.isprintable() else f"{sign}{before}=1"
    told = inert(text)
    assert told.startswith("'")
    assert told.replace("'", "") == text.replace("'", "")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_every_text_is_read_back_with_at_most_apostrophes_in_it(texts: list[str]) -> None:
    out = io.StringIO(newline="")
    write_rows(out, [texts])
    (read,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert [cell.replace("'", "") for cell in read] == [text.replace("'", "") for text in texts]


@pytest.mark.parametrize("separator", [";", "\t", "\n", "; "])
def test_programs_that_part_cells_elsewhere_find_no_formula_either(separator: str) -> None:
    out = io.StringIO(newline="")
    write_rows(out, [[1, f"name{separator}=1+1", "a;b"]])
    assert out.getvalue().startswith('1,"name')
    for cell in out.getvalue().replace("\t", ";").replace("\n", ";").split(";"):
        assert not cell.strip().startswith("=")
    assert '"a;b"' in out.getvalue()


def test_numbers_stay_numbers_below_zero_too() -> None:
    assert [inert(value) for value in (-1, -0.5, 3, None)] == [-1, -0.5, 3, None]
