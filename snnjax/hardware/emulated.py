"""An emulated chip as a device, and how imperfect it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.hardware.checks import check_range, check_recurrent, check_sizes
from snnjax.hardware.process import Codes, ProcessDevice
from snnjax.hardware.rounding import Budget, fits

PROGRAM = Path(__file__).with_name("chip.py")
MISMATCHED = ("tau_mem", "tau_syn", "threshold", "gain")
SPREADS = (
    *(*MISMATCHED, "v_reset", "rest", "synapses", "noise", "drift"),
    *("adc_noise", "adc_gain", "adc_offset"),
)


class Imperfections(NamedTuple):
    """What is wrong with a chip. Spreads are standard deviations, as fractions.

    Spreads of factors of mean 1 (log-normal) and of offsets, in units of the
    threshold, make up the fixed pattern of a chip; noise comes anew at every trial.

    Example:
        >>> noisy = snn.hardware.Imperfections(noise=0.1, weight_bits=None)
        >>> noisy.noise, noisy.weight_bits, noisy.adc_bits
        (0.1, None, 8)
    """

    tau_mem: float | None = None  # spread of factors; None: the mismatch of the chip
    tau_syn: float | None = None  # likewise
    threshold: float | None = None  # likewise
    gain: float | None = None  # of the current; likewise
    v_reset: float | None = None  # spread of offsets; None: half the mismatch
    rest: float = 0.0  # spread of offsets
    synapses: float = 0.0  # spread of factors
    dead: float = 0.0  # chance of a neuron that fires to do nothing at all
    broken: float = 0.0  # chance of a synapse
    noise: float = 0.02  # standard deviation of a membrane at rest
    drift: float = 0.0  # spread that the constants gain in one trial: a random walk
    weight_bits: int | None = 7  # with sign: ±63 steps; None: weights as they are
    weight_step: float = 0.02  # weight of one step
    adc_bits: int | None = 8  # of voltages; None: as they are
    adc_range: tuple[float, float] = (-4.0, 4.0)  # of voltages
    adc_noise: float = 0.01
    adc_gain: float = 0.0  # spread of factors
    adc_offset: float = 0.02  # spread of offsets
    events_in: int | None = None  # most events a bin on the way in; None: any
    events_out: int | None = None  # and on the way out, of all populations together
    substeps: int = 4  # of a bin; 1 is the time of the model


IDEAL = Imperfections(
    tau_mem=0.0,
    tau_syn=0.0,
    threshold=0.0,
    gain=0.0,
    v_reset=0.0,
    noise=0.0,
    weight_bits=None,
    adc_bits=None,
    adc_noise=0.0,
    adc_offset=0.0,
    substeps=1,
)


def emulated_chip(
    sizes: Sequence[int],
    *,
    dt: float,
    serial: int = 1,
    mismatch: float = 0.3,
    imperfections: Imperfections = Imperfections(),
    tau_mem: float = 6e-6,
    tau_syn: float = 6e-6,
    reset: Literal["zero", "subtract"] = "zero",
    recurrent: Sequence[bool] | None = None,
    budget: Budget = Budget(),
    timeout: float = 60.0,
    most_lost: float = 1.0,
) -> ProcessDevice:
    """An emulated analogue chip, in a process of its own.

    Populations of leaky integrate-and-fire neurons, and a last one of leaky
    integrators, as ``lif`` and ``li``, but no two circuits alike: each constant is that
    of the model times a factor of mean 1 and standard deviation ``mismatch``. Which
    factors is up to the serial number, and noise to the trial as well; a run without a
    trial has other noise every time, on the chip as it was at the last trial. A circuit
    whose reset was drawn above its threshold fires all the time. With ``IDEAL``
    imperfections the chip agrees with the library. Needs a POSIX system.

    Networks must fit on the chip (``fits``): 256-246-10 takes all 512 circuits.

    Notes of a recording: ``events_in``, ``lost_in``, ``events_out``, ``lost_out``,
    and the shares of codes at a rail ``at_rail.0`` and of weights beyond the range
    ``saturated.0`` of each population; ``seconds_on_chip`` of wall time.

    Args:
        sizes: number of inputs, then of neurons of each population.
        dt: bin [s]: input comes at its start, voltages are sampled at its end, and
            more than one spike in it is recorded as one.
        serial: number of the chip, which fixes its pattern.
        mismatch: spread of τm, τs, threshold and gain; 0.3 is 30 %. Resets are offset
            by half of it.
        imperfections: everything else, or another spread for one of these.
        tau_mem: nominal membrane time constant [s].
        tau_syn: nominal synaptic time constant [s].
        reset: ``"zero"`` or ``"subtract"``, as of ``lif``.
        recurrent: which populations see their own spikes, a sub-step later; none if
            omitted. Their weights have more rows.
        budget: circuits of the chip, and rows of synapses of each.
        timeout: longest time for one answer [s].
        most_lost: largest share of events that may be lost; a ``DeviceError`` else.

    Returns:
        A device, whose process starts at the first call.

    Raises:
        ValueError: for sizes that do not fit on the chip, and a constant or an
            imperfection out of its range.

    References:
        Cramer et al. (2022), Surrogate gradients for analog neuromorphic computing,
        doi:10.1073/pnas.2109194119.

    Example:
        >>> weights = [0.5 * np.ones((4, 3), "f4"), 0.5 * np.ones((3, 2), "f4")]
        >>> spikes = np.ones((20, 8, 4), np.float32)  # [T, B, n_in]
        >>> with snn.hardware.emulated_chip((4, 3, 2), dt=1.7e-6) as device:
        ...     seen, notes = device.run(device.program(weights), spikes, trial=0)
        ...
        >>> [each.v.shape for each in seen]
        [(20, 8, 3), (20, 8, 2)]
    """
    sizes = check_sizes(sizes)
    closed = check_recurrent(recurrent, sizes)
    check.dt(dt)
    check.whole("serial", serial, least=0)
    _check_spread("mismatch", mismatch)
    check.one_of("reset", reset, ("zero", "subtract"))
    for name, tau in (("tau_mem", tau_mem), ("tau_syn", tau_syn)):
        check.one(name, tau)
        check.positive(name, tau, " [s]")
    _check_room(sizes, closed, budget)
    wrong = _resolved(imperfections, mismatch)
    codes = None
    if wrong.adc_bits is not None:
        codes = Codes(int(wrong.adc_bits), *map(float, wrong.adc_range))
    settings: dict[str, Any] = {"sizes": sizes, "recurrent": closed, "reset": reset}
    settings |= {"serial": int(serial), "dt": float(dt), "tau_mem": float(tau_mem)}
    settings |= {"tau_syn": float(tau_syn), "imperfections": wrong._asdict()}
    return ProcessDevice(
        PROGRAM,
        sizes,
        recurrent=closed,
        settings=settings,
        codes=codes,
        timeout=timeout,
        most_lost=most_lost,
    )


def _check_spread(name, value):
    check.one(name, value)
    check.between(name, value, 0.0, 10.0)


def _check_room(sizes, recurrent, budget):
    populations = zip(sizes[:-1], sizes[1:], recurrent, strict=True)
    taken = sum(fits(budget, (m + n * own, n)) for m, n, own in populations)
    if taken > budget.neurons:
        raise ValueError(
            f"sizes {sizes} take {taken} circuits of {budget.rows} rows, "
            f"{taken - budget.neurons} more than the {budget.neurons} of the chip. "
            "Take fewer neurons or inputs."
        )


def _resolved(given, mismatch):
    """All imperfections, checked, with the spreads that the mismatch says."""
    if not isinstance(given, Imperfections):
        raise ValueError(
            f"imperfections must be Imperfections(…), got {check.told(given)}."
        )
    usual = dict.fromkeys(MISMATCHED, mismatch) | {"v_reset": 0.5 * mismatch}
    full = {k: usual[k] for k in usual if getattr(given, k) is None}
    given = given._replace(**full)
    for name in SPREADS:
        _check_spread(name, getattr(given, name))
    for name in ("dead", "broken"):
        check.one(name, getattr(given, name))
        check.between(name, getattr(given, name), 0.0, 1.0)
    for name in ("events_in", "events_out"):
        if getattr(given, name) is not None:
            check.whole(name, getattr(given, name))
    check.whole("substeps", given.substeps, most=1000)
    if given.weight_bits is not None:
        check.whole("weight_bits", given.weight_bits, least=2, most=16)
    check.one("weight_step", given.weight_step)
    check.positive("weight_step", given.weight_step)
    if given.adc_bits is not None:
        check.whole("adc_bits", given.adc_bits, most=8)
    check_range("adc_range", given.adc_range)
    return Imperfections(*map(_plain, given))


def _plain(value):
    """A value as JSON writes it."""
    if isinstance(value, tuple | list):
        return tuple(float(x) for x in value)
    return value if value is None else np.asarray(value).item()
