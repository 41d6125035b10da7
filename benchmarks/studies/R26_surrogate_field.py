"""R26: surrogate gradients are the gradients of nothing, and may point the wrong way.

The network of Gygax & Zenke 2025 has one input and five weights (w, v₁, v₂, u₁, u₂):

    g = s(w)    h_i = s(v_i g)    y = s(u₁h₁ + u₂h₂)      s(x) = σ(βx)

Its backward pass has the derivative of σ(β_SG x) in place of that of s. A field that is
a gradient has no work around a closed path. Here y is all but a step (β = 10⁴), the
path a circle around zero weights in a random plane, and the work of ∂y/∂(weights) is
not zero and grows with β_SG from 1 to 5 to 20; it is zero where β = β_SG. Between 1 and
5 it changes its sign in the paper's plane, so its size does not grow all the way. And
with β = 100 the surrogate of ∂y/∂w has the wrong sign in a part of -0.2 < w < 0.2.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.criterion import above, at_least, below
from benchmarks.report import emit, tell
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.analysis import directions, fields, landscape
from snnjax.surrogate import Sigmoid

# The plane of the paper: rows of an orthogonal matrix, to the digits given there.
PLANE = np.array(
    [
        [0.1168134, -0.21802215, -0.8262966, 0.5019748, 0.06384699],
        [-0.30310827, -0.8068901, 0.36749288, 0.3028789, 0.1739747],
    ]
)
RADIUS = 1.8
STEEP = 1e4  # β of the step-like network
BIAS = np.array(
    [0.05, 0.1, 1.0, -1.0]
)  # v₁, v₂, u₁, u₂ of the network whose sign flips


class Size(NamedTuple):
    points: int = 200_000  # intervals of the circle, three points in each
    grid: int = 400_001  # values of w
    slopes: tuple[float, ...] = (1.0, 5.0, 20.0)
    between: tuple[float, ...] = (1.4, 2.0, 2.8, 4.0, 7.0, 10.0, 14.0)
    flips: tuple[float, ...] = (15.0, 30.0)
    planes: int = 0  # random planes in which networks with one layer more are looked at


FULL = Size(points=2_000_000, grid=4_000_001, planes=100)


@jax.custom_vjp
def step(x, beta, surrogate):
    """σ(βx), with the derivative of σ(β_SG x)."""
    del surrogate  # used in the backward pass only
    return Sigmoid(beta).cdf(x)


def _backward(residuals, g):
    x, surrogate = residuals
    shape = Sigmoid(surrogate)
    return g * shape(x) / shape.area, None, None


step.defvjp(lambda x, beta, sg: (step(x, beta, sg), (x, sg)), _backward)


def output(weights, beta, surrogate):
    """The output y, of five weights."""
    w, v, u = weights[0], weights[1:3], weights[3:]
    s = partial(step, beta=beta, surrogate=surrogate)
    return s(u @ s(v * s(w)))


def deeper(weights, beta, surrogate):
    """The same with one layer more, of two neurons: 1-1-2-2-1."""
    w, v, a, u = weights[0], weights[1:3], weights[3:7].reshape(2, 2), weights[7:]
    s = partial(step, beta=beta, surrogate=surrogate)
    return s(u @ s(a @ s(v * s(w))))


def around(net, plane, points, beta, surrogate) -> fields.Integral:
    """The work of a net's field around the circle."""
    through = landscape.plane(jnp.zeros(len(plane[0])), *plane)
    return fields.loop_integral(
        lambda weights: jax.grad(net)(weights, beta, surrogate),
        landscape.circle(through, RADIUS),
        points,
        batch_size=10_000,
    )


def loops(size: Size) -> dict[str, dict]:
    """Loop integrals of the step-like network, and of smooth ones, by slope."""
    found, plane = {}, tuple(jnp.asarray(PLANE))
    integral = jax.jit(partial(around, output, plane, size.points))
    for name, beta in (("surrogate", lambda sg: STEEP), ("smooth", lambda sg: sg)):
        works = [integral(beta(slope), slope) for slope in size.slopes]
        found[name] = {
            "integrals": [float(work.value) for work in works],
            "errors": [float(work.error) for work in works],
        }
        emit(field=name, slopes=size.slopes, **found[name])
    works = [integral(STEEP, slope) for slope in size.between]
    found["surrogate_between"] = {
        "slopes": size.between,
        "integrals": [float(work.value) for work in works],
        "errors": [float(work.error) for work in works],
    }
    return found


def signs(size: Size):
    """∂y/∂w over w for β = 100, true and by each surrogate: ``[1 + S, grid]``."""
    w = jnp.linspace(-0.2, 0.2, size.grid)

    def slope(w, surrogate):
        return jax.grad(output)(jnp.concatenate([w[None], BIAS]), 100.0, surrogate)[0]

    rows = [
        jax.jit(jax.vmap(partial(slope, surrogate=sg)))(w)
        for sg in (100.0, *size.flips)
    ]
    return np.asarray(w), np.asarray(jnp.stack(rows))


