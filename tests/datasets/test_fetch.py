import hashlib
import threading

import pytest

from snnjax.datasets import DataError, fetch
from snnjax.datasets.catalogue import DATA_SETS
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


ENDLESS = {"length": False, "endless": 2**28}


@pytest.mark.parametrize("checksum", [MD5, ""])
def test_a_server_that_does_not_end_is_left_and_nothing_kept(checksum, tmp_path, serve):
    with serve(ENDLESS, {}) as server:
        with pytest.raises(DataError, match="sends more than 2000000 bytes"):
            download(server.url, tmp_path / "a", checksum=checksum, most=2_000_000)
        assert not list(tmp_path.iterdir())
        assert server.sent < 2**25
        download(server.url, tmp_path / "a", checksum=checksum, most=2_000_000)
    with serve(ENDLESS) as server:
        with pytest.raises(DataError, match="were published"):
            download(server.url, tmp_path / "b", size=len(BODY))
        assert server.sent < 2**25


@pytest.mark.parametrize("length", ["many", "-5", "1e9", "0x10", "9" * 4000])
def test_a_length_that_is_none_is_refused(length, tmp_path, serve):
    with (
        serve({"length": length}) as server,
        pytest.raises(DataError, match="which is no number"),
    ):
        download(server.url, tmp_path / "a", checksum=MD5, attempts=1)
    assert not list(tmp_path.iterdir())


def test_a_length_beyond_the_limit_is_refused_before_it_is_taken(tmp_path, serve):
    with (
        serve({"length": 10**12, "endless": 2**28}) as server,
        pytest.raises(DataError, match="sends more than 536870912 bytes"),
    ):
        download(server.url, tmp_path / "a", checksum=MD5)
    assert not list(tmp_path.iterdir())


def test_a_server_that_only_drips_is_left(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(fetch, "_MINUTE", 0.2)
    monkeypatch.setattr(fetch, "_SLOWEST", 10**9)
    drip = {"length": False, "endless": 2**24, "pause": 0.05}
    with (
        serve(drip) as server,
        pytest.raises(ConnectionError, match=r"less than .* bytes came in a second"),
    ):
        download(server.url, tmp_path / "a", checksum=MD5, attempts=1)


@pytest.mark.parametrize("checksum", [MD5, ""])
def test_of_two_downloads_of_one_file_the_second_waits(checksum, tmp_path, serve):
    seen, slow = [], {"length": False, "cut": 0, "endless": 2**20, "pause": 0.02}

    def one(report=None):
        path = tmp_path / "file.bin"
        download(server.url, path, checksum=checksum, progress=report)
        seen.append(path.read_bytes() == body)

    body = bytes(2**20) if not checksum else BODY
    with serve(*[] if checksum else [slow], body=body) as server:
        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.asked) == 1
    assert seen == 4 * [True]
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_catalogue_bounds_every_file():
    for data_set in DATA_SETS.values():
        for file in data_set.files:
            assert 0 < (file.size or file.most) <= 2**32
