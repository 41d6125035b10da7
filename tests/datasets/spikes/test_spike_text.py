import json
import re
import tracemalloc

import numpy as np
import pytest

from snnjax.datasets import DataError, read_spike_text
from snnjax.datasets.spikes.spike_text import is_spike_text

TIMES, UNITS = [0.0005, 0.25, 1.0625], [3, 0, 12]


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "a.csv").write_bytes(text.encode())
        return tmp_path / "a.csv"

    return write


def spikes(found):
    return found.times.tolist(), found.units.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "time_s,unit\n0.0005,3\n0.25,0\n1.0625,12\n",
        "time_s,unit\r\n0.0005,3\r\n0.25,0\r\n1.0625,12",
        "\ufefftime_ms;neuron\n0,5;3\n250;0\n1062,5;12\n",
        "Neuron;Zeit_ms\r\n3;0,5\r\n0;250,0\r\n12;1062,5\r\n",
        "t,i\n0.000500,3\n0.250000,0\n1.062500,12\n",
        '"time (ms)","neuron id"\n"0.5","3"\n"250","0"\n"1062.5","12"\n',
        "# time[ms] unit\n0.5 3\n\n# paused\n250 0\n1062.5   12\n",
        "% seen in layer 5\ntime (us)\tcell\n500\t3\n250000\t0\n1062500\t12\n",
        "time/ms, unit\n0.5, 3\n250, 0\n1062.5, 12\n",
        ",spike_time_ms,amplitude,unit_id\n0,0.5,1,3\n1,250,2,0\n2,1062.5,7,12\n",
        "channel,time [s],cluster\n1,5e-4,3\n1,+.25,0.0\n1,1.0625e0,12\n",
        "sender\ttime_ms\n3\t0.500\n0\t250.000\n12\t1062.500\n",
        "# first_id = 0\n# n = 13\n# last_id = 12\n.5\t3.0\n250.0\t0.0\n1062.5\t12.0\n",
        "time_ms,unit,\n0.5,3,\n250,0,\n1062.5,12,\n",
        "time_ms,unit,note\n0.5,3,\n250,0,late\n1062.5,12,\n",
        "time_ms\tnote\tunit\tx\n0.5\t\t3\t\n250\ta b\t0\t1\n1062.5\t\t12\t\n",
        "note;time_ms;unit\n;0,5;3\n\n;250;0\na\tb;1062,5;12\n",
        "time_ms unit\n0,5 3\n250,0 0\n1062,5 12\n",
    ],
)
def test_the_same_spikes_are_read_however_they_are_written(text, file):
    found = read_spike_text(file(text))
    assert spikes(found) == (TIMES, UNITS)
    assert [each.dtype for each in found[:3]] == ["f8", "i8", "i8"]
    assert is_spike_text(text.encode())


def test_populations_are_told_apart_by_their_names(file):
    path = file("timestamps population node_ids\n500 V1 3\n7.5 LGN 3\n1 V1 0\n")
    found = read_spike_text(path)
    assert spikes(found) == ([0.5, 0.0075, 0.001], [3, 3, 0])
    assert found.populations == ("V1", "LGN")
    assert found.population.tolist() == [0, 1, 0]
    assert found.source == "text of time population unit, times in ms"
    first = file("population,time_ms,unit\nV 1,0.5,3\nV1,2,4\n")
    assert read_spike_text(first).populations == ("V 1", "V1")
    wide = file("time_ms;population;unit\n1;layer 4;7\n2;Schicht fünf;8\n")
    assert read_spike_text(wide).populations == ("layer 4", "Schicht fünf")


