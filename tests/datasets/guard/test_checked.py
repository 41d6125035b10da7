import re

import pytest

from snnjax.datasets.guard.checked import (
    DamageError,
    DataError,
    HoldsError,
    content,
    listed,
    read_all,
    reading,
)


def test_reading_takes_128_mib_and_200_times_the_size_and_counts(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1000))
    with reading(tmp_path / "a", "zeros") as file:
        assert file.limit == file.left == 2**27 + 200_000
        assert content(file) == bytes(1000)
        assert file.left == 2**27 + 199_000
        file.take(2**27, "more")
        with pytest.raises(DataError, match=f"{file.limit} bytes"):
            file.take(200_000, "less")
    with reading(tmp_path / "a", "zeros", 1000) as file:
        assert content(file) == bytes(1000)
    with (
        pytest.raises(DataError, match=r"a: .* more than 999 bytes; pass limit"),
        reading(tmp_path / "a", "zeros", 999) as file,
    ):
        content(file)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("rhyme"), "KeyError: 'rhyme'. It is damaged or cut short"),
        (DamageError("no end"), "DamageError: no end. It is damaged or cut short"),
        (ValueError("no end"), "ValueError: no end. That is not what its format says"),
        (MemoryError(), "There is too little memory for it"),
        (HoldsError("prose"), "is sound, but not a layout .* a poem: it holds prose."),
    ],
)
def test_damage_is_told_from_what_was_not_expected(error, message, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"")
    with pytest.raises(DataError, match=message) as caught, reading(path, "a poem"):
        raise error
    assert str(path) in str(caught.value)
    assert caught.value.sound == isinstance(error, HoldsError)


def test_a_message_is_short_whatever_a_file_holds():
    names = (f"{'long' * 1000}\n\x1b[31m{k}" for k in range(10**9))
    assert re.fullmatch(r"((long){10}, ){6}…", listed(names))
    assert listed([]) == "nothing"
    assert listed(["a\nb"]) == r"a\nb"


def test_whatever_goes_wrong_names_the_file(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(FileNotFoundError, match=f"No file {path}"), reading(path, "x"):
        pass
    path.write_bytes(b"")
    with pytest.raises(PermissionError), reading(path, "a poem"):
        raise PermissionError(path)
    with pytest.raises(ImportError, match="h5py"), reading(path, "a poem"):
        raise ImportError("h5py")
    with pytest.raises(DataError, match=r"^as it is$"), reading(path, "a poem"):
        raise DataError("as it is")


def test_one_bad_file_of_many_is_named_or_left_out(tmp_path):
    def read(path):
        if path.name == "b":
            raise DataError(f"{path} is damaged.")
        return path.name

    paths = [tmp_path / name for name in "abc"]
    with pytest.raises(DataError, match=r"b is damaged. skip_bad=True leaves out"):
        read_all(read, paths, skip_bad=False)
    with pytest.warns(UserWarning, match=r"1 of 3 files are left out:\n.*b is damaged"):
        assert read_all(read, paths, skip_bad=True) == {0: "a", 2: "c"}
