import hashlib
import threading

import pytest

from snnjax.datasets import DataError
from snnjax.datasets.fetch import download, verify

BODY = bytes(range(256)) * 4000  # 1 MB
MD5 = "md5:" + hashlib.md5(BODY).hexdigest()
SHA = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("checksum", [MD5, SHA, ""])
@pytest.mark.parametrize("size", [0, len(BODY)])
def test_a_file_arrives_whole(checksum, size, tmp_path, serve):
    told = []
    with serve() as server:
        path = download(
            *(server.url, tmp_path / "deep" / "file.bin"),
            checksum=checksum,
            size=size,
            progress=lambda *each: told.append(each),
        )
    assert path.read_bytes() == BODY
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]
    assert told[-1] == (len(BODY), len(BODY))
    assert sorted(told) == told


def test_a_file_that_is_there_is_not_asked_for_again(tmp_path, serve):
    (tmp_path / "file.bin").write_bytes(BODY)
    with serve() as server:
        download(server.url, tmp_path / "file.bin", checksum=MD5)
        assert server.asked == []
        (tmp_path / "file.bin").write_bytes(BODY[1:])
        with pytest.raises(DataError, match=r"Delete it and get it again"):
            download(server.url, tmp_path / "file.bin", checksum=MD5)
        assert server.asked == []


@pytest.mark.parametrize("checksum", [MD5, ""])
@pytest.mark.parametrize("cut", [0, 1, 70_000, len(BODY) - 1])
def test_a_connection_that_breaks_is_taken_up_again(checksum, cut, tmp_path, serve):
    with serve({"cut": cut}) as server:
        path = download(server.url, tmp_path / "file.bin", checksum=checksum)
        assert server.asked == [None, f"bytes={cut}-" if cut else None]
    assert path.read_bytes() == BODY


def test_a_download_given_up_leaves_no_file_and_is_gone_on_with_later(tmp_path, serve):
    path = tmp_path / "file.bin"
    with serve({"cut": 1000}, {"cut": 500}) as server:
        with pytest.raises(ConnectionError, match=r"file\.bin could not be had"):
            download(server.url, path, checksum=MD5, attempts=2)
        assert not path.exists()
        assert (tmp_path / "file.bin.part").read_bytes() == BODY[:1500]
        download(server.url, path, checksum=MD5)
        assert server.asked == [None, "bytes=1000-", "bytes=1500-"]
    assert path.read_bytes() == BODY
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_without_a_checksum_a_later_call_begins_anew(tmp_path, serve):
    (tmp_path / "file.bin.part").write_bytes(b"of another version")
    with serve() as server:
        path = download(server.url, tmp_path / "file.bin")
        assert server.asked == [None]
    assert path.read_bytes() == BODY


class Interrupt(BaseException):
    pass


def test_an_interrupted_download_leaves_no_file(tmp_path, serve):
    def interrupt(done, total):
        if done > 300_000:
            raise Interrupt

    path = tmp_path / "file.bin"
    with serve() as server:
        with pytest.raises(Interrupt):
            download(server.url, path, checksum=MD5, progress=interrupt)
        assert not path.exists()
        assert download(server.url, path, checksum=MD5).read_bytes() == BODY
        assert server.asked[0] is None
        assert server.asked[1].startswith("bytes=")


@pytest.mark.parametrize("plan", [{"ranges": False}, {"begin": 7}])
def test_a_server_that_cannot_begin_in_the_middle_begins_anew(plan, tmp_path, serve):
    (tmp_path / "file.bin.part").write_bytes(BODY[:1000])
    with serve(plan, plan) as server:
        if "begin" in plan:  # it sends another part than it was asked for
            with pytest.raises(DataError, match="was damaged or changed"):
                download(server.url, tmp_path / "file.bin", checksum=MD5)
            assert not list(tmp_path.iterdir())
            return
        path = download(server.url, tmp_path / "file.bin", checksum=MD5)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("more", [0, 5])
