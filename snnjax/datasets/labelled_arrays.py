"""Recordings that are arrays, one a file, as samples: spikes, signals or images."""

import math
import warnings
from collections.abc import Sequence

import numpy as np

from snnjax.datasets.guard.checked import DataError
from snnjax.datasets.listing import Listing
from snnjax.datasets.samples_by_name import Kind, Labelled, Like, are_counts, packed
from snnjax.datasets.widths import odd_widths

_SHOWN = 5  # files of another width
_READ = "spikes", "signals", ""  # kinds that arrays may be read as


def images(
    listing: Listing, contents: Sequence[np.ndarray], like: Like | None
) -> Labelled:
    """Images of one size."""
    del like  # the files tell all
    _check_alike(listing, contents)
    return packed(listing, "images", np.stack(contents), contents[0].shape)


def arrays(
    listing: Listing, contents: Sequence[np.ndarray], like: Like | None
) -> Labelled:
    """Arrays ``[T, n]``: spikes if all are counts, else signals.

    Spikes may end early, and are silent from then on; signals are of one length.

    Raises:
        DataError: for other numbers of channels, by name, or signals of several
            lengths.
    """
    _check_channels(listing, contents, like)
    counts = all(are_counts(each) for each in contents)
    if like is not None and like.kind == "signals":
        counts = False  # whole numbers may be signals, too
    if like is not None and like.kind in _READ:
        _check_steps(listing, contents, like, counts)
    if not counts:
        _check_alike(listing, contents)
    steps, longest = max(map(len, contents)), "the longest"
    if counts and like is not None and like.steps > steps:
        steps, longest = like.steps, "those that were trained on"
    if short := sum(len(each) < steps for each in contents):
        warnings.warn(
            f"{short} of {len(contents)} recordings are shorter than {longest}, of "
            f"{steps} steps; they are silent from their end on.",
            stacklevel=3,
        )
    padded = [np.pad(each, ((0, steps - len(each)), (0, 0))) for each in contents]
    kind: Kind = "spikes" if counts else "signals"
    return packed(listing, kind, np.stack(padded), contents[0].shape[1:])


def _check_channels(listing, contents, like):
    """Refuses arrays of other numbers of channels, and says which lie on their side."""
    shapes = {
        name: each.shape for name, each in zip(listing.names, contents, strict=True)
    }
    known = like is not None and like.kind in _READ
    if odd := odd_widths(shapes, math.prod(like.shape) if known else None):
        more = f"\n… and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
        raise DataError("\n".join(odd[:_SHOWN]) + more)


def _check_steps(listing, contents, like, counts):
    """Refuses arrays of more steps than are read, and signals of fewer."""
    for name, each in zip(listing.names, contents, strict=True):
        if len(each) > like.steps or (len(each) < like.steps and not counts):
            cut = f"; cut it, [:{like.steps}]" if len(each) > like.steps else ""
            raise DataError(
                f"{name} has {len(each)} steps; those that were trained on have "
                f"{like.steps}{cut}."
            )


def _check_alike(listing, contents):
    """Refuses arrays of several shapes."""
    for name, each in zip(listing.names, contents, strict=True):
        if each.shape != contents[0].shape:
            raise DataError(
                f"Recordings must be of one size: {listing.names[0]} has "
                f"{list(contents[0].shape)}, {name} {list(each.shape)}."
            )
