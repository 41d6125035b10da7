"""What a folder holds already is gone on from, refused or set aside; never lost."""

import json
import warnings
from functools import cache

import jax.numpy as jnp
import optax
import pytest

from snnjax import tasks
from snnjax.tasks import transfers
from snnjax.training import fit, init_train_state


def counting(state, batch):
    del batch
    return state._replace(weights=state.weights + 1.0), {"loss": jnp.zeros(())}


def run(folder, epochs=2, validate=lambda w: {"accuracy": w}, **options):
    return fit(
        counting,
        init_train_state(jnp.zeros(()), optax.sgd(0.1)),
        lambda epoch: [(0.0,)],
        epochs=epochs,
        validate=validate,
        folder=folder,
        **{"progress": False, "save_every": 0.0} | options,
    )


def without(folder, *names):
    """Removes files or folders of a run."""
    for name in names:
        for path in sorted(folder.glob(f"{name}/**/*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        path = folder / name
        path.rmdir() if path.is_dir() else path.unlink()


def texts(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


ROW = '{"epoch": 0, "loss": 3.0}\n'
METRICS = "metrics.jsonl"
HALVES = {  # what is done to a finished run of two epochs -> what is said
    "no checkpoint": (lambda f: without(f, "checkpoint"), "but no checkpoint"),
    "an empty checkpoint": (
        lambda f: (without(f, "checkpoint"), (f / "checkpoint").mkdir()),
        "but no checkpoint",
    ),
    "a history alone": (
        lambda f: without(f, "checkpoint", "run.json"),
        r"holds metrics\.jsonl of",
    ),
    "run.json alone": (
        lambda f: without(f, "checkpoint", METRICS),
        r"holds run\.json of",
    ),
    "a file for the checkpoints": (
        lambda f: (without(f, "checkpoint"), (f / "checkpoint").write_text("mine")),
        "must be a folder",
    ),
    "a history that is torn": (lambda f: (f / METRICS).write_text("{torn"), None),
    "another history": (lambda f: (f / METRICS).write_text(ROW), None),
    "a longer history": (
        lambda f: (f / METRICS).write_text((f / METRICS).read_text() + ROW),
        None,
    ),
    "another run.json": (lambda f: (f / "run.json").write_text("{}"), None),
    "a newest checkpoint removed": (lambda f: without(f, "checkpoint/2"), None),
}


@pytest.mark.parametrize("half", HALVES)
def test_nothing_in_a_half_folder_is_lost(half, tmp_path):
    spoil, message = HALVES[half]
    whole = run(tmp_path).history
    spoil(tmp_path)
    before = texts(tmp_path)
    if message:
        with pytest.raises(ValueError, match=message):
            run(tmp_path)
        assert texts(tmp_path) == before
        return
    with pytest.warns(UserWarning, match="it is kept as"):
        found = run(tmp_path)
    assert [row["validation_accuracy"] for row in found.history] == [1.0, 2.0]
    now = texts(tmp_path)
    assert set(before.values()) <= set(now.values())
    lines = [json.loads(line) for line in now[METRICS].decode().splitlines()]
    assert lines == found.history
    assert len(whole) == len(lines)


@pytest.mark.parametrize("spoil", [lambda p: p.unlink(), lambda p: p.write_text("")])
@pytest.mark.parametrize("name", ["metrics.jsonl", "run.json"])
def test_what_is_missing_is_written_again_from_the_checkpoint(spoil, name, tmp_path):
    run(tmp_path)
    before = texts(tmp_path)
    spoil(tmp_path / name)
    run(tmp_path)
    assert texts(tmp_path) == before


def test_a_history_behind_its_checkpoint_is_completed(tmp_path):
    run(tmp_path)
    before = texts(tmp_path)
    first = (tmp_path / METRICS).read_text().splitlines()[0] + "\n"
    (tmp_path / METRICS).write_text(first)
    run(tmp_path)
    assert texts(tmp_path) == before


def test_an_empty_history_is_no_run(tmp_path):
    (tmp_path / METRICS).write_text("")
    assert len(run(tmp_path).history) == 2


def test_files_of_others_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "metrics.1.jsonl").write_text("an older one")
    run(tmp_path, 1)
    (tmp_path / METRICS).write_text(ROW)
    with pytest.warns(UserWarning, match=r"metrics\.2\.jsonl"):
        run(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "metrics.1.jsonl").read_text() == "an older one"
    assert (tmp_path / "metrics.2.jsonl").read_text() == ROW


@cache
def digits():
    return tasks.digits_task()


WRITERS = {
    "fit": run,
    "train": lambda folder: tasks.train(digits(), folder, epochs=1, progress=False),
    "sweep": lambda folder: tasks.sweep_task(digits, folder, {"slope": [1.0]}),
    "chip": lambda folder: tasks.train_on_chip("digits", folder, progress=False),
    "transfer": lambda folder: transfers._refuse_another(folder, {}),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=[*WRITERS])
def test_a_file_is_no_folder_and_neither_is_a_link_that_leads_nowhere(write, tmp_path):
    (tmp_path / "run").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(ValueError, match="run must be a folder, it is a file"):
        write(tmp_path / "run")
    with pytest.raises(ValueError, match=r"link must be a folder, .*gone, which is no"):
        write(tmp_path / "link")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "link"}
    assert (tmp_path / "run").read_text() == "mine"


def test_going_on_is_said_on_screen(tmp_path, capsys):
    run(tmp_path, 1, progress=True, name="one")
    assert "found in" not in capsys.readouterr().err
    run(tmp_path, 2, progress=True, name="one")
    assert f"one  goes on after epoch 1 of 2, found in {tmp_path}" in (
        capsys.readouterr().err
    )
    run(tmp_path, 2, progress=True, name="one")
    assert capsys.readouterr().err == (
        f"one  has been finished already, 2 epochs in {tmp_path}: not trained\n"
    )


def test_a_thread_does_not_train_into_the_folder_of_another(tmp_path):
    def validate(weights):
        with pytest.raises(BlockingIOError, match=r"in use by process \d+ on"):
            run(tmp_path, 5)
        return {"accuracy": weights}

    run(tmp_path, 2, validate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(run(tmp_path, 3).history) == 3
    assert not tmp_path.with_name(f"{tmp_path.name}.lock").exists()