def test_a_part_that_is_whole_or_too_long_ends_well(more, tmp_path, serve):
    (tmp_path / "file.bin.part").write_bytes(BODY + bytes(more))
    with serve() as server:
        path = download(server.url, tmp_path / "file.bin", checksum=SHA)
        assert server.asked == [f"bytes={len(BODY) + more}-", *([None] if more else [])]
    assert path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (BODY[:-1] + b"x", r"file\.bin\.part has md5 .* was published"),
        (BODY + b"x", r"has 1024001 bytes, 1024000 were published"),
        (BODY[:-1], r"has 1023999 bytes, 1024000 were published"),
        (b"", r"has 0 bytes"),
        (b"<html>Please log in</html>", r"has 26 bytes"),
    ],
)
def test_a_file_that_was_tampered_with_is_not_kept(body, message, tmp_path, serve):
    with (
        serve(body=body) as server,
        pytest.raises(DataError, match=message),
    ):
        download(server.url, tmp_path / "file.bin", checksum=MD5, size=len(BODY))
    assert not list(tmp_path.iterdir())


def test_a_part_that_was_tampered_with_is_not_gone_on_with_for_ever(tmp_path, serve):
    path = tmp_path / "file.bin"
    (tmp_path / "file.bin.part").write_bytes(b"x" + BODY[1:1000])
    with serve() as server:
        with pytest.raises(DataError, match="was damaged or changed"):
            download(server.url, path, checksum=MD5)
        assert download(server.url, path, checksum=MD5).read_bytes() == BODY


def test_without_a_length_the_end_is_believed_only_with_a_checksum_or_a_size(
    tmp_path, serve
):
    cut = {"length": False, "cut": 1000}
    with serve(cut, {"length": False}) as server:
        with pytest.raises(DataError, match="has 1000 bytes"):
            download(server.url, tmp_path / "file.bin", size=len(BODY))
        assert not list(tmp_path.iterdir())
        path = download(server.url, tmp_path / "file.bin", checksum=MD5)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize(("code", "asked"), [(404, 1), (403, 1), (500, 3), (503, 3)])
def test_a_refusal_is_told_and_only_a_servers_own_trouble_waited_out(
    code, asked, tmp_path, serve
):
    with serve(*[{"code": code}] * 3) as server:
        with pytest.raises(ConnectionError, match=f"HTTPError: .*put it at {tmp_path}"):
            download(server.url, tmp_path / "file.bin", checksum=MD5)
        assert len(server.asked) == asked
    assert not list(tmp_path.iterdir())


def test_a_machine_without_a_connection_says_what_to_do(tmp_path, serve):
    with serve() as server:
        url = server.url
    path = tmp_path / "file.bin"
    with pytest.raises(ConnectionError, match=f"offline, get the file .* at {path}"):
        download(url, path, timeout=1.0)


def test_a_server_that_falls_silent_is_left(tmp_path, serve):
    quiet = threading.Event()
    with serve() as server:
        server.answer = lambda request: quiet.wait(10)
        with pytest.raises(ConnectionError, match="could not be had"):
            download(server.url, tmp_path / "file.bin", attempts=1, timeout=0.1)
        quiet.set()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "shd.h5"])
def test_other_kinds_of_address_are_refused(url, tmp_path):
    with pytest.raises(ValueError, match="begins with http"):
        download(url, tmp_path / "file.bin")


def test_a_full_or_forbidden_disk_is_not_blamed_on_the_connection(tmp_path, serve):
    (tmp_path / "file.bin.part").mkdir()
    with serve() as server, pytest.raises(OSError, match=r"file\.bin\.part"):
        download(server.url, tmp_path / "file.bin", checksum=MD5)


def test_what_was_published_is_compared(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(BODY)
    for published in (MD5, SHA, ""):
        verify(path, published, len(BODY))
    with pytest.raises(DataError, match=f"{path} has sha256 .*, 00 was published"):
        verify(path, "sha256:00")
    with pytest.raises(DataError, match="has 1024000 bytes, 3 were published"):
        verify(path, MD5, 3)
