"""Which traced operators Inductor made each kernel call from, by its own record and what it folded."""

import re
from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any

from profilers.captures.pytorch.bodies import OWN_BODIES, parted
from profilers.captures.pytorch.inductor_upstream import Claim, without_upstream
from profilers.captures.pytorch.links import readers_of_weights
from profilers.graphs.torch_inductor_code import InductorCode, KernelCall
from profilers.profile import Graph, StringTable

Json = dict[str, Any]

_VIEW = re.compile(
    r"(?:_?(?:unsafe_)?view|reshape|permute|transpose|t|expand|unsqueeze|squeeze|select|slice|alias"
    r"|unbind|split|split_with_sizes|getitem|as_strided|detach|full|full_default)(?:_\d+)?"
)  # names that post-grad nodes have after their operators; a constant tells as little as a view
_SEEDS = re.compile(r"inductor_seeds_default(?:_\d+)?")
_SEED = re.compile(r"inductor_lookup_seed_default(?:_\d+)?")
_SCATTER = re.compile(r"scatter(?:_add|_reduce)?(?:_\d+)?")
_PUT = re.compile(r"(?:_unsafe_)?index_put(?:_\d+)?")
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
    own_bodies = _own_bodies(record)
    claims = _claims(record.get("provenance", {}), code, own_bodies)
    found = without_upstream(claims, feeders)
    claimed = own_bodies.union(*found)
    names_of_calls = [
        _with_folded(names, feeders, claimed) if call.is_library else names
        for call, names in zip(code.calls, found, strict=True)
    ]
    return _with_unrecorded(code.calls, names_of_calls, record.get("provenance", {}), {})


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
    own_bodies = _own_bodies(record)
    readers: dict[str, list[str]] = {}
    for name, feeders in _feeders(record).items():
        for feeder in feeders:
            readers.setdefault(feeder, []).append(name)
    claims = [
        Claim(claim.call, {names.get(name, name): posts for name, posts in claim.parts.items()})
        for claim in _claims(record.get("backward_provenance", {}), code, own_bodies)
    ]
    found = without_upstream(claims, readers)
    return _with_unrecorded(code.calls, found, record.get("backward_provenance", {}), names)


def _with_unrecorded(
    calls: Sequence[KernelCall],
    names: Sequence[list[str]],
    provenance: Json,
    renamed: Mapping[str, str],
) -> list[list[str]]:
    """The names; those of a call without any record by the kernel that made what it writes into.

    Inductor lowers a scatter to a kernel that fills its result, whose record names the scatter, and a
    library's operator that writes into that and has no record.

    Parameters
    ----------
    renamed : mapping of str to str
        Names of what Dynamo traced by those that the record has for them, where they differ.
    """
    to_post, to_traced = provenance.get("cppCodeToPost", {}), _to_traced(provenance)
    found, makers, taken = list(names), dict[str, int](), set[str]()
    for number, call in enumerate(calls):
        maker = makers.get(call.reads[0].name, -1) if call.reads else -1
        if not call.handle and not found[number] and maker >= 0:
            post = _next_scatter(call, set(to_post.get(calls[maker].handle, ())) - taken)
            taken.add(post)
            own = [renamed.get(name, name) for name in to_traced.get(post, ())]
            found[number] = own or found[maker]
        makers.update((each.name, number) for each in call.writes)
    return found


def _next_scatter(call: KernelCall, posts: Collection[str]) -> str:
    """The first of these operators that such a call can be of, "" if none."""
    own = _SCATTER if "scatter" in call.name else _PUT
    fitting = sorted(filter(own.fullmatch, posts), key=lambda post: (len(post), post))
    return fitting[0] if fitting else ""


def _own_bodies(record: Json) -> set[str]:
    """Names of operators whose bodies are graphs of their own, also as a backward calls them."""
    nodes = [node for node in record.get("nodes", ()) if node["operator"] in OWN_BODIES]
    return {name for node in nodes for name in (node["name"], node.get("source", node["name"]))}


def _feeders(record: Json) -> dict[str, Sequence[str]]:
    """The names that each traced operator takes."""
    return {
        node["name"]: node.get("inputs", ())
        for node in record.get("nodes", ())
        if node["operator"] not in _NO_OPERATOR
    }


