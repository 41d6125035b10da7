"""Does a damaged checkpoint ever give a wrong bit?

    python -m benchmarks.fuzz.checkpoints --damaged 200

The files of a checkpoint are changed at random, one or two at a time: bits flipped,
cut, pieces moved, emptied, deleted, exchanged. One JSON line counts what became of
them; all but ``refused`` and ``same`` should be zero:

    refused   a ``ValueError`` that names the folder
    same      every bit is what was kept
    wrong     another error, or other bits
"""

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import snnjax as snn
from benchmarks.fuzz.readers import changed
from benchmarks.report import emit, tell
from snnjax.training import checkpoint, init_train_state

NOTE = {"epoch": 2, "history": [{"loss": 0.5}, {"loss": 0.25}]}


def kept() -> Any:
    """What is kept: a network and its optimizer, in motion."""
    net = snn.chain(snn.dense(5, 16), snn.lif(16), snn.dense(16, 2), snn.li(2))
    weights = net.init(jax.random.key(0))
    state = init_train_state(weights, optax.adam(1e-2))
    draw = iter(jax.random.split(jax.random.key(1), 100))
    floats = lambda x: jax.numpy.issubdtype(x.dtype, jax.numpy.floating)  # noqa: E731
    moved = lambda x: jax.random.normal(next(draw), x.shape, x.dtype)  # noqa: E731
    return jax.tree.map(lambda x: moved(x) if floats(x) else x, state)


def bits(tree: Any) -> list[bytes]:
    return [np.asarray(x).tobytes() for x in jax.tree.leaves(tree)]


def damage(files: list[Path], rng: random.Random) -> None:
    """One or two changes of what lies in a folder."""
    raw = [path.read_bytes() for path in files]
    for _ in range(rng.choice((1, 1, 2))):
        path, kind = rng.choice(files), rng.randrange(8)
        if kind == 0:
            path.unlink(missing_ok=True)
        elif kind == 1:
            path.write_bytes(b"")
        elif kind == 2:
            path.write_bytes(rng.choice(raw))
        elif path.exists():
            path.write_bytes(changed(path.read_bytes(), rng, raw))


def verdict(folder: Path, like: Any) -> str:
    """What a checkpoint gives back."""
    try:
        tree, note = checkpoint.restore(folder, like) or (None, None)
    except ValueError as error:
        return "refused" if str(folder) in str(error) else "wrong"
    except Exception:
        return "wrong"
    told = {k: v for k, v in note.items() if k in NOTE} if note else None
    return "same" if told == NOTE and bits(tree) == bits(like) else "wrong"


def fuzz(damaged: int, seed: int = 0) -> dict[str, Any]:
    """Damages a checkpoint again and again; counts what happened."""
    tree, counts, wrong, began = kept(), Counter[str](), [], time.time()
    with tempfile.TemporaryDirectory() as home:
        sound, folder = Path(home) / "sound", Path(home) / "damaged"
        checkpoint.save(sound, 2, tree, NOTE)
        assert verdict(sound, tree) == "same"
        for index in range(damaged):
            shutil.copytree(sound, folder)
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            damage(files, random.Random(f"checkpoint {seed} {index}"))
            told = verdict(folder, tree)
            counts[told] += 1
            wrong += [index] if told == "wrong" else []
            shutil.rmtree(folder)
    shown = {k: counts[k] for k in ("refused", "same", "wrong")}
    return shown | {"bad": wrong, "seconds": round(time.time() - began, 1)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--damaged", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    row = fuzz(given.damaged, given.seed)
    emit(damaged=given.damaged, **row)
    tell(f"{given.damaged} damaged checkpoints, {len(row['bad'])} bad")


if __name__ == "__main__":
    main()
