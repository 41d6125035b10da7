"""Numbers, texts, lists and arrays out of a pickle, without running any of it.

A pickle is a program for a small stack machine, which may call any function. The
machine here knows the thirty or so instructions that containers and numpy arrays need;
in place of functions it has a few words (array, type, scalar, bytes), and it refuses
the rest. What it builds is no larger than some times the file.
"""

import pickletools
from typing import Any

import numpy as np

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


def unpickle(raw: bytes) -> Any:
    """What a pickle of containers, numbers, texts and numpy arrays holds.

    Args:
        raw: the bytes of the pickle.

    Returns:
        Lists, tuples, dicts, numbers, texts and bytes as they are, a numpy array as a
        ``Later``; see ``array_of``.

    Raises:
        ValueError: naming the byte at which something else was asked for.
    """
    stack: list[Any] = []
    below: list[list[Any]] = []  # stacks under each open bracket
    memo: dict[int, Any] = {}
    most = _SLACK + len(raw) // _RATIO
    for count, (code, given, at) in enumerate(pickletools.genops(raw)):
        if count > most:
            raise ValueError(f"byte {at}: more than {most} instructions")
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
                _step(code.name, given, stack, memo)
        except Exception as error:  # damage has no end of names
            kind = type(error).__name__ if not isinstance(error, ValueError) else ""
            raise ValueError(f"byte {at}: {code.name}: {kind} {error}") from error
    raise ValueError("it has no end")


def array_of(item: Any, ndim: int) -> np.ndarray:
    """The array of numbers of a pickle.

    Raises:
        ValueError: for anything else, or another number of axes.
    """
    value = item.value if isinstance(item, Later) else None
    if not isinstance(value, np.ndarray) or value.ndim != ndim:
        raise ValueError(
            f"an array of {ndim} axes was expected, not {_description(item)}"
        )
    return value


def items_of(item: Any) -> list[Any]:
    """The items of a list, a tuple, or an array of one axis.

    Raises:
        ValueError: for anything else.
    """
    value = item.value if isinstance(item, Later) else item
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list was expected, not {_description(item)}")
    return list(value)


def _description(item):
    value = item.value if isinstance(item, Later) else item
    shape = f" {value.shape}" if isinstance(value, np.ndarray) else ""
    return f"a {type(value).__name__}{shape}"


def _step(name, given, stack, memo):
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
        stack.append(_call(word, *handed))
    elif name == "BUILD":
        state = stack.pop()
        _tell(stack[-1], *state)
    else:
        raise ValueError("no such instruction is known here")


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


def _word(module, name):
    if (module, name) not in _WORDS:
        raise ValueError(f"it asks for {module}.{name}, which is not known here")
    return Word(_WORDS[module, name])


def _call(word, *given):
    """What numpy's own functions would make of their arguments."""
    if not isinstance(word, Word):
        raise ValueError("only known words can be called")
    if word == "reconstruct":
        return Later()
    if word == "dtype" and type(given[0]) is str:
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
