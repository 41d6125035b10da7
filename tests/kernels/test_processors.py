"""Native code on other processors than this one."""

import platform
import shutil

import numpy as np
import plain_calls
import pytest
from compiled_otherwise import check
from test_arguments import calls

from snnjax.kernels import build

ARM = "aarch64-linux-gnu-g++"


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["-march=x86-64-v3", "-march=x86-64"])
def test_the_kernels_pass_their_tests_with_avx2_and_without(flags, tmp_path):
    if build.compiler() is None or platform.machine() != "x86_64":
        pytest.skip("no C++ compiler for x86-64")
    check(flags, tmp_path, 1000)


def likely(arguments, rng):
    """Spikes, weights and constants as a layer has them."""
    return {name: _values(name, x, rng) for name, x in arguments.items()}


def _values(name, x, rng):
    if x.dtype.kind != "f":
        return rng.integers(0, 3, x.shape).astype(x.dtype)
    if name in ("x", "s", "spikes"):
        return (rng.random(x.shape) < 0.2).astype(x.dtype)
    return rng.uniform(0.1, 0.9, x.shape).astype(x.dtype)


def drawn_calls(count, seed=0):
    """Calls of every target with sizes around those of a vector."""
    rng, drawn = np.random.default_rng(seed), []
    while len(drawn) < count:
        table = calls(*rng.choice((1, 2, 3, 17, 50), 4))
        for target, (arguments, results, attributes) in table.items():
            sides = likely(arguments, rng), likely(results, rng)
            drawn.append((target, *sides, attributes))
    return drawn


@pytest.mark.slow
def test_an_arm_processor_computes_what_this_one_does(tmp_path):
    tools = build.compiler(), *map(shutil.which, (ARM, "qemu-aarch64"))
    if None in tools:
        pytest.skip(f"needs a C++ compiler, {ARM} and qemu-aarch64")
    here, there, emulator = tools
    native = plain_calls.compiled(here, tmp_path / "here", "-march=native")
    other = plain_calls.compiled(there, tmp_path / "there")
    asked = drawn_calls(400)
    found = plain_calls.run([native], asked)
    arm = plain_calls.run([emulator, "-L", "/usr/aarch64-linux-gnu", other], asked)
    taken = 0
    for (target, *_), (complaint, ours), (same, theirs) in zip(
        asked, found, arm, strict=True
    ):
        assert complaint == same
        taken += not complaint
        for name, x in ours.items():
            np.testing.assert_allclose(
                x, theirs[name], rtol=1e-4, atol=1e-5, err_msg=f"{target} {name}"
            )
    assert taken > 200
