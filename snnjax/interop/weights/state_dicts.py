"""State dicts in files: arrays by name, as safetensors or as numpy's ``.npz``.

A ``.pt`` or ``.pth`` of PyTorch is a pickle, which runs what is in it; it is refused
with the two lines that make safetensors of it.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snnjax import check, files
from snnjax.datasets.containers.npz import npz, npz_names
from snnjax.datasets.guard.checked import (
    DamageError,
    DataError,
    HoldsError,
    content,
    is_zip,
    reading,
)
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.saving.archive import BY_CODE, library, stored_arrays

_PACKED = zipfile.ZIP_DEFLATED
_PICKLE = (
    "a pickle, as torch.save writes; it could run anything and is not read. In the "
    "environment that wrote it:\n"
    "    import torch; from safetensors.torch import save_file\n    save_file({{k: v."
    'contiguous() for k, v in torch.load("{0}.pt", weights_only=True).items()}}, '
    '"{0}.safetensors")\n'
    "where the file holds a state_dict()"
)


def read_state_dict(
    path: str | Path, *, limit: int | None = None
) -> dict[str, np.ndarray]:
    """Reads arrays by name from a ``.safetensors`` or ``.npz``, whatever it is called.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Arrays of numbers by the names that the file has.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it: damage, a pickle, with the
            way to convert it, or arrays that are no numbers.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.

    Example:
        >>> from snnjax.interop.weights import read_state_dict
        >>> np.savez("weights.npz", w=np.zeros((3, 2), np.float32))
        >>> arrays = read_state_dict("weights.npz")
        >>> {name: array.shape for name, array in arrays.items()}
        {'w': (3, 2)}
    """
    with reading(path, "a state dict", limit) as file:
        if is_zip(file):
            names = npz_names(file)
            if any(name.endswith("data.pkl") for name in names):
                raise _pickled(file.path)
            arrays = npz(file, names, names)
        else:
            arrays = _safetensors(file)
        arrays = {name: _native(array) for name, array in arrays.items()}
        for name, array in arrays.items():
            if array.dtype not in BY_CODE.values():
                raise HoldsError(f"{name[:80]!r} of {array.dtype}, which is no number")
        return arrays


def _native(array):
    """The same numbers in the byte order of this machine."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _safetensors(file):
    raw = content(file)
    kind = kind_by_signature(raw[:32])
    if kind == "a pickle":
        raise _pickled(file.path)
    if kind:
        raise HoldsError(kind)
    library()
    from safetensors import SafetensorError

    file.take(len(raw), "its arrays")
    try:
        return stored_arrays(raw)
    except KeyError as error:
        raise HoldsError(
            f"numbers of type {error}, which numpy does not have"
        ) from error
    except SafetensorError as error:
        raise DamageError(str(error)) from error


def _pickled(path):
    return DataError(
        f"{path} is {_PICKLE.format(path.stem.replace('{', '').replace('}', ''))}.",
        sound=True,
    )


def write_state_dict(path: str | Path, arrays: Mapping[str, Any]) -> None:
    """Writes arrays by name, whole or not at all.

    Args:
        path: of the file, ``NAME.safetensors`` or ``NAME.npz``; replaced if it exists.
        arrays: of numbers, by name.

    Raises:
        ValueError: for another ending, or what is no array of numbers, by name.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.
        OSError: if the disk refuses; what was there stays.
    """
    path, found = Path(path), host_arrays(arrays)
    odd = [k for k, v in found.items() if v.dtype.kind == "V"]
    if path.suffix == ".safetensors":
        if "__metadata__" in found:
            raise ValueError(
                "arrays: '__metadata__' is no name of an array in safetensors."
            )
        raw = library().save(found)
        with files.atomic(path) as new:
            new.write_bytes(raw)
    elif path.suffix == ".npz":
        if odd:
            raise ValueError(
                f"{odd[0]} is bfloat16, which .npz has not; use safetensors."
            )
        with files.atomic(path) as new, zipfile.ZipFile(new, "w", _PACKED) as archive:
            for name, array in found.items():  # of any name, unlike numpy.savez
                with archive.open(f"{name}.npy", "w") as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)
    else:
        raise ValueError(f"path must end in .safetensors or .npz, got {path}.")


def host_arrays(arrays: Any) -> dict[str, np.ndarray]:
    """Arrays of numbers on the host, by name.

    Raises:
        ValueError: for what is no such mapping, by name.
    """
    check.mapping("arrays", arrays)
    found = {}
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise ValueError(f"arrays must be named by text, got {check.told(name)}.")
        known = check.concrete(value)
        known = None if known is None else _native(known)
        if known is None or known.dtype not in BY_CODE.values():
            raise ValueError(
                f"arrays[{name!r}] must be numbers, got {check.told(value)}. Of a "
                "tensor of PyTorch take .detach().cpu().numpy()."
            )
        found[name] = np.ascontiguousarray(known).reshape(known.shape)
    return found
