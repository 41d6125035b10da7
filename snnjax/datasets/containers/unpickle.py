"""Numbers, texts, lists and arrays out of a pickle, without running any of it.

A pickle is a program for a small stack machine, which may call any function. The
machine here knows the thirty or so instructions that containers and numpy arrays need;
in place of functions it has a few words (array, type, scalar, bytes), and it refuses
the rest. What it builds is taken from an allowance before it is built.
Python's own ``pickle`` has neither bound, also with a restricted find_class. It is
fuzzed.
"""

import pickletools
import sys
from typing import Any

import numpy as np

from snnjax.datasets.guard.checked import (
    DamageError,
    DataError,
    HoldsError,
    Reading,
    listed,
)

_STEP_BYTES = 160  # of memory that an instruction takes, beside texts and bytes
_SLACK, _RATIO = 2**20, 4  # instructions allowed, and one more for so many bytes
_CORES = ("numpy.core.", "numpy._core.")  # old and new name of one package
_WORDS = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
    **{(f"{core}multiarray", "_reconstruct"): "reconstruct" for core in _CORES},
    **{(f"{core}multiarray", "scalar"): "scalar" for core in _CORES},
    **{(f"{core}numeric", "_frombuffer"): "frombuffer" for core in _CORES},
}
_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


class Later:
    """An array or a type that is announced first and told its contents later."""

    def __init__(self, value: Any = None) -> None:
        self.value = value


class Word(str):
    """The name of one of the few functions that are known; never called."""


class UnknownError(ValueError):
    """Raised for an instruction or a function that is not known here."""


def unpickle(raw: bytes, file: Reading) -> Any:
    """What a pickle of containers, numbers, texts and numpy arrays holds.

    Args:
        raw: the bytes of the pickle.
        file: that they come from, whose allowance is taken from.

    Returns:
        Lists, tuples, dicts, numbers, texts and bytes as they are, a numpy array as a
        ``Later``; see ``array_of``.

    Raises:
        ValueError: naming the byte at which it is wrong.
        HoldsError: if it is sound, but asks for more than is known here.
        DataError: if it would build more than is allowed.
    """
    stack: list[Any] = []
    below: list[list[Any]] = []  # stacks under each open bracket
    memo: dict[int, Any] = {}
    most = _SLACK + len(raw) // _RATIO
    for count, (code, given, at) in enumerate(_instructions(raw)):
        if count > most:
            raise ValueError(f"byte {at}: more than {most} instructions")
        file.take(_STEP_BYTES + _size(given), f"the pickle at byte {at}")
        try:
            if code.name == "STOP":
                (result,) = stack
                return result
            if code.name == "MARK":
                below.append(stack)
                stack = []
            elif code.name in ("APPENDS", "SETITEMS", "TUPLE"):
                items, stack = stack, below.pop()
                _collect(code.name, stack, items)
            else:
                _step(code.name, given, stack, memo, file)
        except DataError:
            raise
        except UnknownError as error:
            told = f"byte {at}: {code.name}: {error}"
            for _ in _instructions(raw):
                pass  # damaged, if it does not come to an end
            raise HoldsError(f"a pickle of something else ({told})") from error
        except Exception as error:  # damage has no end of names
            kind = type(error).__name__ if not isinstance(error, ValueError) else ""
            text = f"byte {at}: {code.name}: {kind} {str(error)[:200]}"
            raise DamageError(text) from error
    raise DamageError("it has no end")


def _instructions(raw):
    """The instructions of a pickle, to its end; arguments are read, nothing is run."""
    try:
        yield from pickletools.genops(raw)
    except Exception as error:  # damage has no end of names
        raise DamageError(str(error)[:200]) from error


def _size(value):
    """Bytes of a text, bytes or number; anything else is views and references."""
    return sys.getsizeof(value) if isinstance(value, str | bytes | int) else 0


def array_of(item: Any, ndim: int) -> np.ndarray:
    """The array of numbers of a pickle.

    Raises:
        ValueError: for anything else, or another number of axes.
    """
    value = item.value if isinstance(item, Later) else None
    if not isinstance(value, np.ndarray) or value.ndim != ndim:
        raise ValueError(
            f"an array of {ndim} axes was expected, not {description(item)}"
        )
    return value


def items_of(item: Any, file: Reading) -> list[Any] | tuple[Any, ...]:
    """The items of a list, a tuple, or an array of one axis.

    Raises:
        ValueError: for anything else.
        DataError: if they would take more than is allowed.
    """
    value = item.value if isinstance(item, Later) else item
    if isinstance(value, np.ndarray) and value.ndim == 1:
        file.take(value.size * (60 + value.itemsize), "a list")
        return value.tolist()
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list was expected, not {description(item)}")
    return value


