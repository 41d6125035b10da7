"""One valid call of every public function, and what is wrong with others.

    @call(snn.learning.firing_rate)
    def _(T=3, B=2, n=4):
        return {"spikes": raster(T, B, n), "dt": DT}

The sizes that a call has are the parameters of the function that makes its arguments.
``"*cells"`` are several arguments by position. The calls stand in ``calls_*.py``.
"""

import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn

DT = 1e-3
KEY = jax.random.key(0)
UNKNOWN = (  # the value of what is traced
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
)


class Call(NamedTuple):
    """A valid call, and what is known of others."""

    function: Callable
    arguments: Callable[..., dict[str, Any]]  # sizes -> arguments by name
    free: Mapping[str, str]  # arguments that may be anything, or "name mutation": why
    named: Mapping[str, str]  # arguments that go by another word in messages
    shown: Mapping[str, str]  # arguments whose NaN comes out as NaN: why
    infinite: str  # why a value may be infinite or NaN
    use: Callable[[Any], Any]  # what is done with the result
    slow: bool  # whether wrong calls are only traced


CALLS: dict[Callable, Call] = {}


def call(
    function,
    *,
    free=(),
    named=(),
    shown=(),
    infinite="",
    use=lambda made: made,
    slow=False,
):
    """Puts the call that is described below into the table."""

    def add(arguments):
        words = dict(free), dict(named), dict(shown)
        given = Call(function, arguments, *words, infinite, use, slow)
        CALLS[function] = given
        return given

    return add


def raster(*shape, dtype=np.float32):
    """Some spikes; numpy, so that nothing is compiled."""
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.random(shape) < 0.5, dtype)


def signal(*shape, low=0.1, high=0.9):
    """Smooth numbers between two others."""
    count = int(np.prod(shape))
    values = low + (high - low) * (0.5 + 0.5 * np.sin(1.0 + np.arange(count)))
    return jnp.asarray(values.reshape(shape), jnp.float32)


def made(given: Call, arguments: Mapping[str, Any]) -> Any:
    """What comes of a call."""
    spread = [x for k, v in arguments.items() if k[0] == "*" for x in v]
    named = {k: v for k, v in arguments.items() if k[0] != "*"}
    if spread or any(
        p.kind is p.POSITIONAL_ONLY
        for p in inspect.signature(given.function).parameters.values()
    ):
        before = [
            named.pop(name)
            for name, p in inspect.signature(given.function).parameters.items()
            if name in named and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        return given.use(given.function(*before, *spread, **named))
    return given.use(given.function(**named))


NUMBERS = float, complex, np.ndarray, np.generic, jax.Array


def is_key(x: Any) -> bool:
    return hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


class Outcome(NamedTuple):
    """What came of a call: a value, a refusal, or something that must not be."""

    value: Any = None
    refusal: str | None = None
    wrong: str | None = None

    @property
    def numbers(self) -> np.ndarray:
        """All floating-point numbers of the value."""
        leaves = [x for x in jax.tree.leaves(self.value) if isinstance(x, NUMBERS)]
        found = [np.ravel(np.asarray(x)) for x in leaves if not is_key(x)]
        return np.concatenate(
            [np.zeros(0), *(x for x in found if x.dtype.kind in "fc")]
        )

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.numbers).all())


