import numpy as np
import pytest

from snnjax.datasets.containers.hdf5_attributes import _claimed, check_attributes
from snnjax.datasets.guard.checked import DamageError

h5py = pytest.importorskip("h5py")
NAME = b"type\0"


def written(path, library, **attributes):
    with h5py.File(path, "w", libver=library) as file:
        for k, (name, value) in enumerate(attributes.items()):
            file.create_group(f"g{k}").attrs[name] = value
    return path.read_bytes()


@pytest.mark.parametrize("library", ["earliest", "v110", "latest"])
@pytest.mark.parametrize("text", ["neo.block", "x" * 3000])
def test_how_long_a_text_is_stands_behind_its_name(library, text, tmp_path):
    raw = written(tmp_path / "a.h5", library, type=text, typed=np.arange(3))
    at = raw.find(NAME) + len(NAME)
    assert _claimed(raw, at, len(NAME)) == len(text)
    check_attributes(raw, ["type", "typed"])
    claim = len(text).to_bytes(4, "little")
    place = raw.index(claim, at)
    for length in (2**16 + 1, 2**31):
        damaged = raw[:place] + length.to_bytes(4, "little") + raw[place + 4 :]
        with pytest.raises(DamageError, match=f"attribute type claims {length} bytes"):
            check_attributes(damaged, ["type"])


@pytest.mark.parametrize("value", [5, 2.5, np.arange(4), np.bytes_("fixed")])
def test_what_is_no_text_of_any_length_claims_nothing(value, tmp_path):
    raw = written(tmp_path / "a.h5", "earliest", type=value)
    assert _claimed(raw, raw.find(NAME) + len(NAME), len(NAME)) == 0


def test_a_name_at_either_end_of_a_file_is_no_attribute():
    for raw in (NAME, b"\1" + NAME, NAME * 3, bytes(20) + NAME):
        check_attributes(raw, ["type"])
