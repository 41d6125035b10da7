"""Whatever a package does to its process, this one lives on and says what happened."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from snnjax.datasets import DataError
from snnjax.datasets.guard import apart as module
from snnjax.datasets.guard.apart import apart
from snnjax.datasets.guard.apart_worker import Worker
from snnjax.datasets.guard.checked import reading

READERS = """
import ctypes, json, os, signal, sys, time
import numpy as np

EVENTS = np.dtype([("t", "<i8"), ("x", "<u2"), ("on", "?")], align=True)


def plain(path, n=3):
    with open(path, "rb") as file:
        yield "bytes", np.frombuffer(file.read(), np.uint8)
    for k in range(n):
        events = np.zeros(k, EVENTS)
        events["t"] = k
        yield "events", events
    yield "square", np.asfortranarray(np.arange(6.0).reshape(2, 3))
    yield "scalar", np.array([])
    yield "about", {"size": [3, 4], "name": "ü", "pid": os.getpid()}


def counts(path, n):
    for first in range(0, n, 1000):
        yield "numbers", np.arange(first, min(first + 1000, n))
    yield "last", np.array([[n, 1]])


def limits(path):
    import resource
    yield "within", list(resource.getrlimit(resource.RLIMIT_AS))


def crashes(path):
    yield "a", np.ones(3)
    ctypes.string_at(0)


def crashes_later(path, flag):
    yield "pid", os.getpid()
    if not os.path.exists(flag):
        open(flag, "w").close()
        import threading
        threading.Timer(0.2, ctypes.string_at, (0,)).start()


def aborts(path):
    yield "a", np.ones(3)
    os.abort()


def hangs(path):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    yield "pid", os.getpid()
    while True:
        time.sleep(1)


def eats(path):
    yield "a", np.ones(2**25)


def writes(path):
    for k in range(1000):
        yield "a", np.ones(2**20)


def prints(path):
    print("garbage on one line")
    os.write(1, b"more of it")
    os.write(2, b"and errors")
    yield "a", np.ones(1)


def answers_for_itself(path, text):
    for k in range(3, 32):
        try:
            os.write(k, text.encode())
        except OSError:
            pass
    yield "a", np.ones(1)


def ends(path, code):
    os._exit(code)
    yield


def raises(path, kind):
    import builtins
    from snnjax.datasets.guard import checked
    yield "a", np.ones(1)
    raise {**vars(builtins), **vars(checked)}[kind]("what is wrong")


def panics(path):
    class PanicException(BaseException):
        pass
    raise PanicException("index out of bounds")
    yield


def mixed(path, case):
    yield "a", np.ones(2)
    if case == "between":
        yield "b", np.ones(2)
        yield "a", np.ones(2)
    elif case == "unlike":
        yield "a", np.ones(2, "f4")
    elif case == "nested":
        yield "b", np.zeros(2, [("a", "<i2", (3,))])
    else:
        yield "b", np.array([object()])


