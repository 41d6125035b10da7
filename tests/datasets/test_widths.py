import pytest

from snnjax.datasets.widths import odd_widths

LENGTHS = 20, 25, 30, 35


def called(*shapes):
    return {f"{k}.npy": shape for k, shape in enumerate(shapes)}


@pytest.mark.parametrize(
    "shapes", [[], [(20, 6)], [(t, 6) for t in LENGTHS], [(6, 6), (6, 6)]]
)
def test_arrays_of_one_number_of_channels_are_fine(shapes):
    assert odd_widths(called(*shapes)) == ()


def test_one_of_many_that_lies_on_its_side_is_named():
    (told,) = odd_widths(called(*((t, 6) for t in LENGTHS), (6, 20)))
    assert told.startswith(
        "4.npy is [6, 20], 6 steps of 20 channels, where 4 of 5 have 6"
    )
    assert "looks like [n, T]" in told


def test_of_two_one_is_named():
    (told,) = odd_widths(called((20, 6), (6, 20)))
    assert told.startswith("1.npy is [6, 20]")
    assert "looks like [n, T]" in told


def test_another_number_of_channels_is_no_array_on_its_side():
    told = odd_widths(called((20, 6), (20, 6), (20, 6), (20, 5), (6, 5)))
    assert [each.split()[0] for each in told] == ["3.npy", "4.npy"]
    assert "looks like" not in told[0]
    assert "looks like" in told[1]


def test_channels_of_several_lengths_lie_on_their_side_all_together():
    (told,) = odd_widths(called(*((6, t) for t in LENGTHS)))
    assert told.startswith("All 4 arrays have 6 rows, and 20 to 35 columns")
    assert "[n, T], 6 channels of several lengths" in told


def test_a_known_number_of_channels_needs_no_others():
    assert odd_widths(called((20, 6)), 6) == ()
    (told,) = odd_widths(called((6, 20)), 6)
    assert "where 6 are read. It looks like [n, T]" in told
    (told,) = odd_widths(called((20, 5)), 6)
    assert told == "0.npy is [20, 5], 20 steps of 5 channels, where 6 are read."
