"""Explicit recurrence: neurons see each other's spikes of the step before.

A connection is closed around a population, on top of what comes in at this step:

    y_t = neuron(x_t + feedback(y_{t-1}))
"""

from functools import partial
from typing import Any, NamedTuple, overload

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from snnjax import check, loops
from snnjax.about import INPUT, OUTPUT, About, Edge, factory, run_to_marks
from snnjax.cell import Cell, Loop, check_cell, output_like, run_cell
from snnjax.compose import inside
from snnjax.exported import exportable
from snnjax.kernels.rasters import last_of
from snnjax.networks.connect import DenseWeights, Initializer, connections, dense
from snnjax.networks.initialize import spiking
from snnjax.probes import Names, Wanted
from snnjax.replay import Shown, with_replay

from_below = partial(spiking, share=0.9)
from_the_layer = partial(spiking, share=0.1)
_BEFORE = "What the neurons put out at the step before"


@exportable
class RecurrentWeights(NamedTuple):
    """Weights of a recurrent layer with its input."""

    input: DenseWeights  # from the layer below
    recurrent: jax.Array  # [n, n], from the layer itself, one step before
    neuron: Any  # of the neurons, if they learn anything


@exportable
class RecurrentState(NamedTuple):
    """What a recurrent layer with its input remembers."""

    neuron: Any  # state of the neurons
    spikes: jax.Array  # [*batch, n], fired at the last step


@exportable
class ClosedWeights(NamedTuple):
    """Weights of a connection closed around neurons."""

    neuron: Any  # of the neurons, if they learn anything
    feedback: Any  # of the connection


@exportable
class ClosedState(NamedTuple):
    """What neurons with a connection closed around them remember."""

    neuron: Any
    feedback: Any
    spikes: jax.Array  # [*batch, n], put out at the last step


@overload
def recurrent(
    neuron: Cell,
    feedback: Cell,
    /,
    *,
    recurrent_gradient: bool = True,
    outputs: Names = None,
) -> Cell: ...
@overload
def recurrent(
    n_in: int,
    n: int,
    neuron: Cell,
    *,
    bias: bool = False,
    self_connections: bool = True,
    recurrent_gradient: bool = True,
    init: Initializer = from_below,
    init_recurrent: Initializer = from_the_layer,
    mask: ArrayLike | None = None,
    recurrent_mask: ArrayLike | None = None,
    outputs: Names = None,
) -> Cell: ...
@factory
def recurrent(
    n_in,
    n,
    neuron=None,
    *,
    bias=False,
    self_connections=True,
    recurrent_gradient=True,
    init=from_below,
    init_recurrent=from_the_layer,
    mask=None,
    recurrent_mask=None,
    outputs=None,
):
    """A layer whose neurons see each other's spikes of the step before.

        recurrent(lif(50), dense(50, 50))       y_t = neuron(x_t + feedback(y_{t-1}))
        recurrent(70, 50, lif(50))              y_t = neuron(x_t·w + y_{t-1}·r + b)

    The first closes any connection around any neuron, a convolution around neurons on a
    map for example; its input are currents. The second, the short form, has an input
    connection of its own.

    Args:
        n_in: number of inputs; or the neuron, a cell from currents to spikes.
        n: number of neurons; or the feedback, a connection from spikes to currents.
        neuron: a cell ``[*batch, n] -> [*batch, n]``, for example ``lif(n)``.
        bias: whether to learn a constant current, starting from zero.
        self_connections: whether a neuron may excite or inhibit itself; without, the
            diagonal of ``r`` has neither effect nor gradient.
        recurrent_gradient: whether the gradient passes through ``y_{t-1}``; without,
            ``r`` still learns, from the spikes as they were.
        init: draws ``w``; nine tenths of ``spiking`` if omitted.
        init_recurrent: draws ``r``; one tenth of ``spiking`` if omitted.
        mask: which inputs reach which neurons, ``[n_in, n]``, as of ``dense``.
        recurrent_mask: which neurons reach which, ``[n, n]``.
        outputs: names, as of ``chain``: of the parts ``"neuron"``, ``"feedback"`` and,
            in the short form, ``"input"``; what is none of these is looked for in the
            neuron: ``"v"``, ``"v_before"``.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n]`` with ``RecurrentWeights`` and
        ``RecurrentState``; the first form has ``ClosedWeights`` and ``ClosedState``.

    Raises:
        ValueError: for a width below one, an input, weights or masks of another shape,
            a feedback that does not fit the neuron, or options of the short form given
            to the first.

    Example:
        >>> layer = snn.recurrent(20, 5, snn.lif(5))
        >>> weights = layer.init(jax.random.key(0))
        >>> weights.input.w.shape, weights.recurrent.shape
        ((20, 5), (5, 5))
        >>> state, spikes = snn.unroll(layer, weights, jnp.ones((100, 2, 20)), dt=1e-3)
        >>> spikes.shape
        (100, 2, 5)
    """
    check.flag("recurrent_gradient", recurrent_gradient)
    if isinstance(n_in, Cell) or isinstance(n, Cell):
        short = bias, self_connections, init, init_recurrent, mask, recurrent_mask
        usual = False, True, from_below, from_the_layer, None, None
        if neuron is not None or short != usual:
            raise ValueError(
                "recurrent(neuron, feedback) takes recurrent_gradient and outputs; "
                "other options belong to the connection, such as dense(…, bias=True)."
            )
        check_cell("The neuron of recurrent", n_in)
        check_cell("The feedback of recurrent", n)
        return _opened(_Layer(None, n_in, n, recurrent_gradient), outputs)
    check.whole("n_in", n_in)
    check.whole("n", n)
    check_cell("The neuron of recurrent", neuron)
    check.flag("self_connections", self_connections)
    check.function("init_recurrent", init_recurrent)
    connected = connections("recurrent_mask", recurrent_mask, n, n)
    backend = _backend_of(neuron)
    below = dense(n_in, n, bias=bias, init=init, mask=mask, backend=backend)
    drawn = dense(n, n, init=init_recurrent, mask=connected, backend=backend)
    feedback = drawn
    if not self_connections:
        apart = ~jnp.eye(n, dtype=bool)
        both = apart if connected is None else apart & connected
        feedback = dense(n, n, init=init_recurrent, mask=both, backend=backend)
    layer = _Layer(below, neuron, feedback, recurrent_gradient, drawn)
    return _opened(layer, outputs)


