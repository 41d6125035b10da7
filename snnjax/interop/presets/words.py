"""What a rule may say: words that there are, and that do not contradict each other."""

from typing import get_args

from snnjax import check
from snnjax.interop.presets.decays import Decay
from snnjax.interop.presets.rule import Current, Rule


def check_rule(rule: Rule) -> None:
    """Refuses words that there are not, and such as contradict each other.

    Raises:
        ValueError: naming the field.
    """
    check.fields("rule", rule, *Rule._fields)
    for name, choices in _WORDS.items():
        value = getattr(rule, name)
        if value is not None or None not in choices:
            check.one_of(f"rule.{name}", value, tuple(c for c in choices if c))
    for name in _FLAGS:
        check.flag(f"rule.{name}", getattr(rule, name))
    if rule.most is not None:
        check.whole("rule.most", rule.most, least=0)
    for wrong, why in _contradictions(rule):
        if wrong:
            raise ValueError(f"The rule contradicts itself: {why}.")


_WORDS: dict[str, tuple[str | None, ...]] = {
    "decay": get_args(Decay),
    "current": (None, *get_args(Current)),
    "gain": ("one", "rest", "kept rest"),
    "compare": (">", ">="),
    "decide": ("updated", "entry"),
    "reset": ("subtract", "value", "none"),
    "delayed": (None, "inside", "outside"),
    "reset_gradient": ("through", "detached", "ignored"),
    "adapt": (None, "read decay jump", "relax read jump"),
    "refractory": (None, "frozen", "integrating"),
    "clamp": ("end", "before"),
    "recorded": ("entry", "compared", "end"),
}
_FLAGS = "at_once", "adaptation_gradient", "threshold_gradient", "integer"


def _contradictions(rule):
    entry, fires = rule.decide == "entry", rule.most != 0
    many = fires and rule.most != 1
    yield entry and rule.at_once, "decide='entry' resets as delayed, not at_once"
    yield (
        rule.reset != "none" and not rule.at_once and rule.delayed is None,
        "a reset is at_once, delayed, or both; reset='none' is none",
    )
    yield (
        not fires and (rule.reset != "none" or entry or rule.adapt or rule.refractory),
        "most=0 has no spikes that could reset, adapt or pause a neuron",
    )
    yield many and rule.compare == ">", "several spikes (most) need compare='>='"
    yield (
        many and rule.reset == "value" and rule.reset_gradient == "through",
        "of several spikes (most) no gradient passes through a reset to a value",
    )
    yield (
        rule.gain == "kept rest" and rule.current != "jump decay read",
        "gain='kept rest' is of current='jump decay read'",
    )
    yield (
        rule.refractory is not None and entry,
        "refractoriness needs decide='updated'",
    )
