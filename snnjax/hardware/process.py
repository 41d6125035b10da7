"""A device in another process: it cannot take ours down, and can be started anew.

What the process must answer to (``chip.py`` is one such program, a laboratory's chip
may be another) are the three questions of ``ProcessDevice``, as ``pipes`` puts them.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from snnjax import check
from snnjax.hardware.checks import (
    check_range,
    check_recurrent,
    check_sizes,
    device_events,
    device_weights,
)
from snnjax.hardware.device import Recording, checked
from snnjax.hardware.pipes import Expected, Process
from snnjax.seen import Seen


class Codes(NamedTuple):
    """Voltages as numbers of an ADC, a byte each."""

    bits: int  # 1 to 8
    low: float  # voltage of code 0
    high: float  # voltage of the highest code

    def volts(self, codes: np.ndarray) -> np.ndarray:
        """What they stand for, in units of the threshold."""
        top = 2**self.bits - 1
        table = np.linspace(self.low, self.high, top + 1, dtype=np.float32)
        return table[np.minimum(codes, top)]


class Programmed(NamedTuple):
    """What a device was programmed with."""

    weights: tuple[np.ndarray, ...]  # [rows, n] of each population, float32


class ProcessDevice:
    """A device behind a Python program that runs in a process of its own.

    The program is started at the first call, and again at the first call after it
    failed; it is programmed again where it does not hold the weights that are to run.
    It is ended by ``close``, at the end of a ``with`` block, or with its last holder.
    Needs a POSIX system.

    It is asked three things: ``start`` with ``settings``; ``program`` with float32
    weights ``[rows, n]`` of each population; ``run`` with ``trial`` (a number or null)
    and spikes ``[T, B, ⌈n_in/8⌉]``, eight to a byte. To the last it answers, packed
    alike, the spikes of each population but the last, then the voltages ``[T, B, n]``
    of each at the end of each step, float32 or codes of a byte, and any notes.
    """

    def __init__(
        self,
        program: str | Path,
        sizes: Sequence[int],
        *,
        recurrent: Sequence[bool] | None = None,
        settings: Mapping[str, Any] | None = None,
        codes: Codes | None = None,
        timeout: float = 60.0,
        most_lost: float = 1.0,
    ) -> None:
        """Takes a program and what it will answer.

        Args:
            program: path of a Python file.
            sizes: number of inputs, then of neurons of each population. The last one
                does not fire.
            recurrent: which populations see their own spikes; none if omitted.
            settings: what the program is started with.
            codes: how voltages travel; as float32 if omitted.
            timeout: longest time for one answer [s].
            most_lost: largest share of lost events, as of ``checked``.

        Raises:
            ValueError: for a path without a file, fewer than two sizes or one below
                one, a recurrent readout, settings that JSON does not hold, codes of
                another width or an empty range, a timeout that is not positive, or a
                share outside 0 to 1.
        """
        if not isinstance(program, str | Path) or not Path(program).is_file():
            raise ValueError(f"program must be the path of a file, got {program!r}.")
        self._program = Path(program).absolute()
        self.sizes = check_sizes(sizes)
        self.recurrent = check_recurrent(recurrent, self.sizes)
        self._settings = _settings(settings or {})
        if codes is not None:
            check.fields("codes", codes, *Codes._fields)
            check.whole("codes.bits", codes.bits, most=8)
            check_range("codes", (codes.low, codes.high))
        check.one("timeout", timeout)
        check.positive("timeout", timeout, " [s]")
        check.one("most_lost", most_lost)
        check.between("most_lost", most_lost, 0.0, 1.0)
        self.timeout, self._most_lost = float(timeout), float(most_lost)
        self._codes = codes
        self._process: Process | None = None
        self._held: Programmed | None = None  # what the process holds
        self._one_at_a_time = threading.RLock()

    @property
    def weight_shapes(self) -> list[tuple[int, int]]:
        """``(rows, n)`` of each population: those below it, and itself if recurrent."""
        pairs = zip(self.sizes[:-1], self.sizes[1:], self.recurrent, strict=True)
        return [(below + n * closed, n) for below, n, closed in pairs]

    def program(self, weights: Sequence[np.ndarray]) -> Programmed:
        """Takes the weights of each population, in the model's units.

        Args:
            weights: ``[rows, n]`` of each population, finite.

        Returns:
            What ``run`` asks for. It keeps a copy, so that it stays good when another
            is programmed or the process is started anew.

        Raises:
            ValueError: for weights of another shape, or not finite.
            DeviceError: if the device fails.
        """
        handle = Programmed(device_weights(weights, self.weight_shapes))
        with self._one_at_a_time:
            self._load(handle)
        return handle

    def run(
        self, handle: Programmed, spikes: np.ndarray, *, trial: int | None = None
    ) -> Recording:
        """Shows spikes and records those of each population, and its voltages.

        Args:
            handle: from ``program``.
            spikes: ``[T, *batch, n_in]``, 0 or 1.
            trial: what noise is a function of; other noise every time if omitted.

        Returns:
            What was measured, float32, and the notes of the device.

        Raises:
            ValueError: for a handle of another device, spikes of another width or other
                than 0 and 1, or a trial that is no number from 0 to 2^31 - 1.
            DeviceError: if the device fails, or its recording is wrong.
        """
        self._check_handle(handle)
        events = device_events(spikes, self.sizes[0])
        if trial is not None:
            check.whole("trial", trial, least=0)
            trial = int(trial)
        T, *batch, _ = events.shape
        flat = events.reshape(T, int(np.prod(batch)), self.sizes[0])
        with self._one_at_a_time:
            self._load(handle)
            notes, arrays = self._ask(
                f"running {T} steps of {flat.shape[1]} samples",
                {"do": "run", "trial": trial},
                [np.packbits(flat, axis=-1)],
                self._expected(T, flat.shape[1]),
            )
        shapes = [(T, *batch, n) for n in self.sizes[1:]]
        recording = Recording(self._seen(arrays, shapes), notes)
        return checked(recording, shapes, most_lost=self._most_lost)

    def close(self) -> None:
        """Ends the process; the next call starts another."""
        with self._one_at_a_time:
            process, self._process, self._held = self._process, None, None
            if process is not None:
                process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Number of its process in the system; None while there is none."""
        return None if self._process is None else self._process.pid

    def _check_handle(self, handle):
        shapes = [w.shape for w in getattr(handle, "weights", ())]
        if not isinstance(handle, Programmed) or shapes != self.weight_shapes:
            raise ValueError(
                "handle must come from program of this device, of weights "
                f"{self.weight_shapes}, got {check.told(handle)}."
            )

    def _load(self, handle):
        if self._held is not handle or self._process is None:
            self._ask("being programmed", {"do": "program"}, handle.weights)
            self._held = handle

    def _ask(self, doing, question, arrays=(), expected=()):
        if self._process is None:
            self._held = None
            self._process = Process(self._program)
            self._ask("starting", {"do": "start", "settings": self._settings})
        try:
            return self._process.ask(
                doing, question, arrays, expected, timeout=self.timeout
            )
        except BaseException:
            self.close()
            raise

    def _expected(self, T, B):
        last = len(self.sizes) - 2
        voltages = "<f4" if self._codes is None else "|u1"
        spikes = [
            Expected(f"spikes of population {p}", "|u1", (T, B, -(-n // 8)))
            for p, n in enumerate(self.sizes[1:-1])
        ]
        return spikes + [
            Expected(f"voltages of population {p}", voltages, (T, B, n))
            for p, n in enumerate(self.sizes[1 : last + 2])
        ]

    def _seen(self, arrays, shapes):
        seen = []
        for p, shape in enumerate(shapes):
            v = arrays[len(shapes) - 1 + p].reshape(shape)
            v = v if self._codes is None else self._codes.volts(v)
            spikes = None
            if p < len(shapes) - 1:
                bits = np.unpackbits(arrays[p], axis=-1, count=shape[-1])
                spikes = bits.reshape(shape).astype(np.float32)
            seen.append(Seen(spikes=spikes, v=v))
        return tuple(seen)


def _settings(given):
    """A copy of settings that JSON can hold."""
    check.mapping("settings", given)
    try:
        return json.loads(json.dumps(dict(given), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"settings must be what JSON can hold: {error}.") from error