def test_units_and_columns_that_are_not_told_are_asked_for_and_never_guessed(file):
    path = file("time,unit\n0.1,3\n0.2,4\n")
    with pytest.raises(DataError, match=r"unit=… whether they are s, ms or us") as told:
        read_spike_text(path)
    assert told.value.sound
    assert read_spike_text(path, unit="s").times.tolist() == [0.1, 0.2]
    assert read_spike_text(path, unit="ms").times.tolist() == [0.1 / 1e3, 0.2 / 1e3]
    nameless = file("7 0.5\n8 1.0\n")
    assert spikes(read_spike_text(nameless, unit="s")) == ([0.5, 1.0], [7, 8])
    assert spikes(read_spike_text(file("0.5 7\n1.0 8\n"), unit="s"))[1] == [7, 8]
    whole = file("7 5\n8 6\n")
    with pytest.raises(DataError, match=r"columns='time unit' or 'unit time'.*unit=…"):
        read_spike_text(whole)
    with pytest.raises(DataError, match=r"columns='time unit'"):
        read_spike_text(whole, unit="ms")
    found = read_spike_text(whole, unit="ms", columns="unit time")
    assert spikes(found) == ([0.005, 0.006], [7, 8])
    three = file("1 7 0.5\n")
    with pytest.raises(DataError, match="lines of 3 columns without names; columns=…"):
        read_spike_text(three, unit="s")
    assert spikes(read_spike_text(three, unit="s", columns="- unit time"))[1] == [7]
    for wrong in ("time", "time time unit", 3, "time unit population population"):
        with pytest.raises(ValueError, match="columns must name time and unit once"):
            read_spike_text(path, columns=wrong)
    with pytest.raises(ValueError, match="unit must be one of"):
        read_spike_text(path, unit="ns")


def test_a_header_of_pynn_tells_the_population_and_all_of_its_neurons(file):
    head = (
        "# variable = spikes\n# label = E\n# first_id = {}\n# n = 4\n# last_id = {}\n"
    )
    found = read_spike_text(file(head.format(0, 3) + "0.5\t3.0\n2.0\t1.0\n"))
    assert (found.populations, found.known[0].tolist()) == (("E",), [0, 1, 2, 3])
    found = read_spike_text(file(head.format(7, 10) + "0.5\t8.0\n"))
    assert found.known[0].tolist() == [7, 8, 9, 10]
    for first, unit in ((2, 3), (2, 9), (0, 4)):  # of two meanings, or of none
        text = head.format(first, first + 3) + f"0.5\t{unit}\n"
        assert read_spike_text(file(text)).known is None
    with pytest.raises(DataError, match="recordings of 'v', not of spikes"):
        read_spike_text(file("# variable = v\n0.5\t3.0\n"))


def test_times_are_the_nearest_to_their_decimals_and_numbers_are_whole(rng, file):
    times = [f"{t:.{d}f}" for d in (0, 3, 9, 17) for t in rng.uniform(0, 5000, 50)]
    times += [repr(t) for t in rng.uniform(-9, 9, 200).tolist()] + [
        "1e-300",
        "123456789012345678",
    ]
    units = [int(u) for u in rng.integers(-(2**62), 2**62, len(times))]
    for each in (times[:50], times[50:100], times):
        rows = [f"{t},{u % 10**17}" for t, u in zip(each, units, strict=False)]
        found = read_spike_text(file("\n".join(["time_s,unit", *rows])))
        assert found.times.tolist() == [float(t) for t in each]
        assert found.units.tolist() == [u % 10**17 for u in units[: len(each)]]
    assert read_spike_text(file("time_s,unit\n1,-3\n")).units.tolist() == [-3]


def test_a_text_without_spikes_has_none(file):
    for text in ("", "\n\n", "t,i\n", "sender\ttime_ms\n", "# first_id = 0\n"):
        found = read_spike_text(file(text))
        assert (spikes(found), found.populations) == (([], []), ("",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,i\n0.1,3\n0.2\n", "line 3 has 1 columns, not 2: '0.2'"),
        ("t,i\n0.1,3\n\n0.2,3,4\n", "line 4 has 3 columns, not 2"),
        ("t,i\n0.1,3\n0.2,\n", "line 3 has '' as a neuron, not a number"),
        ("t,i\n0.1,3\n0.2,3.5\n", "line 3 has '3.5' as a neuron, not a whole number"),
        ("t,i\n0.1,3\n0.2,n4\n", "line 3 has 'n4' as a neuron, not a number"),
        ("t,i\n0.1,3\n# x\nnan,4\n", "line 4 has 'nan' as a time, not a number"),
        ("t,i\n0.1,3\n1e999,4\n", "line 3 has '1e999' as a time"),
        ("t,i\n0.1,3\n1_0,4\n", "line 3 has '1_0' as a time"),
        ("t,i\n0.1,3\n1-2,4\n", "line 3 has '1-2' as a time"),
        ("t,i\n0.1,3\n,4\n", "line 3 has '' as a time, not a number"),
        ("t,i\n0.1,3\n0.2,1e16\n", "line 3 has '1e16' as a neuron, not a whole"),
        ("t,i\n0.1,3\n1" + "0" * 70 + ",1\n", "line 3 has a word of 71 bytes"),
        ("t,i\n0.1,1,2\n", "lines of 3 columns, not of time, unit"),
        ("t,i\n0.1,1\n" * 2, "line 3 has 't' as a time, not a number"),
        ("t,i\ni,t\n0.1,3\n", "line 2 has 'i' as a time, not a number"),
        ("t,i\n0.1,3\n" + "0" * 2**18, "more than 131072 bytes|a word of"),
        ("t,i\n" + "0.1,3\n" * 30_000 + "0.1\n", "line 30002 has 1 columns, not 2"),
        ("time,unit,neuron\n1,2,3\n", "neither spikes nor names of columns"),
        (" spikes from 2 at: 11.4\n", "neither spikes nor names of columns"),
        ("sender\ttime_step\ttime_offset\n", "of NEST, which read_nest reads"),
        ("t x y p\n1 2 3 1\n", "neither spikes nor names of columns"),
        ("0.1 2\n\0", "bytes that are no text"),
    ],
)
def test_what_is_no_spike_is_refused_by_its_line(text, message, file):
    path = file(text)
    with pytest.raises(DataError, match=message) as caught:
        read_spike_text(path)
    assert str(path) in str(caught.value)


