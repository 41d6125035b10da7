"""What ``snnjax models list | show`` prints."""

from snnjax.models.cards import Card
from snnjax.models.kept import card, file_of, names


def listing() -> str:
    """The trained networks, a line for each."""
    rows = [
        (name, _size(name), accuracy(told), told.about)
        for name, told in ((name, card(name)) for name in names())
    ]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{name:<{wide[0]}}  {size:>{wide[1]}}  {hits:<{wide[2]}}  {about}"
        for name, size, hits, about in rows
    ]
    last = "net, weights, card = snn.models.load(NAME)"
    return "\n".join(
        [*lines, f"Test accuracy with its standard error. In Python: {last}"]
    )


def description(name: str) -> str:
    """The card of a network, in words.

    Raises:
        ValueError: for a name that there is not.
    """
    told = card(name)
    rows = rows_of(told) | {"file": f"{file_of(name)}, {_size(name)}"}
    lines = (f"{key:<9} {text}" for key, text in rows.items())
    return "\n".join([f"{name}: {told.about}", *lines])


def rows_of(told: Card) -> dict[str, str]:
    """What a card says, by a word or two."""
    shape = "x".join(map(str, told.inputs))
    return {
        "reads": f"{told.steps} steps of {1e3 * told.dt:g} ms, {shape} inputs",
        "encoding": told.encoding,
        "tells": f"{len(told.classes)} classes: {', '.join(told.classes)}",
        "readout": f"{told.readout}, as snnjax.models.scores computes it",
        "accuracy": f"{accuracy(told)} of {told.samples['test']} test samples; by "
        f"chance {told.chance:.3f}, a linear readout of the same spikes "
        f"{told.linear:.3f}",
        "seeds": seeds(told),
        "trained": f"on {told.samples['train']} samples; of {told.epochs} epochs that "
        f"of number {told.chosen_epoch} is kept",
        "task": f"{told.task}, {_options(told)}",
        "command": told.command,
        "data": f"{told.data_set}; digest of the test part "
        f"{told.data['test']['spikes']}",
        "licence": f"data {told.licence}; weights {told.licence_of_weights}",
        "cite": told.cite,
    }


def accuracy(told: Card) -> str:
    """With its standard error."""
    return f"{told.test_accuracy:.3f} ± {told.standard_error:.3f}"


def seeds(told: Card) -> str:
    """How the network was chosen, and what others reached."""
    chosen = f"seed {told.seed}, chosen before training"
    others = ", ".join(f"{each:.3f}" for each in told.other_seeds)
    return f"{chosen}; others reach {others}" if others else chosen


def _options(told):
    return ", ".join(f"{name}={value}" for name, value in told.options.items())


def _size(name):
    return f"{file_of(name).stat().st_size / 1e3:.0f} kB"
