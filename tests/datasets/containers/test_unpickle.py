import os
import pathlib
import pickle
import pickletools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnjax.datasets.containers import unpickle as module
from snnjax.datasets.containers.unpickle import Later, array_of, numbers_of
from snnjax.datasets.guard.checked import (
    DamageError,
    DataError,
    HoldsError,
    Reading,
)

relaxed = settings(deadline=None, max_examples=200)
PROTOCOLS = [2, 3, 4, 5]


def allowed(size=10**9):
    return Reading(pathlib.Path("a.pkl"), size)


def unpickle(raw):
    return module.unpickle(raw, allowed())


def items_of(item):
    return module.items_of(item, allowed())


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
things = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 300), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(thing=things, protocol=st.sampled_from(PROTOCOLS))
@relaxed
def test_containers_numbers_and_texts_come_back(thing, protocol):
    assert unpickle(pickle.dumps(thing, protocol)) == thing


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        *(np.arange(6.0).reshape(2, 3), np.arange(6, dtype=np.uint8), np.zeros((0, 3))),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        *(np.arange(3, dtype=">i4"), np.array(2.5), np.array(["x", "yy"])),
        *(np.array([True, False]), np.arange(24, dtype=np.float16).reshape(2, 3, 4)),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_of_numbers_come_back(array, protocol):
    (found, again), kept = unpickle(pickle.dumps([[array, array], 1], protocol))
    np.testing.assert_array_equal(array_of(found, array.ndim), array)
    assert array_of(found, array.ndim).dtype == array.dtype
    assert again is found
    assert kept == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scalars_and_arrays_of_objects_come_back(protocol):
    rows = np.empty(2, object)
    rows[:] = [[0.5, np.float64(1.5)], []]
    found = unpickle(pickle.dumps({"rows": rows, "n": np.int16(-3)}, protocol))
    assert items_of(found["rows"]) == [[0.5, 1.5], []]
    assert found["n"] == -3


@pytest.mark.parametrize("prefix", ["numpy.core", "numpy._core"])
def test_arrays_of_old_and_new_numpy_come_back(prefix):
    raw = pickle.dumps(np.arange(3), 2)
    assert b"numpy._core" in raw or b"numpy.core" in raw
    raw = raw.replace(b"numpy._core", b"numpy.core")
    raw = raw.replace(b"numpy.core", prefix.encode())
    assert array_of(unpickle(raw), 1).tolist() == [0, 1, 2]


