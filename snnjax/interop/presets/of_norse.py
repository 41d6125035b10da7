"""Norse: forward Euler in seconds, with rates 1/τ.

The feed-forward steps let a gradient through the reset, the recurrent ones do not. Its
adaptive threshold relaxes to v_th, where it starts.
"""

from typing import Any

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import start_at, stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.networks import recurrent
from snnjax.surrogate import SuperSpike
from snnjax.surrogate import from_library as surrogate_of

_SUPER = 'method "super" has slope 1 whatever alpha is, as there.'
_DT = {"dt": "give it to the run, unroll(…, dt=dt)"}
_UNUSED = {
    **_DT,
    "p": "give its fields, such as tau_mem_inv=",
    "sparse": "rasters are read as they are",
    "record_states": "ask for what is to be seen, outputs=",
    "adjoint": "gradients are those of its plain step",
}
_RECURRENT = {
    **_UNUSED,
    "input_weights": "they are weights of the cell",
    "recurrent_weights": "they are weights of the cell",
}
_DEFAULT = "superspike (slope 1)"


def _shape(given, method, alpha):
    """The pseudo-derivative that ``method`` and ``alpha`` stand for."""
    methods = "super", "triangle", "tanh", "circ", "heavi_erfc"
    check.one_of("method", method, methods)
    if given is not None:
        if method != "super" or alpha != 100.0:
            raise ValueError("give method and alpha, or surrogate=, not both.")
        return given
    if method == "super":
        return SuperSpike(1.0)
    return surrogate_of(f"norse.{method}", alpha=alpha)


def _numbers(tau_mem_inv, tau_syn_inv, v_leak, v_th, v_reset, **others):
    for name, value in (("tau_mem_inv", tau_mem_inv), ("tau_syn_inv", tau_syn_inv)):
        if value is not None:
            check.positive(name, value, " [1/s]")
    return Numbers(
        mem=1.0 / tau_mem_inv,
        syn=None if tau_syn_inv is None else 1.0 / tau_syn_inv,
        threshold=v_th,
        v_leak=v_leak,
        v_reset=v_reset,
        v=start_at(v_leak),
        dt=None,
        **others,
    )


def _lif_like(n, shape, numbers, reset_gradient):
    rule = Rule(
        decay="euler",
        current="jump read decay",
        gain="rest",
        reset="value",
        reset_gradient=reset_gradient,
    )
    return stepped(n, rule, numbers, surrogate=shape)


@preset(
    "norse.LIF",
    of="norse.torch.LIF, LIFCell",
    step="i ← i + x   v ← v + dt/τm (v_leak - v + i)   i ← (1 - dt/τs) i   "
    "s = 1[v > v_th]   v ← (1-s) v + s v_reset",
    clock="seconds",
    default=_DEFAULT,
    differs="Euler: dt of the run matters. A gradient passes through the reset. "
    f"{_SUPER}",
    unused=_UNUSED,
)
def _lif(
    n,
    surrogate,
    tau_syn_inv=1.0 / 5e-3,
    tau_mem_inv=1.0 / 1e-2,
    v_leak=0.0,
    v_th=1.0,
    v_reset=0.0,
    method="super",
    alpha=100.0,
):
    numbers = _numbers(tau_mem_inv, tau_syn_inv, v_leak, v_th, v_reset)
    return _lif_like(n, _shape(surrogate, method, alpha), numbers, "through")


@preset(
    "norse.LIFRecurrent",
    of="norse.torch.LIFRecurrent, LIFRecurrentCell",
    step="i ← i + x W + s₋ V   v ← v + dt/τm (v_leak - v + i)   i ← (1 - dt/τs) i   "
    "s = 1[v > v_th]   v ← (1-sg s) v + sg s v_reset",
    clock="seconds",
    default=_DEFAULT,
    learned=("input and recurrent weights",),
    differs="No gradient passes through the reset, other than in LIF. No bias; no "
    f"autapses, unless asked for. {_SUPER}",
    unused=_RECURRENT,
    sizes=("hidden_size",),
)
def _lif_recurrent(
    n,
    surrogate,
    input_size,
    tau_syn_inv=1.0 / 5e-3,
    tau_mem_inv=1.0 / 1e-2,
    v_leak=0.0,
    v_th=1.0,
    v_reset=0.0,
    method="super",
    alpha=100.0,
    autapses=False,
):
    numbers = _numbers(tau_mem_inv, tau_syn_inv, v_leak, v_th, v_reset)
    neuron = _lif_like(n, _shape(surrogate, method, alpha), numbers, "detached")
    return _closed(n, input_size, neuron, autapses)


def _closed(n, input_size, neuron, autapses):
    check.whole("input_size", input_size)
    check.flag("autapses", autapses)
    return recurrent(input_size, n, neuron, self_connections=bool(autapses))


