"""jaxpike's neurons, scanned, with the float32 of its states made float64."""

import equinox as eqx
import jax.numpy as jnp
from jaxpike import neurons, surrogate

from tests.interop.libraries.on_jax import driven, scanned
from tests.interop.libraries.recorder import Case

neurons.STATE_DTYPE = jnp.float64
TAU = [10.0, 20.0, 5.0, 8.0]
ADAPT = [50.0, 20.0, 100.0, 30.0]
FAST = {"name": "jaxpike.FastSigmoid", "numbers": {"slope": 25.0}}
ATAN = {"name": "jaxpike.ATan", "numbers": {"alpha": 2.0}}
TRIANGLE = {"name": "jaxpike.Triangular", "numbers": {"width": 1.0}}


def made(name, shape):
    """A neuron whose learned leaves, logarithms of time constants, have gradients."""

    def make(options, weights):
        told = {
            k: jnp.asarray(v) if isinstance(v, list) else v for k, v in options.items()
        }
        if shape is not None:
            of = getattr(surrogate, shape["name"].partition(".")[2])
            told["surrogate"] = of(**shape["numbers"])
        neuron = getattr(neurons, name)(**told)
        logs = [k for k in ("log_tau", "log_tau_a") if hasattr(neuron, k)]
        leaves = {k: getattr(neuron, k) for k in logs}

        def run(leaves, currents):
            learned = eqx.tree_at(
                lambda of: [getattr(of, k) for k in leaves],
                neuron,
                list(leaves.values()),
            )

            def step(state, current):
                state, out = learned(state, current)
                return state, (None if shape is None else out, state.v)

            return scanned(step, learned.init_state(currents.shape[1:]), currents)

        return run, leaves

    return make


def case(name, shape=FAST, voltage="v of the state, after the reset", **options):
    run, gradients = driven(made(name, shape))
    return Case(
        of=f"jaxpike.{name}",
        run=run,
        gradients=gradients,
        options=options,
        voltage=voltage,
        surrogate=shape,
        dt=options.get("dt", 1.0),
    )


CASES = {
    "jaxpike.LIF-subtract": case("LIF", tau=TAU, reset="subtract"),
    "jaxpike.LIF-zero": case("LIF", ATAN, tau=TAU, reset="zero", threshold=0.75),
    "jaxpike.LIF-dt": case("LIF", TRIANGLE, tau=TAU, reset="subtract", dt=0.5),
    "jaxpike.ALIF-subtract": case("ALIF", tau=TAU, tau_a=ADAPT, beta=0.5),
    "jaxpike.ALIF-zero": case("ALIF", ATAN, tau=TAU, tau_a=ADAPT, reset="zero"),
    "jaxpike.LinearLIF": case("LinearLIF", ATAN, "v of the state", tau=TAU),
    "jaxpike.LeakyIntegrator": case("LeakyIntegrator", None, "v of the state", tau=TAU),
}
