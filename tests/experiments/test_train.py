import io
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.experiments.train import epoch_rows, fit, make_step, start

X = np.random.default_rng(0).normal(size=(4, 3))
Y = np.random.default_rng(1).normal(size=4)


def squares(weights, x, y):
    return jnp.mean((x @ weights["w"] - y) ** 2)


def squares_by_hand(w):
    error = X @ w - Y
    return np.mean(error**2), 2.0 * X.T @ error / len(Y)


def sgd_by_hand(w, grad, memory):
    return w - 0.1 * grad, memory


def adam_by_hand(w, grad, memory):
    m, v, t = memory
    m, v, t = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2, t + 1
    hat_m, hat_v = m / (1 - 0.9**t), v / (1 - 0.999**t)
    return w - 0.1 * hat_m / (np.sqrt(hat_v) + 1e-8), (m, v, t)


def by_hand(rule, steps):
    w, memory, rows = np.full(3, 0.5), (np.zeros(3), np.zeros(3), 0), []
    for _ in range(steps):
        loss, grad = squares_by_hand(w)
        rows.append((loss, np.linalg.norm(grad)))
        w, memory = rule(w, grad, memory)
    return w, np.array(rows)


def begin(optimizer):
    return start({"w": jnp.full(3, 0.5)}, optimizer)


def bits(tree):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def counting(state, batch):
    """One update adds one to the only weight."""
    del batch
    state = state._replace(weights=state.weights + 1.0, step=state.step + 1)
    return state, {"loss": jnp.zeros(())}


def count(scores, validate=None, **options):
    """A run whose weight is the number of epochs and whose scores are given."""
    state = start(jnp.zeros(()), optax.sgd(0.1))
    options = {"epochs": len(scores), "progress": False} | options
    score = validate or (lambda w: {"accuracy": scores[int(w) - 1]})
    return fit(counting, state, lambda epoch: [(None,)], validate=score, **options)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["plain", "jit"])
@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [(optax.sgd(0.1), sgd_by_hand), (optax.adam(0.1), adam_by_hand)],
    ids=["sgd", "adam"],
)
def test_updates_are_those_worked_out_by_hand(optimizer, rule, wrap, x64):
    step, state, rows = wrap(make_step(squares, optimizer)), begin(optimizer), []
    for _ in range(5):
        state, metrics = step(state, X, Y)
        rows.append((metrics["loss"], metrics["grad_norm"]))
    w, expected = by_hand(rule, 5)
    np.testing.assert_allclose(state.weights["w"], w, rtol=1e-12)
    np.testing.assert_allclose(rows, expected, rtol=1e-12)
    assert state.step == 5


def test_a_scan_over_updates_is_the_same_training(x64):
    step = make_step(squares, optax.adam(0.1))
    state, metrics = jax.lax.scan(
        lambda state, _: step(state, X, Y), begin(optax.adam(0.1)), length=5
    )
    w, rows = by_hand(adam_by_hand, 5)
    np.testing.assert_allclose(state.weights["w"], w, rtol=1e-12)
    np.testing.assert_allclose(metrics["loss"], rows[:, 0], rtol=1e-12)


def test_seeds_trained_side_by_side_equal_seeds_trained_alone(x64):
    optimizer = optax.adam(0.1)
    step = make_step(squares, optimizer)

    def train(key):
        state = start({"w": jax.random.normal(key, 3)}, optimizer)
        for _ in range(3):
            state, metrics = step(state, X, Y)
        return state, metrics

    keys = jax.random.split(jax.random.key(0), 4)
    together = jax.vmap(train)(keys)
    alone = jax.tree.map(lambda *leaves: np.stack(leaves), *map(train, keys))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10), together, alone)
    assert len(np.unique(together[1]["loss"])) == 4


def test_metrics_of_the_loss_come_along():
    step = make_step(
        lambda w, x, y: (squares(w, x, y), {"answer": 42}),
        optax.sgd(0.1),
        has_aux=True,
    )
    _, metrics = step(begin(optax.sgd(0.1)), X, Y)
    assert set(metrics) == {"answer", "loss", "grad_norm"}
    assert metrics["answer"] == 42


