import io
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.training import fit, init_train_state, make_step
from snnjax.training.folder import Folder

X = np.random.default_rng(0).normal(size=(4, 3))

Y = np.random.default_rng(1).normal(size=4)


def squares(weights, x, y):
    return jnp.mean((x @ weights["w"] - y) ** 2)


def begin(optimizer):
    return init_train_state({"w": jnp.full(3, 0.5)}, optimizer)


def bits(tree):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def counting(state, batch):
    """One update adds one to the only weight."""
    del batch
    state = state._replace(weights=state.weights + 1.0, step=state.step + 1)
    return state, {"loss": jnp.zeros(())}


def count(scores, validate=None, **options):
    """A run whose weight is the number of epochs and whose scores are given."""
    state = init_train_state(jnp.zeros(()), optax.sgd(0.1))
    options = {"epochs": len(scores), "progress": False} | options
    score = validate or (lambda w: {"accuracy": scores[int(w) - 1]})
    return fit(counting, state, lambda epoch: [(None,)], validate=score, **options)


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("mode", "scores", "best"),
    [
        ("max", [0.1, 0.9, 0.5], 1),
        ("min", [0.3, 0.9, 0.1], 2),
        ("max", [0.9, 0.9, 0.9], 0),
        ("max", [NAN, 0.2, NAN], 1),
        ("min", [NAN, 0.2, 0.1], 2),
        ("min", [0.2, NAN, INF], 0),
        ("max", [0.2, NAN, 0.3], 2),
        ("min", [NAN, NAN, NAN], 0),
        ("max", [NAN, NAN, NAN], 0),
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_the_best_weights_are_kept(mode, scores, best, kept, tmp_path):
    found = count(scores, mode=mode, folder=tmp_path if kept else None)
    assert found.best_epoch == best + 1
    assert found.best_weights == best + 1
    assert found.state.weights == len(scores)


@pytest.mark.parametrize(
    ("patience", "epochs"), [(1, 3), (2, 6), (3, 8), (100, 8), (None, 8)]
)
def test_patience_ends_a_run_that_gets_no_better(patience, epochs):
    scores = [0.1, 0.5, 0.4, 0.6, 0.6, 0.5, 0.7, 0.1]
    found = count(scores, patience=patience)
    assert len(found.history) == epochs
    assert found.best_weights == found.best_epoch


def test_history_tells_the_mean_of_every_epoch():
    def step(state, batch):
        return state, {"loss": batch, "rate": 10.0 * batch}

    found = fit(
        step,
        init_train_state(jnp.zeros(()), optax.sgd(0.1)),
        lambda epoch: [(epoch + 1.0,), (epoch + 3.0,)],
        epochs=2,
        validate=lambda w: {"error": w, "accuracy": 1.0},
        monitor="error",
        mode="min",
        progress=False,
    )
    expected = {"validation_error": 0.0, "validation_accuracy": 1.0}
    for epoch, row in enumerate(found.history):
        assert row.pop("seconds") > 0
        mean = epoch + 2.0
        assert row == expected | {"epoch": epoch + 1, "loss": mean, "rate": 10 * mean}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"epochs": 2.0}, "epochs must be a whole number"),
        ({"mode": "best"}, r"one of \('max', 'min'\) .*, got 'best'"),
        ({"monitor": "mse"}, r"one of \('max', 'min'\) for monitor='mse', got None"),
        ({"save_every": -1.0}, "save_every"),
        ({"on_epoch": 3}, "on_epoch"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"monitor": "loss"}, r"'loss' is none of \['accuracy'\]"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        count([0.5], **options)


