"""The tests of native code, run in a process that compiles it with other flags."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TESTS = (
    *("test_arguments.py", "test_convolve.py", "test_native.py"),
    *("test_integrator.py", "test_moved.py", "test_other_shapes.py"),
    *("test_side_by_side.py", "test_handed_on.py"),
    "../neurons/test_variants.py::test_native_code_computes_the_same",
    "../neurons/test_adaptive_layer.py::test_native_code_computes_the_same",
)
RUN = """
import sys
import pytest
from snnjax.kernels import build

build.build()
assert not build.load()
options = "-q", "-n0", "-m", "slow or not slow", "-p", "no:cacheprovider"
sys.exit(pytest.main([*options, *sys.argv[1:]]))
"""
CALLS = """
import sys
from snnjax.kernels import build

build.build()
assert not build.load()
sys.path.insert(0, sys.argv[1])
from random_calls import random_calls

count = int(sys.argv[2])
taken, refused = random_calls(count)
print("random calls:", taken, "taken,", refused, "refused")
assert min(taken, refused) > count / 10
"""


def check(flags: str, cache: Path, count: int, **variables: str) -> None:
    """Compiles, makes random calls, runs the tests; none may fail or be left out."""
    settings = {"SNNJAX_CXXFLAGS": flags, "XDG_CACHE_HOME": str(cache), **variables}
    named = [f"{HERE}/{name}" for name in TESTS]
    for code, arguments in ((CALLS, (str(HERE), str(count))), (RUN, named)):
        told = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
        assert "skipped" not in told.stdout
