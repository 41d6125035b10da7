import struct

import numpy as np
import pytest

from snnjax.datasets import DataError, read_prophesee_evt2

HEAD = b"% evt 2.0\n% format EVT2;height=480;width=640\n% end\n"
BARE = b"% Date 2020-09-25 07:48:31\n% evt 2.0 \n"  # of older software
HEAD_21 = b"% evt 2.1\n% format EVT21;height=480;width=640\n% endianness {}\n% end\n"


def time(high):
    return 8 << 28 | high


def event(t, x, y, p):
    """A word, put together from the published table of bits."""
    return p << 28 | (t % 64) << 22 | x << 11 | y


def words(*which):
    return struct.pack(f"<{len(which)}I", *which)


def vectors(order, *which):
    """Words of 64 bits: an upper half and a mask each."""
    halves = [half if order == "legacy" else half[::-1] for half in which]
    return HEAD_21.replace(b"{}", order.encode()) + words(*sum(halves, ()))


@pytest.fixture
def file(tmp_path):
    def write(raw):
        (tmp_path / "a.raw").write_bytes(raw)
        return tmp_path / "a.raw"

    return write


def rows(recorded):
    return [*zip(*(column.tolist() for column in recorded[:4]), strict=True)]


@pytest.mark.parametrize(("head", "size"), [(HEAD, (480, 640)), (BARE, None)])
def test_an_event_is_a_word_at_the_time_that_holds(head, size, file):
    raw = words(
        *(time(100), event(63, 639, 479, 1), event(5, 0, 0, 0)),
        *(time(101), event(0, 7, 8, 1)),
    )
    recorded = read_prophesee_evt2(file(head + raw))
    assert rows(recorded) == [(6463, 639, 479, 1), (6405, 0, 0, 0), (6464, 7, 8, 1)]
    assert recorded.size == size
    assert (recorded.origin, recorded.source) == ("top left", "EVT 2")


def test_events_before_the_first_time_have_none_and_are_counted(file):
    raw = words(event(1, 1, 1, 1), event(2, 1, 1, 1), time(1), event(3, 1, 1, 1))
    recorded = read_prophesee_evt2(file(HEAD + raw))
    assert rows(recorded) == [(67, 1, 1, 1)]
    assert recorded.skipped == {"events before the first time": 2}


def test_triggers_and_words_of_a_vendor_are_skipped_and_counted(file):
    raw = words(
        *(time(1), 10 << 28, event(3, 1, 1, 1), 14 << 28 | 5, 15 << 28, 4 << 28),
        *(10 << 28 | 1, event(4, 1, 1, 1)),
    )
    recorded = read_prophesee_evt2(file(HEAD + raw + b"\x00\x01\x02"))
    assert rows(recorded) == [(67, 1, 1, 1), (68, 1, 1, 1)]
    assert recorded.skipped == {
        "external triggers": 2,
        "words of a vendor": 2,
        "reserved words": 1,
        "bytes at the end": 3,
    }


def test_a_clock_that_runs_over_goes_on_and_a_step_back_is_one(file):
    last = 2**28 - 1
    raw = words(
        *(time(last), event(9, 1, 1, 1), time(last - 1), event(9, 1, 1, 1)),
        *(time(0), event(9, 1, 1, 1), time(last), time(3), event(9, 1, 1, 1)),
    )
    t = read_prophesee_evt2(file(HEAD + raw)).t
    turn = 2**34
    expected = [turn - 64 + 9, turn - 128 + 9, turn + 9, 2 * turn + 3 * 64 + 9]
    assert t.tolist() == expected


@pytest.mark.parametrize("order", ["legacy", "little"])
def test_a_mask_is_an_event_for_each_bit_in_both_byte_orders(order, file):
    raw = vectors(
        order,
        (time(2), 0),
        (event(7, 32, 9, 1), 0x80000005),
        (event(8, 64, 9, 0), 0),
        (event(9, 96, 9, 0), 2),
    )
    recorded = read_prophesee_evt2(file(raw))
    expected = [(135, 32, 9, 1), (135, 34, 9, 1), (135, 63, 9, 1), (137, 97, 9, 0)]
    assert rows(recorded) == expected
    assert recorded.source == "EVT 2.1"


@pytest.mark.parametrize("order", ["", "legacy", "little"])
def test_many_words_are_what_a_loop_over_words_reads(order, file, rng, monkeypatch):
    monkeypatch.setattr("snnjax.datasets.cameras.byte_stream.PIECE", 64)
    kinds = rng.choice([0, 1, 8, 10, 14], 500, p=[0.4, 0.4, 0.1, 0.05, 0.05])
    high, found, halves = None, [], []
    for k, kind in enumerate(kinds.tolist()):
        low, x, y = (int(rng.integers(n)) for n in (64, 600, 480))
        mask = int(rng.integers(2**32)) if order else 1
        word = time(k // 3) if kind == 8 else kind << 28 | event(low, x, y, 0)
        halves.append((word, mask))
        high = k // 3 if kind == 8 else high
        if kind < 2 and high is not None:
            found += [
                (64 * high + low, x + bit, y, kind)
                for bit in range(32)
                if mask >> bit & 1
            ]
    plain = HEAD + words(*(word for word, _ in halves))
    recorded = read_prophesee_evt2(file(vectors(order, *halves) if order else plain))
    assert rows(recorded) == found
    assert recorded.skipped["external triggers"] == np.count_nonzero(kinds == 10)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "it begins with b''"),
        (b"% evt 3.0\n", "EVT 3, which read_prophesee_evt3 reads"),
        (b"% Version 2\n", "DAT, which read_prophesee_dat reads"),
        (b"% evt 4.0\n", "it holds EVT 4.0"),
        (b"% evt 2.0\n% format EVT3\n", "calls itself EVT 2 and EVT 3"),
        (b"% evt 2.0\n% endianness big\n", "EVT 2 of endianness 'big'"),
        (b"% evt 2.1\n", "EVT 2.1 of endianness ''; its header must say"),
        (HEAD.replace(b"end", b"geometry 641x480"), "two of width: 640 and 641"),
        (HEAD + words(time(0), event(0, 640, 0, 1)), r"event 0 lies at pixel \(640, 0"),
        (
            vectors("little", (time(0), 0), (event(1, 630, 7, 1), 2**20)),
            r"event 0 lies at pixel \(650, 7\), polarity 1, time 1 µs",
        ),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_prophesee_evt2(path)
    assert str(path) in str(caught.value)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    raw = words(time(0), event(1, 640, 0, 1), event(2, 1, 1, 1))
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events; the first, event 0"):
        recorded = read_prophesee_evt2(file(HEAD + raw), outside="drop")
    assert rows(recorded) == [(2, 1, 1, 1)]


def test_a_file_without_events_is_one(file):
    assert rows(read_prophesee_evt2(file(HEAD))) == []
    assert rows(read_prophesee_evt2(file(HEAD + words(time(3))))) == []