def modules(path):
    yield "modules", sorted(sys.modules)
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file, and functions to read it that the child can import."""
    (tmp_path / "my_readers.py").write_text(READERS)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "ü b.raw"
    path.write_bytes(b"abc")
    return path


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path, monkeypatch):
    """No process, no file that is open, and no file on the disk."""
    module._close_all()
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    opened = open_files()
    yield
    assert len(module._idle) <= module._KEPT
    module._close_all()
    assert open_files() == opened
    assert not [*folder.iterdir()]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def open_files():
    """How many files this process has open, and how many threads it has."""
    there = Path("/proc/self/fd")
    files = len([*there.iterdir()]) if there.is_dir() else 0
    return files, threading.active_count()


def read(path, name="plain", *, limit=None, seconds=30.0, package="numpy", **options):
    with reading(path, "a test", limit) as file:
        return apart(
            f"my_readers:{name}",
            file,
            package=package,
            extra="cameras",
            seconds=seconds,
            **options,
        )


def test_arrays_and_facts_come_back_as_they_are(file):
    found = read(file)
    assert found["bytes"].tobytes() == b"abc"
    assert found["events"].dtype.fields.keys() == {"t", "x", "on"}
    assert found["events"].dtype.itemsize == 16
    assert found["events"]["t"].tolist() == [1, 2, 2]
    assert found["square"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["scalar"].shape == (0,)
    assert found["about"]["size"] == [3, 4]
    assert found["about"]["name"] == "ü"
    found["square"][0, 0] = 7  # may be written to, and nobody else sees it
    assert read(file)["square"][0, 0] == 0
    assert found["square"][0, 0] == 7


@pytest.mark.parametrize("n", [1, 2**14, 2**14 + 1, 10**6])
def test_large_arrays_come_back_as_small_ones_do(n, file):
    found = read(file, "counts", n=n)
    np.testing.assert_array_equal(found["numbers"], np.arange(n))
    assert found["last"].tolist() == [[n, 1]]
    found["numbers"] += 1  # theirs alone


def test_one_process_reads_file_after_file_and_imports_little(file):
    pids = {read(file)["about"]["pid"] for _ in range(5)}
    assert len(pids) == 1
    assert pids != {os.getpid()}
    assert not {"jax", "flax"} & {*read(file, "modules")["modules"]}


DEATHS = [
    ("crashes", {}, r"numpy died of SIG(SEGV|BUS) while reading it"),
    ("aborts", {}, r"numpy died of SIGABRT while reading it"),
    ("ends", {"code": 3}, r"numpy ended with 3 while reading it"),
    ("ends", {"code": 0}, r"numpy ended with 0 while reading it"),
    ("answers_for_itself", {"text": "garbage\n"}, r"answered b'garbage.*, which is"),
    ("answers_for_itself", {"text": "[1]\n"}, r"answered b'\[1\].*, which is"),
    ("panics", {}, r"PanicException: index out of bounds"),
    ("raises", {"kind": "DamageError"}, r"DamageError: what is wrong"),
    ("raises", {"kind": "KeyError"}, r"KeyError: 'what is wrong'"),
    ("raises", {"kind": "SystemExit"}, r"SystemExit: what is wrong"),
    ("mixed", {"case": "between"}, "parts of a do not follow one another"),
    ("mixed", {"case": "unlike"}, "parts of a are not alike"),
    ("mixed", {"case": "object"}, "an array of object"),
    ("mixed", {"case": "nested"}, "an array of"),
]


@pytest.mark.parametrize(("name", "options", "told"), DEATHS)
def test_whatever_becomes_of_the_process_is_told_of_the_file(name, options, told, file):
    with pytest.raises(DataError, match=told) as caught:
        read(file, name, **options)
    assert str(file) in str(caught.value)
    assert not caught.value.sound
    assert read(file)["bytes"].tobytes() == b"abc"  # the next one is read


def test_a_sound_file_of_another_layout_is_told_to_be_sound(file):
    with pytest.raises(DataError, match="it holds what is wrong") as caught:
        read(file, "raises", kind="HoldsError")
    assert caught.value.sound


def test_one_that_never_answers_is_ended(file):
    began = time.monotonic()
    with pytest.raises(DataError, match=r"was stopped after 1 s") as caught:
        read(file, "hangs", seconds=1.0)
    assert time.monotonic() - began < 10
    assert str(file) in str(caught.value)
    assert read(file)["about"]["pid"]


@pytest.mark.parametrize("name", ["eats", "writes"])
def test_memory_is_bounded(name, file):
    with pytest.raises(DataError, match=r"more than 134217728 bytes; pass limit=…"):
        read(file, name, limit=2**27)
    if name == "eats":
        assert len(read(file, name, limit=2**30)["a"]) == 2**25  # and only by that


def test_less_memory_than_all_may_have_is_not_more_than_this_process_may(file):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**34, before[1]))
    try:
        limits = read(file, "limits", limit=2**40)
        assert limits["within"] == [2**34, before[1]]
        limits = read(file, "limits", limit=2**30)
        assert 2**30 < limits["within"][0] < 2**32
        assert limits["within"][1] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_what_comes_back_is_taken_from_the_allowance(file):
    with reading(file, "a test") as opened:
        before = opened.left
        found = apart("my_readers:plain", opened, package="numpy", extra="cameras")
        size = sum(each.nbytes for each in found.values() if hasattr(each, "nbytes"))
        assert before - opened.left >= size > 0


def test_what_a_package_prints_goes_nowhere(file, capfd):
    assert read(file, "prints")["a"].tolist() == [1.0]
    assert capfd.readouterr() == ("", "")


def test_one_that_died_between_two_files_is_replaced(file, tmp_path):
    pid = read(file)["about"]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert read(file)["about"]["pid"] != pid
    flag = tmp_path / "flag"
    first = read(file, "crashes_later", flag=str(flag))["pid"]
    assert read(file, "crashes_later", flag=str(flag))["pid"] == first
    time.sleep(0.5)
    assert read(file, "crashes_later", flag=str(flag))["pid"] != first


def test_one_that_dies_of_an_earlier_file_is_not_held_against_the_next(file):
    class Dying(Worker):
        """Is dead, and looks alive."""

        def _alive(self):
            process = super()._alive()
            if self.used:
                os.kill(process.pid, signal.SIGKILL)
            return process

    module._idle.append(Dying())
    first = read(file)["about"]["pid"]
    assert read(file)["about"]["pid"] != first


def test_a_package_that_is_missing_or_broken_is_told_with_what_to_do(file, monkeypatch):
    told = r'b.raw needs {}: pip install "snnjax\[cameras\]"'
    with pytest.raises(ImportError, match=told.format("no_such_package")):
        read(file, package="no_such_package")
    (file.parent / "broken_package.py").write_text("raise OSError('no library')")
    with pytest.raises(ImportError, match="does not start: OSError: no library"):
        read(file, package="broken_package")
    monkeypatch.setitem(sys.modules, "broken_package", None)
    with pytest.raises(ImportError, match=told.format("broken_package")):
        read(file, package="broken_package")


def test_where_no_process_starts_the_file_is_not_blamed(file, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(file.parent / "nothing"))
    with pytest.raises(ImportError, match="needs a process of its own, which does not"):
        read(file)
    monkeypatch.undo()


def test_a_full_disk_is_no_damage(file):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(DataError, match="no room for what is in it") as caught:
            read(file, "writes", limit=2**30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "damaged" not in str(caught.value)


def test_an_interrupt_ends_the_child(file):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # or ignored
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        read(file, "hangs")
    timer.join()
    signal.signal(signal.SIGINT, before)
    assert read(file)["bytes"].tobytes() == b"abc"


def test_threads_have_a_child_each(file):
    found, errors = [], []

    def many():
        try:
            for _ in range(10):
                found.append(read(file)["bytes"].tobytes())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not errors
    assert found == [b"abc"] * 40


FORKS = """
import os, sys, warnings
warnings.simplefilter("ignore")  # of JAX, which has threads
from test_apart import read
file, first = sys.argv[1], read(sys.argv[1])["about"]["pid"]
if not os.fork():
    mine = read(file)["about"]["pid"]
    code = 7 if mine != first and read(file)["about"]["pid"] == mine else 8
    from snnjax.datasets.guard import apart
    apart._close_all()
    os._exit(code)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
assert read(file)["about"]["pid"] == first  # still there, and ours
print(first)
"""


def run_alone(code, file):
    places = os.pathsep.join(map(str, (Path(__file__).parent, file.parent)))
    root = str(Path(module.__file__).parents[3])
    return subprocess.run(
        [sys.executable, "-c", code, str(file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((places, root))},
        capture_output=True,
        text=True,
        timeout=120,
    )


def is_there(pid):
    """Whether a process runs, after a while in which it may end."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_copy_of_this_process_has_a_child_of_its_own(file):
    done = run_alone(FORKS, file)
    assert done.returncode == 0, done.stderr
    assert not is_there(int(done.stdout))


@pytest.mark.parametrize("end", ["", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_the_child_ends_with_this_process_however_that_ends(end, file):
    done = run_alone(
        "import os, sys\nfrom test_apart import read\n"
        f"print(read(sys.argv[1])['about']['pid'], flush=True)\n{end}",
        file,
    )
    assert done.stderr == ""
    assert not is_there(int(done.stdout))
