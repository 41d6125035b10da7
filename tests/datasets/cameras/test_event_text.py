import json
import re
import tracemalloc

import numpy as np
import pytest

from snnjax.datasets import DataError, read_event_text

T, X, Y, P = [0, 1500, 1_000_007], [3, 639, 0], [4, 0, 479], [1, 0, 1]


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "a.txt").write_bytes(text.encode())
        return tmp_path / "a.txt"

    return write


def columns(found):
    return [each.tolist() for each in (found.t, found.x, found.y, found.p)]


@pytest.mark.parametrize(
    "text",
    [
        "0 3 4 1\n1500 639 0 0\n1000007 0 479 1\n",
        "0 3 4 1\r\n1500 639 0 0\r\n1000007 0 479 1",
        "t,x,y,p\n0,3,4,1\n1500,639,0,-1\n1000007,0,479,1\n",
        "\ufefft,x,y,p\n\n0,3,4,1,\n# paused\n1500,639,0,0\n1000007, 0, 479, 1\n",
        "0.0 3 4 1\n0.0015 639 0 0\n1.000007 0 479 1\n",
        "0.000000499 3 4 1\n0.001500000 639 0 0\n1.000006500001 0 479 1\n",
        "0e0 3 4 1\n1.5e-3 639 0 0\n1000.007e-3 0 479 1\n",
        "0,0;3;4;1\r\n0,0015;639;0;-1\r\n1,000007;0;479;1\r\n",
        "0,0\t3\t4\t1\n0,0015\t639\t0\t0\n1,000007\t0\t479\t1\n",
        "# x y p t\n3 4 1 0\n639 0 0 1500\n0 479 1 1000007\n",
        "polarity;y;x;timestamp [us]\n1;4;3;0.0\n0;0;639;1500.0\n1;479;0;1000007.0\n",
        "time_ms x y on\n0 3 4 1\n1.5 639 0 0\n1000.007 0 479 1\n",
        "% a comment, x of it\n0 3 4 1 9\n1500 639 0 0 9\n1000007 0 479 1 9\n",
        "t x y p label\n0 3 4 1 .5\n1500 639 0 0 .5\n1000007 0 479 1 .5\n",
        "  0   3   4 1\n  1500 639   0 0\n1000007   0 479 1\n",
    ],
)
def test_the_same_events_are_read_however_they_are_written(text, file):
    found = read_event_text(file(text))
    assert columns(found) == [T, X, Y, P]
    assert [each.dtype for each in found[:4]] == ["i8", "u2", "u2", "u1"]


def test_the_order_of_columns_and_the_unit_can_be_given(file):
    path = file("3 4 1 0\n639 0 0 1500\n0 479 1 1000007\n")
    assert columns(read_event_text(path, columns="x y p t")) == [T, X, Y, P]
    with pytest.raises(DataError, match=r"line 2 has t, x, y .* 1500|polarities are"):
        read_event_text(path)
    found = read_event_text(path, columns="x y p t", unit="ms")
    assert found.t.tolist() == [1000 * t for t in T]
    assert found.source == "text of x y p t, times in ms"
    for wrong in ("x y t", "t t x y p", 3):
        with pytest.raises(ValueError, match="columns must name t, x, y and p once"):
            read_event_text(path, columns=wrong)
    with pytest.raises(ValueError, match="unit must be one of"):
        read_event_text(path, unit="ns")


def test_times_that_may_be_seconds_or_microseconds_are_asked_for(file):
    path = file("0.0 3 4 1\n2.0 3 4 1\n")
    with pytest.raises(DataError, match="decimals that are all zero; unit=… says"):
        read_event_text(path)
    assert read_event_text(path, unit="s").t.tolist() == [0, 2_000_000]
    assert read_event_text(path, unit="us").t.tolist() == [0, 2]
    late = file("0 3 4 1\n" * 600 + "0.5 3 4 1\n")
    with pytest.raises(DataError, match=r"line 601 .* times in us \(unit=…\)"):
        read_event_text(late)
    assert read_event_text(late, unit="s").t[-1] == 500_000


def test_times_of_unix_are_not_narrowed(file):
    t = 1_605_537_493_718_345
    seconds = f"{t // 10**6}.{t % 10**6:06} 1 1 1\n"
    for text in (f"{t} 1 1 1\n", seconds, seconds + "1e-6 1 1 1\n"):
        assert read_event_text(file(text)).t[0] == t


def test_a_header_tells_the_sensor_and_what_lies_outside_is_refused_or_dropped(file):
    path = file("t,x@640,y@480,on\r\n5,639,479,1\r\n6,640,3,1\r\n")
    with pytest.raises(DataError, match=r"event 1 lies at pixel \(640, 3\)"):
        read_event_text(path)
    with pytest.warns(UserWarning, match="Dropped 1 of 2"):
        found = read_event_text(path, outside="drop")
    assert (found.t.tolist(), found.size) == ([5], (480, 640))


