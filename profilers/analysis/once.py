"""Results that are computed once for each profile or table and kept as long as that lives."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Source = TypeVar("Source")
Others = ParamSpec("Others")
Result = TypeVar("Result")

_MOST_KEPT = 4  # results of one function for one source, such as those of the latest time ranges


def once(
    function: Callable[Concatenate[Source, Others], Result],
) -> Callable[Concatenate[Source, Others], Result]:
    """Let a function give the same result again for the same first argument and equal others.

    The first argument is told by identity and held weakly, so a result must not refer to it. A
    caller in another thread waits for a result that is being computed. Errors are not kept.
    Results are shared: arrays among them should be read-only.
    """
    parameters = signature(function)
    kept: WeakKeyDictionary[Any, OrderedDict[Hashable, Future[Result]]] = WeakKeyDictionary()
    lock = threading.Lock()

    @wraps(function)
    def ask(source: Source, /, *args: Others.args, **kwargs: Others.kwargs) -> Result:
        asked = parameters.bind(source, *args, **kwargs)
        asked.apply_defaults()
        key = tuple(asked.arguments.values())[1:]
        with lock:
            results = kept.setdefault(source, OrderedDict())
            known = results.get(key)
            if known is not None:
                results.move_to_end(key)
            else:
                own = results[key] = Future[Result]()
                if len(results) > _MOST_KEPT:
                    results.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            own.set_result(function(source, *args, **kwargs))
        except BaseException as error:
            with lock:
                if results.get(key) is own:
                    del results[key]
            own.set_exception(error)
        return own.result()

    return ask
