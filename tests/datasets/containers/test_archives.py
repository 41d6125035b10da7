import io
import tarfile
import zipfile

import pytest

from snnjax.datasets import DataError
from snnjax.datasets.containers.archives import unpack


def make(path, files, *members):
    """An archive of files, and of tar members that are no files."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, raw in files.items():
                archive.writestr(name, raw)
        return path
    with tarfile.open(path, "w:gz") as archive:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
        for member in members:
            archive.addfile(member)
    return path


def tree(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


FILES = {"a.txt": b"1", "deep/b.txt": b"22", "deep/er/c.txt": b""}
KINDS = pytest.mark.parametrize("kind", ["zip", "tar.gz"])


@KINDS
@pytest.mark.parametrize("top", ["", "top/"])
def test_files_are_unpacked_without_the_folder_that_holds_them_all(kind, top, tmp_path):
    archive = make(tmp_path / f"x.{kind}", {top + k: v for k, v in FILES.items()})
    assert tree(unpack(archive, tmp_path / "new" / "set")) == FILES
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["set"]


@KINDS
@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:evil", "a/.."]
)
def test_nothing_is_unpacked_outside_the_folder(kind, name, tmp_path):
    archive = make(tmp_path / f"x.{kind}", {"a.txt": b"1", name: b"2"})
    with pytest.raises(DataError, match="would be unpacked elsewhere"):
        unpack(archive, tmp_path / "in" / "set")
    assert not (tmp_path / "in" / "set").exists()
    assert not list(tmp_path.rglob("evil"))


def test_links_and_devices_are_left_out(tmp_path):
    link, hard, pipe = (tarfile.TarInfo(name) for name in ("link", "hard", "pipe"))
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "a.txt"
    pipe.type = tarfile.FIFOTYPE
    archive = make(tmp_path / "x.tar.gz", FILES, link, hard, pipe)
    assert tree(unpack(archive, tmp_path / "set")) == FILES


def test_no_more_than_one_folder_is_left_out(tmp_path):
    archive = make(tmp_path / "x.zip", {"Test/3/1.bin": b"1"})
    assert tree(unpack(archive, tmp_path / "set")) == {"3/1.bin": b"1"}


def test_what_an_operating_system_adds_is_left_out(tmp_path):
    archive = make(tmp_path / "x.zip", {"Train/1.bin": b"1", "__MACOSX/Train/x": b"2"})
    assert tree(unpack(archive, tmp_path / "set")) == {"1.bin": b"1"}


@KINDS
def test_a_bomb_is_refused(kind, tmp_path):
    files = {f"{k}.txt": bytes(10_000_000) for k in range(10)}
    archive = make(tmp_path / f"x.{kind}", files)
    with pytest.raises(DataError, match=r"'9\.txt' unpacks to more than allowed"):
        unpack(archive, tmp_path / "set", limit=99_999_999)
    with pytest.raises(DataError, match=r"\.txt' unpacks to more than allowed"):
        unpack(archive, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert len(tree(unpack(archive, tmp_path / "set", limit=10**8))) == 10


@KINDS
def test_an_archive_that_is_cut_or_empty_is_refused_and_named(kind, tmp_path):
    archive = make(tmp_path / f"x.{kind}", FILES)
    whole = archive.read_bytes()
    for length in (0, 10, len(whole) - 30):
        archive.write_bytes(whole[:length])
        with pytest.raises(DataError, match=str(archive)):
            unpack(archive, tmp_path / "set")
    make(archive, {})
    with pytest.raises(DataError, match="holds no files"):
        unpack(archive, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_folder_that_is_there_is_not_touched(tmp_path):
    archive = make(tmp_path / "x.zip", FILES)
    (tmp_path / "set").mkdir()
    with pytest.raises(FileExistsError, match="is there already"):
        unpack(archive, tmp_path / "set")


def test_what_an_interrupted_call_left_is_cleared_away(tmp_path):
    archive = make(tmp_path / "x.zip", FILES)
    (tmp_path / "set.0123abcd.part" / "old").mkdir(parents=True)
    assert tree(unpack(archive, tmp_path / "set")) == FILES
    assert sorted(tmp_path.iterdir()) == [tmp_path / "set", archive]
