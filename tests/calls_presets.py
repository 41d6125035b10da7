"""Valid calls of neurons that do what those of other libraries do."""

from calls import call
from calls_cells import run

from snnjax.interop import presets
from snnjax.surrogate import SuperSpike

RULE = presets.Rule(
    decay="exponential",
    current="decay jump read",
    adapt="read decay jump",
    refractory="frozen",
)
NUMBERS = presets.Numbers(mem=20e-3, syn=5e-3, adapt=0.1, refractory=2e-3, dt=None)
FREE = "threshold", "v_reset", "scale", "gain", "jump", "v", "a"
ANY = {f"numbers {number}": "libraries take any" for number in FREE}


@call(presets.from_library, use=run)
def _(n=3):
    return {
        **{"name": "snntorch.Leaky", "n": n, "surrogate": SuperSpike()},
        **{"beta": 0.9, "reset_mechanism": "zero"},
    }


@call(presets.supported)
def _():
    return {}


@call(presets.described)
def _():
    return {"name": "snntorch.Leaky"}


@call(presets.stepped, use=run, free=ANY)
def _(n=3):
    return {
        **{"n": n, "rule": RULE, "numbers": NUMBERS, "learned": {"tau": "mem"}},
        "surrogate": SuperSpike(),
    }


@call(presets.to_itself, use=run, free={"V": "any weight"})
def _(n=3):
    return {"n": n, "V": 0.5}
