"""The script that awaits an accelerator runs to its end on a CPU, in small."""

import json
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from benchmarks.report import ROOT
from benchmarks.speed import accelerator
from benchmarks.speed.accelerator import Profile, Size, covered, off, read, summed
from snnjax.kernels import build

TINY = "W1/6/2/8", "W2/30/3/24"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What a run leaves."""
    folder = tmp_path_factory.mktemp("accelerator")
    out = folder / "kept.json"
    args = [*("--sizes", *TINY), "--repeats", "2", "--out", str(out)]
    accelerator.main([*args, "--profile", str(folder / "profile")])
    assert len([*folder.rglob("*.xplane.pb")]) == len(
        json.loads(out.read_text())["rows"]
    )
    return json.loads(out.read_text())


def test_each_side_takes_the_same_step_at_each_size(kept):
    sides = ["by hand", "by hand x8", "xla", *([] if build.load() else ["native"])]
    found = [(row["size"], row["side"]) for row in kept["rows"]]
    assert found == [(size, side) for size in TINY for side in sides]
    for row in kept["rows"]:
        first = next(r for r in kept["rows"] if r["size"] == row["size"])
        assert 0.01 < row["rate"] < 0.5
        assert row["rate"] == first["rate"]
        np.testing.assert_allclose(row["loss"], first["loss"], rtol=1e-5)
        assert row["off"] < 1e-5
        assert row["min_ms"] > 0.0
        assert row["kernels"] is None  # a CPU starts none


def test_options_choose_what_is_measured_and_where_it_is_kept(
    tmp_path, monkeypatch, capsys
):
    limits, out = [], tmp_path / "kept.json"
    monkeypatch.setattr(
        accelerator, "at_most", lambda m: limits.append(m) or nullcontext()
    )
    given = "--sizes", "W1/3/1/2", "--repeats", "1", "--out", str(out)
    profile = "--profile", str(tmp_path / "profile")
    for more in ((), ("--backends", "xla", *profile), profile):  # the folder is there
        accelerator.main([*given, *more])
        rows = json.loads(out.read_text())["rows"]
        sides = ["xla"] if "xla" in more else accelerator.here()
        assert [row["side"] for row in rows] == ["by hand", "by hand x8", *sides]
        assert {row["repeats"] for row in rows} == {1}
        kept = len([*tmp_path.rglob("*.xplane.pb")])
        assert bool(kept) == bool(more)
    accelerator.main([*given, "--minutes", "0"])
    assert "left out for want of time: W1/3/1/2" in capsys.readouterr().err
    assert limits == [8.0, 8.0, 8.0, 0.0]


def test_gradients_that_are_off_are_told():
    weights = accelerator.Weights(np.array([[1.0, -2.0]]), None, np.array([[4.0]]))
    other = weights._replace(w=np.array([[1.0, -1.0]]))
    assert off(weights, weights) == 0.0
    assert off(other, weights) == 0.5
    assert np.isnan(off(weights._replace(out=np.array([[np.nan]])), weights))


def test_kernels_of_a_device_are_counted_and_their_gaps_are_no_work():
    def line(name, *events):
        spans = [
            SimpleNamespace(name=n, start_ns=b, duration_ns=d) for n, b, d in events
        ]
        return SimpleNamespace(name=name, events=spans)

    lines = [
        line("Stream #1(Compute)", ("dot", 0.0, 2e6), ("add", 5e6, 1e6)),
        line("Stream #2(MemcpyD2D)", ("copy", 1e6, 2e6), ("add", 5e6, 1e6)),
        line("XLA Modules", ("step", 0.0, 9e6)),
    ]
    planes = [
        SimpleNamespace(name="/device:GPU:0", lines=lines),
        SimpleNamespace(name="/host:CPU", lines=lines),
    ]
    found = summed([*accelerator.kernels(planes)])
    assert found == Profile(4, 4.0, {"dot": 2.0, "add": 2.0, "copy": 2.0})
    assert accelerator.launches(found, 16.0)["launching"] == 0.75
    assert summed([]) is None
    assert covered([(4.0, 6.0), (0.0, 1.0), (5.0, 5.5), (6.0, 7.0)]) == 4.0


@pytest.mark.parametrize("text", ["W3/1/1/1", "W1/1/1", "W2/1/0/1", "W2/1/-1/1", "W1"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="a size is W1"):
        read(text)
    with pytest.raises(SystemExit):
        accelerator.main(["--sizes", text])


def test_a_size_for_which_there_is_no_time_is_left_out(tmp_path, capsys):
    given = {"repeats": 1, "out": tmp_path / "kept.json", "profiles": tmp_path}
    assert accelerator.run([Size("W1", 1, 1, 1)], ["xla"], minutes=0.0, **given) == []
    assert "left out for want of time: W1/1/1/1" in capsys.readouterr().err
    assert not given["out"].exists()


def test_the_process_ends_when_the_minutes_are_over():
    code = (
        "import time\n"
        "from benchmarks.speed.accelerator import at_most\n"
        "with at_most(1e-3):\n"
        "    time.sleep(600)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "0.001 minutes are over" in done.stderr


def test_the_backends_are_those_of_the_device(monkeypatch):
    assert ("native" in accelerator.here()) == (not build.load())
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert accelerator.here() == ["xla"]
