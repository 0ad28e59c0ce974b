"""Columns that can be joined: the ranks of one run."""

from collections.abc import Sequence

from app.document import Document
from profilers.captures.joined_ranks import rank_of


def rank_columns(documents: Sequence[Document]) -> list[Document]:
    """Those with traces of several ranks; none unless they are of different ranks."""
    found = [each for each in documents if rank_of(each.profile)]
    ranks = {rank_of(each.profile) for each in found}
    return found if 1 < len(found) == len(ranks) else []
