"""The trained networks that come with the package, from their cards."""

from gathered import links
from snnjax import models
from snnjax.models import telling

HEAD = """\
# Trained networks

They come with the package, each in a file of less than 1 MB, with a card that is the
one place for all that is said here. [How to serve one step by
step](../how-to/trained-models).

```sh
./run snnjax models list
./run snnjax models show digits
./run snnjax models evaluate digits
```

The network that is kept is that of seed 0, which was chosen before any was trained;
others tell what another one would have reached. Accuracies are of test data that were
read once. The error is the standard error over test samples.

| name | what it is | test accuracy | other seeds | by chance | linear readout |
|---|---|---|---|---|---|
"""


def pages():
    """The one page."""
    cards = [models.card(name) for name in models.names()]
    table = "\n".join(map(row, cards))
    text = HEAD + table + "\n\n" + "\n".join(map(section, cards))
    return {"reference/models.md": text}


def row(card):
    """A network in a line."""
    others = ", ".join(f"{each:.3f}" for each in card.other_seeds) or "none"
    return (
        f"| [`{card.name}`](#{card.name}) | {card.about} | {telling.accuracy(card)} | "
        f"{others} | {card.chance:.3f} | {card.linear:.3f} |"
    )


def section(card):
    """All that is known of a network."""
    told = "\n".join(
        f"{name}\n: {links.to_dois(text)}\n"
        for name, text in telling.rows_of(card).items()
    )
    return f"## {card.name}\n\n{card.about[0].upper()}{card.about[1:]}.\n\n{told}"
