"""Devices that run spiking networks, and what may come of that.

A device is programmed with weights, and shown spikes; it answers with a recording. What
goes wrong there is a ``DeviceError``, never a wrong number: recordings are checked.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from snnjax import check
from snnjax.seen import Seen

Handle = Any  # what a device makes of weights


class DeviceError(RuntimeError):
    """A device failed: one sentence says how, and in which population where known.

    Attributes:
        stderr: the end of what its process wrote to its standard error, if it has one.
    """

    def __init__(self, what: str, stderr: str = "") -> None:
        super().__init__(what)
        self.stderr = stderr
        if stderr:
            self.add_note(f"The end of its standard error:\n{stderr}")


class Recording(NamedTuple):
    """What a device showed of a run."""

    seen: tuple[Seen, ...]  # of each population, from the first above the input
    notes: dict[str, float]  # events lost, codes at the rail, seconds_on_chip …


class Device(Protocol):
    """What can be programmed and run: a chip, an emulated one, a simulator."""

    def program(self, weights: Sequence[np.ndarray]) -> Handle:
        """Takes the weights of each population, rounds and saturates as it must.

        Args:
            weights: ``[rows, n]`` of each population, in the model's units. Its rows
                are the population below, then itself where it is recurrent.

        Returns:
            What ``run`` asks for.

        Raises:
            DeviceError: if the device fails.
        """
        ...

    def run(
        self, handle: Handle, spikes: np.ndarray, *, trial: int | None = None
    ) -> Recording:
        """Shows spikes and records.

        Args:
            handle: from ``program``.
            spikes: ``[T, *batch, n_in]``, 0 or 1.
            trial: number of the trial, of which the noise of an emulated device is a
                function; other noise every time if omitted. Real devices ignore it.

        Returns:
            What was measured.

        Raises:
            DeviceError: if the device fails.
        """
        ...


def checked(
    recording: Recording,
    shapes: Sequence[tuple[int, ...]],
    *,
    most_lost: float = 1.0,
) -> Recording:
    """Refuses a recording that is not what was asked for.

    Args:
        recording: what a device made.
        shapes: ``(T, *batch, n)`` of each population.
        most_lost: largest share of the events that may be lost on the way in or out,
            ``lost_in`` of ``events_in`` and ``lost_out`` of ``events_out`` in the
            notes.

    Returns:
        The recording as it came.

    Raises:
        DeviceError: with the population and what is wrong about it: another shape or
            dtype, spikes other than 0 and 1, voltages that are not finite though
            measured, nothing measured at all, or too many events lost.
        ValueError: for a share outside 0 to 1.
    """
    check.one("most_lost", most_lost)
    check.between("most_lost", most_lost, 0.0, 1.0)
    _check_kinds(recording)
    seen, notes = recording
    if len(seen) != len(shapes):
        raise DeviceError(
            f"The device recorded {len(seen)} populations, not {len(shapes)}."
        )
    for p, (each, shape) in enumerate(zip(seen, shapes, strict=True)):
        wrong = _wrong_spikes(each.spikes, shape) or _wrong_voltages(each, shape)
        if wrong:
            raise DeviceError(f"Population {p}: {wrong}.")
    if all(each.spikes is None and each.v is None for each in seen):
        raise DeviceError("The device measured nothing, of any population.")
    _check_notes(notes, most_lost)
    return recording


def _check_kinds(recording):
    """Refuses what is no recording."""
    kind = type(recording).__name__
    if not isinstance(recording, Recording):
        raise DeviceError(f"The device answered with a {kind}, not with a Recording.")
    seen, notes = recording
    if not isinstance(seen, tuple | list) or not all(isinstance(e, Seen) for e in seen):
        raise DeviceError("The device recorded something else than Seen of each.")
    plain = int, float, np.generic
    if not isinstance(notes, Mapping) or not all(
        isinstance(x, plain) for x in notes.values()
    ):
        raise DeviceError("The notes of the device are no numbers by name.")


def _wrong_spikes(spikes, shape):
    if spikes is None:
        return ""
    wrong = _wrong_array("spikes", spikes, shape, "fiub")
    if wrong:
        return wrong
    odd = np.count_nonzero((spikes != 0) & (spikes != 1))
    return f"{odd} of {spikes.size} spikes are neither 0 nor 1" if odd else ""


def _wrong_voltages(seen, shape):
    if seen.v is None:
        return "voltages are known that were not sent" if seen.known is not None else ""
    wrong = _wrong_array("voltages", seen.v, shape, "f")
    if wrong:
        return wrong
    odd = ~np.isfinite(seen.v)
    if seen.known is not None:
        dtype, came = getattr(seen.known, "dtype", None), np.shape(seen.known)
        if getattr(dtype, "kind", "") != "b" or not _broadcasts(came, shape):
            return f"what is known of voltages {shape} came as {dtype} {came}"
        odd = odd & seen.known
    odd = np.count_nonzero(odd)
    return f"{odd} of {seen.v.size} measured voltages are not finite" if odd else ""


def _wrong_array(what, x, shape, kinds):
    kind = getattr(getattr(x, "dtype", None), "kind", "none")
    if kind in kinds and x.shape == tuple(shape):
        return ""
    came = getattr(x, "dtype", type(x).__name__)
    return f"{what} came as {came} {np.shape(x)} in place of {tuple(shape)}"


def _broadcasts(came, shape):
    with suppress(ValueError):
        return np.broadcast_shapes(came, shape) == tuple(shape)
    return False


def _check_notes(notes: Mapping[str, float], most_lost: float) -> None:
    odd = [name for name, x in notes.items() if not math.isfinite(x)]
    if odd:
        raise DeviceError(f"The device noted no finite number as {', '.join(odd)}.")
    for way in ("in", "out"):
        lost, events = notes.get(f"lost_{way}", 0), notes.get(f"events_{way}", 0)
        if lost > most_lost * events:
            raise DeviceError(
                f"The device lost {lost:.0f} of {events:.0f} events on the way {way}, "
                f"more than the share of {most_lost:g} that is allowed."
            )


class Steady:
    """A device that is started anew when it fails.

        with Steady(lambda: emulated_chip((64, 100, 10), dt=1e-3)) as device: …

    A failed call is asked again, of a new device that is programmed the same. As noise
    and drift are functions of the trial, what comes of it is what would have come
    without; only what is asked without a trial sees a chip that is young again.
    """

    def __init__(self, make: Callable[[], Device], tries: int = 3) -> None:
        """Takes what makes a device.

        Args:
            make: starts a new device.
            tries: how often a call is asked before it fails.

        Raises:
            ValueError: for what is no function, or fewer than one try.
        """
        check.function("make", make)
        check.whole("tries", tries)
        self.restarts = 0  # since it was made
        self._make, self._tries = make, tries
        self._device: Device | None = None
        self._held: Any = None  # our handle of what the device holds
        self._inner: Handle = None  # its own

    def program(self, weights: Sequence[np.ndarray]) -> Handle:
        """As ``Device.program``.

        Raises:
            DeviceError: if every try fails, with the last reason.
        """
        handle = [np.array(w) for w in weights]
        self._steadily(lambda device: self._load(device, handle))
        return handle

    def run(
        self, handle: Handle, spikes: np.ndarray, *, trial: int | None = None
    ) -> Recording:
        """As ``Device.run``.

        Raises:
            DeviceError: if every try fails, with the last reason.
        """
        if not isinstance(handle, list):
            raise ValueError(
                f"handle must be what program gave, got a {type(handle).__name__}."
            )
        return self._steadily(
            lambda device: device.run(self._load(device, handle), spikes, trial=trial)
        )

    def _load(self, device, handle):
        if self._held is not handle:
            self._inner, self._held = device.program(handle), handle
        return self._inner

    def _steadily(self, call):
        for left in reversed(range(self._tries)):
            try:
                if self._device is None:
                    self._device = self._make()
                    made = "What make starts, the device,"
                    check.fields(made, self._device, "program", "run")
                return call(self._device)
            except DeviceError as error:
                self.close()
                self.restarts += left > 0
                if not left:
                    told = f"Gave up after {self._tries} tries: {error}"
                    raise DeviceError(told, error.stderr) from error

    def close(self) -> None:
        """Ends the device; the next call starts another."""
        device, self._device, self._held = self._device, None, None
        with suppress(Exception):  # it may be gone already
            getattr(device, "close", lambda: None)()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
