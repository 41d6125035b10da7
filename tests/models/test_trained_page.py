"""The page on trained networks runs as it stands, and says what is true."""

import re
from pathlib import Path

import numpy as np

import snnjax as snn

PAGE = Path(__file__).parents[2] / "docs/how-to/trained-models.md"


def test_the_page_runs_and_its_numbers_are_those_of_the_card(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    codes = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(codes) == 5
    scope = {}
    for code in codes:
        exec(code, scope)
    card = scope["card"]
    close = {"rtol": 0, "atol": 3 / card.samples["test"]}
    np.testing.assert_allclose(scope["right"], card.test_accuracy, **close)
    told = scope["told"]
    assert len(told) == card.steps
    best = np.argmax(scope["read"](scope["one"])[0])
    assert told[-1] == card.classes[best] == str(scope["digits"].labels[0])
    assert all(0.0 < each < 0.3 for each in scope["losses"])
    found = snn.load("mine.safetensors")
    assert found.notes["dt"] == card.dt
    read = snn.models.scores(found.notes, scope["ys"]["out"])
    _, ys = snn.unroll(found.network, found.weights, scope["spikes"], dt=card.dt)
    np.testing.assert_array_equal(read, snn.models.scores(card, ys["out"]))
    moved = found.weights["out"][0].w - scope["weights"]["out"][0].w
    assert 0.0 < np.abs(moved).max() < 1e-3
