"""Studies are found by their files: R06 is in ``studies/R06_surrogate_shapes.py``."""

import re
from importlib import import_module
from pkgutil import iter_modules

from benchmarks import studies
from benchmarks.study import Study


def id_of(module: str) -> str:
    """R06 of ``R06_surrogate_shapes``, n-mnist of ``n_mnist``."""
    number = re.match(r"R\d+(?=_)", module)
    return number[0] if number else module.replace("_", "-")


def modules() -> dict[str, str]:
    """The module of each study by its id, in the order of ids."""
    found: dict[str, str] = {}
    for _, name, is_package in iter_modules(studies.__path__):
        if is_package:  # what studies share
            continue
        if id_of(name) in found:
            other = found[id_of(name)]
            raise ValueError(f"{other}.py and {name}.py are both {id_of(name)}.")
        found[id_of(name)] = name
    return dict(sorted(found.items()))


def load(id: str) -> Study:
    """Imports a study; what its file says must be what its file is called."""
    name = modules()[id]
    study = getattr(import_module(f"benchmarks.studies.{name}"), "STUDY", None)
    if study is None:
        raise ValueError(f"{name}.py has no STUDY; what studies share is in shared/.")
    if study.id != id:
        raise ValueError(f"{name}.py should be study {id} and is {study.id}.")
    return study


def every() -> list[Study]:
    """All studies, in the order of ids."""
    return [load(id) for id in modules()]
