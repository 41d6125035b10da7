"""The file: weights by name, as safetensors keeps them, and in its header the rest."""

import json
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, files
from snnjax.cell import Cell, check_cell
from snnjax.saving.recipe import from_recipe, to_recipe
from snnjax.training.checkpoint import best_weights, named_leaves

FORMAT = "snnjax 1"
LONGEST = 2**26  # bytes of a recipe or of notes
_WEIGHTS, _OPTIONS = "weights.", "recipe."  # what the names of arrays begin with
BY_CODE = {  # dtypes that are kept, as safetensors calls them
    "BOOL": np.dtype(bool),
    "BF16": jnp.dtype(jnp.bfloat16),
    **{f"F{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
}


class Saved(NamedTuple):
    """What a file holds."""

    network: Cell
    weights: Any
    notes: dict[str, Any]


def save(
    path: str | Path,
    weights: Any,
    *,
    network: Cell | None = None,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Writes weights, the network and notes as one file, whole or not at all.

    The same network, weights and notes give the same bytes.

    Args:
        path: of the file, as a rule ``NAME.safetensors``; replaced if it exists.
        weights: of the network, a tree of arrays of numbers.
        network: how it is made goes into the file; omitted, ``load`` needs to be given
            it.
        notes: what else one should know, as far as JSON can write it: dt, classes.

    Raises:
        ValueError: for weights that are not known numbers or not of the network, a
            network whose recipe cannot be told (see ``to_recipe``), or notes that JSON
            cannot write as they are.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.
        OSError: if the disk refuses; what was there stays.

    Example:
        >>> net = snn.chain(snn.dense(4, 3), snn.lif(3))
        >>> weights = net.init(jax.random.key(0))
        >>> snn.save("net.safetensors", weights, network=net, notes={"dt": 1e-3})
        >>> saved = snn.load("net.safetensors")
        >>> saved.notes, jax.tree.map(jnp.shape, saved.weights)
        ({'dt': 0.001}, (DenseWeights(w=(4, 3), b=None), ()))
    """
    numpy_format = library()
    named = {f"{_WEIGHTS}{name}": leaf for name, leaf in _named(weights).items()}
    header = {"format": FORMAT, "notes": _json(notes)}
    if network is not None:
        recipe, arrays = to_recipe(network)
        _placed(network, _named(weights), "weights")
        header["network"] = json.dumps(recipe)
        named |= {f"{_OPTIONS}{name}": array for name, array in arrays.items()}
    with files.atomic(path) as new:
        new.write_bytes(_in_order(numpy_format.save(named, header)))


def _in_order(raw):
    """The same file, its header by name; safetensors puts that in any order."""
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # arrays begin at a multiple of 8 bytes
    return len(text).to_bytes(8, "little") + text + raw[8 + size :]


def load(path: str | Path, *, network: Cell | None = None) -> Saved:
    """Reads a file of ``save``, or the best weights from a folder of ``fit``.

    Args:
        path: of the file or the folder.
        network: that the weights are for; by default what the file says.

    Returns:
        ``Saved(network, weights, notes)``; no notes from a folder.

    Raises:
        FileNotFoundError: if there is nothing.
        ValueError: for a file that is none of ``save`` or damaged, one without a
            network where none is given, a recipe of another version, or weights that
            do not fit the network, by name.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.

    Example:
        >>> net = snn.chain(snn.dense(4, 3), snn.lif(3))
        >>> snn.save("net.safetensors", net.init(jax.random.key(0)))
        >>> saved = snn.load("net.safetensors", network=net)
        >>> jax.tree.map(jnp.shape, saved.weights)
        (DenseWeights(w=(4, 3), b=None), ())
    """
    path = Path(path)
    if network is not None:
        check_cell("network", network)
    if path.is_dir():
        arrays, recipe, notes = best_weights(path), None, {}
    else:
        arrays, recipe, notes = _read(path)
    if network is None:
        if recipe is None:
            raise ValueError(
                f"{path} does not say of which network its weights are; give it, "
                "load(path, network=…)."
            )
        network = from_recipe(recipe, _of(arrays, _OPTIONS))
    kept = arrays if path.is_dir() else _of(arrays, _WEIGHTS)
    return Saved(network, _placed(network, kept, str(path)), notes)


def read_notes(path: str | Path) -> dict[str, Any]:
    """The notes of a file of ``save``; neither weights nor the network are read.

    Raises:
        FileNotFoundError, ValueError, ImportError: as ``load``.
    """
    path = Path(path)
    return _parsed(path, _header(path).get("notes", "{}"))


def has_network(path: str | Path) -> bool:
    """Whether a file of ``save`` says of which network its weights are.

    Raises:
        FileNotFoundError, ValueError, ImportError: as ``load``.
    """
    return "network" in _header(Path(path))


def library() -> Any:
    """What writes and reads the format.

    Raises:
        ImportError: saying how to get it.
    """
    try:
        from safetensors import numpy
    except ImportError as error:
        raise ImportError(
            'Saved networks need safetensors: pip install "snnjax[save]".'
        ) from error
    return numpy


def _json(notes):
    if notes is None:
        return "{}"
    check.mapping("notes", notes)
    try:
        text = json.dumps(dict(notes), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"notes must be what JSON can write: {error}.") from error
    if json.loads(text) != dict(notes):
        raise ValueError("notes must be the same when read again: names, lists, texts.")
    return text


def _named(weights):
    """Arrays on the host by name."""
    check.arrays("weights", weights, numbers=True)
    found: dict[str, np.ndarray] = {}
    for name, leaf in named_leaves(weights):
        known = check.concrete(leaf)
        if known is None:
            raise ValueError("weights are traced; save outside of jit.")
        if name in found:
            raise ValueError(f"weights hold two arrays of the name {name!r}.")
        if known.dtype not in BY_CODE.values():
            raise ValueError(f"weights must not be of {known.dtype}, as {name} is.")
        found[name] = np.ascontiguousarray(known).reshape(known.shape)
    return found


def _of(arrays, first):
    return {
        name.removeprefix(first): array
        for name, array in arrays.items()
        if name.startswith(first)
    }


def _read(path):
    """Arrays by name, the recipe or None, and notes."""
    header = _header(path)
    with _sound(path):
        arrays = stored_arrays(path.read_bytes())
    recipe = header.get("network")
    notes = _parsed(path, header.get("notes", "{}"))
    return arrays, recipe and _parsed(path, recipe), notes


def _header(path):
    """What a file tells beside its arrays."""
    library()
    from safetensors import safe_open

    odd = files.not_a_file(path)
    if odd:
        raise ValueError(f"{path} must be a file, it is {odd}.")
    with _sound(path), safe_open(path, "np") as file:
        header = file.metadata() or {}
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{path} is no file of snnjax.save: its format is "
            f"{header.get('format')!r:.100}, not {FORMAT!r}."
        )
    return header


@contextmanager
def _sound(path):
    """Refuses what the format's library cannot read."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, KeyError) as error:
        raise ValueError(
            f"{path} is no file of snnjax.save, or damaged ({error})."
        ) from error


def stored_arrays(raw: bytes) -> dict[str, np.ndarray]:
    """Arrays by name, sorted, from the bytes of a file of safetensors.

    Raises:
        SafetensorError: for a damaged file.
        KeyError: for numbers of a type that numpy and JAX do not have.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.
    """
    library()
    import safetensors

    return {
        name: np.frombuffer(part["data"], BY_CODE[part["dtype"]]).reshape(part["shape"])
        for name, part in sorted(safetensors.deserialize(raw))
    }


def _parsed(path, text):
    try:
        if len(text) > LONGEST:
            raise ValueError(f"{len(text)} bytes, more than {LONGEST}")
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}.") from error
    if not isinstance(told, dict):
        raise ValueError(f"{path} is damaged: it tells {told!r:.100}.")
    return told


def _placed(network, named, what):
    """A tree of weights as the network draws them, of these arrays."""
    try:
        like = jax.eval_shape(network.init, jax.random.key(0))
    except (TypeError, ValueError, AttributeError) as error:  # of a recipe
        raise ValueError(f"{what}: the network draws no weights: {error}") from error
    leaves = dict(named_leaves(like))
    odd = [*(set(leaves) - set(named)), *(set(named) - set(leaves))]
    if odd:
        raise ValueError(
            f"{what}: weights {sorted(named)} are not those of the network, "
            f"{sorted(leaves)}; {min(odd)} is in one alone."
        )
    placed = [_fitting(named[k], leaf, f"{what}: {k}") for k, leaf in leaves.items()]
    return jax.tree.unflatten(jax.tree.structure(like), placed)


def _fitting(array, like, what):
    real = [jnp.issubdtype(each.dtype, jnp.floating) for each in (array, like)]
    whole = [jnp.issubdtype(each.dtype, jnp.integer) for each in (array, like)]
    if array.shape != like.shape or real[0] != real[1] or whole[0] != whole[1]:
        raise ValueError(
            f"{what} must be {like.dtype}{list(like.shape)}, got "
            f"{array.dtype}{list(array.shape)}."
        )
    placed = jnp.asarray(array)
    if placed.dtype != array.dtype:
        raise ValueError(
            f"{what} is {array.dtype}, which JAX would narrow to {placed.dtype}; set "
            "jax_enable_x64."
        )
    return placed