def outcome(given: Call, arguments: Mapping[str, Any]) -> Outcome:
    """Calls with warnings of rounding and of emptiness as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)
        try:
            return Outcome(value=made(given, arguments))
        except (ValueError, FloatingPointError) as error:
            return Outcome(refusal=str(error))
        except UNKNOWN:
            raise
        except Exception as error:
            return Outcome(wrong=f"{type(error).__name__}: {str(error)[:150]}")


def traced(given: Call, arguments: Mapping[str, Any]) -> Outcome:
    """The same without compiling and without numbers, where the host needs none."""
    came = []

    def run():
        came.append(outcome(given, arguments))

    try:
        jax.eval_shape(run)
    except UNKNOWN:
        return outcome(given, arguments)
    return came[0]._replace(value=())


def mutations(value: Any, name: str) -> Iterator[tuple[str, str, Any, bool]]:
    """``(words, what, other value, whether it must be refused)``."""
    yield name, "None", None, True
    if isinstance(value, bool):
        yield from ((name, "word", "nonsense", True), (name, "float", 3.0, True))
    elif isinstance(value, int):
        yield from _of_numbers(name, value)
        yield name, "fraction", value + 0.5, False
        yield name, "huge", 2**70, False
    elif isinstance(value, float):
        yield from _of_numbers(name, value)
        yield name, "huge", 1e30, False
    elif isinstance(value, str):
        yield from ((name, "word", "nonsense", True), (name, "number", 3, True))
    elif is_key(value):
        old = np.zeros(2, np.uint32)
        yield from ((name, "word", "nonsense", True), (name, "number", 3, True))
        yield name, "old style", old, True
    elif hasattr(value, "dtype"):
        yield from _of_arrays(name, value)
    elif hasattr(value, "_fields") and not isinstance(value, snn.Cell):
        yield from ((name, "word", "nonsense", True), (name, "number", 3.0, True))
        for field in value._fields:
            inner = getattr(value, field)
            if inner is None or callable(inner):
                continue
            for words, what, other, must in mutations(inner, field):
                if what != "None":
                    changed = value._replace(**{field: other})
                    yield words, f"{field} {what}", changed, must
    else:
        yield from ((name, "word", "nonsense", True), (name, "number", 3.0, True))


def _of_numbers(name, value):
    yield name, "word", "nonsense", True
    yield name, "NaN", float("nan"), True
    yield name, "infinity", float("inf"), False
    yield name, "-infinity", float("-inf"), False
    yield name, "zero", 0 * value, False
    yield name, "negative", -value, False
    yield name, "complex", 1j, True
    yield name, "array", np.stack([np.asarray(value)] * 3), False


def _of_arrays(name, value):
    x = np.asarray(value)
    host = isinstance(value, np.ndarray)
    give = (lambda x: x) if host else jnp.asarray
    yield name, "word", "nonsense", True
    yield name, "number", 3.0, False
    yield name, "complex", give(x.astype(np.complex64)), True
    yield name, "another rank: one more", give(x[None]), False
    if x.ndim and len(x):
        yield name, "another rank: one less", give(x[0]), False
    if x.size == 0:
        return
    wide = x.astype(x.dtype if x.dtype.kind in "fc" else np.float32)
    for what, odd in (("NaN", np.nan), ("infinity", np.inf), ("-infinity", -np.inf)):
        other = wide.copy()
        other.flat[0] = odd
        yield name, what, give(other), what == "NaN"
    if x.dtype.kind in "if":
        yield name, "negative", give(-1 - np.abs(x)), False
        most = 1e30 if x.dtype.kind == "f" else np.iinfo(x.dtype).max
        yield name, "huge", give(np.full_like(x, most)), False
        yield name, "zero", give(np.zeros_like(x)), False


def wrong_calls(given: Call) -> Iterator[tuple[str, str, dict[str, Any], bool]]:
    """``(words, "argument what", arguments, whether refused)`` of all mutations."""
    arguments = given.arguments()
    parameters = inspect.signature(given.function).parameters
    for name, value in arguments.items():
        words = given.named.get(name, name.lstrip("*"))
        several = name[0] == "*"
        for each, what, other, must in mutations(value[0] if several else value, words):
            if what == "None" and getattr(parameters.get(name), "default", 0) is None:
                continue
            changed = [other, *value[1:]] if several else other
            if not any(f"{name} {what}".startswith(free) for free in given.free):
                yield each, f"{name} {what}", {**arguments, name: changed}, must


def failures(given: Call) -> list[str]:
    """What is wrong with how a function takes and refuses its arguments."""
    good = outcome(given, given.arguments())
    if good.value is None and (good.refusal or good.wrong):
        return [f"the valid call: {good.refusal or good.wrong}"]
    told = [] if good.finite or given.infinite else ["the valid call is not finite"]
    for words, what, arguments, must in wrong_calls(given):
        only_traced = given.slow or "rank" in what
        came = (traced if only_traced else outcome)(given, arguments)
        if came.wrong:
            told.append(f"{what}: {came.wrong}")
        elif came.refusal is not None:
            if what.endswith("huge"):  # it may overflow somewhere inside
                continue
            if not re.search(rf"(?<![a-z]){re.escape(words)}(?![a-z])", came.refusal):
                told.append(f"{what}: not named: {came.refusal[:150]}")
        elif any(what.startswith(shown) for shown in given.shown):
            if what.endswith("NaN") and came.finite and not given.slow:
                told.append(f"{what}: hidden")
        elif must:
            told.append(f"{what}: taken")
        elif what.endswith("huge"):
            if np.isnan(came.numbers).any() and not given.infinite:
                told.append(f"{what}: gives NaN")
        elif not came.finite and not given.infinite:
            told.append(f"{what}: gives NaN or infinity")
    return told


def sizes_of(given: Call) -> list[str]:
    return list(inspect.signature(given.arguments).parameters)


def empty_failures(given: Call) -> list[str]:
    """What is wrong with no or one step, sample, neuron, class …"""
    sizes = sizes_of(given)
    cases = [{size: 0} for size in sizes]
    one = dict.fromkeys(sizes, 1)
    fine = sized(given, one)  # one of everything, or else of each in turn
    cases += [] if fine and fine.refusal is None else [{s: 1} for s in sizes]
    told = []
    for case in [one, *cases]:
        came = sized(given, case)
        if came is not None and came.wrong:
            told.append(f"{case}: {came.wrong}")
        elif came is not None and came.refusal is None:
            told += [] if came.finite or given.infinite else [f"{case}: not finite"]
    return told


def sized(given: Call, sizes: Mapping[str, int]) -> Outcome | None:
    """What comes of other sizes; None where an argument cannot be made of them."""
    try:
        arguments = given.arguments(**sizes)
    except ValueError:
        return None
    return outcome(given, arguments)
