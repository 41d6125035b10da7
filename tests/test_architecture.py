"""Imports go one way, and importing does nothing else."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "snnjax").rglob("*.py"))
ARROWS = {  # who may import whom, besides themselves
    "check": set(),
    "files": {"check"},
    "progress": {"check"},
    "surrogate": {"check", "exported"},
    "chunks": {"check", "loops"},
    "about": {"check"},
    "exported": set(),
    "loops": set(),
    "kept": set(),
    "masks": set(),
    "cell": {"about", "check", "chunks", "kept", "loops", "masks"},
    "seen": {"exported"},
    "replay": {"about", "cell", "check", "seen"},
    "probes": {"cell", "replay"},
    "compose": {"about", "cell", "check", "exported", "probes", "replay"},
    "parts": {"about", "cell", "check", "probes"},
    "kernels": {"check", "files", "loops"},
    "neurons": {
        *("about", "check", "cell", "loops", "probes", "replay", "seen", "surrogate"),
        *("exported", "kernels"),
    },
    "networks": {
        *("about", "cell", "check", "compose", "kernels", "loops", "neurons", "parts"),
        *("exported", "masks", "probes", "replay"),
    },
    "states": set(),
    "hardware": {
        *("about", "cell", "check", "compose", "files", "loops", "parts", "probes"),
        *("exported", "replay", "seen", "surrogate"),
    },
    "learning": {
        *("about", "check", "cell", "compose", "loops", "parts", "probes", "states"),
        *("exported", "kept", "surrogate"),
    },
    "events": {"check"},
    "datasets": {"check", "events", "files", "progress"},
    "senses": {
        *("check", "cell", "events", "files", "loops", "progress", "datasets"),
        *("exported", "neurons"),
    },
    "inputs": {"check", "events", "datasets", "loops"},
    "plot": {"check", "events", "files"},
    "training": {
        *("check", "cell", "exported", "files", "hardware", "progress", "terminal"),
    },
    "analysis": {
        *("about", "cell", "check", "compose", "events", "exported", "loops"),
        *("networks", "parts", "probes", "states"),
    },
    "tasks": {
        *("about", "cell", "check", "compose", "surrogate", "neurons", "networks"),
        *("learning", "inputs", "events", "datasets", "senses", "training", "analysis"),
        *("hardware", "parts", "plot", "files", "progress", "saving"),
    },
    "saving": {"about", "cell", "check", "files", "training"},
    "models": {"cell", "check", "progress", "saving", "tasks"},
    "interop": {
        *("about", "cell", "check", "compose", "datasets", "events", "exported"),
        *("files", "kernels", "networks", "neurons", "parts", "probes", "replay"),
        "saving",
        "surrogate",
    },
    "terminal": set(),
    "processes": set(),
    "__main__": {"commands", "processes", "terminal", "training_command"},
    "training_command": {"files", "processes", "progress", "tasks"},
    "sweep_command": {"progress", "tasks", "training_command"},
    "data_pictures": {"datasets", "events", "plot"},
    "data_command": {"data_pictures", "datasets", "files", "left_open", "progress"},
    "models_command": {"files", "models", "progress"},
    "predict_command": {"models", "progress", "tasks"},
    "left_open": set(),
    "devices": set(),
    "nir_command": {"files", "interop", "left_open", "plot", "progress"},
    "commands": {
        *("datasets", "files", "hardware", "senses", "kernels", "progress", "tasks"),
        *("data_command", "devices", "models_command", "nir_command"),
        "predict_command",
        *("sweep_command", "training", "training_command"),
    },
    "__init__": {
        "cell",
        "compose",
        "learning",
        "networks",
        "neurons",
        "saving",
        "surrogate",
    },
}
DEEP = ("datasets/", "senses/hearing", "learning/online", "interop/")
WITHIN_DATASETS = {
    "samples": set(),
    "published": set(),
    "places": set(),
    "guard": set(),
    "containers": {"guard"},
    "cameras": {"containers", "guard"},
    "spikes": {"containers", "guard"},
    "sounds": {"guard"},
    "layouts": {"containers", "guard", "samples"},
    "formats": {
        *("cameras", "containers", "guard", "layouts", "samples", "sounds", "spikes"),
    },
    "parting": {"samples"},
    "listing": {"guard", "spikes"},
    "samples_by_name": {"guard", "listing"},
    "labelled_file": {"containers", "guard", "layouts", "listing", "samples_by_name"},
    "widths": set(),
    "labelled_arrays": {"guard", "listing", "samples_by_name", "widths"},
    "labelled": {
        *("cameras", "formats", "guard", "labelled_arrays", "labelled_file", "listing"),
        "samples_by_name",
    },
    "recordings": {"guard", "sounds"},
    "sources": {"containers", "guard", "layouts"},
    "fetch": {"containers", "guard", "published"},
    "sets": {
        *("cameras", "guard", "layouts", "places", "published", "recordings"),
        *("samples", "sounds"),
    },
    "catalogue": {"fetch", "published", "samples", "sets"},
    "contents": {"layouts", "samples", "sounds"},
    "conversion": {"cameras", "formats", "guard", "layouts", "spikes"},
    "inspection": {
        *("cameras", "catalogue", "contents", "fetch", "formats", "guard", "widths"),
    },
    "command": {"catalogue", "inspection", "places", "published"},
}
CORE = {"jax", "optax", "flax", "numpy"}


def imports(path, *, at_module_level=False):
    tree = ast.parse(path.read_text())
    for node in tree.body if at_module_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def against(arrows, top, depth):
    """Imports between the parts of a package that no arrow allows."""
    for path in sorted((ROOT / top).rglob("*.py")):
        part = path.relative_to(ROOT / top).parts[0].removesuffix(".py")
        for name in imports(path):
            if name.startswith(f"{top.replace('/', '.')}."):
                used = name.split(".")[depth]
                if used != part and used not in arrows[part]:
                    yield f"{path.relative_to(ROOT)} imports {name}"


def outside(path):
    """Imports of what is no part of the core, or not meant for others."""
    for name in imports(path, at_module_level=True):
        top = name.split(".")[0]
        if top not in CORE | {"snnjax"} | set(sys.stdlib_module_names):
            yield f"{path.relative_to(ROOT)} imports {name} before it is used"
    for name in imports(path):
        internal = name.startswith("jax._src")
        if internal or name.split(".")[0] in ("pickle", "dill", "shelve", "marshal"):
            yield f"{path.relative_to(ROOT)} imports {name}"


def test_imports_follow_the_arrows():
    assert not list(against(ARROWS, "snnjax", 1))


def test_modules_import_nothing_but_the_core_and_no_internals():
    assert not [wrong for path in MODULES for wrong in outside(path)]


def test_within_datasets_imports_follow_the_arrows_too():
    arrows = WITHIN_DATASETS | {"__init__": set(WITHIN_DATASETS)}
    assert not list(against(arrows, "snnjax/datasets", 2))


def test_folders_are_two_deep_and_three_in_those_that_the_design_names():
    def too_deep(path):
        *folders, _ = path.relative_to(ROOT / "snnjax").parts
        deep = "/".join(folders).startswith(DEEP) and len(folders) == 2
        return len(folders) > 1 and not deep

    assert not [path for path in MODULES if too_deep(path)]


def hidden_modules(package):
    """Modules of a package whose names it binds to something else."""
    for module in pkgutil.iter_modules(package.__path__):
        bound = vars(package).get(module.name)
        if bound is not None and not inspect.ismodule(bound):
            yield f"{package.__name__}.{module.name} is {bound}"


def test_no_package_binds_anything_over_a_module_of_its_own():
    folders = [path.parent for path in MODULES if path.name == "__init__.py"]
    names = [".".join(folder.relative_to(ROOT).parts) for folder in folders]
    packages = map(importlib.import_module, names)
    assert not [wrong for package in packages for wrong in hidden_modules(package)]


def test_importing_changes_nothing_and_starts_no_device():
    code = """
