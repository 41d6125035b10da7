"""Native calls without JAX, by a program that can run under an emulator."""

import struct
import subprocess
from pathlib import Path

import jax
import numpy as np

from snnjax.kernels import build

SOURCE = Path(__file__).with_name("plain_calls.cc")
TYPES = {"bool": 1, "int32": 4, "int64": 5, "uint8": 6, "uint16": 7, "float32": 11}


def compiled(tool, program, *flags):
    """Compiles the kernels and the program around them."""
    known = [flag for flag in build.FLAGS if flag not in ("-shared", "-march=native")]
    include = f"-I{build.SOURCE.parent}", f"-I{jax.ffi.include_dir()}"
    last = "-pthread", "-rdynamic", "-ldl"
    command = [tool, *known, *flags, *include, str(SOURCE), "-o", str(program), *last]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return program


def encoded(calls):
    """Calls as the program reads them: ``(target, arguments, results, attributes)``."""
    parts = [_number(len(calls))]
    for target, arguments, results, attributes in calls:
        parts += [_text(target), _number(len(arguments))]
        parts += [*map(_array, arguments.values()), _number(len(results))]
        parts += [*map(_array, results.values()), _number(len(attributes))]
        for name, value in sorted(attributes.items()):
            parts.append(_text(name) + _attribute(value))
    return b"".join(parts)


def run(command, calls):
    """The complaint about each call, and its results."""
    done = subprocess.run(
        command, input=encoded(calls), capture_output=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    told, at, found = done.stdout, 0, []
    for _, _, results, _ in calls:
        (length,) = struct.unpack_from("<q", told, at)
        complaint = told[at + 8 : at + 8 + length].decode()
        at, made = at + 8 + length, {}
        for name, x in results.items():
            made[name] = np.frombuffer(told, x.dtype, x.size, at).reshape(x.shape)
            at += x.nbytes
        found.append((complaint, made))
    assert at == len(told)
    return found


def _number(value):
    return struct.pack("<q", value)


def _text(value):
    return _number(len(value)) + value.encode()


def _array(x):
    x = np.ascontiguousarray(x)
    sizes = b"".join(_number(n) for n in (TYPES[x.dtype.name], x.ndim, *x.shape))
    return sizes + _number(x.nbytes) + x.tobytes()


def _attribute(value):
    if isinstance(value, str):
        return _number(0) + _text(value)
    if np.ndim(value) > 0:
        return b"".join(map(_number, (-1, len(value), *value.tolist())))
    return _number(TYPES[np.asarray(value).dtype.name]) + _number(int(value))
