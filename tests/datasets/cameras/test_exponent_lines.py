from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest

from snnjax.datasets import DataError, read_event_text
from snnjax.datasets.cameras.exponent_lines import exponent_columns


def rows_of(rng, n):
    t = rng.integers(0, 10**12, n) / 10.0 ** rng.integers(3, 15, n)
    return np.stack([t, *(rng.integers(0, m, n) for m in (2**16, 480, 2))], axis=1)


def text(table, form="%.18e", delimiter=" ", newline="\n"):
    lines = [delimiter.join(form % number for number in row) for row in table.tolist()]
    return newline.join([*lines, ""]).encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [" ", "\t", ",", ";"])
@pytest.mark.parametrize(("digits", "decimals"), [(18, 6), (17, 3), (16, 0)])
def test_numbers_are_what_decimal_arithmetic_makes_of_them(
    digits, decimals, delimiter, newline, rng
):
    table = rows_of(rng, 300)
    raw = text(table, f"%.{digits}e", delimiter, newline)
    sign = delimiter if delimiter in ",;" else ""
    t, *others = exponent_columns(raw, sign, (0, 1, 2, 3), decimals)
    words = [line.split(delimiter)[0] for line in raw.decode().splitlines()]
    scaled = [Decimal(word).scaleb(decimals) for word in words]
    assert t.tolist() == [int(d.to_integral_value(ROUND_HALF_EVEN)) for d in scaled]
    for column, true in zip(others, table[:, 1:].T, strict=True):
        np.testing.assert_array_equal(column, true)


def test_halves_are_rounded_to_even_and_small_ones_to_nothing():
    words = [("5", -7), ("1.5", -6), ("2.5", -6), ("2.6", -6), ("9", -99), ("0", 0)]
    lines = [
        f"{word[0]}.{word[2:]:0<18}e{power:+03} "
        + " ".join(3 * ["1." + 18 * "0" + "e+00"])
        for word, power in words
    ]
    raw = "\n".join([*lines, ""]).encode()
    t, *_ = exponent_columns(raw, "", (0, 1, 2, 3), 6)
    assert t.tolist() == [0, 2, 2, 3, 0, 0]


def test_any_order_of_columns_is_read_from_a_file_as_savetxt_writes_it(tmp_path, rng):
    table = rows_of(rng, 5000)
    table[:, 0] = np.sort(rng.integers(0, 10**9, 5000)) / 1e6
    for names, order in (("t x y p", [0, 1, 2, 3]), ("p y t x", [3, 2, 0, 1])):
        np.savetxt(tmp_path / "a.txt", table[:, order])
        found = read_event_text(tmp_path / "a.txt", columns=names, unit="s")
        np.testing.assert_array_equal(found.t, np.rint(table[:, 0] * 1e6))
        for column, true in zip(found[1:4], table[:, 1:].T, strict=True):
            np.testing.assert_array_equal(column, true)


@pytest.mark.parametrize(
    "change",
    [
        (b".", b","),
        (b" ", b"1"),
        (b"e", b"E"),
        (b"e", b"1"),
        (b"+00", b"+0x"),
        (b"+00", b"*00"),
        (b"+00", b"-01"),
        (b"+00", b"+05"),
        (b"+00", b"+18"),
        (b"00000e", b"00001e"),
        (b"0000", b"00/0"),
        (b"0000", b"00:0"),
        (b"0000", b"00\xf00"),
        (b"1.", b":."),
        (b"\n", b"\n\n"),
    ],
)
def test_other_lines_are_left_to_what_reads_any_number(change):
    raw = text(np.ones((40, 4)))
    assert exponent_columns(raw, "", (0, 1, 2, 3), 6) is not None
    left = 0
    for begin in (2000, 2025, 2075):  # numbers of line 20
        damaged = raw[:begin] + raw[begin:].replace(*change, 1)
        for where in ((0, 1, 2, 3), (3, 0, 2, 1)):
            found = exponent_columns(damaged, "", where, 6)
            if found is None:
                left += 1
                continue
            table = np.array(
                [line.split() for line in damaged.split(b"\n")[:-1]], float
            )
            t, *others = table[:, where].T
            np.testing.assert_array_equal(found[0], np.rint(t * 1e6))
            np.testing.assert_array_equal(found[1:], others)
    assert left >= 4  # all but times


def test_a_polarity_of_another_kind_is_told(tmp_path):
    table = np.ones((40, 4))
    table[7, 3] = 200
    (tmp_path / "a.txt").write_bytes(text(table))
    with pytest.raises(DataError, match=r"line 8 has|polarities are"):
        read_event_text(tmp_path / "a.txt", unit="s")