def test_a_text_without_events_has_none(file):
    for text in ("", "\n\n", "t,x,y,p\n", "# nothing\n"):
        assert columns(read_event_text(file(text))) == [[], [], [], []]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 2 1\n1 1 2 2\n", "its polarities are 1, 2, not 0 and 1"),
        ("0 1 2 1\n1 1 2 0\n1 1 2 -1\n", "its polarities are -1, 0, 1"),
        ("0 1 2 1\n1 1 2\n", "line 2 has 3 columns, not 4"),
        ("0,1,2,1\n1,,2,1,1\n", "line 2 has 5 columns, not 4"),
        ("0,1,2,1\n1,,2,1\n", "line 2 has t, x, y and polarity"),
        ("0 1 2 1\n1 -1 2 1\n", "line 2 has t, x, y and polarity"),
        ("0 1 2 1\n1 1.5 2 1\n", "line 2 has t, x, y and polarity"),
        ("0 1 2 1\n1 65536 2 1\n", "line 2 has t, x, y and polarity"),
        ("0 1 2 1\n\nnan 1 2 1\n", "line 3 has t, x, y and polarity"),
        ("0 1 2 1\n1_0 1 2 1\n", "line 2 has t, x, y and polarity"),
        ("0 1 2 1\n99999999999999999999 1 2 1\n", "line 2 has t, x, y and pol"),
        ("0 1 2 1\n1 1 2 1-\n", "line 2 has t, x, y and polarity"),
        ("0 1 2 1\n" + "1" * 2**19, r"line 2 has|more than 131072 bytes"),
        ("1.x\n", "it holds lines of 1 columns"),
        ("0 1 2 1\n" * 20_000 + "1.x\n", "line 20001 has 1 columns, not 4"),
        ("0 1\n", "it holds lines of 2 columns, not of t, x, y, p"),
        ("Dear reader\n", "neither events nor columns"),
        ("t,x,y,p\nt,x,y,p\n", "line 2, .* neither events nor columns"),
        ("0 1 2 1\n\0", "bytes that are no text"),
    ],
)
def test_what_is_no_event_is_refused_by_its_line(text, message, file):
    path = file(text)
    with pytest.raises(DataError, match=message) as caught:
        read_event_text(path)
    assert str(path) in str(caught.value)


def test_lines_are_the_same_alike_or_various_in_one_piece_or_many(rng, file):
    n = 40_000
    t, p = np.sort(rng.integers(0, 10**9, n)), rng.integers(0, 2, n)
    x, y = rng.integers(0, 2**16, n), rng.integers(0, 100, n)
    rows = [*zip(t, x, y, p, strict=True)]
    for line in ("{0} {1} {2} {3}\n", "{0} {1} {2} {3} \n"):
        found = read_event_text(file("".join(line.format(*row) for row in rows)))
        for column, true in zip(found, (t, x, y, p), strict=False):
            np.testing.assert_array_equal(column, true)


def test_an_event_takes_no_more_than_four_times_its_14_bytes(file):
    n = 300_000
    path = file("0.000001 123 45 1\n" * n)
    tracemalloc.start()
    read_event_text(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 14 * n
    with pytest.raises(DataError, match="to read its events would take more than"):
        read_event_text(path, limit=27 * n)


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    rows = json.loads((folder / "truth.json").read_text())
    rows = [row for row in rows if re.match(r"(text|odd/text_|odd/empty)", row["path"])]
    assert len(rows) == 12
    for row in rows:
        path, told = folder / row["path"], row["content"].replace(",", "")
        if path.stem == "text_polarity_0_to_3":
            with pytest.raises(DataError, match="its polarities are 0, 1, 2, 3"):
                read_event_text(path)
            continue
        found = read_event_text(path)
        assert len(found.t) == int(re.search(r"(\d+) events", told)[1]), path
        if not len(found.t):
            continue
        first = re.search(r"in us: (\d+) \.\. (\d+)", told)
        first = first or re.search(r"t (\d+) \.\. (\d+)", told)
        assert found.t[[0, -1]].tolist() == [*map(int, first.groups())], path
        for axis in "xy":
            column = getattr(found, axis)
            true = re.search(rf"\b{axis} (\d+)\.\.(\d+)", told).groups()
            assert [column.min(), column.max()] == [*map(int, true)], path
        counts = dict(
            re.findall(r"(-?\d): (\d+)", re.search(" p (.*?)(\\(|;|$)", told)[1])
        )
        assert found.p.sum() == int(counts.get("1", 0)), path


@pytest.mark.parametrize("head", ["#!AER-DAT2.0\r\n# AEChip: DVS", "% evt 3.0\n% end"])
def test_a_header_of_another_format_is_no_empty_text(head, tmp_path):
    (tmp_path / "a.txt").write_text(f"{head}\n")
    with pytest.raises(DataError, match="the header of another format"):
        read_event_text(tmp_path / "a.txt")
