"""Environments of other libraries, made from the dependency groups that name them.

Some need PyTorch, some a newer JAX, one neither; none is installed beside snnjax. They
lie in the user's cache, as those that speed is compared in.
``UV_TORCH_BACKEND=cpu`` in the environment saves gigabytes where PyTorch's own index
can be reached.
"""

import hashlib
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from benchmarks.report import tell
from benchmarks.speed.environments import environments, interpreter

ROOT = Path(__file__).parents[3]
GROUPS = {  # which libraries can be installed together
    "torch": ("snntorch", "norse", "spikingjelly", "sinabs"),
    "jax": ("spyx", "jaxpike", "sparx"),
    "nest": ("nest",),
}
PYTHON = "3.12"  # the oldest for all of them


def group_of(library):
    """The group that a library is installed with."""
    for group, libraries in GROUPS.items():
        if library in libraries:
            return group
    known = ", ".join(each for libraries in GROUPS.values() for each in libraries)
    raise ValueError(f"No environment for {library!r}; there are those of {known}.")


def folder(group):
    """Where an environment lies."""
    return environments() / f"libraries-{group}"


def stamp(group):
    """What an environment was made from."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    wanted = "\n".join([PYTHON, *groups[f"libraries-{group}"]])
    return hashlib.sha256(wanted.encode()).hexdigest()


def made(group):
    """The Python of an environment, or None if it is missing or out of date."""
    ready = folder(group) / "ready"
    whole = ready.exists() and ready.read_text() == stamp(group)
    return folder(group) / "bin" / "python" if whole else None


def make(group):
    """Makes an environment unless there is one, and gives its Python.

    Raises:
        RuntimeError: if there is no uv, or no Python that is new enough.
        subprocess.CalledProcessError: if the packages cannot be had.
    """
    if python := made(group):
        return python
    own = ROOT / ".tools" / "bin" / "uv"  # where ./run puts it
    uv = shutil.which("uv") or (own if own.exists() else None)
    base = interpreter(PYTHON)
    if uv is None or base is None:
        missing = "uv" if uv is None else f"Python {PYTHON}"
        raise RuntimeError(f"{missing} is needed to make the environments; install it.")
    tell(f"Making {folder(group)} (once; minutes) ...")
    python = folder(group) / "bin" / "python"
    wanted = ["--python", python, "--group", f"libraries-{group}"]
    for command in (
        [uv, "venv", "-q", "--clear", "--python", base, folder(group)],
        [uv, "pip", "install", "-q", *wanted],
    ):
        subprocess.run(command, cwd=ROOT, check=True)
    (folder(group) / "ready").write_text(stamp(group))
    return python


def outside():
    """The variables of this process without those that are meant for its own Python."""
    ours = ("PYTHON", "XLA_", "JAX_")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}


def record(python, library, into):
    """Runs the recorder of a library in its environment, into a folder."""
    command = [python, "-W", "ignore", "-m", "tests.interop.libraries.recorder"]
    done = subprocess.run(
        [*command, library, into],
        cwd=ROOT,
        env=outside(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The recorder of {library} failed:\n{done.stderr}")