def numbers_of(item: Any, file: Reading) -> np.ndarray:
    """A list, a tuple, or an array of one axis, of nothing but numbers: ``[n]``.

    Raises:
        ValueError: for anything else.
        DataError: if they would take more than is allowed.
    """
    value = item.value if isinstance(item, Later) else item
    if not isinstance(value, np.ndarray):
        value = items_of(value, file)
        if not {type(each) for each in value} <= {int, float, bool}:
            raise ValueError("a list of numbers holds something else")
        file.take(16 * len(value), "numbers")
        value = np.array(value)
    if value.ndim != 1 or (value.size and value.dtype.kind not in "biuf"):
        raise ValueError(f"numbers were expected, not {description(item)}")
    return value


def description(item: Any) -> str:
    """What a pickle holds, in a few words, however large and deep it is."""
    value = item.value if isinstance(item, Later) else item
    if isinstance(value, np.ndarray):
        return f"a {type(value).__name__} {value.dtype} {value.shape}"
    told = f" of {listed(value)}" if isinstance(value, dict) else ""
    return f"a {type(value).__name__}{told}"


def _step(name, given, stack, memo, file):
    """One instruction that opens and closes no bracket."""
    if name in ("PROTO", "FRAME"):
        return
    if name in _VALUES:
        stack.append(given)
    elif name in _CONSTANTS:
        stack.append(_CONSTANTS[name])
    elif name in ("EMPTY_LIST", "EMPTY_DICT"):
        stack.append([] if name == "EMPTY_LIST" else {})
    elif name in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"):
        memo[len(memo) if name == "MEMOIZE" else given] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET", "GET"):
        stack.append(memo[given])
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        n = int(name[-1])
        if len(stack) < n:
            raise ValueError("too little on the stack")
        stack[-n:] = [tuple(stack[-n:])]
    elif name == "APPEND":
        item = stack.pop()
        _collect("APPENDS", stack, [item])
    elif name == "SETITEM":
        value, key = stack.pop(), stack.pop()
        _collect("SETITEMS", stack, [key, value])
    elif name == "GLOBAL":
        stack.append(_word(*given.split(" ", 1)))
    elif name == "STACK_GLOBAL":
        word, module = stack.pop(), stack.pop()
        stack.append(_word(module, word))
    elif name == "REDUCE":
        handed, word = stack.pop(), stack.pop()
        file.take(_made(word, handed), "what it builds")
        stack.append(_call(word, *handed))
    elif name == "BUILD":
        state = stack.pop()
        _tell(stack[-1], *state)
    else:
        raise UnknownError("no such instruction is known here")


def _collect(name, stack, items):
    if name == "TUPLE":
        stack.append(tuple(items))
    elif name == "APPENDS":
        if type(stack[-1]) is not list:
            raise ValueError("only a list is appended to")
        stack[-1].extend(items)
    else:
        if type(stack[-1]) is not dict or not {type(k) for k in items[::2]} <= {
            str,
            int,
        }:
            raise ValueError("only a dict with words for keys is set")
        stack[-1].update(zip(items[::2], items[1::2], strict=True))


def _made(word, handed):
    """Bytes that a call makes at most; arrays are views of what is there."""
    texts = [_size(each) for each in handed if isinstance(each, str | bytes)]
    return 200 + 2 * sum(texts)


def _word(module, name):
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError("the name of a function is no text")
    if (module, name) not in _WORDS:
        asked = f"{str(module)[:60]}.{str(name)[:60]}"
        raise UnknownError(f"it asks for {asked}, which is not known here")
    return Word(_WORDS[module, name])


def _call(word, *given):
    """What numpy's own functions would make of their arguments."""
    if not isinstance(word, Word):
        raise ValueError("only known words can be called")
    if word == "reconstruct":
        return Later()
    if word == "dtype" and type(given[0]) is str and len(given[0]) < 20:
        return Later(_numbers(np.dtype(given[0])))
    if word == "encode" and given[1:] == ("latin1",):
        return given[0].encode("latin1")
    if word == "bytes" and not given:
        return b""
    if word == "scalar":
        return np.frombuffer(given[1], given[0].value, 1).item()
    if word == "frombuffer":
        raw, dtype, shape, order = given
        return Later(_array(shape, dtype.value, order == "F", raw))
    raise ValueError(f"{word} cannot be called like this")


def _tell(later, *state):
    """Fills in what an array or a type left open."""
    if not isinstance(later, Later):
        raise ValueError("only arrays and types are told more")
    if isinstance(later.value, np.dtype):
        later.value = _numbers(later.value.newbyteorder(state[1]))
        return
    _, shape, dtype, fortran, data = state
    if dtype.value.kind == "O":
        if shape != (len(data),) or type(data) is not list:
            raise ValueError(f"objects of shape {shape}")
        later.value = data
    else:
        later.value = _array(shape, dtype.value, fortran, data)


def _array(shape, dtype, fortran, raw):
    flat = np.frombuffer(raw, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _numbers(dtype):
    if dtype.kind not in "biufUO" or dtype.names or dtype.subdtype:
        raise ValueError(f"arrays of {dtype} are not known here")
    return dtype
