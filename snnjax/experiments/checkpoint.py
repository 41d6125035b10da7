"""Checkpoints that are whole or not there, through orbax."""

from pathlib import Path
from typing import Any

import jax


def save(folder: Path, epoch: int, tree: Any, history: list) -> None:
    """Keeps a tree of arrays and a list of numbers, atomically; the newest two stay.

    Args:
        folder: of the run.
        epoch: number of epochs done.
        tree: arrays.
        history: anything that JSON can write.

    Raises:
        OSError: if the disk refuses; the checkpoint before stays whole.
    """
    import orbax.checkpoint as ocp

    note = {"history": history, "leaves": _leaves(tree)}
    args = ocp.args.Composite(
        tree=ocp.args.StandardSave(tree), note=ocp.args.JsonSave(note)
    )
    with _manager(folder) as manager:
        manager.save(epoch, args=args, force=True)


def restore(folder: Path, like: Any) -> tuple[Any, list] | None:
    """Reads the newest checkpoint.

    Args:
        folder: of the run.
        like: a tree of the same structure, shapes and dtypes.

    Returns:
        The tree and the history, or None if there is no checkpoint.

    Raises:
        ValueError: if the checkpoint is of another network, or cannot be read.
    """
    import orbax.checkpoint as ocp

    if not (Path(folder) / "checkpoint").exists():
        return None
    with _manager(folder) as manager:
        epoch = manager.latest_step()
        if epoch is None:
            return None
        try:
            args = ocp.args.Composite(note=ocp.args.JsonRestore())
            note = manager.restore(epoch, args=args)["note"]
            if note["leaves"] != _leaves(like):
                raise ValueError(f"it holds {note['leaves']}, not {_leaves(like)}")
            shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
            args = ocp.args.Composite(tree=ocp.args.StandardRestore(shapes))
            return manager.restore(epoch, args=args)["tree"], note["history"]
        except Exception as error:  # orbax raises many kinds; all mean the same here
            raise ValueError(
                f"The checkpoint of epoch {epoch} in {folder} cannot be continued: it "
                "is damaged, or of another network or optimizer. Name another folder, "
                f"or remove this one to start anew. ({type(error).__name__}: "
                f"{str(error)[:500]})"
            ) from error


def _leaves(tree):
    """What a tree is made of, in words that JSON can keep."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [f"{jax.tree_util.keystr(k)} {v.dtype}{list(v.shape)}" for k, v in leaves]


def _manager(folder):
    import orbax.checkpoint as ocp

    options = ocp.CheckpointManagerOptions(
        max_to_keep=2, create=True, enable_async_checkpointing=False
    )
    return ocp.CheckpointManager(
        (Path(folder) / "checkpoint").absolute(), options=options
    )
