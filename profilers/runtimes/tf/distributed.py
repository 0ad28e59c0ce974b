"""One training step or inference of a Keras model on every replica of a distribution strategy."""

from collections.abc import Callable
from typing import Any

from profilers.request import RunRequest
from profilers.runtimes.keras.model import forget_models
from profilers.runtimes.keras.tf_call import load_call, traced_model
from profilers.runtimes.tf.session import TracedModel


def load_in(strategy: Any, request: RunRequest) -> TracedModel:
    """The model mirrored over the strategy's devices; each replica gets a batch of the given size.

    Raises
    ------
    TwinscopeError
        As `profilers.runtimes.keras.tf_call.load_call`.
    """
    forget_models()  # outside of the scope, which would be forgotten too
    with strategy.scope():
        loaded = load_call(request)
        replicated = _with_shared_seed(loaded.call)

        def distributed(*given: Any) -> Any:
            return strategy.run(replicated, args=given)

        return traced_model(loaded, distributed, strategy)


def _with_shared_seed(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` where layers without a seed of their own find the one that they share.

    Keras makes one per thread when it is first drawn from; a strategy traces each replica in a thread of
    its own, where no variable can be made.
    """
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator

    shared = seed_generator.global_seed_generator()

    def replica(*given: Any) -> Any:
        global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, shared)
        return call(*given)

    return replica
