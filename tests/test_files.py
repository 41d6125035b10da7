import ast
import errno
import multiprocessing
import os
import platform
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from snnjax import files


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for given, expected in (
        (None, tmp_path / ".cache" / "snnjax"),
        ("", tmp_path / ".cache" / "snnjax"),
        ("relative", tmp_path / ".cache" / "snnjax"),
        (str(tmp_path / "xdg"), tmp_path / "xdg" / "snnjax"),
    ):
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        if given is not None:
            monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert files.cache_folder() == expected


def test_a_file_appears_whole_and_replaces_the_one_before(tmp_path):
    path = tmp_path / "made" / "a.txt"
    files.write_text(path, "old")
    with files.atomic(path) as new:
        new.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_appears_whole_and_replaces_none_with_files(tmp_path):
    for k, content in enumerate(("first", "second")):
        try:
            with files.atomic(tmp_path / "set") as new:
                (new / "inside").mkdir(parents=True)
                (new / "inside" / "a.txt").write_text(content)
        except OSError:
            assert k == 1
    assert (tmp_path / "set" / "inside" / "a.txt").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "set"]


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
def test_what_was_interrupted_leaves_the_old_and_no_trace(error, tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(type(error)), files.atomic(path) as new:  # noqa: PT012
        new.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "named"),
    [(errno.ENOSPC, True), (errno.EIO, True), (errno.ECONNRESET, False)],
)
def test_what_the_disk_refuses_is_named_and_nothing_else(code, named, tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OSError) as refused, files.atomic(path):  # noqa: PT011
        raise OSError(code, "refused")
    assert refused.value.filename == (str(path) if named else None)
    assert (str(path) in str(refused.value)) is named


def test_writing_nothing_is_an_error_and_keeps_the_old(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(FileNotFoundError), files.atomic(path):
        pass
    assert path.read_text() == "old"


def test_two_writers_do_not_mix_and_the_last_one_stays(tmp_path):
    path = tmp_path / "a.txt"
    with files.atomic(path) as one:
        one.write_text("one")
        with files.atomic(path) as two:
            two.write_text("two, longer")
        assert path.read_text() == "two, longer"
    assert path.read_text() == "one"


def test_leftovers_of_a_killed_writer_are_found_and_nothing_else(tmp_path):
    program = (
        "import os, sys; from snnjax import files\n"
        "with files.atomic(sys.argv[1]) as new:\n"
        "    new.mkdir(); (new / 'half').write_text('x'); os.kill(os.getpid(), 9)"
    )
    root = Path(files.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "set")],
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )
    others = [tmp_path / name for name in ("set", "set.part", "set2.01234567.part")]
    for each in others:
        each.write_text("kept")
    assert len(list(tmp_path.iterdir())) == 4
    files.remove_leftovers(tmp_path / "set")
    assert sorted(tmp_path.iterdir()) == sorted(others)
    files.remove_leftovers(tmp_path / "nowhere" / "set")


def test_of_two_that_name_a_path_one_goes_on_and_the_other_is_told_who(tmp_path):
    path = tmp_path / "deep" / "set"
    holder = f"{path} is in use by process {os.getpid()} on {platform.node()}"
    with files.lock(path):
        with pytest.raises(BlockingIOError, match=f"{holder}; wait"), files.lock(path):
            pass
        with files.lock(tmp_path / "another"):
            pass
    assert not list(path.parent.iterdir())
    with files.lock(path):
        pass


NAMES = {  # of the folder "runs/one", from within "runs"
    "itself": "one",
    "whole": "{here}/one",
    "by a link": "latest",
    "by a link to what is around it": "../link/one",
    "by a link to a link": "newest",
    "there and back": "../runs/./one/",
    "from within": "one/deep/..",
}


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_place_is_one_by_whatever_name(name, exists, tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    (runs / "one" / "deep").mkdir(parents=True)
    (runs / "latest").symlink_to("one")
    (runs / "newest").symlink_to(runs / "latest")
    (tmp_path / "link").symlink_to("runs")
    if not exists:
        (runs / "one" / "deep").rmdir()
        (runs / "one").rmdir()
    monkeypatch.chdir(runs)
    with files.lock(runs / "one"):
        held = pytest.raises(BlockingIOError, match="is in use by process")
        with held, files.lock(NAMES[name].format(here=runs)):
            pass
    assert not [*tmp_path.rglob("*.lock")]


def test_where_one_is_can_be_locked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with files.lock("."), pytest.raises(BlockingIOError), files.lock(tmp_path):
        pass


def test_a_folder_is_locked_where_nobody_may_write_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "access", lambda path, mode: path != tmp_path)
    (tmp_path / "mine").mkdir()
    with files.lock(tmp_path / "mine"):
        assert [*tmp_path.rglob("*.lock")] == [tmp_path / "mine" / ".lock"]
        with pytest.raises(BlockingIOError), files.lock(tmp_path / "mine"):
            pass
    assert not [*tmp_path.rglob("*.lock")]


