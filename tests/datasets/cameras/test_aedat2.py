import json
import tracemalloc

import numpy as np
import pytest

from snnjax.datasets import DataError, read_aedat2

VERSION = b"#!AER-DAT2.0\r\n"
CHIP = b"# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"


def davis(x, y, p=1):
    """An address, put together from the published table of bits."""
    return y << 22 | x << 12 | p << 11


def dvs128(x, y, brighter):
    return y << 8 | x << 1 | (not brighter)


def records(*pairs):
    return b"".join(
        a.to_bytes(4, "big") + (t % 2**32).to_bytes(4, "big") for a, t in pairs
    )


@pytest.fixture
def file(tmp_path):
    def write(*parts):
        (tmp_path / "a.aedat").write_bytes(b"".join(parts))
        return tmp_path / "a.aedat"

    return write


def columns(found):
    return [each.tolist() for each in (found.t, found.x, found.y, found.p)]


def test_events_of_a_davis_are_told_from_what_else_is_recorded(file):
    others = [
        1 << 31,
        1 << 31 | 1 << 10 | 512,
        1 << 31 | 3 << 10,
        davis(7, 8) | 1 << 10,
    ]
    mixed = [(davis(239, 179, 1), 5), *((a, 6) for a in others), (davis(0, 2, 0), 9)]
    found = read_aedat2(file(VERSION, CHIP, records(*mixed)))
    assert columns(found) == [[5, 9], [239, 0], [179, 2], [1, 0]]
    assert found.skipped == {"frame (APS)": 2, "motion (IMU)": 1, "external input": 1}
    assert (found.size, found.origin) == ((180, 240), "bottom left")
    assert [each.dtype for each in found[:4]] == ["i8", "u2", "u2", "u1"]


def test_events_of_a_dvs128_are_brighter_where_their_bit_is_not_set(file):
    chip = b"# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"
    mixed = (dvs128(127, 3, True), 1), (0x8000, 2), (dvs128(0, 126, False), 3)
    found = read_aedat2(file(VERSION, chip, records(*mixed)))
    assert columns(found) == [[1, 3], [127, 0], [3, 126], [1, 0]]
    assert (found.size, found.skipped) == ((128, 128), {"external input": 1})


def test_it_is_told_how_the_layout_was_decided_and_asked_for_where_none_can(file):
    wide, short = records((davis(9, 99), 1)), records((dvs128(9, 9, 1), 1), (3, 2))
    either = records((davis(5, 0), 1))
    assert read_aedat2(file(VERSION, CHIP, wide)).source.endswith("of DAVIS240C")
    assert "more than 16 bits" in read_aedat2(file(VERSION, wide)).source
    assert "of a DVS128" in read_aedat2(file(VERSION, short)).source
    with pytest.raises(DataError, match=r"of a DVS128 or of a DAVIS; pass layout=…"):
        read_aedat2(file(VERSION, either))
    for layout, x in (("davis", 5), ("dvs128", 0)):
        found = read_aedat2(file(VERSION, either), layout=layout)
        assert (found.x.tolist(), found.source[-len(layout) :]) == ([x], layout)
    other = b"# AEChip: ch.unizh.ini.jaer.chip.cochlea.CochleaAMS1c\r\n"
    with pytest.raises(DataError, match="addresses of 'CochleaAMS1c'; layout=…"):
        read_aedat2(file(VERSION, other, wide))
    with pytest.raises(ValueError, match="layout must be one of"):
        read_aedat2(file(VERSION, wide), layout="atis")


def test_without_a_header_the_layout_must_be_given(file):
    raw = records((davis(9, 240), 1), (davis(3, 140), 2))  # begins with "<"
    with pytest.raises(DataError, match="it holds a page"):
        read_aedat2(file(raw))
    with pytest.raises(
        DataError, match=r"may be AEDAT 1\.0, which read_aedat1 reads; layout=… reads"
    ):
        read_aedat2(file(raw[8:].replace(b"#", b"%")))
    assert read_aedat2(file(raw), layout="davis").y.tolist() == [240, 140]
    with pytest.raises(DataError, match="a pointer of Git LFS"):
        read_aedat2(
            file(b"version https://git-lfs.github.com/spec/v1\n"), layout="davis"
        )


