"""What columns of spikes are called, and what that tells of the unit of their times."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Unit = Literal["s", "ms", "us"]

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}  # of each unit of time
UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds", "sek"), "s"),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "µs", "μs", "microsecond", "microseconds"), "us"),
}
_OF = "|".join(sorted(UNITS, key=len, reverse=True))
_TIME = re.compile(
    r"(?:spike[ _]?)?(?:ts?|times?|time[ _]?stamps?|zeit(?:en|punkte?)?)"
    rf"(?:(?:[ _/]+(?:in[ _])?|(?=[(\[]))[(\[]?({_OF})[)\]]?)?"
)
_POPULATION = re.compile(r"(?:population|pop)s?(?:[ _]?names?)?")
_NUMBER = r"(?:[ _]?(?:ids?|index|indices|idx|nr|no|num|number|nummer))?"
_NEURON = tuple(  # the surest names first
    re.compile(each)
    for each in (
        rf"(?:neuron|unit|cell|cluster|node|sender|zelle|einheit)(?:s|en)?{_NUMBER}|gids?",
        r"i|ids?|nid|index|indices|idx|source[ _]?(?:id|index)|nummer",
        rf"(?:channel|electrode|kanal|kan[äa]le|elektroden?)s?{_NUMBER}",
    )
)


class Names(NamedTuple):
    """Columns that were named."""

    columns: tuple[str, ...]  # "time", "unit", "population", or what it is called
    unit: str  # of times; "" if not told


def named(words: Sequence[str], *, all_known: bool = False) -> Names | None:
    """What the names of columns say; ``None`` unless they name a time and a unit.

    Args:
        words: the names.
        all_known: whether each must be one of a spike, as in a comment.
    """
    plain = [" ".join(word.strip(" \"'").lower().split()) for word in words]
    times = [k for k, word in enumerate(plain) if _TIME.fullmatch(word)]
    kinds = [
        [k for k, word in enumerate(plain) if kind.fullmatch(word) and k not in times]
        for kind in _NEURON
    ]
    neurons = next((found for found in kinds if found), [])
    groups = [k for k, word in enumerate(plain) if _POPULATION.fullmatch(word)]
    if len(times) != 1 or len(neurons) != 1 or len(groups) > 1:
        return None
    if all_known and len(plain) != 2 + len(groups):
        return None
    called = {
        times[0]: "time",
        neurons[0]: "unit",
        **dict.fromkeys(groups, "population"),
    }
    columns = tuple(called.get(k, word[:20] or "…") for k, word in enumerate(plain))
    return Names(columns, _unit(plain, plain[times[0]]))


def _unit(words, time):
    """As the name of the time says, or the software whose names these are."""
    hit = _TIME.fullmatch(time)
    if hit and hit[1]:
        return UNITS[hit[1]]
    if words == ["t", "i"]:  # a SpikeMonitor of Brian 2
        return "s"
    if {"timestamps", "node_ids"} <= {*words}:  # the reports of SONATA
        return "ms"
    return ""
