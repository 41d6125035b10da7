"""A criterion says its bound, and its verdict follows from it."""

import numpy as np
import pytest

from benchmarks.criterion import (
    above,
    at_least,
    at_most,
    below,
    between,
    equal,
    growing,
    near,
)


@pytest.mark.parametrize(
    ("make", "bound", "text", "holds"),
    [
        (at_least, [2], ">= 2", [False, True, True]),
        (at_most, [2], "<= 2", [True, True, False]),
        (above, [2], "> 2", [False, False, True]),
        (below, [2], "< 2", [True, False, False]),
        (equal, [2], "== 2", [False, True, False]),
        (near, [2.5, 0.5], "2.5 ± 0.5", [False, True, True]),
        (between, [1.5, 2], "in [1.5, 2]", [False, True, False]),
    ],
)
def test_a_bound_is_said_and_kept_to(make, bound, text, holds):
    made = [make("name", value, *bound) for value in (1, 2, 3)]
    assert [criterion.text for criterion in made] == [text] * 3
    assert [criterion.holds for criterion in made] == holds


def test_what_must_grow_may_not_stand_still():
    assert growing("name", [1, 2, 4], "β").holds
    assert not growing("name", [1, 2, 2], "β").holds
    assert growing("name", [1, 2], "β").text == "grows with β"


def test_a_value_is_judged_as_measured_and_rounded_only_to_be_shown():
    criterion = at_most("name", 3.0004, 3)
    assert not criterion.holds
    assert criterion.row() == {
        "name": "name",
        "value": 3.0,
        "bound": "<= 3",
        "holds": False,
    }


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (np.float32(0.12345), 3, 0.123),
        (np.int64(7), 2, 7),
        (1.2345e-14, None, 1.2e-14),
        (0.0, None, 0.0),
    ],
)
def test_values_are_shown_as_plain_numbers(value, digits, shown):
    assert at_least("name", value, 0, digits).row()["value"] == shown
    values = growing("name", np.array([value]), "β", digits)
    assert values.row()["value"] == [shown]


@pytest.mark.parametrize(
    ("bound", "text"), [(1 / 3, "0.333"), (1e-9, "1e-9"), (240, "240"), (0.05, "0.05")]
)
def test_bounds_are_written_as_a_person_would(bound, text):
    assert at_least("name", 1, bound).text == f">= {text}"
