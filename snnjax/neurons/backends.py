"""Who runs a layer: native code or XLA by the rule of ``layer.py``, or step after step.

Forward mode and learnable surrogates have no such rule; nor can the rule show every
field of the state at every step. Then the steps are differentiated automatically.
"""

from collections.abc import Callable
from typing import Any

import jax

from snnjax.kernels import native
from snnjax.kernels.native import Backend, match_axes
from snnjax.kernels.products import align
from snnjax.kernels.rasters import Raster
from snnjax.neurons import layer
from snnjax.neurons.checks import check_loop, state_check
from snnjax.neurons.crossing import supports
from snnjax.neurons.layer import Carry
from snnjax.replay import check_seen, measured_voltage, not_learned, splice
from snnjax.surrogate import ForwardMode, Learnable, Shape, as_pytree

BY_RULE = {"v", "v_before"}  # what the rule shows as well


def runner(
    firing: Any, surrogate: Shape, backend: Backend, rule: Any = layer
) -> Callable[..., tuple[Any, Any]]:
    """How neurons run over a sequence.

    Args:
        firing: how they fire and reset, ``leaky.Firing``, or as the rule takes it.
        surrogate: pseudo-derivative of the spike.
        backend: who is to run.
        rule: ``layer``, or a module with ``Options``, ``steps`` and ``run`` like its;
            nothing can be seen of its neurons.

    Returns:
        ``(names, constants, state, currents [T, *batch, n], loop=None, seen=None) ->
        (state, spikes [T, *batch, n])``; with names ``(state, (spikes, {name:
        value}))``. Nothing is learned about constants from what was seen. With
        ``marks_alone=True``, and without names and what was seen, native code puts out
        a ``Raster``.

    Raises:
        ValueError: if native code is asked for what only steps can do.
    """
    no_rule = isinstance(surrogate, ForwardMode | Learnable)
    if no_rule and backend == "native":
        raise ValueError(
            "The native backend has no forward mode and no learnable surrogate."
        )

    def run(names, constants, state, currents, loop=None, seen=None, marks_alone=False):
        r, spikes, gradient = (None, None, True) if loop is None else loop
        dtype = currents.dtype if spikes is None else spikes.dtype
        options = rule.Options(firing, dtype, gradient)
        given = Carry(state, spikes), currents.astype(state.v.dtype), r, constants
        if seen is not None:
            given = *given[:3], not_learned(constants)
        if no_rule or not {*names} <= BY_RULE:
            known = () if seen is None else (seen,)
            end, (ys, shown) = rule.steps(options, *given, surrogate, names, *known)
            return end.state, (ys, shown) if names else ys
        arrays = jax.tree.leaves((currents, r, spikes, state.v))
        who = native.choose(backend, supports(surrogate, *arrays))
        options = options.showing(names, who)
        if marks_alone and who != "xla" and not native.mapped_by_hand():
            options = options._replace(marks_alone=True)
            made = rule.run(options, *given, as_pytree(surrogate))
            return made.end.state, Raster(made.spikes, tuple(made.marks))
        if seen is None:
            made = rule.run(options, *match_axes(*given), as_pytree(surrogate))
        else:
            given, seen = match_axes(given, seen)
            made = layer.replay(options, *given, as_pytree(surrogate), seen)
        if not names:
            return made.end.state, made.spikes
        vs: Any = made.vs
        v = firing.after_spike(align(constants, vs), vs, made.spikes.astype(vs.dtype))
        if seen is not None:
            v = splice(v, measured_voltage(v, seen))
        shown = {"v": v, "v_before": vs}
        return made.end.state, (made.spikes, {name: shown[name] for name in names})

    return run


def over_sequences(
    name: str,
    n: int,
    rest: Callable[[jax.Array], Any],
    constants: Callable[..., Any],
    run: Callable[..., Any],
) -> Callable[..., dict[str, Any]]:
    """``faster`` of ``population``, for neurons that run, and loop, by a rule.

    Args:
        name: of the factory, for messages.
        n: number of neurons.
        rest: as of ``Cell``.
        constants: ``(dt, dtype) -> constants`` of one step.
        run: from ``runner``, or like it.

    Returns:
        ``(names, paired=False, marks_alone=False) -> {"run": …, "loop": …}``; paired,
        inputs are ``(x, seen)``; ``marks_alone`` as of ``runner``, for the run.
    """
    refuse = state_check(name, n, rest)

    def faster(names, paired=False, marks_alone=False):
        def whole(weights, state, xs, dt, loop=None):
            del weights
            currents, *seen = xs if paired else (xs,)
            refuse(state, currents, lead=1)
            if loop is not None:
                check_loop(name, n, loop, currents)
            for each in seen:
                check_seen(name, each, currents)
            given = constants(dt, state.v.dtype), state, currents
            alone = {"marks_alone": True} if marks_alone else {}
            return run(names, *given, loop, *seen, **alone)

        def looped(weights, state, currents, loop, dt):
            return whole(weights, state, currents, dt, loop)

        return {"run": whole, "loop": looped}

    return faster
