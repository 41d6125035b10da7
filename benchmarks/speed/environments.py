"""Each rival is installed once, into an environment of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.report import tell
from snnjax.files import cache_folder

OURS = ("snnjax-native-triangle", "snnjax-native", "snnjax-xla")
PACKAGES = {
    "sparx": ("3.12", ["sparxml==0.1.1"]),
    "spyx": ("3.11", ["spyx==1.0.0"]),
    "jaxpike": ("3.11", ["jaxpike==0.1.4"]),
    "norse": ("3.11", ["torch", "norse==1.1.0"]),
    "snntorch": ("3.11", ["torch", "numpy", "snntorch==1.0.0"]),
    "spikingjelly": ("3.11", ["torch", "spikingjelly==2.0.0"]),
    "sinabs": ("3.11", ["torch", "sinabs==3.1.3"]),
}
SIMULATORS = {  # of networks that are not trained
    "nest": ("3.11", ["nest-simulator==3.10.0"]),
    "brian2": ("3.11", ["brian2==2.9.0", "numpy<2", "setuptools<80", "cython"]),
}


def environments() -> Path:
    return cache_folder() / "rivals"


def interpreter(version: str) -> str | None:
    """A Python of at least this version that starts, also one of pyenv's."""
    least = tuple(map(int, version.split(".")))
    named = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    others = sorted(map(str, pyenv.glob("versions/3.*/bin/python")))
    code = f"import sys; sys.exit(sys.version_info < {least})"
    for found in (*map(shutil.which, named), *others):
        if found is None:
            continue
        done = subprocess.run([found, "-c", code], capture_output=True, check=False)
        if not done.returncode:
            return found
    return None


def python_of(side: str) -> str | None:
    """The interpreter of a side's environment, made if need be, or None."""
    if side in OURS:
        return sys.executable
    folder = environments() / side
    python, ready = folder / "bin" / "python", folder / "ready"
    version, packages = (PACKAGES | SIMULATORS)[side]
    if ready.exists() and ready.read_text(encoding="utf-8") == repr(packages):
        return str(python)
    base = interpreter(version)
    if base is None:
        tell(f"     {side}: needs Python {version}; left out")
        return None
    tell(f"     {side}: installing {' '.join(packages)} ...")
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for command in ([base, "-m", "venv", "--clear", str(folder)], [*pip, *packages]):
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False
        )
        if done.returncode:
            tell(f"     {side}: {done.stderr.strip().splitlines()[-1:]}; left out")
            return None
    ready.write_text(repr(packages), encoding="utf-8")
    return str(python)
