import struct

import pytest

from snnjax.datasets import DataError, read_prophesee_evt3

HEAD = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% end\n"
BARE = b"% Date 1970-12-25 07:51:03 \n% evt 3.0 \n"  # of other software
START = (8 << 12 | 1, 6 << 12 | 5, 0 << 12 | 9)  # at 4101 µs, in row 9
UNKNOWN = "events before the first time, row or begin of a vector"


def row(y):
    return y


def event(x, p):
    return 2 << 12 | p << 11 | x


def begin(x, p):
    return 3 << 12 | p << 11 | x


def twelve(mask):
    return 4 << 12 | mask


def eight(mask):
    return 5 << 12 | mask


def low(t):
    return 6 << 12 | t


def high(t):
    return 8 << 12 | t


def words(*which):
    return struct.pack(f"<{len(which)}H", *which)


@pytest.fixture
def file(tmp_path):
    def write(raw):
        (tmp_path / "a.raw").write_bytes(raw)
        return tmp_path / "a.raw"

    return write


@pytest.fixture
def read(file):
    return lambda *which: read_prophesee_evt3(file(HEAD + words(*which)))


def rows(recorded):
    return [*zip(*(column.tolist() for column in recorded[:4]), strict=True)]


def loop(which):
    """The same word by word, as the description tells it."""
    base = time = y = x = None
    turns, last, p, found, lost = 0, 0, 0, [], 0
    for word in which:
        kind, value = word >> 12, word & 4095
        if kind == 0:
            y = value & 2047
        elif kind == 2:
            known = time is not None and y is not None
            found += [(time, value & 2047, y, value >> 11)] if known else []
            lost += not known
        elif kind == 3:
            x, p = value & 2047, value >> 11
        elif kind in (4, 5):
            n = 12 if kind == 4 else 8
            bits = [k for k in range(n) if value >> k & 1]
            known = None not in (time, y, x)
            found += [(time, x + k, y, p) for k in bits] if known else []
            lost += 0 if known else len(bits)
            x = None if x is None else x + n
        elif kind == 6:
            time = None if base is None else base + value
        elif kind == 8:
            turns += last - value > 2048
            last = value
            base = time = turns * 2**24 + value * 2**12
    return found, lost


@pytest.mark.parametrize(("head", "size"), [(HEAD, (720, 1280)), (BARE, None)])
def test_an_event_has_the_time_and_the_row_that_hold(head, size, file):
    raw = words(*START, event(3, 1), row(7), event(1279, 0), low(6), event(4, 1))
    recorded = read_prophesee_evt3(file(head + raw))
    expected = [(4101, 3, 9, 1), (4101, 1279, 7, 0), (4102, 4, 7, 1)]
    assert rows(recorded) == expected
    assert recorded.size == size
    assert (recorded.origin, recorded.source) == ("top left", "EVT 3")
    assert dict(recorded.skipped) == {}


def test_vectors_come_in_any_order_without_a_new_begin(read):
    recorded = read(
        *(*START, begin(100, 1), twelve(0b101), eight(0b1), twelve(1 << 11)),
        *(eight(0xF80), begin(20, 0), eight(0b10), event(9, 1), eight(0b1)),
    )
    x = [100, 102, 112, 131, 139, 21, 9, 28]
    assert recorded.x.tolist() == x
    assert recorded.p.tolist() == [1, 1, 1, 1, 1, 0, 1, 0]


def test_the_words_of_an_incomplete_vector_are_those_of_the_published_issue(read):
    # prophesee-ai/openeb, issue 111: the last event lies in the next 4096 µs
    recorded = read(
        *(high(0), low(1), row(0), event(0, 0), begin(10, 0), twelve(1), twelve(0)),
        *(high(255), event(1, 0)),
    )
    assert rows(recorded) == [(1, 0, 0, 0), (1, 10, 0, 0), (1044480, 1, 0, 0)]


