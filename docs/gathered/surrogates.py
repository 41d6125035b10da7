"""All shapes of surrogate gradients, drawn and defined."""

import inspect
import io
import re

import jax.numpy as jnp
from matplotlib.figure import Figure

from gathered import links
from snnjax import surrogate
from snnjax.surrogate import EventProp, Shape

HEAD = """\
# Surrogates

A spike is a step, `s = 1[v > θ]`; in the backward pass its derivative is a shape `h` of
the distance to threshold `v - θ`. All have a peak of 1 unless it is said; the slope `k`
is data: it can be traced, swept with `vmap`, and differ from neuron to neuron.
[`from_library`](api/generated/snnjax.surrogate.from_library) gives the shapes of other
libraries under their names, with their numbers;
[the atlas](../tutorials/13_surrogate_atlas) compares them all.

| shape | | definition |
|---|---|---|
"""
COMBINED = """
`EventProp` stands where a shape stands and is none: with it `lif` has [exact
gradients](../explanation/exact-gradients.md).

## Shapes made of shapes

| shape | definition |
|---|---|
"""


def pages():
    """The one page, and a picture of each shape."""
    made, simple, combined = {}, [], []
    for name in sorted(surrogate.__all__):
        shape = getattr(surrogate, name)
        if not inspect.isclass(shape) or shape in (EventProp, Shape):
            continue
        link = f"[`{name}`](api/generated/snnjax.surrogate.{name})"
        about = definition(shape)
        try:
            drawn = picture(shape())
        except TypeError:  # it is made of another shape
            combined.append(f"| {link} | {about} |")
            continue
        made[f"reference/shapes/{name}.png"] = drawn
        simple.append(f"| {link} | ![{name} over v - θ](shapes/{name}.png) | {about} |")
    text = HEAD + "\n".join(simple) + "\n" + COMBINED + "\n".join(combined) + "\n"
    return made | {"reference/surrogates.md": text}


def definition(shape):
    """The equation, which is the first line, with what is cited anywhere."""
    words = inspect.getdoc(shape)
    first, _, rest = words.partition("\n\n")
    dois = [f"doi:{doi.rstrip('.')}" for doi in links.DOI.findall(rest)]
    text = re.sub(r"([|*_<])", r"\\\1", first.replace("\n", " ").replace("``", ""))
    return links.to_dois(" ".join([text.replace(r"\_", "_"), *dois]), "doi")


def picture(shape):
    """A small plot of h over -2 … 2."""
    v = jnp.linspace(-2.0, 2.0, 801)
    figure = Figure((1.6, 0.9), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.0, color="0.8", linewidth=0.8)
    axes.plot(v, shape(v), color="#0173b2", linewidth=1.4)
    axes.set(ylim=(-0.6, 1.15), xticks=[-2, 0, 2], yticks=[0, 1])
    axes.tick_params(labelsize=6, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, dpi=150, metadata={"Software": None})
    return out.getvalue()
