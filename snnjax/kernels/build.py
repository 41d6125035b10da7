"""Compiles the native kernels on the user's machine, and loads them.

The library is kept in the user's cache under a name made from everything that it
depends on: source, flags, jaxlib, processor. What was built for another machine is not
found. It is compared with its digest, owner and mode before it is loaded.

The environment variable ``SNNJAX_CXXFLAGS`` adds flags, where the library is compiled
and where it is looked for: ``-march=x86-64-v3`` is for any processor with AVX2.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import jax

from snnjax import files
from snnjax.kernels import trust

SOURCE = Path(__file__).with_name("kernels.cc")
FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-DNDEBUG"),
    *("-fno-math-errno", "-fno-trapping-math"),
)
TARGETS = (
    *("snnjax_project", "snnjax_outer", "snnjax_forward", "snnjax_backward"),
    *("snnjax_convolve", "snnjax_convolve_inputs", "snnjax_convolve_weights"),
    *("snnjax_convolve_back", "snnjax_convolve_marks", "snnjax_project_marks"),
    *("snnjax_integrate", "snnjax_integrate_back", "snnjax_integrate_constants"),
    *("snnjax_adapt", "snnjax_adapt_back", "snnjax_moved_back"),
)


class BuildError(OSError):
    """The kernels could not be compiled; everything works without them."""


def compiler() -> str | None:
    """The C++ compiler: ``$CXX``, else the first of c++, g++ and clang++."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    return next((found for n in names if n and (found := shutil.which(n))), None)


def flags() -> tuple[str, ...]:
    """What the compiler is told: ``FLAGS``, then ``$SNNJAX_CXXFLAGS``."""
    return *FLAGS, *shlex.split(os.environ.get("SNNJAX_CXXFLAGS", ""))


def library() -> Path:
    """Where the library for this machine belongs, whether or not it is there."""
    sources = SOURCE, *sorted(SOURCE.parent.glob("*.h"))
    text = "\0".join(each.read_text(encoding="utf-8") for each in sources)
    parts = text, repr(flags()), metadata.version("jaxlib"), _processor()
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return files.cache_folder() / f"kernels-{key}.so"


def build(*, force: bool = False) -> Path:
    """Compiles the kernels, unless this compiler has done so already.

    What is there is compiled anew if anybody else could have changed it, see ``trust``.

    Of several at once one compiles; the others wait and take what it made.

    Args:
        force: compile again in any case.

    Returns:
        The library.

    Raises:
        BuildError: without a compiler, or with what the compiler said.
    """
    tool = compiler()
    if tool is None:
        raise BuildError(
            "No C++ compiler was found ($CXX, c++, g++, clang++). Install one "
            "(Debian: apt install g++) and run: snnjax kernels build"
        )
    path, begun = library(), time.time()
    version = _say([tool, "--version"]).stdout.partition("\n")[0]
    with files.lock(path, waiting=_tell):
        made_meanwhile = path.exists() and path.stat().st_mtime > begun
        if not (_made_by(path, version) and (made_meanwhile or not force)):
            _compile(tool, version, path)
    load.cache_clear()
    return path


def _made_by(path, version):
    """Whether a library is there that this compiler made, and nobody else changed."""
    return not trust.doubt(path) and trust.noted(path).get("compiler") == version


def _compile(tool, version, path):
    with files.atomic(path) as new:
        include = f"-I{jax.ffi.include_dir()}"
        done = _say([tool, *flags(), include, str(SOURCE), "-o", str(new)])
        if done.returncode:
            raise BuildError(f"{tool} could not compile {SOURCE}:\n{done.stderr}")
        new.chmod(0o700)
    trust.vouch(path, compiler=version, flags=flags())


def _tell(waiting):
    print(waiting, file=sys.stderr)


@functools.cache
def load() -> str:
    """Makes the library known to XLA; says why not if it cannot, else nothing."""
    path = library()
    if not path.exists():
        return "no library was built for this machine; run: snnjax kernels build"
    if why := trust.doubt(path):
        return f"{why}; run: snnjax kernels build"
    try:
        handle = ctypes.CDLL(str(path))
    except OSError as error:
        return f"{error}; run: snnjax kernels build --force"
    for name in TARGETS:
        target = jax.ffi.pycapsule(getattr(handle, name))
        jax.ffi.register_ffi_target(name, target, platform="cpu")
    return ""


def _processor():
    """What ``-march=native`` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    told = sorted(
        {k for k in lines if k.startswith(("flags", "Features", "model name"))}
    )
    return f"{platform.machine()} {platform.processor()} {' '.join(told)}"


def _say(command):
    return subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", errors="replace"
    )
