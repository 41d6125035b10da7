"""Parts to train, validate and test that share no speaker, session or subject."""

import math
import warnings
from collections.abc import Sequence

import numpy as np

from snnjax import check
from snnjax.datasets.samples import SPLITS


def part_samples(
    labels: np.ndarray,
    group: np.ndarray | None = None,
    given: Sequence[str] | None = None,
    *,
    shares: tuple[float, float] = (0.15, 0.15),
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Parts samples at random: classes are alike in all parts, groups are kept whole.

    Args:
        labels: of N samples, ``[N]``.
        group: of each, ``[N]``, such as a speaker, all of whose samples come into one
            part; -1, where it is not known, is a group of its own. Omitted: each sample
            goes where it will.
        given: part of each, where that is settled: ``"train"``, ``"validation"`` or
            ``"test"``. If no sample validates, some that train will.
        shares: about how much validates and tests.
        seed: of the randomness.

    Returns:
        Rows of ``"train"``, ``"validation"`` and ``"test"``; each sample is in one.

    Raises:
        ValueError: for columns of other lengths, parts that are settled for some
            samples only, a group in two of them, a class without a sample to train on,
            or too few samples, groups or classes.
        ImportError: without scikit-learn.
    """
    labels = _column("labels", labels)
    n = len(labels)
    if group is not None:
        group = _column("group", group)
    if given is not None:
        given = _names(given)
    for name, column in (("group", group), ("given", given)):
        if column is not None and len(column) != n:
            raise ValueError(f"{name} must have {n} entries, got {len(column)}.")
    check.whole("seed", seed, least=0, most=2**32 - 1)
    if not isinstance(shares, tuple) or len(shares) != 2:
        raise ValueError(f"shares must be two numbers, got {shares!r:.60}.")
    for share in shares:
        check.between("shares", share, 0.0, 1.0, strict=True)
    whose = None if group is None else _alone(group)

    def cut(rows, share):
        if whose is None:
            return _cut(rows, labels[rows], share, seed)
        return _cut_whole(rows, labels[rows], whose[rows], share, seed)

    parts = {} if given is None else _settled(given, whose)
    if not parts:
        parts["train"], parts["test"] = cut(np.arange(n), shares[1])
        shares = shares[0] / (1.0 - shares[1]), shares[1]
    if "validation" not in parts:
        parts["train"], parts["validation"] = cut(parts["train"], shares[0])
    _check_classes(labels, parts["train"])
    return {split: np.sort(parts[split]) for split in SPLITS}


def _column(name, values):
    """Whole numbers ``[N]``."""
    known = check.concrete(values)
    if (
        known is None
        or known.ndim != 1
        or known.dtype.kind not in "iu"
        or not len(known)
    ):
        raise ValueError(
            f"{name} must be whole numbers [N], one at least, got {check.told(values)}."
        )
    if name == "labels" and known.min() < 0:
        raise ValueError(f"labels must be 0 or more, got {known.min()}.")
    return known.astype(np.int64)


def _names(given):
    names = check.concrete(given)
    if names is None or names.ndim != 1 or names.dtype.kind != "U":
        raise ValueError(f"given must be names of parts [N], got {check.told(given)}.")
    return names


def _settled(given, whose):
    """Rows of each part that has some; nothing if none is settled."""
    if np.all(given == ""):
        return {}
    parts = {name: np.flatnonzero(given == name) for name in SPLITS}
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    if sum(map(len, parts.values())) < len(given) or not {"train", "test"} <= {*parts}:
        told = ", ".join(f"{len(rows)} {name}" for name, rows in parts.items())
        raise ValueError(
            "parts must be train, test and perhaps validation of all samples or of "
            f"none; of {len(given)} there are {told or 'none'}."
        )
    if whose is not None:
        groups = [set(whose[rows].tolist()) for rows in parts.values()]
        if sum(map(len, groups)) > len(set().union(*groups)):
            raise ValueError("parts must not share a group; one is in two of them.")
    return parts


def _alone(group):
    """Groups, where an unknown one is like no other."""
    own = np.arange(len(group)) + group.max(initial=0) + 1
    return np.where(group < 0, own, group)


def _cut(rows, labels, share, seed):
    """Two parts of rows, with each class in both."""
    split = _library().train_test_split
    classes, counts = np.unique(labels, return_counts=True)
    held_out = max(math.ceil(share * len(rows)), len(classes))
    if counts.min(initial=2) < 2 or len(rows) - held_out < len(classes):
        raise ValueError(
            f"There are too few samples to part, {len(rows)} of {len(classes)} "
            f"classes; class {classes[counts.argmin()]} has {counts.min()}. Each class "
            "needs three at least, one to train, one to validate and one to test."
        )
    return split(rows, test_size=held_out, stratify=labels, random_state=seed)


def _cut_whole(rows, labels, whose, share, seed):
    """Two parts of rows that share no group."""
    groups = len(np.unique(whose))
    if groups < 2:
        raise ValueError(
            f"There are too few groups to part, {groups} where two are needed: a group "
            "to train, one to validate and one to test."
        )
    counts = np.unique(labels, return_counts=True)[1]
    most = min(groups, int(counts.max()))  # as the library has it
    folds = min(max(round(1.0 / share), 2), most)
    split = _library().StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class in fewer groups
        first, second = next(split.split(rows, labels, whose))
    return rows[first], rows[second]


def _check_classes(labels, trains):
    missing = np.setdiff1d(labels, labels[trains])
    if len(missing):
        raise ValueError(
            f"Class {missing[0]} has no sample to train on: all of its groups came "
            "into other parts. Settle the parts, or name more groups."
        )


def _library():
    try:
        from sklearn import model_selection
    except ImportError as error:
        raise ImportError(
            'Parting samples needs scikit-learn: pip install "snnjax[data]".'
        ) from error
    return model_selection
