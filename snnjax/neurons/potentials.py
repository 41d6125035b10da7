"""What one spike does to a membrane, in closed form.

A unit jump of the synaptic current at t = 0 draws the postsynaptic potential (PSP)

    ε(t) = τs / (τs - τm) · (e^(-t/τs) - e^(-t/τm))        t ≥ 0

of a membrane ``τm dv/dt = -v + i``, ``τs di/dt = -i``; its area is τs. With τm = τs
it becomes ``(t/τ) e^(-t/τ)``. A spike with subtractive reset adds the spike response

    η(t) = -θ e^(-t/τm)

so that a membrane is the sum of its PSPs and of its own responses (spike-response
model; Gerstner et al. 2014, Neuronal Dynamics, doi:10.1017/CBO9781107447615).
Times are in seconds.
"""

from functools import partial

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.kernels.products import align


def psp(t: Number, tau_mem: Number, tau_syn: Number) -> jax.Array:
    """Voltage ``t`` after a unit jump of the synaptic current, ε(t); 0 before it.

    Args:
        t: time since the jump [s], ``[...]``.
        tau_mem: membrane time constant τm [s].
        tau_syn: synaptic time constant τs [s]; may equal τm.

    Returns:
        ε(t), with the shape of the arguments broadcast together and the precision of t,
        at least single.

    Raises:
        ValueError: for a time that is NaN, or a τ that is not positive.
    """
    check.finite("t", t, infinity=True)
    check.positive("tau_mem", tau_mem, " [s]")
    check.positive("tau_syn", tau_syn, " [s]")
    t, tau_mem, tau_syn = _of_one_rank(t, tau_mem, tau_syn)
    over = jnp.isinf(jnp.maximum(t, 0.0) / tau_mem)  # for ever after, nothing is left
    since = jnp.where(over, 0.0, jnp.maximum(t, 0.0))
    voltage = since / tau_mem * mean_exp(-since / tau_mem, -since / tau_syn)
    return jnp.where(over, jnp.zeros_like(voltage), voltage)


def psp_peak(tau_mem: Number, tau_syn: Number) -> tuple[jax.Array, jax.Array]:
    """When and how high the PSP peaks.

        t* = τm τs / (τm - τs) · ln(τm / τs)        ε(t*) = e^(-t*/τm) τs / τm

    Args:
        tau_mem: membrane time constant τm [s].
        tau_syn: synaptic time constant τs [s]; may equal τm.

    Returns:
        The time t* [s] and the height ε(t*).

    Raises:
        ValueError: for a τ that is not positive.
    """
    check.positive("tau_mem", tau_mem, " [s]")
    check.positive("tau_syn", tau_syn, " [s]")
    tau_mem, tau_syn = _of_one_rank(tau_mem, tau_syn)
    x = jnp.log(tau_mem / tau_syn)
    time = tau_syn * x_over_expm1(-x)
    return time, jnp.exp(-time / tau_mem) * tau_syn / tau_mem


def spike_response(t: Number, tau_mem: Number, threshold: Number = 1.0) -> jax.Array:
    """What a spike's subtractive reset leaves of itself, η(t) = -θ e^(-t/τm); 0 before.

    Args:
        t: time since the spike [s], ``[...]``.
        tau_mem: membrane time constant τm [s].
        threshold: θ.

    Returns:
        η(t), with the shape of the arguments broadcast together.

    Raises:
        ValueError: for a time that is NaN, or a τ or θ that is not positive.
    """
    check.finite("t", t, infinity=True)
    check.positive("tau_mem", tau_mem, " [s]")
    check.positive("threshold", threshold)
    t, tau_mem, threshold = _of_one_rank(t, tau_mem, threshold)
    decay = jnp.exp(-jnp.maximum(t, 0.0) / tau_mem)
    return jnp.where(t < 0.0, 0.0, -threshold * decay)


