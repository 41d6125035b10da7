"""Options as other libraries call them, and what they are here."""

from collections.abc import Container

_TAU = "a decay is given by its time constant, τ = -dt / log(decay)"
_STATE = "a state goes into every run and comes out of it"
# Options of snnTorch, Norse, SpikingJelly, Spyx and others: our option, with the field
# of its tuple where it is one, which a function must have if it is to be told; and what
# to know of it.
_ELSEWHERE = {
    "beta": ("params.tau_mem", f"{_TAU}, in tau_mem"),
    "alpha": ("params.tau_syn", f"{_TAU}, in tau_syn"),
    "decay": ("params.tau_mem", f"{_TAU}, in tau_mem"),
    "tau": ("params.tau_mem", "a time constant in seconds, tau_mem"),
    "tau_mem_inv": ("params.tau_mem", "1 / tau_mem"),
    "tau_syn_inv": ("params.tau_syn", "1 / tau_syn"),
    **dict.fromkeys(
        ("v_threshold", "v_th", "thresh"), ("params.threshold", "its threshold")
    ),
    "p": ("params", ""),
    **dict.fromkeys(
        ("spike_grad", "surrogate_function", "spike_fn", "activation"),
        ("surrogate", "a name of theirs: snnjax.surrogate.from_library"),
    ),
    "reset_mechanism": ("reset", "'zero', 'subtract' or 'none'"),
    "soft_reset": ("reset", "'subtract'"),
    "hard_reset": ("reset", "'zero'"),
    "detach_reset": ("reset_gradient", "detached is False, the default"),
    **dict.fromkeys(
        ("learn_beta", "learn_alpha", "learn_threshold", "learn_tau"),
        ("params", "a constant that is learned: snnjax.networks.learn"),
    ),
    **dict.fromkeys(("init_hidden", "output", "stateful"), ("", _STATE)),
    **dict.fromkeys(
        ("num_steps", "time_steps", "step_mode"),
        ("", "time is the first axis of what unroll is given, [T, *batch, n]"),
    ),
    **dict.fromkeys(("in_features", "input_size"), ("n_in", "")),
    **dict.fromkeys(("out_features", "output_size"), ("n_out", "")),
}


def option_here(name: str, known: Container[str]) -> str:
    """What an option of another library is here, in a sentence; "" if that is unknown.

    Args:
        name: as another library calls it.
        known: names of the options that there are, and of fields, ``params.tau_mem``.
    """
    ours, told = _ELSEWHERE.get(name, ("", ""))
    if not (ours or told) or (ours and ours not in known):
        return ""
    option = ours.partition(".")[0]
    return ": ".join(filter(None, (f"it is {option}= here" if option else "", told)))
