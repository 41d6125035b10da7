import numpy as np
import pytest
from seeded import OPTIONS, SEEDS, file_of

from snnjax import datasets
from snnjax.data_pictures import picture
from snnjax.datasets.contents import contents_of
from snnjax.events import Recorded, RecordedSpikes

SOUND = datasets.Sound(np.zeros(4000, np.float32), 8000)


@pytest.mark.parametrize("name", SEEDS)
def test_whatever_is_read_is_told_and_drawn(name, tmp_path):
    found = datasets.read(file_of(name, tmp_path), **OPTIONS.get(name, {}))
    counts, told = contents_of(found)
    assert {*counts} & {"events", "samples", "sounds"}
    assert told
    picture(found).canvas.draw()


def camera(t, **told):
    n = len(t)
    size, origin = told.pop("size", (180, 240)), told.pop("origin", "top left")
    t = np.array(t, np.int64)
    ones = np.ones(n, np.uint16)
    return Recorded(t, ones, ones, ones.astype(np.uint8), size, origin, "EVT 9", **told)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            camera([5, 1_000_005], skipped={"motion": 33837}),
            "EVT 9, 240x180 pixels, rows from the top, 1 s, 2 events from 5 µs, "
            "2 a second, 100% of them brighter; skipped: 33,837 motion",
        ),
        (
            camera([7, 3], size=None, origin="bottom left", zero="1970-01-01"),
            "EVT 9, rows from the bottom, 0.004 ms, 2 events from 3 µs after "
            "1970-01-01, 500,000 a second, 100% of them brighter, 1 times earlier than "
            "the one before",
        ),
        (camera([]), "EVT 9, 240x180 pixels, rows from the top, 0 events"),
        (SOUND, "8000 Hz, 500 ms"),
        (np.zeros((3, 4), np.uint8), "uint8 [3, 4]"),
    ],
)
def test_what_is_in_a_file_is_one_line(found, told):
    assert contents_of(found).told == told


def test_rates_of_neurons_are_over_the_whole_recording():
    spikes = RecordedSpikes(
        times=np.array([1.0, 2.0, 2.5]),
        units=np.array([4, 4, 9]),
        population=np.array([0, 0, 1]),
        populations=("V1", "LGN"),
        source="SONATA",
        known=(np.arange(5), np.arange(10)),
        span=(0.0, 3.0),
    )
    counts, told = contents_of(spikes)
    assert counts == {"events": 3}
    assert told == (
        "SONATA, of V1 and LGN, 2 of 15 neurons fired, 3 s, 3 events from 1 s, "
        "0.5 Hz each"
    )
    silent = spikes._replace(times=np.zeros(0), units=np.zeros(0, int))
    silent = silent._replace(population=np.zeros(0, int))
    assert contents_of(silent).told.endswith("0 of 15 neurons fired, 0 events")
    picture(silent).canvas.draw()


def test_what_nobody_reads_is_refused():
    for told in (contents_of, picture):
        with pytest.raises(TypeError, match="of set"):
            told({1})