def kernel_integrals(
    tau_mem: Number, tau_syn: Number | None, *, dt: Number | None = None
) -> tuple[jax.Array, jax.Array]:
    """First and second moment of the PSP, ε̄ = ∫ε dt and ε̂ = ∫ε² dt.

        continuous    ε̄ = τs        ε̂ = τs² / (2 (τm + τs))

    Simulated in steps of ``dt``, where a jump acts at once and the voltage is read at
    the end of the step, the kernel is ``ε_k = ε((k+1) dt)`` and the integrals are sums.
    With a = e^(-dt/τs), b = e^(-dt/τm) and g = ε(dt):

        ε̄ = dt · g / ((1-a)(1-b))
        ε̂ = dt · g² (1+ab) / ((1-a²)(1-b²)(1-ab))

    Without a synapse (``tau_syn=None``) a spike is a unit current for one step, so that
    a = 0 and g = 1-b; this kernel exists in discrete time only.

    Args:
        tau_mem: membrane time constant τm [s].
        tau_syn: synaptic time constant τs [s], or None.
        dt: time step [s]; the continuous integrals if omitted.

    Returns:
        ε̄ [s] and ε̂ [s].

    Raises:
        ValueError: without a synapse and without a ``dt``, or for a τ or ``dt`` that is
            not positive.

    References:
        Rossbroich, Gygax & Zenke (2022), doi:10.1088/2634-4386/ac97bb, whose discrete
        sums are those of another update order.
    """
    check.positive("tau_mem", tau_mem, " [s]")
    if tau_syn is not None:
        check.positive("tau_syn", tau_syn, " [s]")
    if dt is None:
        if tau_syn is None:
            raise ValueError("Without a synapse the kernel needs a time step dt [s].")
        tau_mem, tau_syn = check.wide(tau_mem), check.wide(tau_syn)
        return tau_syn, tau_syn**2 / (2.0 * (tau_mem + tau_syn))
    check.positive("dt", dt, " [s]")
    tau_mem = check.wide(tau_mem)
    dt = jnp.asarray(dt, tau_mem.dtype)
    y = dt / tau_mem
    x = jnp.inf if tau_syn is None else dt / tau_syn  # a = 0 without a synapse
    lost = lambda rate: -jnp.expm1(-rate)  # noqa: E731  # 1 - e^-rate, to full precision
    g = lost(y) if tau_syn is None else psp(dt, tau_mem, tau_syn)
    mean = dt * g / (lost(x) * lost(y))
    square = dt * g**2 * (2.0 - lost(x + y))
    return mean, square / (lost(2.0 * x) * lost(2.0 * y) * lost(x + y))


@partial(jax.jit, inline=True)
def mean_exp(a: Number, b: Number) -> jax.Array:
    """Mean of eˣ between ``a`` and ``b``: (e^b - e^a) / (b - a), and eᵃ where a = b.

    Exact and smooth through a = b, and never an exponential above e^max(a, b).
    """
    gap = jnp.subtract(b, a)
    near = jnp.abs(gap) < _NEAR
    square = jnp.where(near, gap, 0.0) ** 2
    series = jnp.exp((a + b) / 2.0) * (1.0 + square / 24.0 + square**2 / 1920.0)
    apart = jnp.where(near, 1.0, jnp.abs(gap))
    quotient = jnp.exp(jnp.maximum(a, b)) * -jnp.expm1(-apart) / apart
    return jnp.where(near, series, quotient)


def _of_one_rank(first: Number, *others: Number) -> tuple[jax.Array, ...]:
    """Arrays as precise as the first, at least single, of the rank with most axes."""
    first = check.wide(first)
    numbers = first, *(jnp.asarray(other, first.dtype) for other in others)
    return align(numbers, max(numbers, key=jnp.ndim))


def x_over_expm1(x: jax.Array) -> jax.Array:
    """The Bernoulli function x / (eˣ - 1), and 1 at x = 0."""
    apart = jnp.where(jnp.abs(x) < _NEAR, 1.0, x)
    series = 1.0 - x / 2.0 + x**2 / 12.0 - x**4 / 720.0
    return jnp.where(jnp.abs(x) < _NEAR, series, apart / jnp.expm1(apart))


_NEAR = 1e-2  # below this the quotients lose digits and a power series takes over
