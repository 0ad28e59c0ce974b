"""The program of what one run of a module executes, where torch.export does not take the module."""

import warnings
from collections.abc import Sequence
from itertools import chain
from typing import Any

from profilers.runtimes.pytorch.outputs import tensors_alone
from profilers.runtimes.pytorch.programs import exported


def as_executed(module: Any, inputs: Sequence[Any]) -> Any:
    """An exported program with branches and loops as they go for these inputs; whatever PyTorch raises.

    Its operators know no modules, and values that Python reads are constants.
    """
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad(), tensors_alone(module), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recording: Any = make_fx(module, pre_dispatch=True, _error_on_data_dependent_ops=False)
        recorded = recording(*inputs)
    recorded.graph.eliminate_dead_code()  # what was computed to decide alone
    return exported(_with_names_of(module, recorded), inputs)


def _with_names_of(module: Any, recorded: Any) -> Any:
    """The recorded graph, its weights called as in the module."""
    from torch.fx import GraphModule

    own = chain(module.named_parameters(), module.named_buffers())
    names = {id(tensor): name for name, tensor in own}
    held = {}
    for node in recorded.graph.find_nodes(op="get_attr"):
        value = getattr(recorded, node.target)
        node.target = names.get(id(value), node.target)
        held[node.target] = value
    return GraphModule(held, recorded.graph)
