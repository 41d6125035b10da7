"""One kind of work of one library, ready to be timed; runs inside its environment.

    python rival_work.py SIDE KIND SIZE [CHECKOUT]

Kinds, and what their sizes are:

    training     T/batch/hidden: cross entropy of the readouts' maximum over time, its
                 whole gradient, Adam; always from the same weights
    inference    T/batch/hidden: the voltages of the readouts
    stream       steps/batch/hidden: the same, so many steps a call, the state handed on
    convolution  T/batch/channels: ``rival_convolutions.py``

Once compiled it tells so on standard output; each line on standard input then asks for
one step (a few, if they are short), answered by its milliseconds. The firing rate that
it tells is that of the step: weights do not change, as those of PyTorch are put back.

With CHECKOUT the network is built by the file of this name in another checkout of
snnjax, which has to be the one that Python imports; it is timed as all others are.
"""

import importlib.util
import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

SHORT = 5e-3  # [s] that the steps of one answer take together, at least
LIBRARIES = ("jax", "torch", "sparxml", "spyx", "jaxpike")
LIBRARIES += ("norse", "snntorch", "spikingjelly", "sinabs")


class Work(NamedTuple):
    """A step, ready to be timed."""

    step: Callable[[], Any]  # all of it, its results awaited
    hold: Callable[[], None]  # puts the old weights back; not timed
    told: dict[str, Any]  # firing rate at the weights that are held, compilation
    changes: bool = False  # whether a step leaves other weights
    program: Any = None  # of JAX


# ---- JAX


def compiled(function, *args):
    """A jitted call with fixed arguments, and what its compiler told."""
    import jax

    began = time.perf_counter()
    program = jax.jit(function).lower(*args).compile()
    told = {"compile_s": time.perf_counter() - began}
    told["temp_mb"] = program.memory_analysis().temp_size_in_bytes / 2**20
    return program, told


def jax_rate(network, spikes):
    import jax

    rate = jax.jit(lambda w, x: network.apply(w, x)[1].mean())
    return float(rate(network.weights, spikes))


def jax_training(network, spikes, labels):
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = optax.adam(1e-3)
    spikes, labels = jnp.asarray(spikes), jnp.asarray(labels)

    def cross_entropy(weights, spikes, labels):
        scores = network.apply(weights, spikes)[0].max(0)
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    def step(weights, state, *batch):
        value, grads = jax.value_and_grad(network.loss or cross_entropy)(
            weights, *batch
        )
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with floats
            updates, state = optimizer.update(grads, state, weights)
        return optax.apply_updates(weights, updates), state, value

    held = network.weights, optimizer.init(network.weights), spikes, labels
    program, told = compiled(step, *held)
    told["rate"] = jax_rate(network, spikes)

    def run():
        return jax.block_until_ready(program(*held))

    return Work(run, lambda: None, told, program=program)


def jax_inference(network, spikes):
    import jax
    import jax.numpy as jnp

    spikes = jnp.asarray(spikes)
    program, told = compiled(
        lambda w, x: network.apply(w, x)[0], network.weights, spikes
    )
    told["rate"] = jax_rate(network, spikes)

    def run():
        return jax.block_until_ready(program(network.weights, spikes))

    return Work(run, lambda: None, told, program=program)


def jax_stream(network, chunks, spikes):
    import jax
    import jax.numpy as jnp

    chunks = [jnp.asarray(chunk) for chunk in chunks]
    whole, hidden = jax.jit(network.apply)(network.weights, jnp.asarray(spikes))
    call = jax.jit(network.advance)
    state, volts = network.advance(network.weights, None, chunks[0])
    began = time.perf_counter()
    jax.block_until_ready(call(network.weights, state, chunks[1]))
    told = {"compile_s": time.perf_counter() - began, "temp_mb": None}
    told["rate"] = float(hidden.mean())
    made = [volts]
    for chunk in chunks[1:]:
        state, volts = call(network.weights, state, chunk)
        made.append(volts)
    goes_on(made, whole)
    kept = {"state": state, "at": 0}

    def run():
        kept["at"] = (kept["at"] + 1) % len(chunks)
        made = call(network.weights, kept["state"], chunks[kept["at"]])
        kept["state"], volts = jax.block_until_ready(made)
        return volts

    return Work(run, lambda: None, told)


# ---- PyTorch