def test_a_step_back_of_the_lower_time_is_one(read):
    times = read(*START, event(1, 0), low(900), event(1, 0), low(889), event(1, 0)).t
    assert times.tolist() == [4101, 4996, 4985]


def test_a_clock_that_runs_over_goes_on_and_a_step_back_is_one(read):
    times = read(
        *(high(4095), low(4095), row(0), event(1, 0), high(4094), event(1, 0)),
        *(high(0), low(3), event(1, 0), high(4095), high(1), event(1, 0)),
    ).t
    turn = 2**24
    assert times.tolist() == [turn - 1, turn - 8192, turn + 3, 2 * turn + 4096]


def test_triggers_and_words_of_a_vendor_are_skipped_and_counted(file):
    raw = words(*START, 10 << 12, event(1, 1), 14 << 12 | 7, 7 << 12, 15 << 12 | 9)
    raw += words(11 << 12, event(2, 1)) + b"\x01"
    recorded = read_prophesee_evt3(file(HEAD + raw))
    assert recorded.x.tolist() == [1, 2]
    assert recorded.skipped == {
        "external triggers": 1,
        "words of a vendor": 3,
        "reserved words": 1,
        "bytes at the end": 1,
    }


@pytest.mark.parametrize("missing", range(3))
def test_events_before_the_first_time_row_or_begin_are_counted(missing, read):
    said = [high(1), row(9), begin(40, 1)]
    late = said.pop(missing)
    recorded = read(*said, twelve(0b111), late, low(5), twelve(0b1))
    assert len(recorded.t) == 1
    assert recorded.skipped == {UNKNOWN: 3}


def test_a_single_event_needs_no_begin_of_a_vector(read):
    assert rows(read(*START, event(4, 1))) == [(4101, 4, 9, 1)]


@pytest.mark.parametrize("at_once", [1, 7, 2**15])
def test_many_words_are_what_a_loop_over_words_reads(at_once, read, rng, monkeypatch):
    monkeypatch.setattr("snnjax.datasets.cameras.byte_stream.PIECE", 8 * at_once)
    kinds = rng.choice([0, 2, 3, 4, 5, 6, 8, 10, 14, 7], 800)
    which = []
    for kind in kinds.tolist():
        most = {0: 720, 2: 1200, 3: 64}.get(kind, 4096)
        value = int(rng.integers(most)) | int(rng.integers(2) << 11) * (kind < 4)
        which.append(kind << 12 | value)
    found, lost = loop(which)
    recorded = read(*which)
    assert rows(recorded) == found
    assert recorded.skipped.get(UNKNOWN, 0) == lost
    assert len(found) > 800


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "it begins with b''"),
        (b"% evt 2.0\n", "EVT 2, which read_prophesee_evt2 reads"),
        (b"% evt 2.1\n", "EVT 2.1, which read_prophesee_evt2 reads"),
        (b"% evt 3.0\n% endianness big\n", "EVT 3 of endianness 'big'"),
        (b"% evt 3.0\n% geometry 4096x720\n", "width is '4096', not a number"),
        (HEAD + words(*START, event(1280, 1)), r"event 0 lies at pixel \(1280, 9\)"),
        (HEAD + words(*START, row(720), event(1, 1)), r"pixel \(1, 720\)"),
        (
            BARE + words(*START, begin(2040, 1), twelve(2048)),
            r"pixel \(2051, 9\), polarity 1, time 4101 µs of a sensor of 2048x2048",
        ),
        (
            BARE + words(*START, begin(0, 1), *6000 * [twelve(0)], twelve(1)),
            r"event 0 lies at pixel \(32768, 9\)",
        ),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_prophesee_evt3(path)
    assert str(path) in str(caught.value)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    raw = words(*START, event(1280, 1), event(2, 1))
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events; the first, event 0"):
        recorded = read_prophesee_evt3(file(HEAD + raw), outside="drop")
    assert rows(recorded) == [(4101, 2, 9, 1)]


def test_a_file_without_events_is_one(read):
    assert rows(read()) == []
    assert rows(read(*START)) == []