class Attack:
    """A pickle of this runs a function when it is loaded by Python."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", [0, 1, *PROTOCOLS])
@pytest.mark.parametrize("function", [os.mkdir, exec, np.load, getattr, Attack])
def test_no_function_is_called(protocol, function, tmp_path):
    raw = pickle.dumps([Attack(function, str(tmp_path / "trace"))], protocol)
    with pytest.raises(ValueError, match=r"byte \d+: .*known here"):
        unpickle(raw)
    assert not (tmp_path / "trace").exists()


def test_the_same_pickle_does_harm_to_python(tmp_path):
    pickle.loads(pickle.dumps(Attack(os.mkdir, str(tmp_path / "trace"))))
    assert (tmp_path / "trace").exists()


def machine(*codes):
    """A pickle of these instructions, each a name and its bytes."""
    known = {code.name: code.code.encode("latin1") for code in pickletools.opcodes}
    return b"".join(known[name] + argument for name, argument in codes)


EMPTY, NONE, MARK, STOP = (
    (name, b"") for name in ("EMPTY_LIST", "NONE", "MARK", "STOP")
)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([], "pickle exhausted"),
        ([NONE], "pickle exhausted"),
        ([STOP], "byte 0: STOP"),
        ([NONE, NONE, STOP], "byte 2: STOP"),
        ([("DUP", b""), STOP], "byte 0: DUP: no such instruction"),
        ([("POP", b""), STOP], "byte 0: POP: no such instruction"),
        ([("APPENDS", b"")], "byte 0: APPENDS: IndexError"),
        ([NONE, MARK, NONE, ("APPENDS", b"")], "byte 3: .* only a list is appended to"),
        ([NONE, NONE, ("APPEND", b"")], "byte 2: .* only a list is appended to"),
        ([EMPTY, NONE, NONE, ("SETITEM", b"")], "byte 3: .* only a dict"),
        ([("EMPTY_DICT", b""), NONE, NONE, ("SETITEM", b"")], "with words for keys"),
        ([("BINGET", b"\x07")], "byte 0: BINGET: KeyError 7"),
        ([NONE, ("TUPLE2", b"")], "byte 1: .* too little on the stack"),
        ([NONE, NONE, ("REDUCE", b"")], "byte 2: REDUCE"),
        (
            [NONE, ("EMPTY_TUPLE", b""), ("REDUCE", b"")],
            "only known words can be called",
        ),
        (
            [NONE, ("EMPTY_TUPLE", b""), ("BUILD", b"")],
            "only arrays and types are told",
        ),
        ([("GLOBAL", b"os\nsystem\n"), STOP], "byte 0: .* asks for os.system"),
        ([("BINUNICODE", b"\xff\xff\xff\xff")], "expected 4294967295 bytes"),
        ([("BINBYTES8", b"\xff" * 8)], "BINBYTES8|expected|bytes"),
        ([("INT", b"7\n"), STOP], "byte 0: INT: no such instruction"),
        ([("PERSID", b"7\n"), STOP], "byte 0: PERSID: no such instruction"),
        ([("EXT1", b"\x07"), STOP], "byte 0: EXT1: no such instruction"),
    ],
)
def test_a_program_that_does_something_else_is_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        unpickle(machine(*codes))


@pytest.mark.parametrize(
    "kind", ["V8", "M8[s]", "f8,i4", "(3,)f8", "S3", "c16", "nonsense"]
)
def test_types_of_another_kind_are_refused(kind):
    word = ("GLOBAL", b"numpy\ndtype\n")
    text = ("BINUNICODE", len(kind).to_bytes(4, "little") + kind.encode())
    with pytest.raises(ValueError, match=r"byte \d+: REDUCE"):
        unpickle(machine(word, text, ("TUPLE1", b""), ("REDUCE", b""), STOP))


def test_an_array_that_claims_more_than_it_has_is_refused():
    raw = pickle.dumps(np.arange(6, dtype=np.uint8), 2)
    assert raw.count(b"K\x06\x85") == 1
    with pytest.raises(ValueError, match=r"byte \d+: BUILD: .*reshape"):
        unpickle(raw.replace(b"K\x06\x85", b"K\x07\x85"))


def test_no_more_is_built_than_the_file_is_worth(monkeypatch):
    monkeypatch.setattr("snnjax.datasets.containers.unpickle._SLACK", 1000)
    with pytest.raises(ValueError, match="byte 1501: more than 1500 instructions"):
        unpickle(machine(*[EMPTY] * 2000))


def test_only_what_was_asked_for_is_taken():
    found = Later(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"1 axes .* a ndarray float64 \(2, 3\)"):
        array_of(found, 1)
    with pytest.raises(ValueError, match="expected, not a list"):
        array_of([1, 2], 1)
    with pytest.raises(ValueError, match="a list was expected, not a dict"):
        items_of({})
    with pytest.raises(ValueError, match="a list was expected, not a ndarray"):
        items_of(found)


def test_a_program_of_other_functions_is_called_sound_only_if_it_has_an_end():
    raw = pickle.dumps(pathlib.PurePosixPath("a"), 4)
    with pytest.raises(HoldsError, match=r"something else .*pathlib.*PurePosixPath"):
        unpickle(raw)
    with pytest.raises(DamageError, match="exhausted before seeing STOP"):
        unpickle(raw[:-1])


def text(words):
    return ("BINUNICODE", len(words).to_bytes(4, "little") + words.encode())


def test_what_is_built_again_and_again_is_taken_again_and_again():
    call = [("BINGET", b"\0"), ("BINGET", b"\1"), ("REDUCE", b"")]
    begin = [("GLOBAL", b"_codecs\nencode\n"), ("BINPUT", b"\0"), text("a" * 10_000)]
    begin += [text("latin1"), ("TUPLE2", b""), ("BINPUT", b"\1")]
    raw = machine(EMPTY, *begin, MARK, *call * 1000, ("APPENDS", b""), STOP)
    with pytest.raises(DataError, match="would take more than 5000000 bytes"):
        module.unpickle(raw, allowed(5_000_000))


def test_a_list_that_doubles_itself_is_neither_shown_nor_made_an_array():
    nested = []
    for _ in range(40):
        nested = [nested, nested]
    found = unpickle(pickle.dumps(nested, 4))
    with pytest.raises(ValueError, match="holds something else"):
        numbers_of(found, allowed())
    with pytest.raises(ValueError, match="expected, not a list"):
        array_of(found, 1)
