"""Damaged files are refused by name, or read as something a file can hold."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import readers
from benchmarks.fuzz.readers import fuzz, one, verdict
from benchmarks.fuzz.seeds import FORMATS, Format
from snnjax.datasets import DataError

pytest.importorskip("h5py")

edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "drop", "write"]),
        st.floats(0.0, 1.0, exclude_max=True),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)


def edited(raw, changes):
    work = bytearray(raw)
    for kind, where, value in changes:
        at = int(where * len(work))
        if kind == "cut":
            del work[at:]
        elif kind == "drop":
            del work[at : at + value]
        elif kind == "write":
            work[at : at + 4] = (value * 0x01010101 % 2**32).to_bytes(4, "big")
        elif work:
            work[at] ^= 1 << value % 8
    return bytes(work)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module", params=FORMATS)
def form(request, folder):
    """A format, a small file of it, and where to put what is made of that."""
    path = folder / f"input{FORMATS[request.param].suffix}"
    return request.param, FORMATS[request.param].sound(folder), path


def test_a_sound_file_is_read(form):
    name, raw, path = form
    path.write_bytes(raw)
    assert verdict(name, path, []) == "read"


@given(changes=edits, behind=st.booleans())
@settings(deadline=None, max_examples=60)
def test_an_edited_file_is_refused_by_name_or_looks_right(form, changes, behind):
    name, raw, path = form
    repack = FORMATS[name].repack
    if behind and repack is not None:
        path.write_bytes(repack(raw, lambda inside: edited(inside, changes)))
    else:
        path.write_bytes(edited(raw, changes))
    assert verdict(name, path, []) in ("refused", "read")


def test_inputs_are_the_same_at_every_run_and_all_different(form, folder):
    name, raw, _ = form
    made = [one(name, [raw], 0, k) for k in range(20)]
    assert made == [one(name, [raw], 0, k) for k in range(20)]
    assert len(set(made) | {raw}) > 15


def failing(error):
    def read(path):
        raise error(path)

    return read


def hidden(path):
    error = DataError(str(path))
    error.__cause__ = MemoryError()
    return error


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (failing(lambda path: DataError(f"{path} is damaged")), "refused"),
        (failing(lambda path: DataError("something is damaged")), "wrong"),
        (failing(lambda path: KeyError("x")), "wrong"),
        (failing(lambda path: MemoryError()), "memory"),
        (failing(hidden), "memory"),
        (lambda path: 3, "read"),
        (lambda path: 4, "wrong"),
    ],
)
def test_what_becomes_of_an_input_is_told_apart(read, expected, monkeypatch, tmp_path):
    form = Format("", lambda folder: b"", read, lambda found: found == 3)
    monkeypatch.setitem(FORMATS, "odd", form)
    assert verdict("odd", tmp_path / "a", []) == expected


def test_a_worker_counts_what_became_of_its_inputs():
    row = fuzz("idx", inputs=60, seconds=60)
    assert row["inputs"] == row["refused"] + row["read"] == 60
    assert row["bad"] == []


KILLER = """
import os, sys, time
def read(path):
    size = path.stat().st_size
    if size == 7: os.abort()
    if size == 8: time.sleep(60)
    if size == 9: bytearray(2**31)
    if size == 10: os.system("true")
    return size
seeds.FORMATS["odd"] = seeds.Format(
    "", lambda folder: b"sound", read, lambda found: True
)
readers.one = lambda name, files, seed, index: bytes(index)
readers.PATIENCE = 0.2
"""


def test_a_worker_that_dies_hangs_or_does_something_is_found_out(monkeypatch, tmp_path):
    script = tmp_path / "killer.py"
    script.write_text(
        "import sys; sys.path.insert(0, '')\n"  # a worker starts where benchmarks is
        f"from benchmarks.fuzz import readers, seeds\n{KILLER}\nreaders.main()\n"
    )
    monkeypatch.setattr(readers, "WORKER", (sys.executable, str(script)))
    monkeypatch.setitem(FORMATS, "odd", None)
    row = fuzz("odd", inputs=8, first=4, seconds=60)
    assert row["bad"] == [7, 8, 9, 10]
    assert [row[k] for k in ("died", "hung", "memory", "code")] == [1, 1, 1, 1]
    assert (row["inputs"], row["read"]) == (8, 4)
