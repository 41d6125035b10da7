import sys
import types

import numpy as np
import pytest

from snnjax.datasets import read_prophesee_evt3, stream_recorded
from snnjax.datasets.cameras import evt3_words

HEAD = b"% evt 3.0\n% format EVT3;height=2048;width=2048\n% end\n"
PIECE = "snnjax.datasets.cameras.byte_stream.PIECE"
START = [8 << 12 | 4000, 6 << 12 | 5, 9, 3 << 12 | 7]  # a time, a row, a begin


@pytest.fixture
def package():
    return pytest.importorskip("evt3")


@pytest.fixture
def file(tmp_path):
    def write(words):
        path = tmp_path / "a.raw"
        path.write_bytes(HEAD + np.array(words, "<u2").tobytes() + b"1")
        return path

    return write


def words_of(rng, n, *, rising):
    """Words of all kinds; times that rise by little, or anyhow."""
    kinds = rng.choice(16, n, p=[0.2, 0.01, 0.2, 0.1, 0.15, 0.1, 0.1] + [0.14 / 9] * 9)
    values = rng.integers(0, 4096, n)
    high = kinds == 8
    steps = rng.integers(0, 9, n) if rising else rng.integers(0, 4096, n)
    values[high] = (4000 + np.cumsum(steps[high])) % 4096
    return (kinds << 12 | values).tolist()


def assert_same(one, other):
    for column, true in zip(one[:4], other[:4], strict=True):
        assert column.dtype == true.dtype
        np.testing.assert_array_equal(column, true)
    assert one[4:] == other[4:]


@pytest.mark.filterwarnings("ignore:Dropped")
@pytest.mark.parametrize("size", [8, 60, 2**18])
@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("start", [START, []])
def test_the_package_changes_no_event_and_no_count(
    start, rising, size, package, file, rng, monkeypatch
):
    monkeypatch.setattr(PIECE, size)
    for n in (1, 30, 400, 3000):
        path = file([*start, *words_of(rng, n, rising=rising)])
        own, found = (
            read_prophesee_evt3(path, decoder=decoder, outside="drop")
            for decoder in ("numpy", "evt3")
        )
        assert_same(found, own)


def test_the_package_decodes_what_follows_the_first_piece(
    package, file, rng, monkeypatch
):
    monkeypatch.setattr(PIECE, 2000)
    words = [word for word in words_of(rng, 20_000, rising=True) if word >> 12 != 3]
    words[::5] = [3 << 12 | 7] * len(words[::5])  # no vector leaves the sensor
    path = file([*START, *words])
    own, pieces = evt3_words.decoded, []

    def counted(words, state, skipped):
        pieces.append(len(words))
        return own(words, state, skipped)

    monkeypatch.setattr(evt3_words, "decoded", counted)
    (piece,) = stream_recorded(path, options={"decoder": "evt3"})
    assert len(piece.t) > 10_000
    assert 1 <= len(pieces) <= 3  # of about 40


def test_files_of_others_are_the_same_by_the_package(package, data_folder):
    paths = [*data_folder("recordings").glob("evt3/*.raw")]
    paths += data_folder("recordings").glob("odd/evt3*.raw")
    assert len(paths) >= 6
    for path in paths:
        found = read_prophesee_evt3(path, decoder="evt3")
        assert_same(found, read_prophesee_evt3(path))


def test_a_package_that_leaves_events_out_is_not_believed(file, rng, monkeypatch):
    class Decoder:
        def __init__(self, width, height):
            assert (width, height) == (2048, 2048)

        def feed(self, raw):
            none = np.zeros(0, np.uint16)
            return types.SimpleNamespace(t=none.astype("u8"), x=none, y=none, p=none)

    monkeypatch.setitem(sys.modules, "evt3", types.SimpleNamespace(Decoder=Decoder))
    monkeypatch.setattr(PIECE, 100)
    path = file([*START, *5 * [2 << 12 | 3, 6 << 12 | 9], *40 * [4 << 12 | 5]])
    found = read_prophesee_evt3(path, decoder="evt3")
    assert len(found.t) == 5 + 80
    assert_same(found, read_prophesee_evt3(path))


def test_a_decoder_that_is_none_or_not_there_is_refused(file, monkeypatch):
    path = file(START)
    with pytest.raises(ValueError, match="decoder must be one of"):
        read_prophesee_evt3(path, decoder="rust")
    monkeypatch.setitem(sys.modules, "evt3", None)
    for call in (
        lambda: read_prophesee_evt3(path, decoder="evt3"),
        lambda: stream_recorded(path, options={"decoder": "evt3"}),
    ):
        with pytest.raises(ImportError, match=r"pip install 'snnjax\[evt3\]'"):
            call()
