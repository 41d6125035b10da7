"""Recordings of one's own become a task: spikes, parts, and a network of a kind."""

import math
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from snnjax import check
from snnjax.datasets import Labelled, part_samples
from snnjax.datasets.labelled import labelled_like
from snnjax.datasets.samples import SPLITS
from snnjax.neurons.leaky import Reset
from snnjax.progress import Progress
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.augment import thinned
from snnjax.tasks.network import Network
from snnjax.tasks.options import firing, told
from snnjax.tasks.own_networks import KINDS, Kind, own_reader
from snnjax.tasks.own_spikes import (
    Measured,
    as_files_have_it,
    as_known,
    as_measured,
    check_times,
    heard,
    spikes_of,
)
from snnjax.tasks.spoken_networks import Size
from snnjax.tasks.task import Named, Part, Schedule, Task, some

NAME = "own-data"
_LEAST = 3  # samples of a class
_LOST = 0.1  # share of the spikes, while training
_USUAL = 128, 16  # hidden neurons, or maps of the first layer


def own_data_task(
    data: str | Path,
    *,
    network: Kind = "recurrent",
    hidden: int | None = None,
    surrogate: Shape | str = SuperSpike(),
    reset: Reset = "zero",
    dt: float | None = None,
    duration: float | None = None,
    group: str | None = None,
    skip_bad: bool = False,
    measured: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Task:
    """A task of one's own recordings, of any kind that ``labelled_recordings`` reads.

    Sounds go through the cochlea, 70 channels; each pixel of an image fires once, the
    sooner the brighter; signals, in units of their standard deviation, fire whenever
    they pass one of nine levels, upwards or downwards. While training, a tenth of the
    spikes is lost.

    Parts are those that folder or file settle, else 15 % validate and 15 % test: by
    group, such as speaker or subject, where groups are known, else by sample. Time
    constants grow with the duration.

    Args:
        data: a folder or file, see ``datasets.labelled_recordings``.
        network: ``"feedforward"``, ``"recurrent"``, ``"adlif"`` (recurrent, with an
            adaptation current), ``"delays"`` (learned), or ``"convolutional"``, of
            images and event cameras.
        hidden: how many neurons, 128 if omitted; or maps of the first layer, 16.
        surrogate: of their spikes, or its name, as ``options.surrogate_of`` takes it.
        reset: of their voltage after a spike; that of adlif is to zero.
        dt: step [s]; about a hundredth of the duration if omitted. Arrays have the one
            of their file.
        duration: of a sample [s]; the longest one if omitted. What comes later is cut
            off, and its share is told.
        group: a regular expression that finds in a file's name whose it is, see
            ``datasets.labelled_recordings``.
        skip_bad: whether files that cannot be read are left out; they are told.
        measured: ``notes["measured"]`` of a task before: these samples are read as
            those were, and all of them test.
        progress: is told how many sounds are encoded, of how many.

    Raises:
        ValueError: for a value that no network has, samples that cannot be parted,
            classes or shapes that were not trained on, an array without dt, or what
            cannot be read (``DataError``).
        FileNotFoundError: if there is nothing.
        ImportError: if a package is needed and not installed.
    """
    if hidden is None:
        hidden = _USUAL[network == "convolutional"]
    fires = _checked(network, hidden, surrogate, reset)
    check_times(dt, duration)
    known = None if measured is None else as_measured(measured)
    like = as_files_have_it(known) if known else None
    samples, wrong = labelled_like(data, like, group=group, skip_bad=skip_bad)
    if wrong:
        told_wrong = "\n".join(wrong)
        warnings.warn(f"{len(wrong)} files were left out.\n{told_wrong}", stacklevel=2)
    files = samples.data if samples.kind == "sounds" else ()
    samples = heard(samples, progress)
    if known:
        samples = as_known(samples, known)
        rows = dict.fromkeys(SPLITS, np.arange(len(samples.labels)))
    else:
        rows = _parted(samples)
    made = spikes_of(samples, rows["train"], dt=dt, duration=duration, known=known)
    found = made.measured
    reader = _reader(found, network, hidden, fires)
    raster = partial(_rasters, made.raster, flat=network != "convolutional")
    whole = Part(raster, samples.labels)
    parts: dict[str, Part] = {split: some(whole, each) for split, each in rows.items()}
    return Task(
        name=NAME,
        parts=parts,
        network=reader.network,
        schedule=Schedule(_batch(len(rows["train"])), epochs=40, learning_rate=5e-3),
        notes={
            "data": str(Path(data).resolve()),
            "parted_by": _parted_by(samples),
            "measured": found._asdict(),
            **made.notes,
        },
        options=told(
            network=network,
            hidden=hidden,
            **fires,
            dt=dt,
            duration=duration,
            group=group,
            skip_bad=skip_bad,
        ),
        learning=reader.learning,
        classes=found.classes,
        samples={split: _named(samples, files, each) for split, each in rows.items()},
    )


def own_network(
    found: Measured, *, network: Kind, hidden: int, surrogate: str, reset: Reset
) -> Network:
    """The network of such a task, by what was measured and what was asked for.

    Raises:
        ValueError: for a value that no network has.
    """
    fires = _checked(network, hidden, surrogate, reset)
    return _reader(found, network, hidden, fires).network


def _checked(network, hidden, surrogate, reset):
    """How hidden neurons fire, of a network that there is."""
    check.one_of("network", network, KINDS)
    check.whole("hidden", hidden)
    return firing(surrogate, reset)


def _reader(found, network, hidden, fires):
    size = Size(
        channels=math.prod(found.shape),
        classes=len(found.classes),
        rate=found.rate,
        dt=found.dt,
        hidden=hidden,
        **fires,
    )
    return own_reader(network, found.shape, found.steps, size)


def _parted(samples: Labelled) -> dict[Any, np.ndarray]:
    """Parts, as they are settled, by group, or by sample."""
    if len(samples.classes) < 2:
        raise ValueError(f"All samples are of one class, {samples.classes[0]!r}.")
    counts = np.bincount(samples.labels, minlength=len(samples.classes))
    if counts.min() < _LEAST:
        raise ValueError(
            f"Class {samples.classes[counts.argmin()]!r} has {counts.min()} samples; "
            f"each needs {_LEAST} at least, to train, to validate and to test."
        )
    group = samples.group if np.any(samples.group >= 0) else None
    given = samples.parts if any(samples.parts) else None
    return part_samples(samples.labels, group, given)


def _named(samples, files, rows):
    return Named(
        names=tuple(samples.names[k] for k in rows),
        files=tuple(files[k] for k in rows) if files else (),
    )


def _parted_by(samples):
    if any(samples.parts):
        return "parts"
    return "group" if np.any(samples.group >= 0) else "sample"


def _rasters(raster, rows, rng, *, flat):
    spikes = raster(rows).astype(np.float32)
    if flat:
        spikes = spikes.reshape(*spikes.shape[:2], -1)
    elif spikes.ndim == 4:  # grey images have one channel
        spikes = spikes[..., None]
    return spikes if rng is None else thinned(spikes, rng, _LOST)


def _batch(samples):
    """Sixty-four, or so few that an epoch has about ten updates."""
    return min(64, max(samples // 10, 1))
