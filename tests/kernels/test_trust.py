import os

import pytest

from snnjax.kernels import build, trust


@pytest.fixture
def library(tmp_path):
    """A library that was compiled, as far as anybody can tell."""
    path = tmp_path / "kernels.so"
    path.write_bytes(b"\x7fELF compiled")
    path.chmod(0o700)
    trust.vouch(path, compiler="c++ 1.0")
    return path


def rewrite(path, raw):
    path.unlink()  # what was loaded from here stays as it is
    path.write_bytes(raw)


def cut(path):
    rewrite(path, path.read_bytes()[:-1])


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[5] ^= 1
    rewrite(path, raw)


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def give_away(path):
    if os.getuid():
        pytest.skip("only root gives files away")
    os.chown(path, 12345, 12345)


SPOILED = {
    "cut": ("so", cut, "its digest is another"),
    "one bit": ("so", flip, "its digest is another"),
    "empty": ("so", lambda p: rewrite(p, b""), "its digest is another"),
    "gone": ("so", lambda p: p.unlink(), "is not there"),
    "a link": ("so", link, "is no file of its own"),
    "open to the group": ("so", lambda p: p.chmod(0o770), "can be written by others"),
    "open to all": ("so", lambda p: p.chmod(0o707), "can be written by others"),
    "of another user": ("so", give_away, "belongs to another user"),
    "no note": ("json", lambda p: p.unlink(), "is not there"),
    "a note of others": ("json", lambda p: p.chmod(0o666), "can be written by others"),
    "a note given away": ("json", give_away, "belongs to another user"),
    "a note cut": ("json", cut, ""),
    "no JSON": ("json", lambda p: p.write_text("{"), "its digest is another"),
    "another JSON": ("json", lambda p: p.write_text("[1]"), "its digest is another"),
}


def test_what_was_compiled_is_not_doubted(library):
    assert trust.doubt(library) == ""
    assert trust.noted(library)["compiler"] == "c++ 1.0"


@pytest.mark.parametrize("spoiled", SPOILED)
def test_what_another_could_have_changed_is_doubted(spoiled, library):
    suffix, spoil, why = SPOILED[spoiled]
    spoil(library.with_suffix(f".{suffix}"))
    told = trust.doubt(library)
    assert why in told
    assert bool(told) == bool(why)


SOURCE = 'extern "C" int snnjax_project = 7;\n'


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Kernels that compile at once, in a cache of their own."""
    if build.compiler() is None:
        pytest.skip("no compiler")
    source = tmp_path / "source" / "tiny.cc"
    source.parent.mkdir()
    source.write_text(SOURCE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "SOURCE", source)
    monkeypatch.setattr(build, "TARGETS", ())
    monkeypatch.setattr(build, "load", build.load.__wrapped__)
    monkeypatch.setattr(build.load, "cache_clear", lambda: None, raising=False)
    return build.build()


@pytest.mark.parametrize("spoiled", ["one bit", "open to all", "no note", "no JSON"])
def test_a_library_in_doubt_is_not_loaded_and_is_compiled_anew(spoiled, tiny):
    assert build.load() == ""
    before = tiny.stat().st_ino
    assert build.build().stat().st_ino == before
    suffix, spoil, why = SPOILED[spoiled]
    spoil(tiny.with_suffix(f".{suffix}"))
    assert why in build.load()
    assert "snnjax kernels build" in build.load()
    assert build.build().stat().st_ino != before
    assert build.load() == ""


def test_a_library_is_the_users_alone_whatever_the_mask(tiny):
    old = os.umask(0)
    try:
        build.build(force=True)
    finally:
        os.umask(old)
    assert build.load() == ""
