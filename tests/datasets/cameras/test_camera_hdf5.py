"""HDF5 of event cameras, written by the tests in the layouts of others."""

import struct

import numpy as np
import pytest

from snnjax import datasets
from snnjax.datasets import DataError, read_camera_hdf5
from snnjax.datasets.cameras.camera_hdf5 import is_camera_hdf5
from snnjax.datasets.containers import hdf5
from snnjax.datasets.guard.checked import reading

h5py = pytest.importorskip("h5py")
hdf5plugin = pytest.importorskip("hdf5plugin")

T = [3, 1000, 999, 2_000_000]  # µs, with a step back
X, Y, P = [0, 639, 5, 7], [479, 0, 6, 8], [1, 0, 0, 1]
ROWS = [*zip(T, X, Y, P, strict=True)]
FIELDS = [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")]


@pytest.fixture
def file(tmp_path):
    def write(columns, /, attributes=(), times=1, **how):
        with h5py.File(tmp_path / "a.h5", "w") as opened:
            for place, column in columns.items():
                again = (times, *(1,) * (np.ndim(column) - 1))
                column = np.tile(column, again) if np.ndim(column) else column
                packed = how if np.ndim(column) else {}
                opened.create_dataset(place, data=column, **packed)
            for (place, name), value in dict(attributes).items():
                opened[place].attrs[name] = value
        return tmp_path / "a.h5"

    return write


def columns(group="events", names="txyp", t=T, p=P):
    whole = {"t": t, "x": np.array(X, "u2"), "y": np.array(Y, "u2"), "p": np.array(p)}
    return {f"{group}/{name}".strip("/"): whole[name[0]] for name in names}


def compound():
    rows = np.zeros(len(T), FIELDS)
    for name, column in zip("txyp", (T, X, Y, P), strict=True):
        rows[name] = column
    return rows


def rows(recorded):
    kinds = [column.dtype for column in recorded[:4]]
    assert kinds == [np.int64, np.uint16, np.uint16, np.uint8]
    return [*zip(*(column.tolist() for column in recorded[:4]), strict=True)]


SECONDS = np.array(T) * 1e-6
LONG = ("ts", "xs", "ys", "ps")
MVSEC = np.array([X, Y, SECONDS, np.array(P) * 2 - 1]).T
V2E = np.array([T, X, Y, P], np.uint32).T
LAYOUTS = {
    "DSEC": columns() | {"ms_to_idx": np.zeros(1, np.uint64)},
    "M3ED": columns("prophesee/left")
    | {"prophesee/left/ms_map_idx": np.zeros(1, np.uint64)},
    "event-vision-library": columns("raw_events", t=SECONDS, p=np.array(P, bool)),
    "E2VID": columns(names=LONG, t=SECONDS, p=np.array(P) * 2 - 1),
    "flat": columns("", t=SECONDS),
    "flat and long": columns("", names=LONG, t=SECONDS),
    "Prophesee": {"CD/events": compound(), "CD/indexes": np.zeros(3)},
    "MVSEC": {"davis/left/events": MVSEC, "davis/left/imu": np.zeros((2, 6))},
    "v2e": {"events": V2E, "frame": np.zeros((2, 3, 3))},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "how",
    [{}, {"compression": "gzip", "shuffle": True}, hdf5plugin.Blosc("zstd", 5, 1)],
)
def test_every_layout_gives_the_events_that_were_written(layout, how, file):
    path = file(LAYOUTS[layout], times=90, **how)
    recorded = read_camera_hdf5(path)
    assert rows(recorded) == ROWS * 90
    assert (recorded.size, recorded.origin) == (None, "top left")
    assert recorded.source.startswith("HDF5 ")
    assert dict(recorded.skipped) == {}
    with reading(path, "a test") as opened, hdf5.opened(opened) as (tree, _):
        assert is_camera_hdf5(tree)
        assert filters_used(tree) == (
            {*FILTERS[how.get("compression")]} if how else set()
        )


FILTERS = {"gzip": (1, 2), 32001: (32001,)}


def filters_used(tree):
    """Those that every chunk of an array has passed, and none has skipped."""
    found = set()

    def look(name, node):
        if isinstance(node, h5py.Dataset) and node.chunks and name != "ms_to_idx":
            plist, chunks = node.id.get_create_plist(), []
            node.id.chunk_iter(chunks.append)
            assert not any(chunk.filter_mask for chunk in chunks)
            found.update(plist.get_filter(k)[0] for k in range(plist.get_nfilters()))

    tree.visititems(look)
    return found


@pytest.mark.parametrize("t_offset", [0, 58_000_000_000])
def test_the_offset_of_dsec_is_added_and_told(t_offset, file):
    recorded = read_camera_hdf5(file(LAYOUTS["DSEC"] | {"t_offset": t_offset}))
    assert recorded.t.tolist() == [t + t_offset for t in T]
    assert ("t_offset of 58000000000 µs added" in recorded.source) == (t_offset > 0)


def test_an_offset_of_the_index_is_not_added_to_times(file):
    # evutils writes it where DSEC has t_offset; its times are whole already
    recorded = read_camera_hdf5(file(LAYOUTS["DSEC"] | {"ms_to_idx_offset": 913716}))
    assert rows(recorded) == ROWS
    assert "added" not in recorded.source


def test_x_and_y_are_read_as_they_are_stored_not_swapped(file):
    # event-vision-library stores them swapped; that is told in the documentation
    recorded = read_camera_hdf5(file(LAYOUTS["event-vision-library"]))
    assert (recorded.x.tolist(), recorded.y.tolist()) == (X, Y)


@pytest.mark.parametrize(
    ("t", "unit", "microseconds"),
    [
        ([0, 1], "s", [0, 1_000_000]),
        ([1, 2], "ms", [1000, 2000]),
        ([1, 2], "us", [1, 2]),
        ([1400, 1501], "ns", [1, 2]),
        ([2.5, 1.0], "ms", [2500, 1000]),
        ([1.0, 2.0], "s", [1_000_000, 2_000_000]),
        (np.array([2**33, 1], np.uint64), "us", [2**33, 1]),
        (np.array([0.25, 0.5], np.float32), "s", [250_000, 500_000]),
    ],
)
@pytest.mark.parametrize("told", ["asked", "attribute"])
def test_units_are_those_asked_for_or_told_by_an_attribute(
    t, unit, microseconds, told, file
):
    whole = {k: v[:2] for k, v in columns().items()} | {"events/t": np.array(t)}
    if told == "asked":
        recorded = read_camera_hdf5(file(whole), unit=unit)
    else:
        word = {"us": "µs", "s": "seconds"}.get(unit, unit)
        recorded = read_camera_hdf5(file(whole, {("events/t", "units"): word}))
    assert recorded.t.tolist() == microseconds
    assert f"[{unit}]" in recorded.source


@pytest.mark.parametrize("t", [T, np.array(T, float), np.array(T, np.uint32)])
def test_whole_times_that_do_not_say_their_unit_are_not_guessed(t, file):
    with pytest.raises(DataError, match=r"is sound, .* unit=… does, one of s, ms, us"):
        read_camera_hdf5(file(columns(t=t)))


def test_an_odd_unit_is_told(file):
    with pytest.raises(DataError, match="times in units of 'ticks'; unit=… says which"):
        read_camera_hdf5(file(columns(), {("events/t", "unit"): "ticks"}))


def test_columns_of_four_that_do_not_say_which_they_are_are_asked_for(file):
    path = file({"events": MVSEC})
    with pytest.raises(
        DataError, match=r"four columns of float64 as events, .*columns="
    ):
        read_camera_hdf5(path)
    assert rows(read_camera_hdf5(path, columns="x y t p")) == ROWS
    for layout in ("DSEC", "Prophesee", "flat"):
        with pytest.raises(DataError, match=r"is sound, .*that have names"):
            read_camera_hdf5(file(LAYOUTS[layout]), columns="x y t p")


def test_of_two_cameras_one_is_asked_for(file):
    path = file({f"davis/{side}/events": MVSEC[k:] for k, side in enumerate(SIDES)})
    with pytest.raises(DataError, match=r"camera=… picks one"):
        read_camera_hdf5(path)
    assert rows(read_camera_hdf5(path, camera="left")) == ROWS
    assert rows(read_camera_hdf5(path, camera="right")) == ROWS[1:]
    with pytest.raises(DataError, match="no events of a right camera"):
        read_camera_hdf5(file(LAYOUTS["M3ED"]), camera="right")


SIDES = ("left", "right")


@pytest.mark.parametrize(
    "attributes",
    [
        {("/", "geometry"): "640x480"},
        {("/", "width"): 640, ("/", "height"): 480},
        {("events", "sensor_resolution"): (480, 640)},
        {("/", "sensor_resolution"): np.array([480, 640])},
    ],
)
def test_the_size_of_the_sensor_is_read_and_kept_to(attributes, file):
    path = file(LAYOUTS["DSEC"], attributes)
    assert read_camera_hdf5(path).size == (480, 640)
    small = {
        at: "639x480" if type(v) is str else np.array(v) - np.array(v) // 640
        for at, v in attributes.items()
    }
    path = file(LAYOUTS["DSEC"], small)
    with pytest.raises(DataError, match=r"event 1 lies at pixel \(639, 0\)"):
        read_camera_hdf5(path)
    with pytest.warns(UserWarning, match="Dropped 1 of 4 events"):
        assert rows(read_camera_hdf5(path, outside="drop")) == [ROWS[0], *ROWS[2:]]


@pytest.mark.parametrize("value", ["1280", "0x4", "axb", 7, (0, 5), "9" * 6 + "x1"])
def test_what_is_no_size_is_refused(value, file):
    name = "geometry" if type(value) is str else "sensor_resolution"
    with pytest.raises(DataError, match=f"its {name} is .*, no size of a sensor"):
        read_camera_hdf5(file(LAYOUTS["DSEC"], {("/", name): value}))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"events/x": np.array(X[:3])}, "unequal lengths: t 4, x 3, y 4, p 4"),
        ({"events/x": np.array([0, 1, -1, 2])}, "event 2 has x -1, no whole number"),
        ({"events/y": np.array([0, 0.5, 1, 2])}, "event 1 has y 0.5, no whole number"),
        ({"events/y": np.array([0, 2**16, 1, 2])}, "event 1 has y 65536"),
        (
            {"events/p": np.array([0, 1, 2, 3])},
            "polarities are 0, 1, 2, 3, not 0 and 1",
        ),
        ({"events/p": np.array([0, 1, -1, 1])}, "polarities are -1, 0, 1"),
        ({"events/t": np.array([0.5, np.nan, 1, 2])}, "event 1 has the time nan s"),
        ({"events/t": np.array([0.5, 1e300, 1, 2])}, "event 1 has the time 1e.300 s"),
        ({"events/t": np.full(4, 2**63, np.uint64)}, "event 0 has the time 9223372"),
        ({"events/x": np.array([b"a"] * 4)}, "is sound, .* events/x of type .S1"),
    ],
)
def test_what_no_event_can_have_is_refused_and_named(changed, message, file):
    path = file(LAYOUTS["DSEC"] | changed)
    unit = "s" if changed.get("events/t", np.zeros(1)).dtype.kind == "f" else None
    unit = unit if "events/t" in changed and "time 9" not in message else None
    with pytest.raises(DataError, match=message) as caught:
        read_camera_hdf5(path, unit=unit)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("field", [("t", "S8"), ("x", "<u2", (2,)), ("q", "<u2")])
