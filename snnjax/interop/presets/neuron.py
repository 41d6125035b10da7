"""Neurons that make the one step of ``rule``, as a cell.

What a library learns of a neuron are weights of the cell, by that library's own names
and in its own parametrisation; all else are constants.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.about import About, factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.interop.presets.decays import Numbers, decayed
from snnjax.interop.presets.rule import (
    Constants,
    PresetState,
    Rule,
    advance,
    remembers,
)
from snnjax.interop.presets.words import check_rule
from snnjax.neurons.leaky import whole_steps
from snnjax.neurons.population import population, zeros
from snnjax.probes import watched
from snnjax.surrogate import Shape, SuperSpike, check_shape

Draw = Callable[[jax.Array], jax.Array]
ALSO = "recorded", "v_before"


@factory
def stepped(
    n: int,
    rule: Rule = Rule(),
    numbers: Numbers = Numbers(),
    *,
    learned: Mapping[str, str] | None = None,
    draw: Mapping[str, Draw] | None = None,
    surrogate: Shape = SuperSpike(),
) -> Cell:
    """A population of ``n`` neurons that make the step of another library.

    The presets of ``from_library`` are made of it, and so may be a neuron of a library
    that has none.

    Args:
        n: number of neurons.
        rule: what a step does.
        numbers: its constants, each ``[]`` or ``[n]``.
        learned: which numbers are weights, ``{name: field of numbers}``. They start as
            given, and their gradient passes through the form of the decay.
        draw: those that are drawn, ``{name: key -> array}``, in place of the number.
        surrogate: pseudo-derivative of the spike, a function of v - ϑ. One with a
            method ``at`` is asked for its form at the threshold of the moment.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` of ``PresetState``, whose weights are a
        dict by name, or ``()`` if nothing is learned. It puts out spikes in the dtype
        of the input; several in a step as a whole number. What the library records as
        its membrane can be watched as ``"recorded"``, the voltage before a reset in the
        same step as ``"v_before"``.

    Raises:
        ValueError: for words of a rule that there are not or that contradict each
            other, a number that it needs and has not, or has and does not use; one that
            is not finite or of another shape, what is no surrogate, an input of another
            width, and weights or a state of another cell.

    Example:
        >>> from snnjax.interop import presets
        >>> rule = presets.Rule(compare=">=", reset="value")
        >>> neuron = presets.stepped(3, rule, presets.Numbers(mem=0.9))
        >>> _, spikes = snn.unroll(neuron, (), jnp.full((20, 3), 0.3), dt=1e-3)
        >>> print(spikes.sum(axis=0))
        [5. 5. 5.]
    """
    check.whole("n", n)
    check_rule(rule)
    check.fields("numbers", numbers, *Numbers._fields)
    for option, given in (("learned", learned), ("draw", draw)):
        if given is not None:
            check.mapping(option, given)
    names, drawn = dict(learned or {}), dict(draw or {})
    _check_learned(names, drawn)
    _check_numbers(n, rule, numbers, {names[name] for name in drawn})
    for field in names.values():
        start = getattr(numbers, field)
        if start is not None:
            check.finite(f"numbers.{field}", start)
    check_shape("surrogate", surrogate, (n,))
    step = partial(_advance, rule, surrogate)
    rest = partial(_rest, n, rule, numbers)

    def cell_of(weights: Mapping[str, Any], beside: tuple[str, ...] = ()) -> Cell:
        given = numbers._replace(**{names[name]: w for name, w in weights.items()})
        constants = partial(constants_of, rule, given)
        cell = population("stepped", n, constants, rest, step, ALSO)
        return watched(cell, beside) if beside else cell

    if not names:
        return cell_of({})
    shapes = {name: _shape(numbers, names[name], drawn.get(name)) for name in names}

    def init(key):
        keys, dtype = jax.random.split(key, len(names)), jnp.result_type(float)
        fixed = lambda field: jnp.array(getattr(numbers, field), dtype)  # noqa: E731
        return {
            name: drawn[name](k) if name in drawn else fixed(field)
            for k, (name, field) in zip(keys, names.items(), strict=True)
        }

    return learning(init, rest, shapes, cell_of)


def learning(
    init: Draw,
    rest: Callable[[Any], Any],
    shapes: Mapping[str, tuple[int, ...]],
    cell_of: Callable[..., Cell],
) -> Cell:
    """A cell that is another one for other weights, a dict by name.

    Args:
        init: draws the weights.
        rest: as of ``Cell``.
        shapes: of the weights.
        cell_of: ``(weights, names to watch) -> cell`` without weights.
    """

    def build(beside):
        def through(weights, x):
            _check_weights(weights, shapes)
            x = jnp.asarray(x)
            x = check.as_precise(x, check.precision(weights, x))
            return cell_of(weights, beside), x

        def step(weights, state, x, dt):
            cell, x = through(weights, x)
            return cell.step((), state, x, dt)

        def run(weights, state, xs, dt):
            cell, xs = through(weights, xs)
            return cell.run((), state, xs, dt)

        return Cell(init=init, rest=rest, step=step, run=run)

    return build(())._replace(about=About(watch=build))


def constants_of(rule: Rule, numbers: Numbers, dt: Number, dtype: Any) -> Constants:
    """One step in numbers, of voltages of ``dtype``."""
    if rule.decay == "euler":
        _check_euler(numbers, dt if numbers.dt is None else numbers.dt)
    number: Any = lambda p: None if p is None else jnp.asarray(p, dtype)  # noqa: E731
    step = number(dt if numbers.dt is None else numbers.dt)
    decays: Any = partial(decayed, rule.decay, dt=step, dtype=dtype)
    mem, rest = decays(numbers.mem, tau=numbers.tau_mem)
    syn = keep = pause = None
    if rule.current is not None:
        syn, _ = decays(numbers.syn, tau=numbers.tau_syn)
    if rule.adapt is not None:
        keep, _ = decays(numbers.adapt, tau=None)
    if numbers.refractory is not None:
        pause = whole_steps(numbers.refractory, step)
    gain = number(numbers.gain)
    return Constants(
        mem=mem,
        rest=rest,
        syn=syn,
        gain=gain * rest if rule.gain == "rest" else gain,
        threshold=number(numbers.threshold),
        v_leak=number(numbers.v_leak),
        v_reset=number(numbers.v_reset),
        amount=number(numbers.amount),
        keep=keep,
        jump=number(numbers.jump),
        scale=number(numbers.scale),
        low=number(numbers.low),
        high=number(numbers.high),
        shift=number(numbers.shift),
        pause=pause,
    )


def _check_euler(numbers, dt):
    """Refuses steps in which Euler's method turns a voltage or a current over."""
    for name in ("mem", "syn", "adapt"):
        tau = getattr(numbers, name)
        known, step = check.concrete(tau), check.concrete(dt)
        if tau is None or known is None or step is None or np.all(step <= known):
            continue
        raise ValueError(
            f"dt must not exceed the time constant of numbers.{name}, "
            f"{np.min(known):g}, in a step of Euler's method; got dt={step:g}."
        )


def _advance(rule, surrogate, constants, state, x):
    state, s, seen = advance(rule, constants, state, x, surrogate)
    return state, s if rule.most == 0 else s.astype(x.dtype), seen


def _rest(n, rule, numbers, x):
    at = zeros("stepped", n, x)

    def filled(p):
        return at + jnp.asarray(p, at.dtype)

    return PresetState(
        v=filled(numbers.v),
        i=None if rule.current is None else at,
        a=None if rule.adapt is None else filled(numbers.a),
        refractory=None if rule.refractory is None else jnp.zeros_like(at, jnp.int32),
        spikes=jnp.zeros_like(at) if remembers(rule) else None,
    )


def start_at(value: Number) -> Number:
    """Where a voltage starts, without a gradient for the constant that says so."""
    known = check.concrete(value)
    return jax.lax.stop_gradient(value) if known is None else value


def _check_learned(names, drawn):
    for name, field in names.items():
        if field not in _LEARNABLE:
            raise ValueError(
                f"learned: {name!r} must be one of the numbers "
                f"{', '.join(_LEARNABLE)}, got {field!r}."
            )
    for name, function in drawn.items():
        check.function(f"draw[{name!r}]", function)
        if name not in names:
            raise ValueError(f"draw: {name!r} is not learned; {[*names]} are.")


_LEARNABLE = "mem", "syn", "adapt", "threshold", "gain", "v_reset", "v_leak"


def _check_numbers(n, rule, numbers, drawn):
    """Refuses numbers that are missing, that nobody reads, or that are none."""
    for name, value in numbers._asdict().items():
        if value is not None:
            check.finite(f"numbers.{name}", value, infinity=name == "mem")
            check.per_neuron(f"numbers.{name}", value, n)
    for name, wanted in _wanted(rule).items():
        came = getattr(numbers, name) is not None or name in drawn
        if came != wanted:
            word = _WORDS[name]
            raise ValueError(
                f"numbers.{name} is {'needed' if wanted else 'of no use'} with a rule "
                f"of {word}={getattr(rule, word)!r}; "
                f"{'none was' if wanted else 'one was'} given."
            )
    v_reset = check.concrete(numbers.v_reset)
    if rule.reset != "value" and v_reset is not None and np.any(v_reset != 0.0):
        raise ValueError(
            f"numbers.v_reset is of no use with a rule of reset={rule.reset!r}; got "
            f"{v_reset}."
        )
    if numbers.dt is not None:
        check.positive("numbers.dt", numbers.dt)
        check.one("numbers.dt", numbers.dt)
    if numbers.refractory is not None:
        check.positive("numbers.refractory", numbers.refractory, zero=True)
    theta = check.concrete(numbers.threshold)
    if rule.most not in (0, 1) and theta is not None and (theta <= 0).any():
        raise ValueError(
            "numbers.threshold must be above 0 where a step has several spikes, as "
            f"they are counted by it; got {theta}."
        )
    if rule.decay in ("exponential", "euler"):
        for name in ("mem", "syn", "adapt"):
            known = check.concrete(getattr(numbers, name))
            if known is not None and known.dtype != object and (known <= 0).any():
                raise ValueError(f"numbers.{name} must be above 0, got {known}.")


_WORDS = {  # that decide whether a number is wanted
    **{"mem": "decay", "syn": "current", "adapt": "adapt"},
    **{"refractory": "refractory", "tau_mem": "decay", "tau_syn": "decay"},
}


def _wanted(rule):
    stretched = rule.decay == "stretched"
    return {
        "mem": True,
        "syn": rule.current is not None,
        "adapt": rule.adapt is not None,
        "refractory": rule.refractory is not None,
        "tau_mem": stretched,
        "tau_syn": stretched and rule.current is not None,
    }


def _shape(numbers, field, function):
    if function is None:
        return jnp.shape(getattr(numbers, field))
    return jax.eval_shape(function, jax.random.key(0)).shape


def _check_weights(weights, shapes):
    names = sorted(shapes)
    if not isinstance(weights, Mapping) or sorted(weights) != names:
        came = check.told(weights)
        if isinstance(weights, Mapping):
            came = f"a dict of {', '.join(map(str, weights))}"
        raise ValueError(f"The weights of a preset are a dict of {names}, got {came}.")
    for name, shape in shapes.items():
        check.floating(f"The weight {name}", weights[name])
        check.shape(f"The weight {name}", weights[name], shape)


__all__ = ["stepped"]
