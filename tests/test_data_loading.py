import json

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.fuzz import readers
from benchmarks.speed import data_loading, sounds
from benchmarks.tables import CLAIMS

TINY = data_loading.Size(steps=20, batch=4, hidden=8, samples=16, batches=3, repeats=1)


def test_every_side_of_a_tiny_loading_is_timed_and_judged():
    rows = data_loading.measure(TINY, jnp.uint8)
    assert rows[0]["side"] == "step alone"
    assert {row["side"] for row in rows[1:]} == {*data_loading.ALONE, *data_loading.FED}
    assert all(row["median_ms"] > 0 for row in rows)
    assert rows[0]["to_step"] == 1
    told = data_loading.criteria(rows)
    assert [c.value for c in told] == [row["to_step"] for row in rows[1:]]


@pytest.mark.parametrize(
    ("side", "ratio", "holds"),
    [
        ("file alone", 0.99, True),
        ("file alone", 1.0, False),
        ("step fed from file", 1.1, True),
        ("step fed from file", 1.11, False),
    ],
)
def test_a_loader_that_limits_the_step_is_told(side, ratio, holds):
    row = {"side": side, "raster": "uint8", "to_step": ratio}
    assert [c.holds for c in data_loading.criteria([row])] == [holds]


def test_recordings_fire_as_often_as_they_should():
    events = data_loading.recordings(TINY._replace(samples=50))
    rate = len(events.times) / (50 * data_loading.UNITS * TINY.steps * data_loading.DT)
    np.testing.assert_allclose(rate, data_loading.RATE, rtol=0.02)


def test_fuzzed_formats_are_kept_beside_each_other(tmp_path):
    path = tmp_path / "fuzz.json"
    for name, inputs in (("wav", 5), ("idx", 7), ("wav", 9)):
        row = readers.fuzz(name, inputs=inputs, seconds=60)
        readers.keep(row, path)
    rows = json.loads(path.read_text())
    assert [(k, row["inputs"]) for k, row in rows.items()] == [("idx", 7), ("wav", 9)]
    assert "at least 7 inputs each" in readers.sentence(rows)


def test_folders_of_sounds_are_read_alike_on_both_sides(tmp_path):
    pytest.importorskip("soundfile")
    tiny = sounds.Folder("digits", 3, 0.01, 8000)
    for suffix in sounds.FORMATS:
        row = sounds.compare(tiny, suffix, tmp_path, 1)
        assert (row["files"], row["suffix"]) == (3, suffix)
        assert row["ours_ms"] > 0
        assert row["ratio"] == round(row["soundfile_ms"] / row["ours_ms"], 2)


@pytest.mark.parametrize("told", [data_loading, readers, sounds])
def test_the_page_says_what_the_results_say(told):
    name = told.__name__.split(".")[-1].replace("readers", "fuzz")
    kept = json.loads((data_loading.RESULTS / f"{name}.json").read_text())
    page = " ".join(CLAIMS.read_text().split())
    assert told.sentence(kept) in page