@pytest.mark.parametrize(("n", "batch"), [(10, 3), (9, 3), (5, 5), (7, 1), (5, 3)])
def test_every_sample_comes_and_all_batches_have_one_shape(n, batch):
    rows = epoch_rows(0, 0, n, batch)
    assert {r.shape for r in rows} == {(batch,)}
    assert len(rows) == -(-n // batch)
    assert set(np.concatenate(rows)) == set(range(n))


def test_order_is_made_of_seed_and_epoch():
    order = lambda *se: np.concatenate(epoch_rows(*se, 100, 10)).tolist()  # noqa: E731
    assert order(3, 4) == order(3, 4)
    assert len({str(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_sizes_of_batches_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="6 is larger than the 5 samples"):
        epoch_rows(0, 0, 5, 6)
    with pytest.raises(ValueError, match="batch must be at least 1"):
        epoch_rows(0, 0, 5, 0)


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
    assert found.best_epoch == best
    assert found.best_weights == best + 1
    assert found.state.weights == len(scores)


@pytest.mark.parametrize(
    ("patience", "epochs"), [(1, 3), (2, 6), (3, 8), (100, 8), (None, 8)]
)
def test_patience_ends_a_run_that_gets_no_better(patience, epochs):
    scores = [0.1, 0.5, 0.4, 0.6, 0.6, 0.5, 0.7, 0.1]
    found = count(scores, patience=patience)
    assert len(found.history) == epochs
    assert found.best_weights == found.best_epoch + 1


def test_history_tells_the_mean_of_every_epoch():
    def step(state, batch):
        return state, {"loss": batch, "rate": 10.0 * batch}

    found = fit(
        step,
        start(jnp.zeros(()), optax.sgd(0.1)),
        lambda epoch: [(epoch + 1.0,), (epoch + 3.0,)],
        epochs=2,
        validate=lambda w: {"error": w, "accuracy": 1.0},
        select="error",
        mode="min",
        progress=False,
    )
    expected = {"validation_error": 0.0, "validation_accuracy": 1.0}
    for epoch, row in enumerate(found.history):
        assert row.pop("seconds") > 0
        mean = epoch + 2.0
        assert row == expected | {"epoch": epoch, "loss": mean, "rate": 10 * mean}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"epochs": 2.0}, "epochs must be a whole number"),
        ({"mode": "best"}, "'max' or 'min', got 'best'"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"select": "loss"}, r"'loss' is none of \['accuracy'\]"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        count([0.5], **options)


def test_an_epoch_without_batches_is_refused():
    state = start(jnp.zeros(()), optax.sgd(0.1))
    with pytest.raises(ValueError, match="Epoch 0 has no batches"):
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
    assert found.best_epoch == 0
    w, _ = by_hand(adam_by_hand, 1)
    np.testing.assert_allclose(found.best_weights["w"], w, rtol=1e-5)


def network(**threshold):
    return snn.chain(snn.dense(3, 4), snn.lif(4, snn.LIFParams(**threshold)))


def spiking_fit(spoil, tmp_path, epochs=3):
    """Trains a small network; ``spoil`` changes the input of an epoch."""
    net = network()

    def loss_fn(weights, xs):
        state, spikes = snn.unroll(net, weights, xs, dt=1e-3)
        return jnp.mean((spikes - 0.1) ** 2), {"lost": snn.lost(state)}

    xs = jax.random.normal(jax.random.key(1), (20, 2, 3))
    optimizer = optax.sgd(0.1)
    return fit(
        jax.jit(make_step(loss_fn, optimizer, has_aux=True)),
        start(net.init(jax.random.key(0)), optimizer),
        lambda epoch: [(xs,), (spoil(epoch, xs),)],
        epochs=epochs,
        validate=lambda w: {"accuracy": 0.0},
        folder=tmp_path,
        progress=False,
    )


def test_a_voltage_that_is_lost_is_named_and_the_epoch_before_stays(tmp_path):
    spoil = lambda epoch, xs: xs * jnp.nan if epoch == 2 else xs  # noqa: E731
    with pytest.raises(FloatingPointError, match=r"Epoch 2: .*\[1\]\.v.*learning rate"):
        spiking_fit(spoil, tmp_path)
    whole = spiking_fit(lambda epoch, xs: xs, tmp_path / "whole", epochs=2)
    kept = spiking_fit(spoil, tmp_path, epochs=2)
    assert bits(kept.state) == bits(whole.state)
    assert len(kept.history) == 2


def test_a_loss_that_is_not_finite_is_named(tmp_path):
    def step(state, batch):
        return state, {"loss": batch}

    state = start(jnp.zeros(()), optax.sgd(0.1))
    with pytest.raises(FloatingPointError, match=r"Epoch 0: .*the loss"):
        fit(step, state, lambda e: [(0.0,), (jnp.inf,)], epochs=1, validate=dict)


def test_weights_spoilt_by_the_last_update_are_never_kept(tmp_path):
    def slope_at_zero_is_nan(weights, x):
        return jnp.sqrt(jnp.abs(weights["w"] * x)).sum()

    optimizer = optax.sgd(0.1)
    with pytest.raises(FloatingPointError, match=r"Epoch 1: .*weights\['w'\]"):
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
    assert json.loads(row)["epoch"] == 0


def test_without_a_terminal_progress_is_lines_on_stderr(capsys):
    count([0.25, 0.5], progress=True, name="a run")
    out, err = capsys.readouterr()
    assert out == ""
    first, *_, last = err.splitlines()
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