@preset(
    "norse.LIFBox",
    of="norse.torch.LIFBoxCell",
    step="v ← v + dt/τm (v_leak - v + x)   s = 1[v > v_th]   v ← (1-s) v + s v_reset, "
    "or v ← v - s v_th",
    clock="seconds",
    default=_DEFAULT,
    differs=f"As LIF without a current: the input is held for the step. {_SUPER}",
    unused=_UNUSED,
)
def _lif_box(
    n,
    surrogate,
    tau_mem_inv=1.0 / 1e-2,
    v_leak=0.0,
    v_th=1.0,
    v_reset=0.0,
    method="super",
    alpha=100.0,
    reset_method="reset_value",
):
    check.one_of("reset_method", reset_method, ("reset_value", "reset_subtract"))
    reset: Any = "value" if reset_method == "reset_value" else "subtract"
    numbers = _numbers(tau_mem_inv, None, v_leak, v_th, v_reset)
    rule = Rule(decay="euler", gain="rest", reset=reset)
    shape = _shape(surrogate, method, alpha)
    return stepped(n, rule, numbers, surrogate=shape)


@preset(
    "norse.IAF",
    of="norse.torch.IAF, IAFCell",
    step="v ← v + x   s = 1[v > v_th]   v ← (1-s) v + s v_reset",
    default=_DEFAULT,
    differs="No leak, so that dt means nothing. It starts at v_reset, with a gradient. "
    f"{_SUPER}",
    unused=_UNUSED,
)
def _iaf(n, surrogate, v_th=1.0, v_reset=0.0, method="super", alpha=100.0):
    numbers = Numbers(threshold=v_th, v_reset=v_reset, v=v_reset)
    shape = _shape(surrogate, method, alpha)
    return stepped(n, Rule(reset="value"), numbers, surrogate=shape)


def _lsnn_like(n, shape, rates, voltages, beta, learns):
    """Adaptive neurons; ``learns``: whether gradients pass reset and adaptation."""
    tau_mem_inv, tau_syn_inv, tau_adapt_inv = rates
    check.positive("tau_adapt_inv", tau_adapt_inv, " [1/s]")
    others = {"adapt": 1.0 / tau_adapt_inv, "jump": beta, "a": start_at(voltages[1])}
    numbers = _numbers(tau_mem_inv, tau_syn_inv, *voltages, **others)
    rule = Rule(
        decay="euler",
        current="read decay jump",
        gain="rest",
        reset="value",
        reset_gradient="through" if learns else "detached",
        adapt="relax read jump",
        adaptation_gradient=learns,
    )
    return stepped(n, rule, numbers, surrogate=shape)


_LSNN_STEP = (
    "v ← v + dt/τm (v_leak - v + i₋)   i ← (1 - dt/τs) i₋ + {x}   "
    "b ← b + dt/τb (v_th - b)   s = 1[v > b]   v ← (1-{s}) v + {s} v_reset   "
    "b ← b + β {s}"
)


@preset(
    "norse.LSNN",
    of="norse.torch.LSNN, LSNNCell",
    step=_LSNN_STEP.format(x="x", s="s"),
    clock="seconds",
    default=_DEFAULT,
    differs="The current acts a step late, other than in LIF. Gradients pass through "
    f"reset and adaptation. The threshold starts at v_th. {_SUPER}",
    unused=_UNUSED,
)
def _lsnn(
    n,
    surrogate,
    tau_syn_inv=1.0 / 5e-3,
    tau_mem_inv=1.0 / 1e-2,
    tau_adapt_inv=1.0 / 800,
    v_leak=0.0,
    v_th=1.0,
    v_reset=0.0,
    beta=1.8,
    method="super",
    alpha=100.0,
):
    rates = tau_mem_inv, tau_syn_inv, tau_adapt_inv
    shape = _shape(surrogate, method, alpha)
    return _lsnn_like(n, shape, rates, (v_leak, v_th, v_reset), beta, True)


@preset(
    "norse.LSNNRecurrent",
    of="norse.torch.LSNNRecurrent, LSNNRecurrentCell",
    step=_LSNN_STEP.format(x="x W + s₋ V", s="sg s"),
    clock="seconds",
    default=_DEFAULT,
    learned=("input and recurrent weights",),
    differs="No gradient passes through reset and adaptation, other than in LSNN. No "
    f"bias; no autapses, unless asked for. {_SUPER}",
    unused=_RECURRENT,
    sizes=("hidden_size",),
)
def _lsnn_recurrent(
    n,
    surrogate,
    input_size,
    tau_syn_inv=1.0 / 5e-3,
    tau_mem_inv=1.0 / 1e-2,
    tau_adapt_inv=1.0 / 800,
    v_leak=0.0,
    v_th=1.0,
    v_reset=0.0,
    beta=1.8,
    method="super",
    alpha=100.0,
    autapses=False,
):
    rates = tau_mem_inv, tau_syn_inv, tau_adapt_inv
    shape = _shape(surrogate, method, alpha)
    neuron = _lsnn_like(n, shape, rates, (v_leak, v_th, v_reset), beta, False)
    return _closed(n, input_size, neuron, autapses)


@preset(
    "norse.LI",
    of="norse.torch.LI, LICell",
    step="i ← i + x   v ← v + dt/τm (v_leak - v + i)   i ← (1 - dt/τs) i",
    clock="seconds",
    differs="A readout: it puts out v.",
    unused=_UNUSED,
)
def _li(n, surrogate, tau_syn_inv=1.0 / 5e-3, tau_mem_inv=1.0 / 1e-2, v_leak=0.0):
    del surrogate
    numbers = _numbers(tau_mem_inv, tau_syn_inv, v_leak, 1.0, 0.0)
    rule = Rule(
        decay="euler",
        current="jump read decay",
        gain="rest",
        most=0,
        reset="none",
    )
    return stepped(n, rule, numbers)