def _backend_of(neuron):
    """Who runs a neuron also projects onto it."""
    options = neuron.about.options.arguments if neuron.about else {}
    return options.get("backend", "auto")


class _Layer(NamedTuple):
    """The cells of a layer; the short form has an input connection."""

    input: Cell | None
    neuron: Cell
    feedback: Cell
    recurrent_gradient: bool
    drawn: Cell | None = None  # draws the feedback's weights, if it does not itself

    @property
    def parts(self):
        inner = {"neuron": self.neuron, "feedback": self.feedback}
        return inner if self.input is None else {"input": self.input, **inner}

    def weights(self, tree):
        """Of each part."""
        kind: Any = ClosedWeights if self.input is None else RecurrentWeights
        if not isinstance(tree, kind):
            raise ValueError(
                f"The weights of recurrent must be {kind.__name__}"
                f"{kind._fields}, as its init draws them, got {type(tree).__name__}."
            )
        if self.input is None:
            return tree._asdict()
        feedback = DenseWeights(tree.recurrent, None)
        return {"input": tree.input, "neuron": tree.neuron, "feedback": feedback}

    def states(self, tree):
        """Of each part."""
        feedback = () if self.input is not None else tree.feedback
        states = {"neuron": tree.neuron, "feedback": feedback}
        return states if self.input is None else {"input": (), **states}

    def state(self, states, spikes):
        """Of the whole."""
        if self.input is None:
            return ClosedState(states["neuron"], states["feedback"], spikes)
        return RecurrentState(states["neuron"], spikes)


def _opened(layer, outputs):
    """The cell of a layer, with its parts and what may be watched in it."""

    def build(beside):
        wanted = Wanted(
            "recurrent", layer.parts, outputs, "neuron", beside, within="neuron"
        )
        return with_replay(_closed(layer, wanted), build, {"neuron": layer.neuron})

    def rebuild(change):
        new = {key: change(key, cell) for key, cell in layer.parts.items()}
        drawn = layer.drawn if new["feedback"] is layer.feedback else None
        return _opened(layer._replace(**new, drawn=drawn), outputs)

    first = "neuron" if layer.input is None else "input"
    about = About(
        parts=layer.parts,
        edges=(
            Edge(INPUT, first),
            *([] if layer.input is None else [Edge("input", "neuron")]),
            Edge("neuron", "feedback", before=True),
            Edge("feedback", "neuron"),
            Edge("neuron", OUTPUT),
        ),
        weights=layer.weights,
        states=layer.states,
        rebuild=rebuild,
        watch=build,
        puts_out=(lambda state, x: state.spikes) if outputs is None else None,
        run_to_marks=_to_marks(layer) if outputs is None else None,
        takes_marks=layer.input is not None,
    )
    return build(())._replace(about=about)


def _to_marks(layer):
    """The run to marks of the neuron's spikes, if it has one."""
    run = run_to_marks(layer.neuron)
    if run is None or not _loops(layer, layer.neuron):
        return None

    def running(weights, state, xs, dt):
        weights, states = layer.weights(weights), layer.states(state)
        check.floating(_BEFORE, state.spikes)
        if layer.input is not None:
            with inside("input"):
                _, xs = run_cell(layer.input, weights["input"], (), xs, dt)
        given = weights["neuron"], states["neuron"], xs, dt
        loop = _loop_of(layer, weights, state.spikes)
        with inside("neuron"):
            end, spikes = run(*given, loop)
        last = last_of(spikes, state.spikes)
        return layer.state({**states, "neuron": end}, last), spikes

    return running