def test_without_validation_the_loss_of_training_decides(tmp_path):
    losses = [0.5, 0.2, 0.3]

    def step(state, loss):
        state = state._replace(weights=state.weights + 1.0)
        return state, {"loss": loss, "accuracy": 1.0 - loss}

    def run(**options):
        start = init_train_state(jnp.zeros(()), optax.sgd(0.1))
        options = {"epochs": 3, "progress": False} | options
        return fit(step, start, lambda epoch: [(losses[epoch],)], **options)

    for options in ({}, {"monitor": "accuracy"}, {"folder": tmp_path}):
        assert run(**options).best_epoch == 2
    assert "validation_loss" not in run().history[0]
    assert run(folder=tmp_path).resumed_after == 3
    with pytest.raises(ValueError, match="by min loss of training, not max"):
        run(folder=tmp_path, monitor="accuracy")
    with pytest.raises(ValueError, match="'error' is none of"):
        run(monitor="error", mode="min")


def test_each_epoch_is_told_with_its_weights(tmp_path):
    told = []
    given = {"on_epoch": lambda row, weights: told.append((row, float(weights)))}
    found = count([0.1, 0.3], folder=tmp_path, **given)
    assert [row for row, _ in told] == found.history
    assert [weights for _, weights in told] == [1.0, 2.0]
    count([0.1, 0.3], folder=tmp_path, **given)
    assert len(told) == 2  # nothing was trained


@pytest.mark.parametrize(("every", "times"), [(0.0, 6), (1e6, 1)])
def test_checkpoints_are_as_many_as_asked_for(every, times, tmp_path, monkeypatch):
    written = []

    def note(self, state, best, history):
        self.waiting = None
        written.append(len(history))

    monkeypatch.setattr(Folder, "save", note)
    count([0.1] * 6, folder=tmp_path, save_every=every)
    assert len(written) == times
    assert written[-1] == 6


def test_what_waits_to_be_written_is_written_if_a_run_is_stopped(tmp_path):
    def stopping(row, weights):
        if row["epoch"] == 4:
            raise KeyboardInterrupt

    given = {"folder": tmp_path, "save_every": 1e6}
    with pytest.raises(KeyboardInterrupt):
        count([0.1] * 6, on_epoch=stopping, **given)
    assert count([0.1] * 6, **given).resumed_after == 4


def _nothing(state, *batch):
    return state, {"loss": 0.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batches": lambda epoch: [jnp.zeros(3)]}, r"batches must give tuples"),
        ({"step": lambda state, *batch: state}, r"step must return \(state, metrics"),
        ({"step": lambda state, *batch: (state, {})}, r'with metrics\["loss"\]'),
        ({"validate": lambda w: 0.9}, r'validate must return .* {"accuracy": 0.9}'),
    ],
)
def test_what_functions_return_is_refused_by_their_name(given, message):
    usual = {
        "step": _nothing,
        "batches": lambda epoch: [(0.0,)],
        "validate": lambda w: {"accuracy": 0.0},
    } | given
    state = init_train_state(jnp.zeros(()), optax.sgd(0.1))
    with pytest.raises(ValueError, match=message):
        fit(state=state, epochs=1, progress=False, **usual)


@pytest.mark.parametrize("name", ["epoch", "seconds", "validation_accuracy"])
def test_no_metric_takes_the_place_of_another_in_the_history(name):
    def step(state, batch):
        state, metrics = counting(state, batch)
        return state, metrics | {name: jnp.ones(())}

    state = init_train_state(jnp.zeros(()), optax.sgd(0.1))
    given = {"epochs": 1, "progress": False, "validate": lambda w: {"accuracy": w}}
    with pytest.raises(ValueError, match=f"must not be called {name}"):
        fit(step, state, lambda epoch: [(None,)], **given)


def test_an_epoch_without_batches_is_refused():
    state = init_train_state(jnp.zeros(()), optax.sgd(0.1))
    with pytest.raises(ValueError, match="Epoch 1 has no batches"):
        fit(counting, state, lambda epoch: [], epochs=1, validate=dict)


