"""The colours that operators go by in graphs, timelines and fusions."""

import pytest

from views.theme import DARK, LIGHT, Theme


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("given", ["parameter", "Placeholder", "_Arg", "VarHandleOp"])
def test_what_is_given_looks_like_no_operator(theme: Theme, given: str) -> None:
    grey = theme.family_colour(given).hslSaturation()
    computed = [theme.family_colour(each) for each in ("MatMul", "Conv2D", "aten::var", "sin")]
    assert all(colour.hslSaturation() > 2 * grey for colour in computed)