def test_rows_of_other_fields_are_not_called_damaged(field, file):
    kinds = [each for each in FIELDS if each[0] != field[0]] + [field]
    if field[0] == "q":
        kinds = [each for each in kinds if each[0] != "p"]
    with pytest.raises(DataError, match="is sound, but not a layout"):
        read_camera_hdf5(file({"CD/events": np.zeros(4, kinds)}))


def test_no_events_are_a_recording(file):
    empty = {k: np.array(v)[:0] for k, v in columns().items()}
    assert rows(read_camera_hdf5(file(empty))) == []


def test_other_layouts_are_told_by_what_they_hold(file):
    for layout in (
        {"Block_0/segments/Segment_0/spiketrains/SpikeTrain_0/times": SECONDS},
        {"events": np.zeros((4, 5))},
        {"events/t": T, "events/x": X},
        {"t": 1.0, "x": 2.0, "y": 3.0, "p": 1.0},
    ):
        path = file(layout)
        with pytest.raises(DataError, match=r"is sound, .* groups or arrays") as caught:
            read_camera_hdf5(path)
        assert "damaged" not in str(caught.value)
        with reading(path, "a test") as opened, hdf5.opened(opened) as (tree, _):
            assert not is_camera_hdf5(tree)


def test_links_to_elsewhere_are_not_followed(file, tmp_path):
    path = file(columns("events", "xyp"))
    with h5py.File(path, "a") as opened:
        opened["events/t"] = h5py.ExternalLink(str(tmp_path / "b.h5"), "t")
        opened["ms_to_idx"] = np.zeros(1, np.uint64)
    with pytest.raises(DataError, match="no events of a camera"):
        read_camera_hdf5(path)


