"""How long does a training step take, how much memory, and how do both grow?

    python -m benchmarks.speed.training_step [W1 W2 W3 W4 growth large]

W1: one dense layer of leaky neurons, N inputs and N neurons, all spikes summed.
W2: 700 inputs, one or two recurrent layers, 20 readouts, Adam: a speech network.
W3: three convolutional layers of 16 channels on 34x34x2, all spikes summed.
W4: temp memory of W2's gradient at T = 4000, plain and with checkpoints.
growth: time of W2 against T and against the batch.
large: W1 and W2 with up to 4096 neurons and 1000 steps, for a GPU; only if named.

A step computes loss, gradients and, in W2, new weights, which are not fed back: weights
and firing rates are the same at each repeat. Every backend is timed against plain
automatic differentiation of the scan ("scan").
"""

import argparse
import json
from contextlib import nullcontext
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.roofline import matrix_speed
from benchmarks.speed.timing import Program, interleave
from snnjax import plot
from snnjax.kernels import build
from snnjax.learning import running_max
from snnjax.networks import convolution
from snnjax.training import init_train_state, make_step

DT = 1e-3
PARAMS = snn.LIFParams(tau_mem=20e-3, tau_syn=10e-3)
ON_CPU = jax.default_backend() == "cpu"
BACKENDS = ("scan", "xla", *(["native"] if ON_CPU and not build.load() else []))
PLAIN = {"run": None, "loop": None}


def neurons(n, backend):
    cell = snn.lif(n, PARAMS, backend="xla" if backend == "scan" else backend)
    return cell._replace(**PLAIN) if backend == "scan" else cell


def integrator(n, backend):
    cell = snn.li(n, backend="xla" if backend == "scan" else backend)
    return cell._replace(run=None) if backend == "scan" else cell


def draw(xi):
    return partial(
        snn.fluctuation_driven, rate=50.0, xi=xi, params=PARAMS, dt=DT, share=0.5
    )


def dense(n_in, n_out, backend, **options):
    return snn.dense(
        n_in, n_out, backend="xla" if backend == "scan" else backend, **options
    )


def raster(steps, batch, n, rate=0.05):
    key = jax.random.key(0)
    return (jax.random.uniform(key, (steps, batch, n)) < rate).astype(jnp.float32)


def w1(n, backend):
    xs = jax.random.normal(jax.random.key(0), (500, 16, n))
    net = snn.chain(dense(n, n, backend), neurons(n, backend))
    weights = net.init(jax.random.key(1))

    def loss(weights):
        return snn.unroll(net, weights, xs, dt=DT)[1].sum()

    program = Program(jax.value_and_grad(loss), weights)
    program.rate = float(loss(weights)) / (500 * 16 * n)
    return program


def slide(c_in, backend):
    who = "xla" if backend == "scan" else backend
    cell = convolution(c_in, 16, kernel=(3, 3), init=draw(0.4), backend=who)
    return cell._replace(run=None) if backend == "scan" else cell


def w3(backend, steps=50, batch=16):
    xs = raster(steps, batch, 34 * 34 * 2).reshape(steps, batch, 34, 34, 2)
    cells = (
        cell for c in (2, 16, 16) for cell in (slide(c, backend), neurons(16, backend))
    )
    net = snn.chain(*cells)
    weights = net.init(jax.random.key(1))

    def loss(weights):
        return snn.unroll(net, weights, xs, dt=DT)[1].sum()

    program = Program(jax.value_and_grad(loss), weights)
    program.rate = float(loss(weights)) / (steps * batch * 34 * 34 * 16)
    return program


def w3_floor_ms(speed, steps=50, batch=16):
    """Milliseconds of the products alone; the input has no gradient."""
    each = 2 * steps * batch * 34 * 34 * 9 * 16
    return 1e3 * each * (2 * 2 + 3 * 16 + 3 * 16) / speed


def speech(layers, n, backend):
    cells, width = [], 700
    for _ in range(layers):
        init = draw(0.6)
        neuron = neurons(n, backend)
        cells.append(snn.recurrent(width, n, neuron, init=init, init_recurrent=init))
        width = n
    readout = dense(n, 20, backend), integrator(20, backend), running_max(20)
    return snn.chain(*cells, *readout), cells[0]


def w2(
    steps, batch, n, layers, backend, gradient_only=False, dtype="float32", **options
):
    net, first = speech(layers, n, backend)
    xs = raster(steps, batch, 700).astype(dtype)
    labels = jax.random.randint(jax.random.key(1), (batch,), 0, 20)
    weights = net.init(jax.random.key(2))

    def loss(weights, xs, labels):
        state, _ = snn.unroll(net, weights, xs, dt=DT, **options)
        return snn.cross_entropy(state[-1], labels)

    optimizer = optax.adam(1e-3)
    if gradient_only:
        program = Program(jax.value_and_grad(loss), weights, xs, labels)
    else:
        state = init_train_state(weights, optimizer)
        program = Program(make_step(loss, optimizer), state, xs, labels)
    program.rate = float(snn.unroll(first, weights[0], xs, dt=DT)[1].mean())
    return program


