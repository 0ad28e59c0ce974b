"""Write traces of XLA programs, as anyone's profiler leaves them: ``build_xla_traces OUT``.

two.xplane.pb runs two programs of one name, which differ in their scopes; loop.xplane.pb a loop that
holds a scope, and a branch; trained.xplane.pb a program that is given weights by their names.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp

WEIGHT = jnp.ones((64, 64))


def named(scope: str) -> Callable[[jax.Array], jax.Array]:
    @jax.jit
    def model(x: jax.Array) -> jax.Array:
        with jax.named_scope(scope):
            return jnp.tanh(x @ WEIGHT) + 1.0

    return model


@jax.jit
def looping(x: jax.Array) -> jax.Array:
    def body(carried: jax.Array, _: None) -> tuple[jax.Array, None]:
        with jax.named_scope("cell"):
            return jax.nn.relu(carried @ WEIGHT) + carried, None

    with jax.named_scope("repeated"):
        x, _ = jax.lax.scan(body, x, None, length=5)
    return jax.lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x)


@jax.jit
def trained(
    params: dict[str, jax.Array], opt_state: dict[str, jax.Array], x: jax.Array
) -> jax.Array:
    return jnp.tanh(x @ params["kernel"]) @ opt_state["moment"]


def trained_on(x: jax.Array) -> jax.Array:
    return trained({"kernel": WEIGHT}, {"moment": WEIGHT}, x)


def trace(path: Path, calls: Sequence[Callable[[jax.Array], jax.Array]]) -> None:
    x = jnp.ones((32, 64))
    for call in calls:
        jax.block_until_ready(call(x))
    folder = Path(tempfile.mkdtemp())
    with jax.profiler.trace(str(folder)):
        for step in range(3):
            with jax.profiler.StepTraceAnnotation("train", step_num=step):
                for call in calls:
                    jax.block_until_ready(call(x))
    shutil.move(next(folder.rglob("*.xplane.pb")), path)
    shutil.rmtree(folder)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    trace(out / "two.xplane.pb", [named("first"), named("second")])
    trace(out / "loop.xplane.pb", [looping])
    trace(out / "trained.xplane.pb", [trained_on])
