import numpy as np
import pytest

from snnjax.datasets.sounds.sound_numbers import frames

ALL = memoryview(bytes(range(256)))
TABLES = {  # of G.711: the upper ends of segments of positive numbers, of 2^13 or 2^12
    "µ-law": {0x80: 8031, 0x8F: 4191, 0x90: 3999, 0xA0: 1983, 0xFE: 2, 0xFF: 0},
    "A-law": {0xAA: 4032, 0xA5: 2112, 0xBA: 2016, 0x8A: 1008, 0xD4: 3, 0xD5: 1},
}


@pytest.mark.parametrize("coding", TABLES)
def test_codes_of_the_tables_of_the_standard_are_what_they_say(coding):
    found = frames(ALL, coding, 1, "<", 1)[:, 0]
    scale = 2.0**13 if coding == "µ-law" else 2.0**12
    for code, value in TABLES[coding].items():
        assert found[code] * scale == value
        assert found[code ^ 0x80] * scale == -value


@pytest.mark.parametrize("coding", TABLES)
def test_codes_are_those_of_another_implementation(coding):
    audioop = pytest.importorskip("audioop")  # up to Python 3.12
    other = audioop.ulaw2lin if coding == "µ-law" else audioop.alaw2lin
    expected = np.frombuffer(other(ALL, 2), "<i2") / 2.0**15
    np.testing.assert_array_equal(frames(ALL, coding, 1, "<", 1)[:, 0], expected)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_whole_numbers_of_both_orders_are_divided_by_the_largest(width, order):
    top = 2 ** (8 * width - 1)
    wanted = [-top, -1, 0, 1, top - 1, top // 3]
    name = "little" if order == "<" else "big"
    raw = b"".join(n.to_bytes(width, name, signed=True) for n in wanted)
    for channels in (1, 2):
        found = frames(memoryview(raw), "signed", width, order, channels)
        assert found.shape == (6 // channels, channels)
        assert found.dtype == (np.float64 if channels == 2 else np.float32)
        expected = (np.array(wanted) / top).astype(found.dtype)
        np.testing.assert_array_equal(found.ravel(), expected)