def floor_ms(steps, batch, n, layers, speed):
    """Milliseconds of the dense products alone."""
    inputs = 2 * 700 * n + (layers - 1) * 3 * n * n
    flop = 2 * steps * batch * (inputs + layers * 3 * n * n + 3 * n * 20)
    return 1e3 * flop / speed


def report(name, sides, floor=None, repeats=9):
    times = interleave(sides, repeats)
    rows = []
    for side, found in times.items():
        program = sides[side]
        row = {
            "workload": name,
            "backend": side,
            **found,
            "compile_s": round(program.compile_s, 2),
            "temp_mb": round(program.temp_mb, 1),
        }
        if floor:
            row["to_dense_floor"] = round(found["median_ms"] / floor, 2)
        if hasattr(program, "rate"):
            row["hidden_rate"] = round(program.rate, 3)
        emit(**row)
        ratio = f"{row['to_dense_floor']:6.2f} floors" if floor else ""
        tell(
            f"     {name:<26}{side:<28}{found['median_ms']:>9.1f} ms {ratio}"
            f"  compile {row['compile_s']:.2f} s  temp {row['temp_mb']:.0f} MB"
        )
        rows.append(row)
    return rows


def run_w1(sizes=(512, 2048)):
    return [
        row
        for n in sizes
        for row in report(f"W1 {n}", {backend: w1(n, backend) for backend in BACKENDS})
    ]


def run_w2(sizes=((100, 64, 256), (250, 64, 512), (1000, 64, 128)), depths=(1, 2)):
    speed, rows = matrix_speed(), []
    for layers in depths:
        for size in sizes:
            sides = {backend: w2(*size, layers, backend) for backend in BACKENDS}
            name = f"W2 {'/'.join(map(str, size))} x{layers}"
            rows += report(name, sides, floor_ms(*size, layers, speed))
    return rows


def run_w3():
    sides = {backend: w3(backend) for backend in BACKENDS}
    return report("W3 34x34x2, 3 layers", sides, w3_floor_ms(matrix_speed()))


def run_w4():
    rows = []
    for backend, dtype in product(BACKENDS[1:], ("float32", "uint8")):
        ways = {"plain": {}, "checkpoint 40": {"checkpoint": 40}}
        ways |= {"checkpoint 80": {"checkpoint": 80}, "memory 40 MB": {"memory": 40e6}}
        sides = {
            f"{backend} {dtype} {way}": w2(
                *(4000, 64, 128, 1, backend), True, dtype, **options
            )
            for way, options in ways.items()
        }
        rows += report("W4 4000/64/128", sides)
    return rows


def run_growth():
    backend, rows = BACKENDS[-1], []
    for steps in (125, 250, 500, 1000, 2000):
        rows += report(
            f"T {steps}", {backend: w2(steps, 64, 128, 1, backend)}, repeats=5
        )
    for batch in (16, 32, 64, 128, 256):
        rows += report(
            f"batch {batch}", {backend: w2(250, batch, 128, 1, backend)}, repeats=5
        )
    drawn, axes = plot.figure(1, 2, (8.5, 3.4))
    for ax, name in zip(axes[0], ("T", "batch"), strict=True):
        kept = [row for row in rows if row["workload"].startswith(f"{name} ")]
        sizes = [int(row["workload"].split()[1]) for row in kept]
        times = [row["median_ms"] for row in kept]
        ax.loglog(sizes, times, "o-", color="#0072b2", label=f"{backend}, median")
        linear = [times[-1] * size / sizes[-1] for size in sizes]
        ax.loglog(sizes, linear, ":", color="0.5", label="proportional")
        ax.set(xlabel={"T": "steps T", "batch": "batch"}[name], ylabel="step (ms)")
        ax.set_xticks(sizes, labels=[str(size) for size in sizes])
        ax.minorticks_off()
        ax.legend(frameon=False)
    drawn.suptitle("time of a training step, 700-128-20, recurrent")
    drawn.savefig(RESULTS / "growth.png", dpi=120)
    return rows


def run_large():
    return run_w1((1024, 4096)) + run_w2(((250, 64, 1024), (1000, 64, 4096)), (1,))


RUNS = {"W1": run_w1, "W2": run_w2, "W3": run_w3, "W4": run_w4, "growth": run_growth}
LARGE = {"large": run_large}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*RUNS], metavar="NAME")
    parser.add_argument("--profile", metavar="FOLDER", help="for TensorBoard")
    given = parser.parse_args()
    if unknown := {*given.names} - {*RUNS, *LARGE}:
        parser.error(f"no workload {', '.join(unknown)}; see --help")
    for name in given.names:
        traced = jax.profiler.trace(given.profile) if given.profile else nullcontext()
        with traced:
            rows = (RUNS | LARGE)[name]()
        line = {"benchmark": "training_step", "workload": name, "rows": rows}
        line |= machine()
        path = RESULTS / f"training_step_{name}.json"
        path.write_text(f"{json.dumps(line, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
