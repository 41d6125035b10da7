"""What the README and the project's files promise is true."""

import ast
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import snnjax

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()


DEVICES = "cuda12", "cuda13", "tpu"  # jax itself, for other devices
BINARY = ".png", ".lock", ".npz", ".nir", ".safetensors"


def tracked_text():
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [ROOT / n for n in names if not n.endswith(BINARY)]


def name_of(requirement):
    return re.match(r"[\w-]+", requirement)[0].lower()


def packed(kind, folder):
    """Names of what is in a wheel or a source archive, below what it unpacks to."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (made,) = folder.iterdir()
    if kind == "wheel":
        return {*zipfile.ZipFile(made).namelist()}
    with tarfile.open(made) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.mark.walks
def test_a_wheel_holds_the_package_and_an_archive_everything(tmp_path):
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    known = {name for name in tracked if name and (ROOT / name).exists()}
    package = {name for name in known if name.startswith("snnjax/")}
    for end in (".py", ".cc", ".h", ".safetensors", "py.typed"):
        assert any(name.endswith(end) for name in package), end
    assert package <= packed("wheel", tmp_path / "wheel")
    assert known <= packed("sdist", tmp_path / "sdist")


def test_versions_are_one():
    citation = (ROOT / "CITATION.cff").read_text()
    assert PROJECT["project"]["version"] == snnjax.__version__
    assert metadata.version("snnjax") == snnjax.__version__
    assert re.search(rf'^version: "?{snnjax.__version__}"?$', citation, re.M)
    assert f"## {snnjax.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_lock_holds_every_requirement_with_a_hash():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.M))
    wanted = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    assert {name_of(w) for w in wanted} <= pinned.keys()
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "file://" not in lock
    assert "index-url" not in lock


def test_what_is_installed_is_what_is_locked():
    lock = (ROOT / "requirements.lock").read_text()
    for name in ("jax", "jaxlib", "optax", "flax", "numpy"):
        locked = re.search(rf"^{name}==([^\s;]+)", lock, re.M)[1]
        assert metadata.version(name) == locked


def test_everything_optional_is_in_the_dev_group():
    extras = PROJECT["project"]["optional-dependencies"]
    some = {k: rs for k, rs in extras.items() if k not in ("all", "evt3", *DEVICES)}
    optional = {name_of(r) for rs in some.values() for r in rs}
    assert optional <= {name_of(r) for r in PROJECT["dependency-groups"]["dev"]}
    # of few systems, so that an environment for tests could not be had on others
    readers = {name_of(r) for r in PROJECT["dependency-groups"]["readers"]}
    assert {name_of(r) for r in extras["evt3"]} <= readers


def imported(path):
    """Distributions that a module imports, at any place, beside Python's own."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        else:
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
        for name in (each.split(".")[0] for each in names):
            if name != "snnjax" and name not in sys.stdlib_module_names:
                yield {
                    "sklearn": "scikit-learn",
                    "orbax": "orbax-checkpoint",
                    "PIL": "pillow",
                }.get(name, name)


def test_whatever_is_imported_is_declared_and_what_is_missing_is_told():
    core = {name_of(each) for each in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"]
    for path in (ROOT / "snnjax").rglob("*.py"):
        text = path.read_text()
        if path.name == "drawings.py":  # draws on a figure of snnjax.plot
            text += (ROOT / "snnjax" / "plot" / "page.py").read_text()
        told = {*re.findall(r'pip install "snnjax\[(\w+)\]"', text)}
        offered = {name_of(each) for extra in told for each in extras[extra]}
        assert {*imported(path)} <= core | offered, path


def test_an_extra_brings_only_what_is_imported():
    extras = PROJECT["project"]["optional-dependencies"]
    words = {
        name for path in (ROOT / "snnjax").rglob("*.py") for name in imported(path)
    }
    for path in (ROOT / "snnjax").rglob("*.py"):  # by name, or in a process apart
        words |= {*re.findall(r'(?:import_module\(|package=)"(\w+)"', path.read_text())}
    known = {name.replace("_", "-") for name in words}
    for extra, requirements in extras.items():
        if extra not in ("all", "notebooks"):  # those open notebooks, from outside
            brought = {name_of(each) for each in requirements}
            assert brought <= known, f"{extra}: {brought - known} is imported nowhere"


def test_extras_of_other_devices_are_those_that_jax_offers():
    extras = PROJECT["project"]["optional-dependencies"]
    offered = metadata.metadata("jax").get_all("Provides-Extra")
    (core,) = (r for r in PROJECT["project"]["dependencies"] if name_of(r) == "jax")
    for extra in DEVICES:
        assert extras[extra] == [core.replace("jax", f"jax[{extra}]")]
        assert extra in offered


def test_types_are_declared():
    assert (ROOT / "snnjax" / "py.typed").exists()


def test_the_gate_runs_the_test_command_of_the_readme():
    assert "./run test " in README
    assert "./run test\n" in (ROOT / ".ci" / "run").read_text()


def test_the_example_in_the_readme_works(tmp_path, capsys):
    training, own = re.findall(r"```python\n(.*?)```", README, re.S)
    (tmp_path / "example.py").write_text(training)
    runpy.run_path(str(tmp_path / "example.py"))
    assert float(capsys.readouterr().out.split()[-1]) < 0.5
    (tmp_path / "own.py").write_text(own)
    assert runpy.run_path(str(tmp_path / "own.py"))["voltages"].shape == (100, 8, 2)


def test_no_file_names_a_path_of_one_machine():
    local = re.compile(r"/(?:home|Users|work|root)/\w")
    assert not [path for path in tracked_text() if local.search(path.read_text())]


def test_links_of_the_readme_lead_somewhere():
    for name in re.findall(r"[\w/-]+\.(?:png|md|cff)\b", README):
        assert (ROOT / name).exists() or name in ("report.png", "sweep.png"), name


def test_the_command_is_installed():
    found = subprocess.run(
        [sys.executable, "-m", "snnjax", "info"], capture_output=True, text=True
    )
    assert found.returncode == 0
    assert f"jax            {metadata.version('jax')}" in found.stdout
