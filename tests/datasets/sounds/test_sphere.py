import numpy as np
import pytest

from snnjax.datasets import DataError, read_sound
from snnjax.datasets.sounds.sound import is_sound
from snnjax.datasets.sounds.sound_numbers import frames

SAMPLES = np.array([[1, -2], [300, -32768], [32767, 0]])  # two channels


def sphere(body, size=1024, end="end_head\n", **fields):
    """A file with a header of these fields; a text is of so many letters."""
    lines = [f"NIST_1A\n{size:7d}\n"]
    for name, value in fields.items():
        kind = f"s{len(value)}" if isinstance(value, str) else "i"
        lines.append(f"{name} -{kind} {value}\n")
    return ("".join(lines) + end).encode().ljust(size, b"\0") + body


def usual(samples=SAMPLES, dtype="<i2", **more):
    channels = samples.shape[1]
    order = {"<": "01", ">": "10"}.get(dtype[0], "1")
    fields = {
        "channel_count": channels,
        "sample_count": len(samples),
        "sample_rate": 16_000,
        "sample_n_bytes": np.dtype(dtype).itemsize,
        "sample_byte_format": order,
        "sample_sig_bits": 16,
    }
    return sphere(samples.astype(dtype).tobytes(), **(fields | more))


@pytest.fixture
def read(tmp_path):
    """Writes a file that is called as those of TIMIT are, and reads it."""

    def write_and_read(raw, **options):
        (tmp_path / "SA1.WAV").write_bytes(raw)
        return read_sound(tmp_path / "SA1.WAV", **options)

    return write_and_read


@pytest.mark.parametrize("dtype", ["<i2", ">i2"])
def test_both_orders_of_bytes_are_read(dtype, read):
    raw = usual(dtype=dtype, database_id="TIMIT", sample_max=32767)
    assert is_sound(raw[:16])
    found = read(raw)
    assert found.rate == 16_000
    np.testing.assert_allclose(found.samples, SAMPLES.mean(1) / 2**15, rtol=1e-6)
    np.testing.assert_array_equal(read(raw, channel=1).samples, SAMPLES[:, 1] / 2**15)


def test_what_an_old_header_leaves_out_is_usual(read):
    fields = {"sample_count": 3, "sample_rate": 16_000, "sample_n_bytes": 2}
    raw = sphere(SAMPLES[:, 0].astype("<i2").tobytes(), **fields)
    np.testing.assert_array_equal(read(raw).samples, SAMPLES[:, 0] / 2**15)


@pytest.mark.parametrize(("name", "law"), [("mu-law", "µ-law"), ("alaw", "A-law")])
def test_old_headers_name_a_law_where_others_name_an_order(name, law, read):
    fields = {"sample_count": 4, "sample_rate": 8000, "sample_n_bytes": 1}
    raw = b"\x00\x80\xd5\xff"
    found = read(sphere(raw, sample_byte_format=name, **fields)).samples
    expected = frames(memoryview(raw), law, 1, "<", 1)[:, 0]
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize(("order", "dtype"), [("0123", "<i4"), ("3210", ">i4")])
def test_orders_of_four_bytes_are_read(order, dtype, read):
    raw = usual(SAMPLES * 2**16, dtype, sample_byte_format=order)
    np.testing.assert_allclose(read(raw).samples, SAMPLES.mean(1) / 2**15, rtol=1e-6)


@pytest.mark.parametrize("comment", ["; a remark\n", "note -s9 two words\n", "\n"])
def test_remarks_and_words_do_no_harm(comment, read):
    raw = usual()
    raw = raw[:16] + comment.encode() + raw[16 : 1024 - len(comment)] + raw[1024:]
    assert len(read(raw).samples) == 3


@pytest.mark.parametrize(
    "subtype", ["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW"]
)
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_all_kinds_of_numbers_are_what_soundfile_reads(subtype, endian, tmp_path, rng):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "a.sph"
    wave = rng.uniform(-1, 1, (50, 2))
    options = {"format": "NIST", "subtype": subtype, "endian": endian}
    soundfile.write(path, wave, 8000, **options)
    expected = soundfile.read(path)[0]
    for k in range(2):
        found = read_sound(path, channel=k)
        assert found.rate == 8000
        np.testing.assert_array_equal(found.samples, expected[:, k].astype(np.float32))


@pytest.mark.parametrize(
    "coding", ["pcm,embedded-shorten-v2.00", "ulaw,embedded-shorten-v1.1"]
)
def test_what_is_packed_is_refused_by_name_with_what_to_do(coding, read):
    with pytest.raises(DataError, match=r"embedded-shorten.*sph2pipe -p") as caught:
        read(usual(sample_coding=coding))
    assert caught.value.sound


@pytest.mark.parametrize(
    ("raw", "message", "sound"),
    [
        (usual()[:-1], "it claims 12 bytes of numbers, 11 follow", False),
        (usual()[:1000], "a header that begins with b'NIST_1A.n   1024.n'", False),
        (b"NIST_1A\nhello", "a header that begins with b'NIST_1A.nhello'", False),
        (usual(size=8), "a header that begins with b'NIST_1A.n      8", False),
        (usual(end=""), "its header has no end_head", False),
        (usual(end="what\nend_head\n"), "b'what' of its header is no field", False),
        (usual(sample_rate=0), "its sample_rate is 0, not 1 to", False),
        (usual(sample_rate="fast"), "its sample_rate is 'fast'", False),
        (usual(sample_count=-1), "its sample_count is '-1'", False),
        (usual(channel_count=0), "its channel_count is 0", False),
        (usual(channel_count=10**6), "its channel_count is 1000000", False),
        (usual(sample_count=10**12), "claims 4000000000000 bytes", False),
        (usual(sample_byte_format="100"), "2 bytes a number in the order '100'", False),
        (usual(sample_byte_format="3210"), "2 bytes .* in the order '3210'", False),
        (usual(sample_coding="opus"), "it holds samples of coding 'opus'", True),
        (usual(sample_n_bytes=8), "coding 'pcm' in 8 bytes", True),
        (usual(sample_coding="ulaw"), "coding 'ulaw' in 2 bytes", True),
        (
            sphere(b"", sample_rate=8000, sample_n_bytes=2),
            "its header has no sample_count",
            False,
        ),
    ],
)
def test_a_damaged_file_is_refused_and_named(raw, message, sound, read, tmp_path):
    with pytest.raises(DataError, match=message) as caught:
        read(raw)
    assert str(tmp_path / "SA1.WAV") in str(caught.value)
    assert caught.value.sound == sound
