"""What makes a run the run it is, in words and digests that JSON can keep.

Two runs are the same if what the caller says of them is the same (``recipe``), and so
are the update as it is compiled, the state before it, and the batches it sees. Other
versions or another device may compile other programs and draw other bits, so that
digests prove nothing there: such a change is told, not refused.
"""

import hashlib
import itertools
import json
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from snnjax.training.provenance import environment

_BATCHES = 64  # of the first epoch; more would make resuming slow
_MEANING = {
    "update": "the update (network, loss, optimizer, schedule or learning rate; or the "
    "native kernels were built in between)",
    "start": "the state before the first update (seed, first weights, optimizer)",
    "batches": "the batches (data, labels, size or order)",
}


def digest(tree: Any) -> str:
    """A fingerprint of a tree of arrays, numbers and words, the same everywhere.

    Args:
        tree: for example a dictionary of data and labels.

    Returns:
        16 hexadecimal digits, which change with any bit, dtype, shape or name.
    """
    total = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        total.update(jax.tree_util.keystr(path).encode())
        for part in _arrays(leaf):
            array = np.ascontiguousarray(part)
            plain = repr(leaf) if array.dtype == object else ""
            total.update(f" {array.dtype} {array.shape} {plain}\n".encode())
            total.update(b"" if plain else array.tobytes())
    return total.hexdigest()[:16]


def _arrays(leaf):
    """A leaf as numpy arrays: what this process holds of it."""
    if not isinstance(leaf, jax.Array):
        return [np.asarray(leaf)]
    if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if leaf.is_fully_addressable:
        return [np.asarray(leaf)]
    return [np.asarray(shard.data) for shard in leaf.addressable_shards]


def identity(
    step: Callable[..., Any],
    state: Any,
    batches: Callable[[int], Iterable[tuple]],
    recipe: Mapping[str, Any],
) -> dict[str, Any]:
    """What a run is known by.

    Args:
        step: the update. One that ``jax.jit`` cannot trace is not compared.
        state: before the first update.
        batches: ``epoch -> batches``; the first 64 of epoch 0 are looked at.
        recipe: whatever else made the run, by name; arrays are kept as digests.

    Returns:
        A dictionary that JSON can keep.
    """
    begun = iter(batches(0))
    seen = list(itertools.islice(begun, 1))
    update = _program(step, state, seen[0]) if seen else None
    digests = [digest(batch) for batch in itertools.chain(seen, _some(begun))]
    return {
        "recipe": {str(name): plain(value) for name, value in recipe.items()},
        "update": update,
        "start": digest(state),
        "batches": digest(digests),
        "environment": environment()
        | {"machine": platform.machine(), "devices": jax.device_count()},
    }


def _some(batches):
    """The next batches, after which a reader in the background is told to stop."""
    yield from itertools.islice(batches, _BATCHES - 1)
    getattr(batches, "close", lambda: None)()


def _program(step, state, batch):
    """A digest of the update as it is compiled, with all its constants."""
    lower = getattr(step, "lower", None) or jax.jit(step).lower
    try:
        text = lower(state, *batch).as_text()
    except Exception:  # whatever is wrong with it shows when it is run
        return None
    return digest_of_text(text)


def digest_of_text(program: str) -> str:
    """A fingerprint of a program as ``jax.jit(…).lower(…).as_text()`` tells it."""
    text = re.sub(r"\{index = \d+ : ui64\}", "", program)  # callbacks are numbered anew
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain(value):
    """A value as JSON gives it back; arrays as digests, other things by their names.

    Wherever an array is, numpy and JAX show the ends of a long one alone. A set has no
    order, and another one in every process.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return f"{value.dtype}{list(value.shape)} {digest(value)}"
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=repr)
    return _words(value)


def _words(value):
    """What a value is, in one line, and what is inside."""
    inside = {}
    if hasattr(value, "_fields") and not hasattr(value, "about"):  # a cell tells itself
        inside = value._asdict()
    elif is_dataclass(value) and not isinstance(value, type):
        inside = {each.name: getattr(value, each.name) for each in fields(value)}
    elif isinstance(value, partial):
        inside = {"": value.func, **dict(enumerate(value.args)), **value.keywords}
    if not inside:
        return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    made = (f"{name}={_words_of_part(each)}" for name, each in inside.items())
    return f"{type(value).__name__}({', '.join(made)})"


def _words_of_part(value):
    told = plain(value)
    return told if isinstance(told, str) and not isinstance(value, str) else repr(told)


def differences(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    meaning: Mapping[str, str] = _MEANING,
) -> list[str]:
    """What differs between two runs, by name; nothing if they are the same.

    Args:
        before: what made the one.
        now: what makes the other.
        meaning: of the digests that are compared, in words.
    """
    named = [*_changed("", before["recipe"], now["recipe"])]
    if moved(before, now):
        return named
    return named + [meaning[name] for name in meaning if before[name] != now[name]]


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between the versions and devices of two runs, by name."""
    return [*_changed("", before["environment"], now["environment"])]


def _changed(prefix, before, now):
    for name in [*before, *(name for name in now if name not in before)]:
        pair = before.get(name), now.get(name)
        if all(isinstance(each, Mapping) for each in pair):
            yield from _changed(f"{prefix}{name}.", *pair)
        elif json.dumps(pair[0]) != json.dumps(pair[1]):
            was, got = (str(each)[:80] for each in pair)
            yield f"{prefix}{name} ({was}, now {got})"
