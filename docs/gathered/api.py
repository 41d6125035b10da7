"""A page for each package, with a table of its public names, and one for each name."""

import inspect

import snnjax
from snnjax import parts, probes
from snnjax.inputs import batches
from snnjax.interop import nir, nnx, presets, weights
from snnjax.learning import online


def packages():
    """All modules that make names public, in alphabetical order.

    They are ``snnjax``, the packages that it lists, what these list, and those that one
    imports by their own names.
    """
    todo = [snnjax, parts, probes, batches, online, nir, nnx, presets, weights]
    for module in todo:  # grows on the way
        listed = (getattr(module, name) for name in dir_of(module))
        todo += [m for m in listed if inspect.ismodule(m) and m not in todo]
    return sorted(todo, key=lambda module: module.__name__)


def dir_of(module):
    """Names that a module lists; of ``snnjax`` its packages as well."""
    if module is snnjax:
        return [name for name in dir(snnjax) if name[0] != "_"]
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if name[0] != "_" and getattr(value, "__module__", "") == module.__name__
    )


def public():
    """Each package's public names: name -> where its page stands, as ``package.name``.

    A name that several packages have, such as ``snnjax.lif``, is told in the one that
    it comes from.
    """
    found = {
        module.__name__: {
            name: getattr(module, name)
            for name in dir_of(module)
            if not inspect.ismodule(getattr(module, name))
        }
        for module in packages()
    }
    homes = {}
    for package in sorted(found, key=lambda name: name.count(".")):
        for name, value in found[package].items():
            origin = getattr(value, "__module__", None) or package
            known = homes.get(id(value))
            if known is None or (origin + ".").startswith(package + "."):
                homes[id(value)] = f"{package}.{name}"
    return {
        package: {name: homes[id(value)] for name, value in names.items()}
        for package, names in found.items()
        if names
    }


def pages():
    """All of them, for Sphinx to fill from docstrings."""
    made = {"reference/api/index.rst": INDEX}
    for package, names in public().items():
        own = [name for name, home in names.items() if home == f"{package}.{name}"]
        others = [f"~{home}" for name, home in names.items() if name not in own]
        others, own = table(others), table(own, "   :toctree: generated\n")
        title = f"``{package}``"
        made[f"reference/api/{package}.rst"] = PACKAGE.format(
            title=title, line="=" * len(title), package=package, own=own, others=others
        )
    return made


def table(names, option=""):
    """A table of names with the first line of each."""
    if not names:
        return ""
    rows = "\n".join(f"   {name}" for name in names)
    return f".. autosummary::\n   :nosignatures:\n{option}\n{rows}\n\n"


INDEX = """\
API
===

Every public name by the package that it comes from. The most used ones are found in
:doc:`snnjax` itself: ``import snnjax as snn``, then ``snn.lif``.
Examples take these for granted:

.. code-block:: python

   import jax
   import jax.numpy as jnp
   import numpy as np
   import optax

   import snnjax as snn

.. toctree::
   :maxdepth: 1
   :glob:

   snnjax*
"""
PACKAGE = """\
{title}
{line}

.. automodule:: {package}
   :no-members:
   :no-index:

.. currentmodule:: None

{others}.. currentmodule:: {package}

{own}"""
