"""Finds operations that are spelt out in small operators, by their structure alone."""

from collections.abc import Iterable, Iterator

from profilers.analysis.data_path import DataPath
from profilers.analysis.operator_kinds import ACTIVATIONS, SILENT

_FAR = 10  # operators between a softmax and its products
_MOST_BETWEEN = 64  # nodes around a softmax that are looked at
_MOST_STEPS = 24  # of a normalisation
_SMALL = frozenset(
    {"add", "subtract", "multiply", "divide", "square", "square root", "mean", "neg", *SILENT}
)
_MOST_OF_ACTIVATION = 12
_BETWEEN = frozenset({"add", "subtract", "multiply", "divide", "where", "select v2", "masked fill",
                      *SILENT})  # fmt: skip


def bias_of(path: DataPath, row: int) -> int:
    """The node to whose result `row` adds weights, through mere copies; -1 if it does not."""
    if path.kinds[row] != "add":
        return -1
    data = [feeder for feeder in path.feeders[row] if path.is_data[feeder]]
    if len(data) != 1 or len(path.feeders[row]) > 2:
        return -1
    if len(path.feeders[row]) == 1 and not path.parameters[row]:
        return -1
    source = _behind_copies(path, data[0])
    return source if source >= 0 and len(path.readers[source]) == 1 else -1


def _behind_copies(path: DataPath, row: int) -> int:
    """The node whose result `row` hands on to one reader, itself if it computes; -1 if unclear."""
    for _ in range(_FAR):
        if path.kinds[row] not in SILENT or len(path.readers[row]) != 1:
            return row
        before = [feeder for feeder in path.feeders[row] if path.is_data[feeder]]
        if len(before) != 1:
            return -1
        row = before[0]
    return -1


def attention_patterns(path: DataPath, rows: Iterable[int]) -> Iterator[list[int]]:
    """Nodes of each softmax between two products of activations, in the order of flow."""
    free = set(rows)
    place = {row: at for at, row in enumerate(path.order)}
    for softmax in sorted(free, key=place.__getitem__):
        if path.kinds[softmax] != "softmax" or softmax not in free:
            continue
        before = _up_to_products(path, path.feeders, softmax)
        after = _up_to_products(path, path.readers, softmax)
        if before and after:
            scaled = {row for product in before for row in _scaling(path, product)}
            nodes = [row for row in {softmax, *before, *after, *scaled} if row in free]
            free.difference_update(nodes)
            yield sorted(nodes, key=place.__getitem__)


def _up_to_products(path: DataPath, neighbours: list[list[int]], softmax: int) -> set[int]:
    """The products of two activations that lie that way, with what is passed on the way."""
    passed: set[int] = set()
    come_from: dict[int, int] = {softmax: -1}
    frontier = [softmax]
    for _ in range(_FAR):
        following = []
        for row in frontier:
            for beside in neighbours[row]:
                if beside in come_from or not path.is_data[beside]:
                    continue
                come_from[beside] = row
                if path.kinds[beside] == "product" and _multiplies_activations(path, beside):
                    passed.update(_way_back(come_from, beside))
                elif path.kinds[beside] in _BETWEEN and len(come_from) < _MOST_BETWEEN:
                    following.append(beside)
        frontier = following
    return passed


def _way_back(come_from: dict[int, int], row: int) -> Iterator[int]:
    """From a product to just before the softmax."""
    while come_from[row] >= 0:
        yield row
        row = come_from[row]


def _scaling(path: DataPath, product: int) -> Iterator[int]:
    """What multiplies an operand of a product by a number, through mere copies."""
    for row in path.feeders[product]:
        row = _behind_copies(path, row)
        if row < 0:
            continue
        data = [feeder for feeder in path.feeders[row] if path.is_data[feeder]]
        if path.kinds[row] in ("multiply", "divide") and len(data) == 1:
            yield row


def _multiplies_activations(path: DataPath, row: int) -> bool:
    return sum(path.is_data[feeder] for feeder in path.feeders[row]) > 1


def normalisation_patterns(path: DataPath, rows: Iterable[int]) -> Iterator[list[int]]:
    """Nodes from a mean to where all that depends on it is one tensor again, over a root."""
    free = set(rows)
    place = {row: at for at, row in enumerate(path.order)}
    for root in sorted(free, key=place.__getitem__):
        if path.kinds[root] != "square root" or root not in free:
            continue
        first = _first_mean(path, root, free, place)
        nodes = _until_one_tensor(path, first, root, place) if first >= 0 else []
        nodes = [row for row in nodes if row in free]
        if root in nodes:
            free.difference_update(nodes)
            yield nodes


def _first_mean(path: DataPath, root: int, free: set[int], place: dict[int, int]) -> int:
    seen, frontier, means = {root}, [root], []
    while frontier and len(seen) < _MOST_STEPS:
        row = frontier.pop()
        for feeder in path.feeders[row]:
            if feeder in seen or not path.is_data[feeder] or path.kinds[feeder] not in _SMALL:
                continue
            seen.add(feeder)
            if path.kinds[feeder] == "mean" and feeder in free:
                means.append(feeder)
            if not any(path.kinds[each] == "mean" for each in seen) or path.kinds[feeder] != "add":
                frontier.append(feeder)
    return min(means, key=place.__getitem__, default=-1)


def _until_one_tensor(path: DataPath, first: int, root: int, place: dict[int, int]) -> list[int]:
    """What depends on `first`, until only the last of it is read from outside."""
    region = {first}
    waiting = set(path.readers[first])
    last = first
    for _ in range(_MOST_STEPS):
        if len(waiting) > _MOST_STEPS:
            break
        waiting = {row for row in waiting if path.kinds[row] in _SMALL}
        if not waiting:
            break
        last = min(waiting, key=place.__getitem__)
        region.add(last)
        waiting = (waiting | set(path.readers[last])) - region
        is_closed = root in region and all(
            reader in region for row in region - {last} for reader in path.readers[row]
        )
        if is_closed:
            return sorted(region, key=place.__getitem__)
    return []


def activation_patterns(path: DataPath, rows: Iterable[int]) -> Iterator[tuple[str, list[int]]]:
    """Kind and nodes of each activation that multiplies a tensor with a function of itself."""
    free = set(rows)
    place = {row: at for at, row in enumerate(path.order)}
    for last in sorted(free, key=place.__getitem__):
        if path.kinds[last] != "multiply" or last not in free:
            continue
        nodes = _back_to_one_tensor(path, last, free, place)
        kinds = [path.kinds[row] for row in nodes if path.kinds[row] in ACTIVATIONS]
        if len(kinds) == 1:
            free.difference_update(nodes)
            yield {"sigmoid": "silu", "tanh": "gelu"}.get(kinds[0], kinds[0]), nodes


def _back_to_one_tensor(
    path: DataPath, last: int, free: set[int], place: dict[int, int]
) -> list[int]:
    """What `last` is made from, back to where all of it is one tensor; nothing if that is far."""
    region = [last]
    waiting = {feeder for feeder in path.feeders[last] if path.is_data[feeder]}
    if len(waiting) < 2:
        return []
    while len(waiting) > 1 and len(region) < _MOST_OF_ACTIVATION:
        row = max(waiting, key=place.__getitem__)
        if row not in free or not (path.kinds[row] in _SMALL or path.kinds[row] in ACTIVATIONS):
            return []
        waiting.remove(row)
        region.append(row)
        waiting |= {feeder for feeder in path.feeders[row] if path.is_data[feeder]}
    return sorted(region, key=place.__getitem__) if len(waiting) == 1 else []
