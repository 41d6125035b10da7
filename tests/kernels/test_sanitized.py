import subprocess

import pytest
from compiled_otherwise import check

from snnjax.kernels import build

SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -g"


@pytest.mark.slow
def test_the_kernels_touch_only_what_is_theirs(tmp_path):
    if build.compiler() is None:
        pytest.skip("no C++ compiler")
    first = " ".join(_library(name) for name in ("libasan.so", "libstdc++.so"))
    check(SANITIZE, tmp_path, 10_000, LD_PRELOAD=first, ASAN_OPTIONS="detect_leaks=0")


def _library(name):
    command = [build.compiler(), f"-print-file-name={name}"]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.strip()
