"""A trained network in one file, which opens without the code that made it.

    save("digits.safetensors", weights, network=net, notes={"dt": 1e-3})
    net, weights, notes = load("digits.safetensors")

Weights are kept by name in the format of safetensors, the network as a recipe in words:
which public functions made it, of what. Nothing in a file is ever executed.
"""

from snnjax.saving.archive import Saved, load, save
from snnjax.saving.recipe import from_recipe, to_recipe

__all__ = ["Saved", "from_recipe", "load", "save", "to_recipe"]