# Filters


def marked(path, number, raw=b"garbage" * 9):
    """A file of Prophesee of which one chunk is marked by a filter that nobody has."""
    with h5py.File(path, "w") as opened:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((4,))
        plist.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
        group = opened.create_group("CD")
        space, kind = h5py.h5s.create_simple((4,)), h5py.h5t.py_create(np.dtype(FIELDS))
        node = h5py.h5d.create(group.id, b"events", kind, space, plist)
        node.write_direct_chunk((0,), raw)
    return path


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (36559, r"36559 \(ECF of Prophesee\); .*metavision_file_to_dat -i FILE makes"),
        (32026, r"32026 \(Blosc 2\); h5repack -f GZIP=1 OLD NEW"),
        (40000, r"filters 40000; h5repack"),
    ],
)
def test_a_filter_that_nothing_here_unpacks_is_named_with_a_way_round(
    number, message, tmp_path
):
    with pytest.raises(DataError, match=f"is sound, .*{message}"):
        read_camera_hdf5(marked(tmp_path / "a.h5", number))


def test_a_piece_that_no_filter_was_used_on_is_read(tmp_path):
    path = marked(tmp_path / "a.h5", 32001)
    with h5py.File(path, "a") as opened:
        node = opened["CD/events"].id
        node.write_direct_chunk((0,), compound().tobytes(), filter_mask=1)
    assert rows(read_camera_hdf5(path)) == ROWS


