"""Programs of every cell and of a training step, lowered for devices that are not here.

    ./run python tests/lowered.py

writes anew how many operations a step of their loops takes, ``lowered.json``. What XLA
fuses is in one kernel of a GPU: a step that holds more operations than it did is one
that was taken apart.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from test_contract import CELLS, FAST, B, N, T, graded, inputs

import snnjax as snn
from snnjax.learning import running_max
from snnjax.networks import normal
from snnjax.training import init_train_state, make_step

KEPT = Path(__file__).with_suffix(".json")
PLATFORMS = ("cuda", "rocm", "tpu")
STEP = "training step"


class Loops(NamedTuple):
    """What a program repeats."""

    loops: int
    operations: int  # in the bodies of all of them, of functions that they call too


def traced(name: str) -> jax.stages.Traced:
    """Loss and gradients of a cell, or a training step, of single precision."""
    if name == STEP:
        return jax.jit(training_step(), donate_argnums=0).trace(*training_arguments())
    cell = CELLS[name]
    weights = single(jax.eval_shape(cell.init, jax.random.key(0)))
    return jax.jit(graded(cell)).trace(weights, single(jax.eval_shape(inputs)))


def single(tree: Any) -> Any:
    """Shapes of arrays, in single precision where JAX would take double."""
    widths = {jnp.dtype("float64"): jnp.float32, jnp.dtype("int64"): jnp.int32}
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, widths.get(x.dtype, x.dtype)), tree
    )


def network() -> snn.Cell:
    """A recurrent layer and a readout."""
    neuron = snn.lif(N, snn.LIFParams(**FAST), backend="xla")
    hidden = snn.recurrent(N, N, neuron, init=normal, init_recurrent=normal)
    out = snn.dense(N, 2, init=normal, backend="xla"), snn.li(2, backend="xla")
    return snn.chain(hidden, *out, running_max(2))


def training_step():
    net = network()

    def loss(weights, xs, labels):
        state, _ = snn.unroll(net, weights, xs, dt=1e-3)
        return snn.cross_entropy(state[-1], labels)

    return make_step(loss, optax.adam(1e-3))


def training_arguments() -> Any:
    begin = lambda key: init_train_state(network().init(key), optax.adam(1e-3))  # noqa: E731
    state = single(jax.eval_shape(begin, jax.random.key(0)))
    xs = jax.ShapeDtypeStruct((T, B, N), jnp.float32)
    return state, xs, jax.ShapeDtypeStruct((B,), jnp.int32)


def lowered(program: jax.stages.Traced, platform: str) -> str:
    """The program for one platform, as StableHLO."""
    return program.lower(lowering_platforms=(platform,)).as_text()


_OPERATION = re.compile(r"(?:%[\w:#]+(?:, %\w+)* = )?\"?(stablehlo|chlo)\.(\w+)\"?")
_CALL = re.compile(r"(?:func\.)?call @(\w+)")
_FREE = ("constant", "return")


def loops_of(text: str) -> Loops:
    """Counts what a StableHLO program repeats; a loop within a loop belongs to both."""
    functions = {}
    for line in text.splitlines():
        if found := re.match(r"\s*func\.func .*@(\w+)\(", line):
            functions[found[1]] = []
        elif functions:
            functions[[*functions][-1]].append(line)
    within = {name: _operations(lines) for name, lines in functions.items()}
    found = [body for lines in functions.values() for body in _bodies(lines)]
    return Loops(len(found), sum(_whole(_operations(b), within) for b in found))


def _operations(lines):
    """How many operations stand in some lines, and how often a function is called."""
    held, calls = 0, Counter()
    for line in map(str.strip, lines):
        operation = _OPERATION.match(line)
        held += operation is not None and operation[2] not in _FREE
        calls.update(_CALL.findall(line))
    return held, calls


def _whole(found, within):
    held, calls = found
    return held + sum(k * _whole(within[name], within) for name, k in calls.items())


def _bodies(lines: list[str]) -> Iterator[list[str]]:
    """Lines of each loop's body; those of the condition are not."""
    for k, line in enumerate(lines):
        if line.strip() == "} do {":
            indent = line[: line.index("}")] + "}"
            end = next(j for j in range(k + 1, len(lines)) if lines[j] == indent)
            yield lines[k + 1 : end]


def main() -> None:
    found = {}
    for name in [*CELLS, STEP]:
        found[name] = loops_of(lowered(traced(name), "cuda"))._asdict()
        print(name, *found[name].values())
    rows = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()]
    table = ",\n".join([f' "jax": "{jax.__version__}"', *rows])
    KEPT.write_text(f"{{\n{table}\n}}\n")


if __name__ == "__main__":
    main()
