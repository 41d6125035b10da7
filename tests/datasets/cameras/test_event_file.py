import gzip

import numpy as np
import pytest

from snnjax.datasets import DataError, read_atis_bin, read_recorded
from snnjax.datasets.formats.registry import FORMATS

CAMERAS = {form.read for form in FORMATS if form.holds == "camera"}
SIGNED = CAMERAS - {read_atis_bin}  # which takes any bytes


def outcomes(path, readers):
    """What readers make of a file, of those that do not refuse it by its name."""
    for read in readers:
        try:
            yield read(path)
        except DataError as error:
            if str(path) not in str(error):
                raise


def test_a_file_is_read_by_the_reader_that_reads_it_and_by_no_other(data_folder):
    folder, read = data_folder("recordings"), set()
    for path in sorted(folder.glob("*/*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or not path.stat().st_size:
            continue
        readers = CAMERAS if path.suffix == ".bin" else SIGNED
        expected = list(outcomes(path, readers))
        found = list(outcomes(path, [read_recorded]))
        assert len(found) == len(expected), name
        for column, other in zip(*found, *expected, strict=True) if found else ():
            np.testing.assert_equal(column, other, err_msg=name)
        read |= {each.source.split()[0] for each in found}
    assert read == {
        *("AEDAT", "DAT", "EVT", "Event", "text"),
        *("ASL-DVS", "ATIS,", "HDF5", "ST-MNIST", "npz"),
    }


def test_a_name_tells_nothing_and_what_is_packed_is_looked_into(tmp_path):

    text = b"t,x@4,y@3,on\n5,0,0,1\n9,3,2,0\n"
    for name, raw in (("a.raw", text), ("b.gz", gzip.compress(text))):
        (tmp_path / name).write_bytes(raw)
        found = read_recorded(tmp_path / name)
        assert found.size == (3, 4)
        assert found.t.tolist() == [5, 9]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n", "image, which read_image reads"),
        (b"% evt 4.0\n% end\n", "EVT 4.0 of Prophesee"),
        (b"% evt 3.0\n% format EVT2\n% end\n", "it calls itself"),
        (b"\x80\x04]\x94.", "Braille letters"),
    ],
)
def test_what_is_no_recording_is_told(raw, reason, tmp_path):
    (tmp_path / "x.raw").write_bytes(raw)
    with pytest.raises(DataError, match=reason):
        read_recorded(tmp_path / "x.raw")