def _closed(layer, wanted):
    def draw(key):
        key_w, key_r, key_neuron = jax.random.split(key, 3)
        neuron = layer.neuron.init(key_neuron)
        feedback = (layer.drawn or layer.feedback).init(key_r)
        if layer.input is None:
            return ClosedWeights(neuron, feedback)
        return RecurrentWeights(layer.input.init(key_w), feedback.w, neuron)

    def rest(x):
        if layer.input is not None:
            with inside("input"):
                x = _current_like(layer, x)
        states = {"neuron": layer.neuron.rest(x)}
        spikes = output_like(layer.neuron, states["neuron"], x)
        with inside("feedback"):
            states["feedback"] = layer.feedback.rest(spikes)
            back = output_like(layer.feedback, states["feedback"], spikes)
        if back.shape != x.shape:
            raise ValueError(
                f"What the feedback brings, {back.shape}, must be like the currents of "
                f"the neuron, {x.shape}."
            )
        return layer.state(states, spikes)

    def through(advance, close):
        def passing(weights, state, x, dt, recorded):
            weights, states = layer.weights(weights), layer.states(state)
            outs, seen = {}, {}
            if layer.input is not None:
                with inside("input"):
                    given = weights["input"], states["input"], x, dt
                    _, (x, seen["input"]) = advance(wanted.cells["input"], *given)
                outs["input"] = x
            states, spikes, inner = close(
                weights, states, state.spikes, (x, recorded), dt
            )
            for key, (out, looked) in inner.items():
                outs[key], seen[key] = out, looked
            return layer.state(states, spikes), wanted(outs, seen)

        return passing

    one = partial(_step, layer, wanted)
    return Shown(
        init=draw,
        rest=rest,
        step=through(lambda cell, *args: cell.step(*args), one),
        run=through(run_cell, partial(_run, layer, wanted)),
    )


def _current_like(layer, x):
    """What the input connection makes of ``x``: zeros, in floating point."""
    layer.input.rest(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = check.wide(x)
    n = output_like(layer.input, (), x).shape[-1]
    return jnp.broadcast_to(jnp.zeros_like(x[..., :1]), (*x.shape[:-1], n))


def _step(layer, wanted, weights, states, before, given, dt):
    """New states, spikes, and what each part puts out and shows."""
    current, recorded = given
    check.floating(_BEFORE, before)
    if not layer.recurrent_gradient:
        before = jax.lax.stop_gradient(before)
    with inside("feedback"):
        end, (back, seen) = wanted.cells["feedback"].step(
            weights["feedback"], states["feedback"], before, dt
        )
    check.shape("What the feedback brings", back, current.shape)
    dtype = check.common_dtype(current.dtype, back.dtype)
    current = current.astype(dtype) + back.astype(dtype)
    with inside("neuron"):
        cell, current = wanted.given("neuron", current, recorded)
        neuron, (spikes, looked) = cell.step(
            weights["neuron"], states["neuron"], current, dt
        )
    spikes = spikes.astype(before.dtype)
    parts = {"neuron": (spikes, looked), "feedback": (back, seen)}
    return {**states, "neuron": neuron, "feedback": end}, spikes, parts


def _one_step(fixed, given, carry, now):
    (layer, wanted, plain), (weights, dt), (states, before) = fixed, given, carry
    given = weights, states, before, now, dt if plain is None else plain
    states, spikes, parts = _step(layer, wanted, *given)
    if not wanted.wants("feedback"):
        del parts["feedback"]
    return (states, spikes), parts


def _run(layer, wanted, weights, states, before, given, dt):
    """The same over time: by the neuron's own loop where there is one."""
    check.floating(_BEFORE, before)
    neuron, currents = wanted.given("neuron", *given)
    if not _loops(layer, neuron):
        plain, number = loops.split(dt)
        fixed, start = (layer, wanted, plain), (states, before)
        end, parts = loops.scan(_one_step, fixed, (weights, number), start, given)
        return *end, parts
    loop = _loop_of(layer, weights, before)
    with inside("neuron"):
        end, (spikes, looked) = neuron.loop(
            weights["neuron"], states["neuron"], currents, loop, dt
        )
    parts = {"neuron": (spikes, looked)}
    if wanted.wants("feedback"):
        earlier = jnp.concatenate([before[None], spikes])[: len(spikes)]
        if not layer.recurrent_gradient:
            earlier = jax.lax.stop_gradient(earlier)
        given = weights["feedback"], states["feedback"], earlier, dt
        parts["feedback"] = run_cell(wanted.cells["feedback"], *given)[1]
    return {**states, "neuron": end}, last_of(spikes, before), parts


def _loops(layer, neuron):
    """Whether a neuron loops faster than step after step, around one matrix."""
    about = layer.feedback.about
    return neuron.loop is not None and about is not None and about.matrix is not None


def _loop_of(layer, weights, before):
    with inside("feedback"):
        matrix = layer.feedback.about.matrix(weights["feedback"])
    return Loop(matrix, before, layer.recurrent_gradient)
