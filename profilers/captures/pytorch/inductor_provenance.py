"""Which traced operators Inductor made each kernel call from, by its own record and what it folded."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from profilers.captures.pytorch.inductor_upstream import Claim, without_upstream
from profilers.graphs.torch_inductor_code import InductorCode, KernelCall

Json = dict[str, Any]

_VIEW = re.compile(
    r"(?:_?(?:unsafe_)?view|reshape|permute|transpose|t|expand|unsqueeze|squeeze|select|slice|alias"
    r"|unbind|split|split_with_sizes|getitem|as_strided|detach|full|full_default)(?:_\d+)?"
)  # names that post-grad nodes have after their operators; a constant tells as little as a view
_RUNS_A_BODY = "//"  # begins the source of an operator that keeps a graph of its own
_BODY = re.compile(r"(?P<kind>\w+?)_(?:\w+_)?graph_(?P<number>\d+)")
_NO_OPERATOR = ("placeholder", "get_attr")


def traced_of_calls(record: Json, code: InductorCode) -> list[list[str]]:
    """Names of what Dynamo traced, by kernel call.

    What has no kernel, as it was folded into the weights of a library's kernel, goes to the kernel
    that it feeds.

    Parameters
    ----------
    record : dict
        One graph of `profilers.runtimes.pytorch.compile_log`.
    """
    feeders = _feeders(record)
    found = without_upstream(_claims(record.get("provenance", {}), code), feeders)
    claimed = {name for names in found for name in names}
    return [
        _runner_of_body(record, call.body)
        if call.body
        else _with_folded(names, feeders, claimed)
        if call.is_library
        else names
        for call, names in zip(code.calls, found, strict=True)
    ]


def _runner_of_body(record: Json, body: str) -> list[str]:
    """The traced operator that runs a body: ``true_graph_1`` is of the second torch.cond."""
    matched = _BODY.fullmatch(body)
    if matched is None:
        return []
    runners = [
        node["name"]
        for node in record.get("nodes", ())
        if node.get("source", "").startswith(_RUNS_A_BODY)
        and (node["operator"] == "cond") == (matched["kind"] in ("true", "false"))
    ]
    number = int(matched["number"])
    return runners[number : number + 1]


def differentiated_by_calls(record: Json, code: InductorCode) -> list[list[str]]:
    """Names of what Dynamo traced and each kernel call of the backward differentiates or needs again.

    Parameters
    ----------
    record : dict
        One graph of `profilers.runtimes.pytorch.compile_log`.
    code : InductorCode
        Of its backward.
    """
    names = {node["source"]: node["name"] for node in record.get("nodes", ()) if "source" in node}
    readers: dict[str, list[str]] = {}
    for name, feeders in _feeders(record).items():
        for feeder in feeders:
            readers.setdefault(feeder, []).append(name)
    claims = [
        Claim(claim.call, {names.get(name, name): posts for name, posts in claim.parts.items()})
        for claim in _claims(record.get("backward_provenance", {}), code)
    ]
    return without_upstream(claims, readers)


def _feeders(record: Json) -> dict[str, Sequence[str]]:
    """The names that each traced operator takes."""
    return {
        node["name"]: node.get("inputs", ())
        for node in record.get("nodes", ())
        if node["operator"] not in _NO_OPERATOR
    }


def members_from_names(
    code: InductorCode, names: Sequence[Sequence[str]], made_of: Mapping[str, Sequence[int]]
) -> list[tuple[int, ...]]:
    """Authored nodes of each kernel call.

    A kernel without any, which copies a weight or adds up gradients, stands for those of the kernels
    that read what it writes, else of those that wrote what it reads.

    Parameters
    ----------
    names : sequence of sequence of str
        Names of what Dynamo traced, by kernel call.
    made_of : mapping
        The authored nodes of each name.
    """
    found = [{node for name in each for node in made_of.get(name, ())} for each in names]
    reads, writes = (
        [{buffer.name for buffer in getattr(call, side)} for call in code.calls]
        for side in ("reads", "writes")
    )
    for sources, targets, order in (
        (writes, reads, range(len(found) - 1, -1, -1)),
        (reads, writes, range(len(found))),
    ):
        for call in order:
            if not found[call]:
                near = [found[other] for other, each in enumerate(targets) if each & sources[call]]
                found[call] = set().union(*near)
    return [tuple(sorted(nodes)) for nodes in found]


def _claims(provenance: Json, code: InductorCode) -> list[Claim]:
    """What the record names for each call.

    A view of another kernel's result says nothing of what this kernel computes: it is left out where
    the rest of the same operator has a kernel.
    """
    to_post, to_traced = provenance.get("cppCodeToPost", {}), provenance.get("postToPre", {})
    computed = {
        name
        for posts in to_post.values()
        for post in posts
        if not _VIEW.fullmatch(post)
        for name in to_traced.get(post, ())
    }
    return [Claim(call, _own(_posts(call, to_post), to_traced, computed)) for call in code.calls]


def _posts(call: KernelCall, to_post: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Of an operator that is called as it is only itself, not what made its arguments.

    Names within a body mean other nodes than those of the graph around it.
    """
    if call.body:
        return ()
    posts = to_post.get(call.handle, ())
    if call.is_generated or call.is_library:
        return posts
    itself = re.compile(re.escape(call.name.rpartition(".")[2]) + r"(?:_\d+)?")
    return [post for post in posts if itself.fullmatch(post)] or posts


def _own(
    posts: Sequence[str], to_traced: Mapping[str, Sequence[str]], computed: Collection[str]
) -> dict[str, set[str]]:
    """The operators of the compiled graph that a call claims, by what was traced."""
    every: dict[str, set[str]] = {}
    own: dict[str, set[str]] = {}
    for post in posts:
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
