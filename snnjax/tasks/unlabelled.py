"""What trained networks say of recordings that nobody has labelled."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from snnjax import check
from snnjax.datasets import DataError, Labelled
from snnjax.datasets.labelled import of_listing
from snnjax.datasets.listing import list_files
from snnjax.events import from_rows
from snnjax.progress import Progress
from snnjax.tasks.own_spikes import Measured, as_files_have_it, heard, spikes_of
from snnjax.tasks.prediction import BATCH
from snnjax.tasks.trained import Trained, trained_networks

_SPIKES = "spikes", "events"  # kinds of which every network reads some


class Prediction(NamedTuple):
    """What networks say of one recording."""

    name: str  # its file; with a number where that holds several
    # of each class, the most probable first: the softmax of the scores, as trained by
    # cross entropy, and its mean over networks
    probabilities: dict[str, float]


def predict_files(
    run: str | Path,
    files: Sequence[str | Path],
    *,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> tuple[Prediction, ...]:
    """Tells the class of recordings by networks that were trained on others.

    A network of ``own_data_task`` reads what that one does, by what it measured then:
    the same kind of files, step, channels, levels of signals, origin of time. Any other
    reads spikes: arrays ``[T, n]`` of counts in steps of its dt, or events of as many
    units; one of spoken digits that learned from sound reads sounds.

    Args:
        run: folder that ``train`` left, whose networks, one for each seed, are asked
            together; or the file of one network, see ``trained_networks``.
        files: recordings, all of one kind; of a folder all that lie in it.
        skip_bad: whether files that cannot be read are left out; a warning names them.
        progress: is told how many sounds are encoded, of how many.

    Returns:
        A prediction for each recording, in order.

    Raises:
        FileNotFoundError: for a run or file that is not there.
        ValueError: for what is no run, or files of another kind, number of channels or
            length than the networks read, or damaged ones (``DataError``); by name, and
            before any is answered.
        ImportError: if a package is needed and not installed.

    Example:
        >>> task = snn.tasks.digits_task(hidden=20)
        >>> _ = snn.tasks.train(task, "read", epochs=1, progress=False)
        >>> np.save("mine.npy", task.parts["test"].raster(np.arange(1), None)[:, 0])
        >>> (found,) = snn.tasks.predict_files("read", ["mine.npy"])
        >>> found.name, len(found.probabilities)
        ('mine.npy', 10)
    """
    check.flag("skip_bad", skip_bad)
    if progress is not None:
        check.function("progress", progress)
    networks = trained_networks(run)
    first = networks[0]
    if odd := [each.path for each in networks if each.known != first.known]:
        raise ValueError(f"{odd[0]} reads other files than {first.path}.")
    samples = _read(first, files, skip_bad, progress)
    rasters = spikes_of(
        samples, np.arange(0), dt=None, duration=None, known=_known(first, samples)
    ).raster
    means = np.zeros((len(samples.names), len(first.known.classes)))
    for each in networks:
        means += _probabilities(each, rasters, samples.names) / len(networks)
    return tuple(
        Prediction(
            name,
            {first.known.classes[k]: float(row[k]) for k in np.argsort(-row)},
        )
        for name, row in zip(samples.names, means, strict=True)
    )


def _read(first: Trained, files, skip_bad, progress) -> Labelled:
    """The recordings as the networks read them, or why they cannot."""
    known = first.known
    listing = list_files(files, label=known.classes[0])  # none is looked at
    samples, wrong = of_listing(listing, skip_bad, as_files_have_it(known))
    if wrong:
        told = "\n".join(wrong)
        warnings.warn(f"{len(wrong)} files were left out.\n{told}", stacklevel=3)
    _check_kind(first, samples)
    if samples.kind == "sounds":
        samples = _heard_alone(samples, progress)
    if not known.kind and samples.shape == (math.prod(first.inputs),):
        samples = _shaped(samples, first.inputs)
    return samples._replace(classes=known.classes)


def _check_kind(first, samples):
    if first.known.kind:
        kinds = [first.known.kind]
    else:
        kinds = [*_SPIKES, *(["sounds"] if first.hears else [])]
    if samples.kind not in kinds:
        n = math.prod(first.inputs)
        how = (
            f"arrays [T, {n}] of counts each {first.known.dt:g} s, events of {n} units"
        )
        told = how + (", sounds" if first.hears else "")
        raise DataError(
            f"{samples.names[0]} holds {samples.kind}; "
            f"{first.path} reads {first.known.kind or told}."
        )


def _known(first, samples) -> Measured:
    """What the recordings are read by; of any spikes as they come."""
    return first.known._replace(kind=samples.kind)


def _shaped(samples, inputs):
    """Channels in a row as the network has them."""
    if samples.kind == "spikes":
        samples = samples._replace(
            data=samples.data.reshape(*samples.data.shape[:2], *inputs)
        )
    return samples._replace(shape=inputs)


def _heard_alone(samples, progress) -> Labelled:
    """Each sound by itself: what is told of one does not depend on those beside it."""
    times, units, made = [], [], samples
    for k in range(len(samples.names)):
        one: Any = {
            name: getattr(samples, name)[k : k + 1]
            for name in ("data", "names", "labels", "group", "parts")
        }
        made = heard(samples._replace(**one), None)
        times.append(made.data.times)
        units.append(made.data.units)
        if progress is not None:
            progress(k + 1, len(samples.names))
    events = from_rows(times, units, samples.labels, n_units=made.data.n_units)
    return samples._replace(data=events, shape=made.shape)


def _probabilities(trained: Trained, raster, names) -> np.ndarray:
    """Of each recording and class, in batches of one shape."""
    compiled = jax.jit(trained.scores)
    n, found = len(names), []
    size = min(n, BATCH)
    for start in range(0, n, size):
        rows = np.arange(start, start + size) % n
        xs = raster(rows).astype(np.float32)
        xs = xs.reshape(*xs.shape[:2], *trained.inputs)
        _warn_of_silence(xs, [names[k] for k in rows[: n - start]])
        found.append(np.asarray(compiled(trained.weights, xs), np.float64)[: n - start])
    scores = np.concatenate(found)
    if not np.isfinite(scores).all():
        raise FloatingPointError(
            f"{trained.path}: scores are not finite; its weights are damaged."
        )
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def _warn_of_silence(xs, names):
    silent = [name for k, name in enumerate(names) if not xs[:, k].any()]
    if silent:
        warnings.warn(
            f"{silent[0]}{f' and {len(silent) - 1} more' if silent[1:] else ''} gives "
            "no spikes; what is told of it is what the network says of silence.",
            stacklevel=5,
        )
