"""Which traced operators Inductor made each kernel call from, by its own record and what it folded."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from profilers.captures.pytorch.inductor_upstream import Claim, without_upstream
from profilers.graphs.torch_inductor_code import InductorCode, KernelCall

Json = dict[str, Any]

_VIEW = re.compile(
    r"(?:_?(?:unsafe_)?view|reshape|permute|transpose|t|expand|unsqueeze|squeeze|select|slice|alias"
    r"|unbind|split|split_with_sizes|getitem|as_strided|detach)(?:_\d+)?"
)  # names that post-grad nodes have after their operators
_NO_OPERATOR = ("placeholder", "get_attr")


def traced_of_calls(record: Json, code: InductorCode) -> list[list[str]]:
    """Names of what Dynamo traced, by kernel call.

    A view of another kernel's result says nothing of what this kernel computes: it is left out where
    the rest of the same operator has a kernel. What has none, as it was folded into the weights of
    a library's kernel, goes to the kernel that it feeds.

    Parameters
    ----------
    record : dict
        One graph of `profilers.runtimes.pytorch.compile_log`.
    """
    provenance = record.get("provenance", {})
    to_post, to_traced = provenance.get("cppCodeToPost", {}), provenance.get("postToPre", {})
    computed = {
        name
        for posts in to_post.values()
        for post in posts
        if not _VIEW.fullmatch(post)
        for name in to_traced.get(post, ())
    }
    feeders = {
        node["name"]: node.get("inputs", ())
        for node in record.get("nodes", ())
        if node["operator"] not in _NO_OPERATOR
    }
    claims = [Claim(call, _own(call, to_post, to_traced, computed)) for call in code.calls]
    found = without_upstream(claims, feeders)
    claimed = {name for names in found for name in names}
    return [
        _with_folded(names, feeders, claimed) if call.is_library else names
        for call, names in zip(code.calls, found, strict=True)
    ]


def _own(
    call: KernelCall,
    to_post: Mapping[str, Sequence[str]],
    to_traced: Mapping[str, Sequence[str]],
    computed: Collection[str],
) -> dict[str, set[str]]:
    """The operators of the compiled graph that a call claims, by what was traced."""
    every: dict[str, set[str]] = {}
    own: dict[str, set[str]] = {}
    for post in to_post.get(call.handle, ()):
        for name in to_traced.get(post, ()):
            every.setdefault(name, set()).add(post)
            if not _VIEW.fullmatch(post) or name not in computed:
                own.setdefault(name, set()).add(post)
    return own or every


def _with_folded(
    names: Sequence[str], feeders: Mapping[str, Sequence[str]], claimed: Collection[str]
) -> list[str]:
    """The names, and what feeds them without a kernel of its own."""
    found, waiting = list(dict.fromkeys(names)), list(names)
    while waiting:
        for feeder in feeders.get(waiting.pop(), ()):
            if feeder in feeders and feeder not in claimed and feeder not in found:
                found.append(feeder)
                waiting.append(feeder)
    return found