@pytest.mark.parametrize(
    ("ending", "address"), [(b"\r\n", 0x23304121), (b"\n", davis(0x23, 0x8C))]
)
def test_a_record_that_begins_like_a_line_of_the_header_is_one(ending, address, file):
    begin = b"#!AER-DAT2.0" + ending + b"# text \xc3\xa9" + ending
    times = 0x20200A41, 0x20200A42  # with the byte that ends a line
    found = read_aedat2(file(begin, records(*((address, t) for t in times))))
    assert found.t.tolist() == [*times]
    assert found.y.tolist() == [0x8C, 0x8C]


def test_times_go_back_as_they_do_and_on_where_32_bits_run_over(file):
    times = [
        2**31 - 1,
        2**31 + 5,
        2**31 - 9,
        3 * 2**30,
        2**32 - 1,
        2**32 + 3,
        2**32 - 2,
        2**32 + 2**30,
        3 * 2**31,
        2**33 - 9,
    ]
    found = read_aedat2(
        file(VERSION, CHIP, records(*((davis(1, 1), t) for t in times)))
    )
    assert found.t.tolist() == times


def test_what_lies_outside_of_the_sensor_is_refused_or_dropped(file):
    path = file(VERSION, CHIP, records((davis(1, 1), 1), (davis(1, 180), 2)))
    with pytest.raises(DataError, match=r"event 1 lies at pixel \(1, 180\),.* 240x180"):
        read_aedat2(path)
    with pytest.warns(
        UserWarning, match=r"Dropped 1 of 2 events; .* at pixel \(1, 180"
    ):
        assert read_aedat2(path, outside="drop").t.tolist() == [1]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((VERSION, CHIP, bytes(15)), "1 records of 8 bytes leave 7"),
        ((VERSION, b"# Timestamps tick is 10 us\r\n"), "ticks of '10 us'"),
        ((b"#!AER-DAT1.0\r\n", bytes(6)), r"holds AEDAT 1\.0"),
        ((b"#!AER-DAT3.1\r\n",), "for read_aedat31"),
        (
            (VERSION, b"# AEChip: DVS128\r\n", records((2**16, 1))),
            "record 0 has .* 0x10000",
        ),
    ],
)
def test_what_is_damaged_or_another_version_is_refused(parts, message, file):
    path = file(*parts)
    with pytest.raises(DataError, match=message) as caught:
        read_aedat2(path)
    assert str(path) in str(caught.value)


def test_an_event_takes_no_more_than_four_times_its_14_bytes(file):
    n = 100_000
    words = np.full((n, 2), davis(3, 4), ">u4")
    path = file(VERSION, CHIP, words.tobytes())
    tracemalloc.start()
    read_aedat2(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 14 * n
    with pytest.raises(DataError, match=r"to read its events would take more than"):
        read_aedat2(path, limit=50 * n)


def test_real_recordings_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    rows = json.loads((folder / "truth.json").read_text())
    rows = [row for row in rows if "AEDAT 2" in row["format"]]
    assert len(rows) == 9
    for row in rows:
        path, true = folder / row["path"], row["num"]
        if path.stem == "davis346_y_out_of_range":
            with pytest.raises(DataError, match=r"event 10 lies at pixel \(211, 306"):
                read_aedat2(path)
            with pytest.warns(UserWarning, match="Dropped 3 of 8000"):
                read_aedat2(path, outside="drop")
            continue
        check_truth(read_aedat2(path), true, row["path"])
    with pytest.raises(DataError, match=r"may be AEDAT 1\.0"):
        read_aedat2(folder / "odd/aedat1_no_header.dat")


def check_truth(found, true, name):
    assert len(found.t) == true["n"], name
    if true["n"]:
        t = found.t
        assert [t[0], t[-1], t.min(), t.max()] == [
            true[k] for k in ("t0", "t1", "tmin", "tmax")
        ]
        assert np.count_nonzero(np.diff(t) < 0) == true["back"], name
        for axis in "xy":
            column = getattr(found, axis)
            assert [column.min(), column.max()] == true[axis], name
        kinds, counts = np.unique(found.p, return_counts=True)
        assert {str(k): n for k, n in zip(kinds, counts, strict=True)} == true["p"], (
            name
        )
