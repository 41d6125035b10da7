"""Constants and counts: how large they may be, and how many."""

from typing import Any

import numpy as np

from snnjax.check.values import concrete, numbers, told


def positive(name: str, value: Any, unit: str = "", *, zero: bool = False) -> None:
    """Refuses a constant that is not a finite number above zero.

    Args:
        name: what the constant is called.
        value: a scalar or an array; a traced value passes.
        unit: for the message, for example ``" [s]"``.
        zero: whether zero is fine as well.

    Raises:
        ValueError: naming the constant, its value and what is allowed.
    """
    known = numbers(name, value)
    if known is None:
        return
    good = np.isfinite(known) & ((known >= 0) if zero else (known > 0))
    if not np.all(good):
        allowed = "zero or positive" if zero else "positive"
        raise ValueError(
            f"{name}{unit} must be finite and {allowed}, got {known}. "
            "Times are in seconds, rates in hertz."
        )


def between(
    name: str, value: Any, low: float, high: float, *, strict: bool = False
) -> None:
    """Refuses a constant that is not finite and from ``low`` to ``high``.

    Args:
        name: what the constant is called.
        value: a scalar or an array; a traced value passes.
        low: least value.
        high: largest value.
        strict: whether ``low`` itself is refused.

    Raises:
        ValueError: naming the constant, its value and what is allowed.
    """
    known = numbers(name, value)
    if known is None:
        return
    above = known > low if strict else known >= low
    if not np.all(np.isfinite(known) & above & (known <= high)):
        least = f"above {low}" if strict else f"at least {low}"
        raise ValueError(
            f"{name} must be finite, {least} and at most {high}, got {known}."
        )


def finite(what: str, x: Any, *, infinity: bool = False) -> None:
    """Refuses NaN and infinity, which would read as silence or as a false spike.

    Args:
        what: what it is called.
        x: a number or an array; traced values pass.
        infinity: whether infinity is fine.

    Raises:
        ValueError: saying how many entries are not finite.
    """
    known = numbers(what, x)
    if known is not None and infinity and np.isnan(known).any():
        raise ValueError(f"{what} must not be NaN, {np.isnan(known).sum()} are.")
    if not infinity:
        all_finite(what, x)


def all_finite(what: str, x: Any) -> None:
    """Refuses NaN and infinity among what is an array of numbers or truth values."""
    known = concrete(x)
    odd = None if known is None else ~np.isfinite(known)
    if odd is not None and odd.any():
        raise ValueError(f"{what} must be finite, {odd.sum()} of {odd.size} are not.")


def one(name: str, value: Any) -> None:
    """Refuses an array where one number is expected.

    Raises:
        ValueError: with the shape that came.
    """
    if np.shape(value) != ():
        raise ValueError(f"{name} must be one number, got shape {np.shape(value)}.")


def dt(value: Any) -> None:
    """Refuses a time step that is not one positive number of seconds.

    Raises:
        ValueError: with what came.
    """
    positive("dt", value, " [s]")
    one("dt", value)


def per_neuron(name: str, value: Any, n: int) -> None:
    """Refuses a constant that is neither one number nor one for each of ``n`` neurons.

    Raises:
        ValueError: with the shape that came and those expected.
    """
    if np.shape(value) not in ((), (n,)):
        raise ValueError(
            f"{name} must be one number or one per neuron, shape () or ({n},), "
            f"got shape {np.shape(value)}."
        )


def fits(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Refuses a constant that cannot be broadcast to a shape.

    Raises:
        ValueError: with the shape that came and the one expected.
    """
    came = np.shape(value)
    try:
        good = np.broadcast_shapes(came, shape) == shape
    except ValueError:
        good = False
    if not good:
        raise ValueError(
            f"{name} must be one number or fit the shape {shape}, got shape {came}."
        )


def whole(name: str, value: Any, *, least: int = 1, most: int = 2**31 - 1) -> None:
    """Refuses anything but a whole number from ``least`` to ``most``.

    Raises:
        ValueError: naming the argument and what came.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be a whole number, got {told(value)}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}.")
