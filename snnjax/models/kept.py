"""The files that come with the package, by name; a new one is in by itself."""

from pathlib import Path
from typing import NamedTuple

from snnjax import check
from snnjax.cell import Cell, Weights
from snnjax.models.cards import Card, from_notes
from snnjax.saving import archive

FILES = Path(__file__).parent / "files"
_END = ".safetensors"


class Model(NamedTuple):
    """A trained network."""

    network: Cell
    weights: Weights
    card: Card


def names() -> tuple[str, ...]:
    """What ``load`` takes."""
    return tuple(sorted(path.stem for path in FILES.glob(f"*{_END}")))


def file_of(name: str) -> Path:
    """Where a trained network lies.

    Raises:
        ValueError: for a name that there is not; those that there are.
    """
    check.one_of("name", name, names())
    return FILES / f"{name}{_END}"


def card(name: str) -> Card:
    """What is known of a trained network, without its weights.

    Args:
        name: one of ``names()``.

    Raises:
        ValueError: for a name that there is not, or a damaged file.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.
    """
    return from_notes(archive.read_notes(file_of(name)))


def load(name: str) -> Model:
    """Opens a network that comes trained; nothing in its file is ever executed.

    Args:
        name: one of ``names()``.

    Returns:
        ``Model(network, weights, card)``. The network takes spikes ``[T, *batch,
        *card.inputs]`` in steps of ``card.dt`` and puts out ``"hidden"``, the spikes of
        its last hidden layer, and ``"out"``, voltages ``[T, *batch, classes]``, of
        which ``scores`` makes scores.

    Raises:
        ValueError: for a name that there is not, or a damaged file.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.

    Example:
        >>> net, weights, card = snn.models.load("yin-yang")
        >>> card.inputs, card.steps, card.classes
        ((5,), 80, ('yin', 'yang', 'dot'))
    """
    network, weights, notes = archive.load(file_of(name))
    return Model(network, weights, from_notes(notes))