def head(version=2, width=8, unpacked=80, block=80, packed=None, raw=b""):
    """The head of a piece of Blosc, as its description lays it out."""
    packed = 16 + len(raw) if packed is None else packed
    return struct.pack("<4B3I", version, 1, 0, width, unpacked, block, packed) + raw


@pytest.mark.parametrize(
    "raw",
    [
        b"short",
        head(unpacked=2**31),
        head(unpacked=10),
        head(version=9),
        head(packed=2**31),
        head(packed=3),
        head(block=2**31),
        head(block=0),
        head(width=0),
    ],
)
def test_a_piece_of_blosc_unpacks_to_what_the_array_says_or_is_refused(raw, tmp_path):
    with pytest.raises(DataError, match="CD/events has a piece"):
        read_camera_hdf5(marked(tmp_path / "a.h5", 32001, raw))


@pytest.mark.parametrize("n", [0, 2])
def test_settings_of_blosc_that_are_too_few_are_refused(n, file):
    # its plug-in reads them uncounted, and dies
    path = file(LAYOUTS["DSEC"], times=90, **hdf5plugin.Blosc())
    raw, told = path.read_bytes(), struct.pack("<4H", 32001, 8, 1, 7) + b"blosc"
    assert raw.count(told) >= 4
    path.write_bytes(raw.replace(told, struct.pack("<4H", 32001, 8, 1, n) + b"blosc"))
    with pytest.raises(DataError, match=f"has {n} settings of Blosc, not 4 to 7"):
        read_camera_hdf5(path)


