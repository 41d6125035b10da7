"""Programs that tests compiled are there for the next run."""

import os

import compiled
import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user who has run no tests yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_each_process_has_a_folder_and_finds_there_what_ended_ones_compiled(home):
    one, two = compiled.borrow(), compiled.borrow()
    assert one != two
    for name, folder in (("a", one), ("b", two)):
        (folder / name).write_text(name)
        compiled.give_back(folder)
    third = compiled.borrow()
    assert {path.name: path.read_text() for path in third.iterdir()} == {
        "a": "a",
        "b": "b",
    }


def test_what_a_killed_process_wrote_is_compiled_anew(home, monkeypatch):
    monkeypatch.setattr(
        compiled, "take", lambda folder: folder.mkdir(exist_ok=True) is None
    )
    killed = compiled.borrow()
    (killed / "half").touch()
    assert not compiled.names(compiled.borrow())


def test_the_oldest_programs_make_room(home, monkeypatch):
    monkeypatch.setattr(compiled, "MOST", 2)
    folder = compiled.borrow()
    for name in "abc":
        (folder / name).touch()
        os.utime(folder / name, (ord(name), ord(name)))
    compiled.give_back(folder)
    assert compiled.names(compiled.store() / "programs") == {"b", "c"}