def test_other_texts_are_not_taken_for_spikes():
    for text in (
        *(
            "t,x,y,p\n1,2,3,1\n",
            "1 2 3 1\n",
            "class,startTime_usec\n1,2\n",
            "Dear x,\n",
        ),
        *("# spike times of unit 3 in s\n0.5\n", "a,b\n1,2\n", "0.5\n", "", "\x00 1"),
        *("# variable = v\n1 2\n", "version https://git-lfs.github.com/spec/v1\n"),
    ):
        assert not is_spike_text(text.encode()), text


def test_lines_are_the_same_alike_or_various_in_one_piece_or_many(rng, file):
    n = 40_000
    times, units = rng.integers(0, 10**9, n) / 1e6, rng.integers(0, 2**40, n)
    rows = [*zip(times.tolist(), units.tolist(), strict=True)]
    for line in ("{0:.6f},{1}\n", "{0!r},{1}\n", "{0!r} , {1}\n"):
        text = "".join(line.format(*row) for row in rows)
        found = read_spike_text(file("t,i\n" + text))
        np.testing.assert_array_equal(found.times, times)
        np.testing.assert_array_equal(found.units, units)


def test_a_spike_takes_no_more_than_it_is_said_to(file):
    n = 300_000
    path = file("t,i\n" + "0.000001,123\n" * n)
    tracemalloc.start()
    read_spike_text(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * n + path.stat().st_size + 2**24
    with pytest.raises(DataError, match="to read its spikes would take more than"):
        read_spike_text(path, limit=50 * n)


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    rows = json.loads((folder / "truth.json").read_text())
    rows = [row for row in rows if re.match("csv_spikes|odd/pynn", row["path"])]
    assert len(rows) == 5
    for row in rows:
        found, told = read_spike_text(folder / row["path"]), row["content"]
        told = told.replace(",", "")
        n, units, low, high = re.search(
            r"(\d+) spikes; (\d+) units with spikes ids (\d+)\.\.(\d+)", told
        ).groups()
        least, most, unit = re.search(r"; t (\S+) \.\. (\S+) (\w+);", told).groups()
        per = {"s": 1.0, "ms": 1e3}[unit]
        assert (len(found.times), len({*found.units.tolist()})) == (int(n), int(units))
        assert [found.units.min(), found.units.max()] == [int(low), int(high)]
        ends = [found.times.min() * per, found.times.max() * per]
        np.testing.assert_allclose(ends, [float(least), float(most)], rtol=1e-8)
        first = re.search(r"first row t=([\d.]+)", told)[1]
        np.testing.assert_allclose(found.times[0] * per, float(first), rtol=1e-8)
        if "bmtk" in row["path"]:
            assert found.populations == ("LGN",)
    one, other = (
        read_spike_text(folder / "csv_spikes" / name)
        for name in ("brian2_spikemonitor.csv", "german_decimal_comma.csv")
    )
    np.testing.assert_allclose(one.times, other.times, rtol=1e-14)
    np.testing.assert_array_equal(one.units, other.units)