def test_a_step_may_reuse_the_memory_of_its_state():
    optimizer = optax.adam(0.1)
    found = fit(
        jax.jit(make_step(squares, optimizer), donate_argnums=0),
        begin(optimizer),
        lambda epoch: [(jnp.asarray(X), jnp.asarray(Y))],
        epochs=3,
        validate=lambda w: {"accuracy": -float(squares(w, X, Y))},
        mode="min",
        progress=False,
    )
    assert found.best_epoch == 1
    once, _ = make_step(squares, optimizer)(begin(optimizer), X, Y)
    np.testing.assert_allclose(found.best_weights["w"], once.weights["w"], rtol=1e-5)


def network(**threshold):
    return snn.chain(snn.dense(3, 4), snn.lif(4, snn.LIFParams(**threshold)))


def spiking_fit(spoil, tmp_path, epochs=3):
    """Trains a small network; ``spoil`` changes the input of an epoch."""
    net = network()

    def loss_fn(weights, xs):
        state, spikes = snn.unroll(net, weights, xs, dt=1e-3)
        return jnp.mean((spikes - 0.1) ** 2), {"nonfinite": snn.nonfinite(state)}

    xs = jax.random.normal(jax.random.key(1), (20, 2, 3))
    optimizer = optax.sgd(0.1)
    return fit(
        jax.jit(make_step(loss_fn, optimizer, has_aux=True)),
        init_train_state(net.init(jax.random.key(0)), optimizer),
        lambda epoch: [(xs,), (spoil(epoch, xs),)],
        epochs=epochs,
        validate=lambda w: {"accuracy": 0.0},
        folder=tmp_path,
        progress=False,
    )


def test_a_voltage_that_is_lost_is_named_and_the_epoch_before_stays(tmp_path):
    spoil = lambda epoch, xs: xs * jnp.nan if epoch == 2 else xs  # noqa: E731
    with pytest.raises(FloatingPointError, match=r"Epoch 3: .*\[1\]\.v.*learning rate"):
        spiking_fit(spoil, tmp_path)
    whole = spiking_fit(lambda epoch, xs: xs, tmp_path / "whole", epochs=2)
    kept = spiking_fit(spoil, tmp_path, epochs=2)
    assert bits(kept.state) == bits(whole.state)
    assert len(kept.history) == 2


def test_a_loss_that_is_not_finite_is_named(tmp_path):
    def step(state, batch):
        return state, {"loss": batch}

    state = init_train_state(jnp.zeros(()), optax.sgd(0.1))
    with pytest.raises(FloatingPointError, match=r"Epoch 1: .*the loss"):
        fit(step, state, lambda e: [(0.0,), (jnp.inf,)], epochs=1, validate=dict)


def test_weights_spoilt_by_the_last_update_are_never_kept(tmp_path):
    def slope_at_zero_is_nan(weights, x):
        return jnp.sqrt(jnp.abs(weights["w"] * x)).sum()

    optimizer = optax.sgd(0.1)
    with pytest.raises(FloatingPointError, match=r"Epoch 2: .*weights\['w'\]"):
        fit(
            make_step(slope_at_zero_is_nan, optimizer),
            begin(optimizer),
            lambda epoch: [(1.0 - epoch,)],
            epochs=2,
            validate=lambda w: {"accuracy": 0.0},
            folder=tmp_path,
            progress=False,
        )
    (row,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(row)["epoch"] == 1


def test_without_a_terminal_progress_is_lines_on_stderr(capsys):
    count([0.25, 0.5], progress=True, name="a run")
    out, err = capsys.readouterr()
    assert out == ""
    begun, first, *_, last = err.splitlines()
    assert begun == "a run  compiling ..."
    assert first == "a run  epoch 1/2  loss 0.000  validation accuracy 0.250"
    assert last == "a run  epoch 2/2  loss 0.000  validation accuracy 0.500"


def test_progress_can_be_silenced(capsys):
    count([0.25, 0.5], progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_is_shown_a_bar(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    count([0.25, 0.5], progress=True, name="a run")
    assert "a run" in terminal.getvalue()
    assert "epoch 2/2" in terminal.getvalue()
    assert capsys.readouterr().out == ""