def test_a_holder_that_is_just_about_to_write_its_name_is_waited_for(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / "a.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        late = threading.Timer(0.02, lambda: print("process 7", file=file, flush=True))
        late.start()
        held = pytest.raises(BlockingIOError, match="in use by process 7")
        with held, files.lock(tmp_path / "a"):
            pass
        late.join()


def test_those_that_wait_go_on_one_after_another_and_are_told_once(tmp_path):
    inside, most, told, done = [], [], [], []

    def work():
        for _ in range(10):
            with files.lock(tmp_path / "a", waiting=told.append):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                done.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 40
    assert set(most) == {1}
    assert all("waiting for it" in each for each in told)
    assert len(told) <= 40
    assert not list(tmp_path.iterdir())


def test_a_lock_ends_with_a_killed_holder(tmp_path):
    program = (
        "import os, sys; from snnjax import files\n"
        "with files.lock(sys.argv[1]): os.kill(os.getpid(), 9)"
    )
    root = Path(files.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a")],
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )
    assert (tmp_path / "a.lock").exists()
    with files.lock(tmp_path / "a"):
        pass


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_child_does_not_hold_what_its_parent_held(tmp_path):
    with files.lock(tmp_path / "a"):
        worker = multiprocessing.get_context("fork").Process(
            target=time.sleep, args=[9]
        )
        worker.start()
    with files.lock(tmp_path / "a"):
        assert worker.is_alive()
    worker.kill()
    worker.join()
    assert not list(tmp_path.iterdir())


def test_a_passing_name_is_nobody_elses(monkeypatch, tmp_path):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    names = {files.passing_name() for _ in range(100)}
    assert len(names) == 100
    assert {name.parent for name in names} == {tmp_path}
    assert not any(name.exists() for name in names)


def test_what_is_no_regular_file_is_called_what_it_is(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    there = socket.socket(socket.AF_UNIX)
    there.bind(str(tmp_path / "socket"))
    there.close()
    for name, kind in {
        **{"file": "", "link": "", "pipe": "a pipe", "zero": "a device"},
        **{"socket": "a socket", ".": "a folder"},
    }.items():
        assert files.not_a_file(tmp_path / name) == kind
    for name in ("gone", "none", "file/inside", "nul\0"):
        with pytest.raises(FileNotFoundError, match="No file"):
            files.not_a_file(tmp_path / name)


BYTES = {"archive", "gzip", "Image", "os", "tarfile", "webbrowser"}  # no text
PACKAGE = Path(files.__file__).parent
HERE = Path(__file__).parents[1]
OURS = [PACKAGE, *(HERE / name for name in ("benchmarks", "docs", "examples"))]


def of_the_locale(call):
    """Whether a call turns bytes into text, or back, as the locale has it."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    whose = getattr(getattr(call.func, "value", None), "id", "")
    told = {each.arg for each in call.keywords}
    inside = [each for given in call.args for each in ast.walk(given)]
    words = [each.value for each in inside if isinstance(each, ast.Constant)]
    if "encoding" in told:
        return False
    if name == "open" and whose not in BYTES:
        return not any("b" in word for word in words if isinstance(word, str))
    if name == "write_text":
        return len(call.args) < 2 and isinstance(call.func, ast.Attribute)
    return (name == "read_text" and not words) or "text" in told


def test_text_is_utf_8_whatever_the_locale_is():
    found = []
    for path in sorted(each for folder in OURS for each in folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
        odd = [ast.unparse(call) for call in calls if of_the_locale(call)]
        found += [f"{path}: {each}" for each in odd]
    assert not found


def test_kernels_are_found_under_a_locale_of_ascii():
    ascii_ = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = "from snnjax.kernels import build; print(build.library())"
    found = [
        subprocess.run(
            [sys.executable, "-c", words],
            **{"env": os.environ | more, "capture_output": True, "check": True},
        ).stdout
        for more in ({}, ascii_)
    ]
    assert found[0] == found[1]