def test_what_blosc_itself_refuses_is_an_error_that_names_the_file(tmp_path):
    size = len(T) * np.dtype(FIELDS).itemsize
    raw = head(unpacked=size, block=size, raw=b"\xff" * 20)
    with pytest.raises(DataError, match=r"a\.h5 cannot be read"):
        read_camera_hdf5(marked(tmp_path / "a.h5", 32001, raw))


def test_what_blosc_unpacks_is_taken_from_the_allowance_first(file):
    n = 2**20
    zeros = {name: np.zeros(n, np.uint8) for name in LAYOUTS["DSEC"]}
    path = file(zeros, chunks=(n,), **hdf5plugin.Blosc("zstd", 9))
    assert path.stat().st_size < n // 10
    with pytest.raises(DataError, match=r"more than 4000000 bytes; pass limit=…"):
        read_camera_hdf5(path, limit=4_000_000)
    assert len(read_camera_hdf5(path).t) == n


def test_without_the_plug_in_it_is_told_what_to_install(file, monkeypatch):
    path = file(LAYOUTS["DSEC"], times=90, **hdf5plugin.Blosc())
    monkeypatch.setitem(__import__("sys").modules, "hdf5plugin", None)
    with pytest.raises(ImportError, match=r"needs hdf5plugin: pip install .*cameras"):
        read_camera_hdf5(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "h"},
        {"columns": "t x y"},
        {"columns": "t x y p p"},
        {"columns": 3},
        {"camera": "middle"},
        {"outside": "keep"},
    ],
)
def test_wrong_options_are_refused_by_name(wrong, file):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        read_camera_hdf5(file(LAYOUTS["DSEC"]), **wrong)


# Files of others


def test_files_of_others_hold_what_is_known_of_them(data_folder):
    folder = data_folder("recordings")
    dsec = read_camera_hdf5(folder / "hdf5/evutils_dsec.h5")
    camera = datasets.read_prophesee_evt2(folder / "evt2/faery_evt2.raw")
    for one, other in zip(dsec[:4], camera[:4], strict=True):
        np.testing.assert_array_equal(one, other[:40_000])
    assert dsec.size == (480, 640)
    plain = read_camera_hdf5(folder / "hdf5/prophesee_layout_plain.hdf5")
    sample = "evt3/expelliarmus_evt3_sample.raw"
    camera = datasets.read_prophesee_evt3(folder / sample)
    for one, other in zip(plain[:4], camera[:4], strict=True):
        np.testing.assert_array_equal(one, other[:20_000])
    library = read_camera_hdf5(folder / "hdf5/event-vision-library_event.hdf5")
    text = np.loadtxt(folder / "text/event-vision-library_event.txt")
    np.testing.assert_array_equal(library.t, np.rint(text[:, 0] * 1e6))
    np.testing.assert_array_equal(library.x, text[:, 2])  # swapped by its writer
    np.testing.assert_array_equal(library.y, text[:, 1])
    np.testing.assert_array_equal(library.p, text[:, 3])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hdf5/prophesee_layout_ecf_filter_unreadable.hdf5", "ECF of Prophesee"),
        ("odd/old_neo_hdf5_spikes_L6E.h5", "groups or arrays Block_0"),
        ("odd/old_neo_hdf5_subset.h5", "groups or arrays nothing"),
    ],
)
def test_files_of_others_that_cannot_be_read_are_refused_and_why(
    name, message, data_folder
):
    with pytest.raises(DataError, match=f"is sound, .*{message}"):
        read_camera_hdf5(data_folder("recordings") / name)