import jax
before = dict(jax.config.values)
import snnjax, snnjax.senses, snnjax.inputs
import snnjax.training, snnjax.analysis, snnjax.tasks
import sys
assert dict(jax.config.values) == before
optional = {"h5py", "sklearn", "matplotlib", "tyro", "orbax", "rich"} & set(sys.modules)
assert not optional, optional
jax.config.update("jax_platforms", "none such")  # too late once a device was started
try:
    jax.devices()
except RuntimeError:
    pass
else:
    raise AssertionError("a device was started by the import")
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_subpackages_are_reached_by_name_and_imported_no_sooner():
    packages = {path.parent.name for path in (ROOT / "snnjax").glob("*/__init__.py")}
    packages -= {"check"}  # for the library itself
    code = f"""
import sys
import snnjax as snn
later = "analysis", "datasets", "hardware", "inputs", "interop", "models", "plot"
for name in (*later, "senses", "tasks", "training"):
    assert f"snnjax.{{name}}" not in sys.modules, name
for name in {sorted(packages | {"plot", "events"})}:
    assert name in dir(snn), name
    assert getattr(snn, name).__name__ == f"snnjax.{{name}}"
assert "unroll" in dir(snn) and snn.training.fit and snn.tasks.TASKS
assert not hasattr(snn, "no_such_package")
try:
    snn.Leaky
except AttributeError as error:
    assert 'from_library("snntorch.Leaky", n), and lif' in str(error), error
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_no_two_files_of_tests_share_a_name():
    """Files in folders without `__init__.py` are one module to pytest."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) > 100
    assert sorted(set(names)) == sorted(names)
