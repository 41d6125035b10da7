import json
import re
import warnings

import numpy as np
import pytest

from snnjax.datasets import DataError, read_nest
from snnjax.datasets.spikes.nest_ascii import is_nest

HEAD = "# NEST version: 3.4\n# RecordingBackendASCII version: 2\n"
MS = HEAD + "sender\ttime_ms\n"
STEPS = HEAD + "sender\ttime_step\ttime_offset\n"


@pytest.fixture
def write(tmp_path):
    def written(text, name="a-3-0.dat"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


def spikes(found):
    return found.times.tolist(), found.units.tolist()


def test_spikes_of_nest_3_and_of_nest_2_are_the_same(write):
    new = read_nest(write(MS + "2\t20.100\n1\t20.200\n"))
    old = read_nest(write("2\t20.100\t\n1\t20.200\t\n", "a-3-0.gdf"))
    mixed = read_nest(write("2   20.100 \n1 \t20.200\t\n", "b.gdf"))
    assert (
        spikes(new)
        == spikes(old)
        == spikes(mixed)
        == ([20.1 / 1e3, 20.2 / 1e3], [2, 1])
    )
    assert new.source == "NEST 3.4, times in ms"
    assert old.source == "GDF, as of NEST 2, times in ms"
    assert new.populations == ("",)


@pytest.mark.parametrize("text", [STEPS + "2\t66\t0.025\n", "2\t66\t0.025\t\n"])
def test_steps_need_the_resolution_that_no_file_tells(text, write):
    path = write(text)
    with pytest.raises(DataError, match=r"steps as times; resolution=… .* \[s\]"):
        read_nest(path)
    found = read_nest(path, resolution=1e-4)
    np.testing.assert_allclose(found.times, [66 * 1e-4 - 0.025e-3], rtol=1e-15)
    np.testing.assert_allclose(
        read_nest(path, resolution=3e-5).times, [66 * 3e-5 - 0.025e-3], rtol=1e-15
    )
    with pytest.raises(DataError, match="times in ms, not in steps, so no resolution"):
        read_nest(write(MS + "2\t20.100\n"), resolution=1e-4)
    for wrong in (0.0, -1e-4, float("nan")):
        with pytest.raises(ValueError, match=r"resolution \[s\] must be"):
            read_nest(path, resolution=wrong)


def test_two_columns_of_whole_numbers_are_no_milliseconds(write):
    path = write("473\t0\n794\t12499\n", "a.gdf")
    with pytest.raises(DataError, match="whole numbers of steps as times"):
        read_nest(path)
    found = read_nest(path, resolution=1e-4)
    assert spikes(found) == ([0.0, 1.2499], [473, 794])


def test_the_files_of_all_threads_are_read_together(write, tmp_path):
    paths = [write(f"{MS}{k}\t{k}.500\n", f"a-3-{k}.dat") for k in range(11)]
    write(MS + "99\t1.000\n", "a-33-0.dat")
    for path in (paths, str(tmp_path / "a-3-*.dat"), tmp_path / "a-3-*.dat"):
        assert read_nest(path).units.tolist() == [*range(11)]
    with pytest.warns(UserWarning, match=r"one of 11 files .*a-3-\*\.dat reads all"):
        assert len(read_nest(paths[3]).times) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_nest(tmp_path / "a-33-0.dat")
    with pytest.raises(FileNotFoundError, match=r"No file is called like .*c-\*"):
        read_nest(str(tmp_path / "c-*.dat"))
    for wrong in ([], [paths[0], paths[0]]):
        with pytest.raises(ValueError, match="path must be one file or several, each"):
            read_nest(wrong)
    with pytest.raises(
        ValueError, match=r"path has files of .*NEST 3\.4, .* not of one"
    ):
        read_nest([paths[0], write("1\t0.500\t\n", "b.gdf")])
    write(HEAD + "sender\ttime_ms\tV_m\n1\t1.000\t-70.000\n", "a-3-1.dat")
    with pytest.raises(DataError, match=r"a-3-1\.dat .*V_m'; a recorder of spikes"):
        read_nest(paths)


def test_a_recorder_that_saw_nothing_has_no_spikes(write):
    for text in (MS, STEPS, "", "# NEST version: 3.4\n"):
        found = read_nest(write(text))
        assert spikes(found) == ([], [])
        assert found.times.dtype == np.float64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MS + "2\t20.100\n1\n", "line 5 has 1 columns, not 2"),
        (MS + "2\t20.100\nx\t1.000\n", "line 5 has 'x' as a sender, not a number"),
        (MS + "2\t20.100\n1.5\t1.000\n", "line 5 has '1.5' as a sender, not a whole"),
        ("92\t7.500\t\n48\t8", "the last line, '48\\\\t8', is cut short"),
        ("92\t7.500\t\n48\t8.2", "the last line, '48\\\\t8.2', is cut short"),
        (" spikes from 2 at: 11.4\n", "line 1, 'spikes from 2 at: 11.4'; a recorder"),
        ("67.5\t0.0\n", "no sender and time"),
        ("1 2 3 4\n", "no sender and time"),
        ("sender\ttime_ms\treceiver\n", "a recorder of spikes writes the names"),
    ],
)
def test_what_is_of_no_recorder_of_spikes_is_refused(text, message, write):
    with pytest.raises(DataError, match=message):
        read_nest(write(text))


def test_a_last_line_without_an_end_that_is_whole_is_read(write):
    assert len(read_nest(write("92\t7.500\t\n48\t8.200")).times) == 2


def test_what_a_recorder_wrote_is_told_from_its_begin():
    for text in (MS, STEPS, "92\t7.500\t\n", "sender\ttime_ms\n"):
        assert is_nest(text.encode())
    for text in ("", "92\t7.500\n", "1 2 3 1\n", "t,i\n1,2\n", "sender\tV_m\n"):
        assert not is_nest(text.encode())


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    rows = json.loads((folder / "truth.json").read_text())
    rows = [row for row in rows if row["path"].startswith("nest/")]
    assert len(rows) == 4
    for row in rows:
        told = row["content"].replace(",", "")
        resolution = 1e-4 if "steps" in told else None
        found = read_nest(folder / row["path"], resolution=resolution)
        assert len(found.times) == int(re.match(r"(\d+) spikes", told)[1])
        if not len(found.times):
            continue
        units, low, high = re.search(
            r"(\d+) units with spikes ids (\d+)\.\.(\d+)", told
        ).groups()
        least, most, first = re.search(
            r"; t (\S+) \.\. (\S+) ms; first row t=([\d.]+)", told
        ).groups()
        assert len({*found.units.tolist()}) == int(units)
        assert [found.units.min(), found.units.max()] == [int(low), int(high)]
        ends = [found.times.min(), found.times.max(), found.times[0]]
        np.testing.assert_allclose(ends, [float(t) / 1e3 for t in (least, most, first)])
    ms = read_nest(folder / "nest" / "nest3.10_spikes_ms-22-0.dat")
    steps = read_nest(
        folder / "nest" / "nest3.10_spikes_steps-22-0.dat", resolution=1e-4
    )
    np.testing.assert_allclose(ms.times, steps.times, rtol=1e-14)
    np.testing.assert_array_equal(ms.units, steps.units)
    odd = read_nest(folder / "odd" / "integer_steps.gdf", resolution=1e-4)
    assert (len(odd.times), odd.times.max()) == (23_996, 1.2499)
    with pytest.raises(DataError, match="is sound, but"):
        read_nest(folder / "odd" / "prose_spikes.gdf")