def torch_training(network, spikes, labels):
    import torch

    parameters = [p for m in network.modules for p in m.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    spikes, labels = torch.from_numpy(spikes), torch.from_numpy(labels)
    kept = [p.detach().clone() for p in parameters]
    told, seen = {"rate": None, "compile_s": 0.0, "temp_mb": None}, {}

    def cross_entropy(spikes, labels):
        volts, hidden = network.apply(spikes)
        loss = torch.nn.functional.cross_entropy(volts.max(0).values, labels)
        return loss, hidden

    def run():
        optimizer.zero_grad()
        loss, hidden = (network.loss or cross_entropy)(spikes, labels)
        loss.backward()
        optimizer.step()
        seen["hidden"] = hidden.detach()
        return [p.detach() for p in parameters], loss

    def hold():
        told["rate"] = float(seen["hidden"].mean())
        with torch.no_grad():
            for parameter, before in zip(parameters, kept, strict=True):
                parameter.copy_(before)

    return Work(run, hold, told, changes=True)


def torch_inference(network, spikes):
    import torch

    spikes = torch.from_numpy(spikes)
    told, seen = {"rate": None, "compile_s": 0.0, "temp_mb": None}, {}

    def run():
        with torch.no_grad():
            volts, seen["hidden"] = network.apply(spikes)
        return volts

    def hold():
        told["rate"] = float(seen["hidden"].mean())

    return Work(run, hold, told)


def torch_stream(network, chunks, spikes):
    import torch

    chunks = [torch.from_numpy(chunk) for chunk in chunks]
    with torch.no_grad():
        whole, hidden = network.apply(torch.from_numpy(spikes))
        state, made = None, []
        for chunk in chunks:
            state, volts = network.advance(state, chunk)
            made.append(volts)
    goes_on(made, whole)
    kept = {"state": state, "at": 0}
    told = {"rate": float(hidden.mean()), "compile_s": 0.0, "temp_mb": None}

    def run():
        kept["at"] = (kept["at"] + 1) % len(chunks)
        with torch.no_grad():
            made = network.advance(kept["state"], chunks[kept["at"]])
        kept["state"], volts = made
        return volts

    return Work(run, lambda: None, told)


# ---- both

STREAM = 320  # steps, again and again
CHECKED = 64  # of them; rounding may move a spike of a later one


def goes_on(parts, whole):
    """Refuses calls that do not give together what one call gives.

    Raises:
        ArithmeticError: if they do not.
    """
    together = np.concatenate([np.asarray(part) for part in parts])[:CHECKED]
    expected = np.asarray(whole)[: len(together)]
    if not np.allclose(together, expected, rtol=1e-3, atol=1e-4):
        away = np.abs(together - expected).max()
        raise ArithmeticError(f"Calls of a few steps are off one call by {away:.3g}.")


def work(sides: ModuleType, name: str, kind: str, size: tuple[int, ...]) -> Work:
    """Builds a side and what it is to do.

    Raises:
        NotImplementedError: for a kind that this side cannot.
    """
    if name not in sides.SIDES:
        raise NotImplementedError(f"{name} has no network for {kind}.")
    steps, batch, n = size
    spikes, labels = sides.data(STREAM if kind == "stream" else steps, batch)
    if importlib.util.find_spec("torch"):
        import torch

        torch.manual_seed(0)
        torch.set_num_threads(2)
    network = sides.SIDES[name](spikes, n)
    on_jax = hasattr(network, "weights")
    if kind in ("training", "convolution"):
        return (jax_training if on_jax else torch_training)(network, spikes, labels)
    if kind == "inference":
        return (jax_inference if on_jax else torch_inference)(network, spikes)
    if network.advance is None:
        raise NotImplementedError(f"{name} cannot be called for a few steps.")
    chunks = [spikes[k : k + steps] for k in range(0, STREAM - steps + 1, steps)]
    return (jax_stream if on_jax else torch_stream)(network, chunks, spikes)


def sides_of(kind: str, checkout: Path | None = None) -> ModuleType:
    """The networks of a kind of work, of this checkout or of another.

    Raises:
        ImportError: if another snnjax is imported than that of the checkout.
        FileNotFoundError: if the checkout has no such networks.
    """
    name = "rival_convolutions" if kind == "convolution" else "rival_sides"
    path = Path(__file__).with_name(f"{name}.py")
    if checkout is not None:
        import snnjax

        if Path(snnjax.__file__).resolve().parents[1] != checkout.resolve():
            source = snnjax.__file__
            raise ImportError(f"snnjax comes from {source}, not from {checkout}.")
        places = (checkout / "benchmarks" / sub / path.name for sub in ("speed", ""))
        path = next((each for each in places if each.exists()), None)
        if path is None:
            raise FileNotFoundError(f"There is no {name}.py in {checkout}/benchmarks.")
    spec = importlib.util.spec_from_file_location(f"networks_{kind}", path)
    sides = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sides)
    if hasattr(sides, "jax_side"):
        return as_now(sides)
    return sides


def as_now(sides: ModuleType) -> ModuleType:
    """Networks of older checkouts, which timed their steps themselves."""
    this = sides_of("training")
    sides.jax_side = lambda weights, apply, *_: this.JaxNetwork(weights, apply)
    older = dict(sides.SIDES)
    sides.SIDES = {
        name: lambda spikes, n, make=make: make(spikes, None, n)
        for name, make in older.items()
    }
    return sides


def versions() -> dict[str, str]:
    """What is installed of the libraries that are compared."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def several(work: Work) -> int:
    """How many steps to time together, for those that are short."""
    began = time.perf_counter()
    work.step()
    work.hold()
    if work.changes:
        return 1
    return max(1, min(200, int(SHORT / (time.perf_counter() - began))))


def main():
    side, kind, size, *checkout = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr
    sides = sides_of(kind, *map(Path, checkout))
    asked = work(sides, side, kind, tuple(map(int, size.split("/"))))
    asked.step()
    asked.hold()
    count = several(asked)
    told = asked.told | {"versions": versions(), "together": count}
    print(json.dumps(told), file=answers, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(count):
            asked.step()
        ms = 1e3 * (time.perf_counter() - began) / count
        asked.hold()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told = {"ms": ms, "peak_mb": peak, "rate": asked.told["rate"]}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