def wrong(size: Size, w, rows) -> dict[str, dict]:
    """Where and on which share of w a surrogate has not the sign of the derivative.

    The share is that of grid points; each place where it begins or ends is known to one
    interval of the grid, which is the error.
    """
    found = {}
    for slope, row in zip(size.flips, rows[1:], strict=True):
        bad = np.sign(row) != np.sign(rows[0])
        inside = np.concatenate([[False], bad, [False]])
        ends = np.flatnonzero(np.diff(inside)).reshape(-1, 2) - [0, 1]  # first and last
        edges = np.count_nonzero(np.diff(bad))
        found[f"{slope:g}"] = {
            "share": round(float(bad.mean()), 6),
            "error": float(f"{edges / (len(w) - 1):.1e}"),
            "between": w[ends].round(5).tolist(),
        }
        emit(surrogate_slope=slope, **found[f"{slope:g}"])
    return found


def random_planes(size: Size) -> dict:
    """Sizes of loop integrals of deeper nets, means over random planes: ``[S]``."""
    keys = jax.random.split(jax.random.key(26), size.planes)

    def one(key, surrogate):
        plane = directions.orthonormal(*jax.random.normal(key, (2, 9)))
        return around(deeper, plane, size.points // 20, STEEP, surrogate)

    works = [
        jax.jit(lambda keys, sg=sg: jax.lax.map(lambda k: one(k, sg), keys))(keys)
        for sg in size.slopes
    ]
    sizes = np.abs([work.value for work in works])
    return {
        "integral": sizes.mean(axis=1).round(5).tolist(),
        "standard_error": (sizes.std(axis=1) / size.planes**0.5).round(5).tolist(),
        "largest_numerical_error": float(max(work.error.max() for work in works)),
    }


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    with jax.enable_x64(True):
        around_zero = loops(size)
        w, rows = signs(size)
        summary = {
            "slopes": size.slopes,
            "loops": around_zero,
            "wrong_sign": wrong(size, w, rows),
        }
        if size.planes:
            summary["three_layers"] = random_planes(size)
    for name, found in around_zero.items():
        tell(f"     {name}: " + "  ".join(f"{v:.6g}" for v in found["integrals"]))
    return Finding(summary, criteria(summary), figure(size, summary, w, rows))


def criteria(summary):
    surrogate, smooth = summary["loops"]["surrogate"], summary["loops"]["smooth"]
    sizes, errors = np.abs(surrogate["integrals"]), np.asarray(surrogate["errors"])
    rest = float(np.max(np.abs(smooth["integrals"]) + smooth["errors"]))
    flat, *_, steep = summary["wrong_sign"].values()
    least = float(np.min(sizes - 10 * errors))
    growth = float(np.min(np.diff(sizes) - 10 * errors.max()))
    wrong = flat["share"] - flat["error"]
    return [
        above("least loop integral, less ten of its errors", least, 0, digits=4),
        above(
            "least growth from slope to slope, less ten of them", growth, 0, digits=4
        ),
        below("largest loop integral of a smooth net, plus error", rest, 1e-10, None),
        at_least("share of w with the wrong sign, flattest, less error", wrong, 0.1, 4),
        above("the same, steepest", steep["share"] - steep["error"], 0, digits=4),
        above("flattest above steepest", wrong - steep["share"], 0, digits=4),
    ]


def figure(size, summary, w, rows):
    drawn, axes = plot.figure(1, 3, (13.0, 3.8))
    along, loop, sign = axes[0]
    circle = np.linspace(0.0, 1.0, 401)
    with jax.enable_x64(True):
        path = landscape.circle(
            landscape.plane(jnp.zeros(5), *jnp.asarray(PLANE)), RADIUS
        )
        true = landscape.loss_on_path(lambda x: output(x, STEEP, 1.0), path, circle)
        along.plot(circle, true, color="black", label="y, a step")
        for slope in size.slopes:
            field = partial(jax.grad(output), beta=STEEP, surrogate=slope)
            work = fields.line_integral(
                field, path, np.linspace(0.0, 1.0, 4001), batch_size=1000
            )
            along.plot(circle, true[0] + work.value[::10], label=f"β_SG = {slope:g}")
    along.set(xlabel="way around the circle", ylabel="y, and integrals of surrogates")
    along.legend(frameon=False, fontsize=8)
    ours, more = (summary["loops"][k] for k in ("surrogate", "surrogate_between"))
    at = np.array([*size.slopes, *size.between])
    values, errors = (np.array(ours[k] + more[k]) for k in ("integrals", "errors"))
    order = np.argsort(at)
    title = "work around the circle; it changes sign where it dips"
    plot.loop_integrals(loop, at[order], values[order], errors[order], title=title)
    loop.title.set_fontsize(10)
    for row, slope in zip(rows, (100.0, *size.flips), strict=True):
        true = slope == 100.0
        label = "true, β = 100" if true else f"β_SG = {slope:g}"
        scaled = row / np.abs(row).max()
        sign.plot(w[::100], scaled[::100], color="black" if true else None, label=label)
    sign.axhline(0.0, color="0.6", lw=0.8)
    sign.set(xlabel="w", ylabel="∂y/∂w, over its largest value", title="wrong signs")
    sign.legend(frameon=False, fontsize=8)
    return drawn


STUDY = Study(
    id="R26",
    claim="A surrogate field has work around a closed path, so it is the gradient of "
    "nothing; and its sign can be wrong.",
    source="Gygax & Zenke 2025, doi:10.1162/neco_a_01752",
    minutes=0.5,
    run=run,
)
