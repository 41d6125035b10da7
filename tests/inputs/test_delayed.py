from itertools import product

import jax
import numpy as np
import pytest

from snnjax.inputs import evidence, evidence_error, store_recall

KEY, DT = jax.random.key(5), 1e-3
SHORT = {"cue": 20e-3, "gap": 10e-3, "delay": 40e-3, "recall": 15e-3, "per_group": 5}


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_labels_of_evidence_are_the_side_of_most_cues(share):
    trials = evidence(KEY, batch=300, cues=3, weak=share, rate=800.0, dt=DT, **SHORT)
    steps = 3 * 30 + 40 + 15
    assert trials.xs.shape == (steps, 300, 20)
    by_group = np.asarray(trials.xs).reshape(steps, 300, 4, 5).mean(axis=-1)
    left, right, asked, noise = np.moveaxis(by_group, -1, 0)
    cue = np.stack([slice_.mean(axis=0) for slice_ in np.split(right[:90], 3)])
    np.testing.assert_array_equal((cue > 0).sum(axis=0) > 1, trials.labels == 1)
    at_once = np.stack(
        [(x[:90].reshape(3, 30, -1) > 0).any(axis=1) for x in (left, right)]
    )
    assert np.all(at_once.sum(axis=0) == 1)
    assert not left[90:].any()
    assert not left[:90].reshape(3, 30, -1)[:, 20:].any()
    assert not asked[:-15].any()
    assert asked[-15:].mean() == pytest.approx(0.8, abs=0.02)
    assert noise.mean() == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(trials.mask.sum(axis=0), 15)
    assert trials.mask[-15:].all()
    assert np.mean(trials.labels) == pytest.approx(0.5, abs=0.1)
    mixed = ((cue > 0).sum(axis=0) % 3 > 0).mean()
    assert mixed == pytest.approx(3 * share * (1 - share), abs=0.09)


@pytest.mark.parametrize(("cues", "share"), [(1, 0.3), (3, 0.3), (5, 0.1)])
def test_errors_of_evidence_are_counted_out_over_all_trials(cues, share):
    for seen in range(cues + 1):
        chance = {}
        for strong, *shown in product((0, 1), repeat=cues + 1):
            p = 1 - share if strong else share
            ones = sum(shown)
            weight = 0.5 * p**ones * (1 - p) ** (cues - ones)
            at = tuple(shown[:seen])
            chance.setdefault(at, [0.0, 0.0])[ones > cues // 2] += weight
        wrong = sum(min(both) for both in chance.values())
        found = evidence_error(cues, share, seen=seen)
        assert found == pytest.approx(wrong, abs=1e-12)
    assert evidence_error(cues, share) == pytest.approx(0.5)
    assert found == 0.0


def test_what_is_recalled_was_stored_and_nothing_else_tells_it():
    trials = store_recall(
        KEY, batch=400, periods=5, period=20e-3, per_group=4, rate=900.0, dt=DT
    )
    active = np.asarray(trials.xs).reshape(5, 20, 400, 4, 4).any(axis=(1, 4))
    zero, one, store, recall = np.moveaxis(active, -1, 0)
    at, asked = store.argmax(axis=0), recall.argmax(axis=0)
    assert np.all(store.sum(axis=0) == 1)
    assert np.all(recall.sum(axis=0) == 1)
    assert np.all(asked > at)
    assert {*(asked - at)} == {1, 2, 3, 4}
    np.testing.assert_array_equal(one[at, np.arange(400)], trials.labels == 1)
    np.testing.assert_array_equal(zero ^ one, ~recall)
    mask = np.asarray(trials.mask).reshape(5, 20, 400)
    np.testing.assert_array_equal(mask, np.broadcast_to(recall[:, None], mask.shape))
    others = (one & ~store & ~recall).sum(axis=0) / (4 - 1)
    assert np.mean(others[trials.labels == 1]) == pytest.approx(0.5, abs=0.07)
    assert np.mean(trials.labels) == pytest.approx(0.5, abs=0.08)


def test_trials_that_have_no_answer_are_refused():
    for options, message in (
        ({"cues": 4}, "cues must be odd"),
        ({"weak": 0.6}, "weak must be"),
        ({"cue": 1e-4}, "cue must be 1 to"),
        ({"delay": -1.0}, "delay"),
    ):
        with pytest.raises(ValueError, match=message):
            evidence(KEY, batch=2, dt=DT, **options)
    with pytest.raises(ValueError, match="at most the cues"):
        evidence_error(3, 0.3, seen=4)
    with pytest.raises(ValueError, match="periods must be at least 2"):
        store_recall(KEY, batch=2, periods=1, dt=DT)
