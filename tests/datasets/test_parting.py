import numpy as np
import pytest

from snnjax.datasets import part_samples

pytest.importorskip("sklearn")
RNG = np.random.default_rng(0)
LABELS, GROUP = RNG.integers(0, 4, 200), RNG.integers(0, 12, 200)


def shares(parts, labels=LABELS):
    assert sorted(np.concatenate([*parts.values()])) == list(range(len(labels)))
    return {name: np.bincount(labels[rows]) / len(rows) for name, rows in parts.items()}


def test_classes_are_alike_in_all_parts():
    parts = part_samples(LABELS)
    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 139,
        "validation": 31,
        "test": 30,
    }
    for each in shares(parts).values():
        np.testing.assert_allclose(each, np.bincount(LABELS) / 200, atol=0.04)
    again, other = part_samples(LABELS), part_samples(LABELS, seed=1)
    np.testing.assert_array_equal(parts["test"], again["test"])
    assert set(parts["test"]) != set(other["test"])


def test_a_group_comes_into_one_part():
    parts = part_samples(LABELS, GROUP)
    shares(parts)
    whose = [set(GROUP[rows]) for rows in parts.values()]
    assert sum(map(len, whose)) == 12
    assert min(map(len, whose)) >= 1
    assert max(len(parts["validation"]), len(parts["test"])) < 60


def test_an_unknown_group_is_one_of_its_own():
    group = np.where(np.arange(200) < 100, GROUP, -1)
    parts = part_samples(LABELS, group)
    shares(parts)
    known = [set(group[rows]) - {-1} for rows in parts.values()]
    assert sum(map(len, known)) == 12
    assert all(-1 in group[rows] for rows in parts.values())


def test_settled_parts_stay_and_some_that_train_validate():
    given = np.where(np.arange(200) < 150, "train", "test")
    parts = part_samples(LABELS, None, given)
    np.testing.assert_array_equal(parts["test"], np.arange(150, 200))
    assert len(parts["validation"]) == 23
    shares(parts)
    given[:10] = "validatio"  # cut by numpy
    given = given.tolist()
    given[:10] = ["validation"] * 10
    parts = part_samples(LABELS, None, given)
    np.testing.assert_array_equal(parts["validation"], np.arange(10))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"labels": np.array([0, 0, 1])}, "class 1 has 1. Each class needs three"),
        ({"group": np.zeros(200, int)}, "too few groups to part, 1"),
        ({"group": np.zeros(3, int)}, "group must have 200 entries, got 3"),
        ({"given": ["train"] * 200}, "there are 200 train"),
        ({"given": [""] * 199 + ["test"]}, "of 200 there are 1 test"),
        ({"given": ["train", "test"] * 100, "group": GROUP}, "share a group"),
        ({"labels": GROUP, "group": GROUP}, "has no sample to train on"),
        ({"shares": (0.0, 0.1)}, "shares"),
    ],
)
def test_what_cannot_be_parted_is_refused(given, reason):
    with pytest.raises(ValueError, match=reason):
        part_samples(**({"labels": LABELS} | given))
