"""What is known of a trained network, as its file tells it.

The file is the one place for it: ``benchmarks/train_models.py`` trains, tests and
writes, and all that is said of a network elsewhere is read from there.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Card(NamedTuple):
    """What a trained network is, how it was made, and how well it does."""

    name: str
    about: str  # in one line
    command: str  # that made the file
    task: str  # of ``snnjax.tasks``
    options: Mapping[str, Any]  # of the task, beside its data
    encoding: str  # how its inputs become spikes, in words
    inputs: tuple[int, ...]  # shape of one step of one sample
    steps: int  # of a sample
    dt: float  # [s]
    readout: str  # how output voltages become scores
    classes: tuple[str, ...]  # what the scores are of
    seed: int  # which was chosen before any network was trained
    epochs: int  # of the training
    chosen_epoch: int  # from 1, whose weights were kept, as the task has it
    test_accuracy: float
    standard_error: float  # of that, over test samples
    other_seeds: tuple[float, ...]  # test accuracies of networks trained alike
    chance: float  # accuracy of the most frequent class
    linear: float  # test accuracy of a linear readout of the same spikes
    data: Mapping[str, Mapping[str, Any]]  # of each part: samples, and digests
    data_set: str
    licence: str  # of the data, as stated by who published them
    cite: str  # who is to be named, with the paper
    licence_of_weights: str
    versions: Mapping[str, str]  # that trained it

    @property
    def samples(self) -> dict[str, int]:
        """How many each part has."""
        return {name: each["samples"] for name, each in self.data.items()}


_TUPLES = "inputs", "classes", "other_seeds"


def to_notes(card: Card) -> dict[str, Any]:
    """A card as JSON keeps it."""
    return {k: list(v) if k in _TUPLES else v for k, v in card._asdict().items()}


def from_notes(notes: Mapping[str, Any]) -> Card:
    """The card that the notes of a file are.

    Raises:
        ValueError: for notes of something else.
    """
    odd = {*notes} ^ {*Card._fields}
    if odd:
        raise ValueError(
            f"The notes are no card of this version of snnjax; {min(odd)!r:.60} is in "
            "one alone."
        )
    for name in _TUPLES:
        if not isinstance(notes[name], list):
            raise ValueError(f"{name} of a card must be a list, got {notes[name]!r}.")
    given: dict[str, Any] = {
        k: tuple(v) if k in _TUPLES else v for k, v in notes.items()
    }
    return Card(**given)
