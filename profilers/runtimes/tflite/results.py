"""What a TFLite model gave, in the order of the model that it was converted from."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray


def result_names(function: Any) -> list[str]:
    """What the converter calls the results of a ConcreteFunction in its signature."""
    structure = function.structured_outputs
    if isinstance(structure, dict):
        return sorted(structure)
    return [f"output_{number}" for number in range(len(function.outputs))]


def results_of(interpreter: Any, names: Sequence[str] = ()) -> list[NDArray[Any]]:
    """Of the last call, by their names where the model has a signature with these."""
    return [interpreter.get_tensor(tensor) for tensor in result_tensors(interpreter, names)]


def result_tensors(interpreter: Any, names: Sequence[str]) -> list[int]:
    """Tensors of the results, in the order of `names`, else in the model's own."""
    for signature in interpreter._get_full_signature_list().values():
        found = signature["outputs"]
        if names and set(names) == set(found):
            return [int(found[name]) for name in names]
    return [int(detail["index"]) for detail in interpreter.get_output_details()]
