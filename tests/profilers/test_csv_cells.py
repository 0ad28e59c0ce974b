"""Text in tables that other people open in a spreadsheet."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilers.csv_cells import inert, write_rows


@pytest.mark.parametrize("sign", [*"=+-@＝＋－＠"])
@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\u200b", "\ufeff", "\u3000"])
def test_no_text_is_taken_for_a_formula(sign: str, before: str) -> None:
    text = f"{before}{sign}cmd|' /C calc'!A0"
    told = inert(text)
    assert told == f"'{text}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("line\nnext\r\n=1", "line␊next␍␊=1"),
        ("\t=1", "␉=1"),
        ("\0=1\x7f", "␀=1‹007F›"),
        ("model\u202egnp.exe", "model‹202E›gnp.exe"),
        ("a\u2067b\u2069\u200f\u2028c", "a‹2067›b‹2069›‹200F›‹2028›c"),
        ("层 👩\u200d💻 שלום", "层 👩\u200d💻 שלום"),
        ("\u202e=1", "‹202E›=1"),
    ],
)
def test_what_breaks_lines_or_turns_them_around_is_shown(text: str, told: str) -> None:
    assert inert(text) == told


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_every_text_is_read_back_on_one_line_with_at_most_apostrophes_in_it(
    texts: list[str],
) -> None:
    out = io.StringIO(newline="")
    write_rows(out, [texts])
    (read,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert len(out.getvalue().splitlines()) == 1
    for cell, text in zip(read, texts, strict=True):
        if text.isprintable():
            assert cell.replace("'", "") == text.replace("'", "")


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
    for difference in ("−12.28 ms", "−1,204", "−3.1 %", "−0.5 MiB"):
        assert inert(difference) == difference
    for text in ("−A1", "−1+A1", "−1 SUM(A1)", "-12.28 ms"):
        assert inert(text) == f"'{text}"
