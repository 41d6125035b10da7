"""Checkpoints that are whole or not there, through orbax.

Each has a digest of its files beside it, so that damage is found before it is read.
"""

import contextlib
import hashlib
import logging
import os
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import files
from snnjax.training.parallel import first

_DIGEST = "sha256"  # name of the file that holds it


def save(folder: Path, epoch: int, tree: Any, note: dict[str, Any]) -> None:
    """Keeps a tree of arrays and a note, atomically; the newest two stay.

    All processes of a ``jax.distributed`` job call it together.

    Args:
        folder: of the run.
        epoch: number of epochs done.
        tree: arrays.
        note: anything that JSON can write.

    Raises:
        OSError: if the disk refuses; the checkpoint before stays whole.
    """
    import orbax.checkpoint as ocp

    args = ocp.args.Composite(
        tree=ocp.args.StandardSave(tree),
        note=ocp.args.JsonSave(note | {"leaves": _leaves(tree)}),
    )
    with _disk(folder, epoch), _manager(folder, tidy=True) as manager:
        manager.save(epoch, args=args, force=True)
    saved = _home(folder) / str(epoch)
    first(lambda: files.write_text(saved / _DIGEST, _digest(saved)))


@contextlib.contextmanager
def _disk(folder, epoch):
    """What the disk refuses is an ``OSError``, without the logs of orbax's threads."""
    log = logging.getLogger("absl")
    before, log.disabled = log.disabled, True
    try:
        yield
    except OSError as error:
        files.name_refused(folder, error)
        raise
    except Exception as error:  # tensorstore tells of it in a text
        found = re.search(r"os_error_code='(\d+)'", str(error))
        if not found:
            raise
        code = int(found[1])
        told = f"{os.strerror(code)}: no checkpoint of epoch {epoch} was kept in"
        raise OSError(code, told, str(folder)) from error
    finally:
        log.disabled = before


def restore(
    folder: Path, like: Any, note: dict[str, Any] | None = None
) -> tuple[Any, dict[str, Any]] | None:
    """Reads the newest checkpoint.

    Args:
        folder: of the run.
        like: a tree of the same structure, shapes and dtypes.
        note: of that checkpoint, where ``read_note`` has read it already.

    Returns:
        The tree and the note, or None if there is no checkpoint.

    Raises:
        ValueError: if the checkpoint is of another network, or cannot be read.
    """
    import orbax.checkpoint as ocp

    note = read_note(folder) if note is None else note
    if note is None:
        return None
    with _reading(folder, "of another network or optimizer") as (epoch, manager):
        stored, wanted = note["leaves"], _leaves(like)
        if stored != wanted:
            odd = [x for x in stored if x not in wanted]
            missing = [x for x in wanted if x not in stored]
            raise ValueError(f"it holds {odd}, not {missing}")
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        args = ocp.args.Composite(tree=ocp.args.StandardRestore(shapes))
        tree = manager.restore(epoch, args=args)["tree"]
    return jax.tree.map(_placed, like, tree), note


def read_note(folder: Path) -> dict[str, Any] | None:
    """The note of the newest checkpoint, which is found whole; None if there is none.

    Raises:
        ValueError: if it cannot be read.
    """
    import orbax.checkpoint as ocp

    epoch = _newest(folder)
    if epoch is None:
        return None
    _check_digest(folder, epoch)
    with _reading(folder, "none of fit") as (epoch, manager):
        args = ocp.args.Composite(note=ocp.args.JsonRestore())
        return manager.restore(epoch, args=args)["note"]


def best_weights(folder: Path) -> dict[str, np.ndarray]:
    """The best weights of the newest checkpoint of ``fit``, by name.

    Args:
        folder: of the run.

    Returns:
        Arrays by the path that leads to them, ``"hidden.w"``.

    Raises:
        ValueError: if there is no checkpoint of ``fit``, or it cannot be read.
    """
    import orbax.checkpoint as ocp

    if read_note(folder) is None:
        nets = sorted(Path(folder).glob("*/network.safetensors"))
        perhaps = f" Perhaps {nets[0]} is meant." if nets else ""
        raise ValueError(f"There is no checkpoint in {folder}.{perhaps}")
    with _reading(folder, "none of fit") as (epoch, manager):
        here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        args = ocp.args.StandardRestore(fallback_sharding=here)  # of several processes
        args = ocp.args.Composite(tree=args)
        with jax.enable_x64(True):  # as they were kept, whatever JAX is set to
            _, best = manager.restore(epoch, args=args)["tree"]
    return {name: np.asarray(leaf) for name, leaf in named_leaves(best)}


@contextlib.contextmanager
def _reading(folder, otherwise):
    """The newest epoch and its reader; orbax fails in many ways, all mean the same."""
    epoch = _newest(folder)
    try:
        with _manager(folder) as manager:
            yield epoch, manager
    except Exception as error:
        reason = (
            f"it is {otherwise}, or damaged ({type(error).__name__}: {error!s:.500})"
        )
        raise ValueError(_refusal(folder, epoch, reason)) from error


def named_leaves(tree: Any) -> list[tuple[str, Any]]:
    """Leaves of a tree with the path that leads to them, ``"hidden.w"``."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(k, simple=True, separator="."), v) for k, v in leaves]


def _newest(folder):
    """The epoch of the newest checkpoint, or None."""
    if not _home(folder).exists():
        return None
    if not _home(folder).is_dir():
        raise ValueError(f"{_home(folder)} must be a folder of checkpoints.")
    epochs = [int(p.name) for p in _home(folder).iterdir() if p.name.isdecimal()]
    return max(epochs, default=None)


def _home(folder):
    return (Path(folder) / "checkpoint").absolute()


def _check_digest(folder, epoch):
    saved = _home(folder) / str(epoch)
    told = saved / _DIGEST  # none if the run was killed just before
    if told.exists() and told.read_bytes() != _digest(saved).encode():
        raise ValueError(_refusal(folder, epoch, "it is damaged"))


def _refusal(folder, epoch, reason):
    return (
        f"The checkpoint of epoch {epoch} in {folder} cannot be continued: {reason}. "
        "Name another folder, or remove this one to start anew. From a damaged one the "
        f"way back is to remove checkpoint/{epoch}: the one before is used then."
    )


def _digest(saved):
    """Of all files of a checkpoint but the digest itself, on any system the same."""
    total = hashlib.sha256()
    named = {path.relative_to(saved).as_posix(): path for path in saved.rglob("*")}
    for name, path in sorted(named.items()):
        if path.is_file() and not path.name.startswith(_DIGEST):
            total.update(f"{name} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def _placed(like, leaf):
    """Frees an array from the device that orbax ties it to, unless it was tied."""
    key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return leaf if key or like.committed else jnp.asarray(np.asarray(leaf))


def _leaves(tree):
    """What a tree is made of, in words that JSON can keep."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [f"{jax.tree_util.keystr(k)} {v.dtype}{list(v.shape)}" for k, v in leaves]


def _manager(folder, *, tidy=False):
    """Who reads and writes; tidy: what was cut off before is removed first."""
    import orbax.checkpoint as ocp

    options = ocp.CheckpointManagerOptions(
        max_to_keep=2,
        create=True,
        enable_async_checkpointing=False,
        cleanup_tmp_directories=tidy,
    )
    return ocp.CheckpointManager(_home(folder), options=options)
