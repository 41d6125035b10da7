import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest

from snnjax.datasets import DataError, catalogue, load, names
from snnjax.datasets.catalogue import DATA_SETS, get
from snnjax.datasets.fetch import contents_digest
from snnjax.datasets.published import File

WAV = b"RIFF..."


def test_a_name_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"'minst'.*digits, mnist, fashion-mnist"):
        load("minst", "train")
    with pytest.raises(ValueError, match=r"retinal-waves has no parts to load: none"):
        load("retinal-waves", "train")
    assert set(names()) == set(DATA_SETS) - {"retinal-waves"}


@pytest.mark.parametrize("name", names())
def test_every_named_set_knows_the_parts(name, tmp_path):
    with pytest.raises(ValueError, match=r"'valid'.*train, validation, test"):
        load(name, "valid", tmp_path)


@pytest.mark.parametrize("name", [n for n in names() if n != "digits"])
def test_every_named_set_that_is_missing_says_how_to_get_it(name, tmp_path):
    source = "shd" if name == "spoken-digits" else name
    with pytest.raises(FileNotFoundError, match=f"data get {source}'.*SNNJAX_DATA"):
        load(name, "train", tmp_path)
    assert DATA_SETS[source].files


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_set_tells_its_home_its_licence_and_what_to_cite(name):
    found = DATA_SETS[name]
    assert found.home.startswith("http")
    assert found.licence
    assert "doi:10." in found.cite or "arXiv:" in found.cite
    for file in found.files:
        assert file.url.startswith("http")
        kind, _, digest = (file.checksum or "md5:" + 32 * "0").partition(":")
        assert len(bytes.fromhex(digest)) == hashlib.new(kind).digest_size


@pytest.mark.parametrize("name", ["mnist", "braille", "qtdb"])
def test_real_files_are_those_that_were_published(name, data_folder):
    folder = data_folder({"qtdb": "ecg-qtdb"}.get(name, name))
    for file in DATA_SETS[name].files:
        raw = (folder / file.name).read_bytes()
        kind, digest = file.checksum.split(":")
        assert len(raw) == file.size
        assert hashlib.new(kind, raw).hexdigest() == digest


def test_the_real_clips_are_those_of_the_archive(data_folder):
    pattern, digest = DATA_SETS["fsdd"].files[0].contents
    assert contents_digest(data_folder("fsdd"), pattern) == digest


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return packed.getvalue()


def tarred(**files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return packed.getvalue()


def listing(**files):
    """What ``sha256sum`` prints, and its own digest."""
    lines = "".join(f"{hashlib.sha256(r).hexdigest()}  {n}\n" for n, r in files.items())
    return hashlib.sha256(lines.encode()).hexdigest()


@pytest.fixture
def offer(monkeypatch):
    """Puts files at an address of this machine into the catalogue, as one set."""

    def publish(server, name, *files):
        base = server.url.rsplit("/", 1)[0]
        found = tuple(file._replace(url=f"{base}/{file.name}") for file in files)
        monkeypatch.setitem(DATA_SETS, name, DATA_SETS[name]._replace(files=found))

    return publish


def idx(*shape):
    head = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    return head + bytes(int(np.prod(shape)))


def test_a_set_of_plain_files_is_got_and_loaded(serve, offer, tmp_path, capsys):
    names = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    files = dict(zip(names, (idx(3, 28, 28), idx(3)), strict=True))
    with serve(files=files) as server:
        offer(
            *(server, "mnist"),
            *(
                File(n, "", "md5:" + hashlib.md5(r).hexdigest())
                for n, r in files.items()
            ),
        )
        folder = get("mnist", tmp_path)
        assert len(server.asked) == 2
        get("mnist", tmp_path, progress=False)
        assert len(server.asked) == 2
    assert folder == tmp_path / "mnist"
    assert load("mnist", "test", tmp_path).x.shape == (3, 28, 28)
    assert (
        capsys.readouterr().err == f"{names[0]}  0.0/0.0 MB\n{names[1]}  0.0/0.0 MB\n"
    )


def test_archives_are_unpacked_where_the_reader_looks(
    serve, offer, tmp_path, monkeypatch
):
    event = bytes([1, 2, 128, 0, 9])
    files = {
        "train.zip": zipped(**{f"Train/{k}/0000{k}.bin": event for k in range(1, 7)}),
        "test.zip": zipped(**{"Test/3/00001.bin": event}),
    }
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SNNJAX_DATA", raising=False)
    with serve(files=files) as server:
        offer(
            *(server, "n-mnist"),
            *(
                File("train.zip", "", unpack="Train"),
                File("test.zip", "", unpack="Test"),
            ),
        )
        folder = get("n-mnist")
        assert folder == tmp_path / "snnjax" / "n-mnist"
        get("n-mnist")
        assert len(server.asked) == 2
    assert load("n-mnist", "validation").labels.tolist() == [6]
    assert load("n-mnist", "test").labels.tolist() == [3]
    assert not list((folder.parent / ".downloads").rglob("*.zip"))


CLIPS = {f"{d}_ann_{k}.wav": WAV + bytes([d, k]) for d in (0, 1) for k in (0, 5, 9)}
DIGEST = listing(**dict(sorted(CLIPS.items())))


@pytest.mark.parametrize("tampered", [False, True])
def test_an_archive_without_a_checksum_is_known_by_its_contents(
    tampered, serve, offer, tmp_path
):
    clips = CLIPS | ({"1_ann_5.wav": b"other"} if tampered else {})
    packed = tarred(
        **{"fsdd-1/README.md": b"read me"},
        **{f"fsdd-1/recordings/{name}": raw for name, raw in clips.items()},
    )
    file = File("a.tar.gz", "", unpack="", contents=("recordings/*.wav", DIGEST))
    with serve(files={"a.tar.gz": packed}) as server:
        offer(server, "fsdd", file)
        if tampered:
            with pytest.raises(DataError, match=f"digest .*, {DIGEST} was expected"):
                get("fsdd", tmp_path)
            assert not (tmp_path / "fsdd").exists()
            assert not [p for p in tmp_path.rglob("*") if p.is_file()]
            return
        get("fsdd", tmp_path)
    assert len(load("fsdd", "validation", tmp_path).paths) == 2
    assert (tmp_path / "fsdd" / "README.md").exists()


def test_a_set_that_others_bring_along_is_not_downloaded(tmp_path):
    with pytest.raises(ValueError, match=r"digits is not downloaded: .* scikit-learn"):
        get("digits", tmp_path)
    with pytest.raises(ValueError, match="No data set 'x'"):
        get("x", tmp_path)
    assert catalogue.data_set("shd").licence == "CC BY 4.0"
