import os
import subprocess
import sys

import pytest

from snnjax.kernels import build

CODE = """
import sys
import pytest
from snnjax.kernels import build

sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")
build.FLAGS = (*build.FLAGS, *sanitize)
build.build()
assert not build.load()
"""
TESTS = """
options = "-q", "-n0", "-m", "slow or not slow", "-p", "no:cacheprovider"
sys.exit(pytest.main([*options, *sys.argv[1:]]))
"""
CALLS = """
sys.path.insert(0, sys.argv[1])
from random_calls import random_calls

taken, refused = random_calls(10_000)
print("random calls:", taken, "taken,", refused, "refused")
assert taken > 1000 and refused > 1000
"""


@pytest.mark.slow
def test_the_kernels_touch_only_what_is_theirs(tmp_path):
    if build.compiler() is None:
        pytest.skip("no C++ compiler")
    first = [_library(name) for name in ("libasan.so", "libstdc++.so")]
    settings = {
        "LD_PRELOAD": " ".join(first),
        "ASAN_OPTIONS": "detect_leaks=0",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    here = os.path.dirname(__file__)
    tests = [os.path.join(here, f"test_{name}.py") for name in ("arguments", "native")]
    variants = os.path.join(here, "..", "neurons", "test_variants.py")
    tests.append(f"{variants}::test_native_code_computes_the_same")
    tests.append(os.path.join(here, "test_other_shapes.py"))
    for part, arguments in ((CALLS, [here]), (TESTS, tests)):
        told = subprocess.run(
            [sys.executable, "-c", CODE + part, *arguments],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
        assert "skipped" not in told.stdout


def _library(name):
    command = [build.compiler(), f"-print-file-name={name}"]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.strip()