def members_from_names(
    code: InductorCode,
    names: Sequence[Sequence[str]],
    made_of: Mapping[str, Sequence[int]],
    readers: Mapping[str, Sequence[int]],
) -> list[tuple[int, ...]]:
    """Authored nodes of each kernel call, none where the compiler tells of none.

    A kernel that only copies weights and inputs is of those that read them.

    Parameters
    ----------
    names : sequence of sequence of str
        Names of what Dynamo traced, by kernel call.
    made_of : mapping
        The authored nodes of each name.
    readers : mapping
        The authored nodes that read each buffer that is a weight or an input.
    """
    members = []
    for call, own in zip(code.calls, names, strict=True):
        nodes = {node for name in own for node in made_of.get(name, ())}
        if not nodes and all(each.name in readers for each in call.reads):
            nodes = {node for each in call.reads for node in readers[each.name]}
        members.append(tuple(sorted(nodes)))
    return members


def readers_of_buffers(
    weights: Mapping[str, str], authored: Graph, strings: StringTable
) -> dict[str, list[int]]:
    """Authored nodes that read each buffer that is a weight, from its name in the state_dict."""
    readers = readers_of_weights(authored, strings)
    return {buffer: readers[name] for buffer, name in weights.items() if name in readers}


def readers_of_inputs(
    inputs: Mapping[str, str], record: Json, made_of: Mapping[str, Sequence[int]]
) -> dict[str, list[int]]:
    """Authored nodes that read each buffer that is an input, from its name in what Dynamo traced."""
    found: dict[str, list[int]] = {}
    for name, feeders in _feeders(record).items():
        for feeder in feeders:
            found.setdefault(feeder, []).extend(made_of.get(name, ()))
    return {buffer: found[name] for buffer, name in inputs.items() if name in found}


def _claims(provenance: Json, code: InductorCode, own_bodies: Set[str]) -> list[Claim]:
    """What the record names for each call.

    A view of another kernel's result says nothing of what this kernel computes: it is left out where
    the rest of the same operator has a kernel. What is in a branch or a loop and names nothing in
    there is of the operator that owns it.
    """
    to_post, to_traced = provenance.get("cppCodeToPost", {}), _to_traced(provenance)
    computed = {
        name
        for posts in to_post.values()
        for post in posts
        if not _is_view(post)
        for name in to_traced.get(post, ())
    }
    every = [_own(_posts(call, to_post), to_traced, computed) for call in code.calls]
    owners: dict[str, set[str]] = {}
    for call, own in zip(code.calls, every, strict=True):
        owners.setdefault(call.body, set()).update(own_bodies & own.keys())
    return [
        Claim(call, _inside(own, owners[call.body]) if call.body else own)
        for call, own in zip(code.calls, every, strict=True)
    ]


def _to_traced(provenance: Json) -> dict[str, Sequence[str]]:
    """What was traced, by each operator of the compiled graph."""
    posts = [post for posts in provenance.get("cppCodeToPost", {}).values() for post in posts]
    to_traced: dict[str, Sequence[str]] = {
        **provenance.get("postToPre", {}),
        **{post: [traced] for post in posts if (traced := parted(post)[1])},
    }
    seeded = _seeded(to_traced)
    return to_traced | {post: seeded for post in posts if _SEEDS.fullmatch(post)}


def _seeded(to_traced: Mapping[str, Sequence[str]]) -> list[str]:
    """What the seeds are for, which Inductor draws all at once and names nothing for."""
    found = (names for post, names in to_traced.items() if _SEED.fullmatch(post))
    return list(dict.fromkeys(name for names in found for name in names))


def _inside(own: Mapping[str, set[str]], owners: Collection[str]) -> Mapping[str, set[str]]:
    """What a kernel of a branch or a loop claims there, else all of the operators that run it."""
    found = {name: posts for name, posts in own.items() if any(parted(each)[1] for each in posts)}
    return found or {name: own.get(name, set()) for name in owners}


def _is_view(post: str) -> bool:
    return bool(_VIEW.fullmatch(parted(post)[0]))


def _posts(call: KernelCall, to_post: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Of an operator that is called as it is only itself, not what made its arguments."""
    posts = to_post.get(call.handle, ())
    if call.is_generated or call.is_library:
        return posts
    itself = re.compile(re.escape(call.name.rpartition(".")[2]) + r"(?:_\d+)?")
    return [post for post in posts if itself.fullmatch(parted(post)[0])] or posts


def _own(
    posts: Sequence[str], to_traced: Mapping[str, Sequence[str]], computed: Collection[str]
) -> dict[str, set[str]]:
    """The operators of the compiled graph that a call claims, by what was traced."""
    every: dict[str, set[str]] = {}
    own: dict[str, set[str]] = {}
    for post in posts:
        for name in to_traced.get(post, ()):
            every.setdefault(name, set()).add(post)
            if not _is_view(post) or name not in computed:
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
