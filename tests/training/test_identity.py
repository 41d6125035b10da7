"""A folder knows its run: whatever made it is compared, and what differs is named."""

import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.training import epoch_rows, fit, identity, init_train_state, make_step
from snnjax.training.identity import plain

RNG = np.random.default_rng(0)
XS = (RNG.random((10, 12, 4)) < 0.4).astype(np.float32)
LABELS = RNG.integers(0, 2, 12)
FALLING = optax.cosine_decay_schedule


class Settings(NamedTuple):
    """What makes a run here; each field is changed alone."""

    threshold: float = 0.2
    tau_mem: Any = 20e-3
    surrogate: Any = snn.SuperSpike()
    dt: float = 1e-3
    optimizer: Any = optax.adam
    rate: Any = 1e-2
    penalty: float = 0.0
    seed: int = 0
    order: int = 0
    batch: int = 4
    xs: np.ndarray = XS
    labels: np.ndarray = LABELS
    recipe: dict = {}  # noqa: RUF012
    epochs: int = 2


def run(folder, settings, validation=LABELS):
    s = settings
    params = snn.LIFParams(tau_mem=s.tau_mem, threshold=s.threshold)
    neurons = snn.lif(8, params, surrogate=s.surrogate)
    net = snn.chain(snn.dense(4, 8), neurons, snn.dense(8, 2), snn.li(2))

    def loss(weights, xs, labels):
        v = snn.unroll(net, weights, xs, dt=s.dt)[1]
        size = sum(jnp.sum(w**2) for w in jax.tree.leaves(weights))
        return snn.cross_entropy(v.mean(axis=0), labels) + s.penalty * size

    def batches(epoch):
        rows = epoch_rows(s.order, epoch, len(s.labels), s.batch)
        return [(s.xs[:, k], s.labels[k]) for k in rows]

    optimizer = s.optimizer(s.rate)
    return fit(
        jax.jit(make_step(loss, optimizer)),
        init_train_state(net.init(jax.random.key(s.seed)), optimizer),
        batches,
        epochs=s.epochs,
        validate=lambda w: {"accuracy": -loss(w, XS, validation)},
        folder=folder,
        recipe=s.recipe,
        progress=False,
    )


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


TURNED, LAST = LABELS.copy(), XS.copy()
TURNED[11] = 1 - TURNED[11]
LAST[9, 11, 3] = 1 - LAST[9, 11, 3]
CHANGES = {
    "threshold": (0.3, "the update"),
    "tau_mem": (np.full(8, 21e-3, np.float32), "the update"),
    "surrogate": (snn.Triangle(), "the update"),
    "dt": (2e-3, "the update"),
    "optimizer": (optax.adabelief, "the update"),
    "rate": (1e-3, "the update"),
    "penalty": (0.1, "the update"),
    "seed": (1, "the state before the first update"),
    "order": (1, "the batches"),
    "batch": (6, "the batches"),
    "xs": (LAST, "the batches"),
    "labels": (TURNED, "the batches"),
    "recipe": ({"augmented": True}, r"augmented \(None, now True\)"),
    "epochs": (1, "2 epochs already, more than the 1"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, run(folder, Settings())


def test_every_setting_of_this_test_is_changed():
    assert set(CHANGES) == set(Settings._fields)


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_run_is_refused_by_name_and_the_folder_stays(name, finished):
    folder, _ = finished
    before, (value, message) = contents(folder), CHANGES[name]
    with pytest.raises(ValueError, match=message):
        run(folder, Settings()._replace(**{name: value}))
    assert contents(folder) == before


def test_the_same_run_is_found(finished):
    folder, found = finished
    again = run(folder, Settings())
    assert again.history == found.history
    assert (found.resumed_after, again.resumed_after) == (0, 2)


def test_more_epochs_go_on_unless_the_learning_rate_depends_on_them(tmp_path):
    run(tmp_path / "constant", Settings())
    more = run(tmp_path / "constant", Settings(epochs=3))
    whole = run(None, Settings(epochs=3))
    assert more.resumed_after == 2
    assert more.history[-1]["loss"] == whole.history[-1]["loss"]

    run(tmp_path / "falling", Settings(rate=FALLING(1e-2, 2 * 3)))
    with pytest.raises(ValueError, match="schedule or learning rate"):
        run(tmp_path / "falling", Settings(rate=FALLING(1e-2, 3 * 3), epochs=3))


def test_other_data_of_validation_are_told(finished):
    with pytest.warns(UserWarning, match=r"Validation says something else .*accuracy"):
        run(finished[0], Settings(), validation=TURNED)


def test_the_folder_says_what_made_the_run(tmp_path):
    data = np.arange(6.0).reshape(2, 3)
    recipe = {"rate": 1e-2, "layers": (8, 2), "data": data, "net": snn.lif(8)}
    run(tmp_path, Settings(recipe=recipe))
    said = json.loads((tmp_path / "run.json").read_text())
    assert said["recipe"] == {
        "rate": 1e-2,
        "layers": [8, 2],
        "data": f"float64[2, 3] {identity.digest(data)}",
        "net": "lif(8)",
    }
    assert said["environment"]["versions"]["jax"] == jax.__version__
    with pytest.raises(ValueError, match=r"differs: rate \(0.01, now 0.02\); data \("):
        run(tmp_path, Settings(recipe=recipe | {"rate": 2e-2, "data": data + 1}))


def test_another_machine_is_told_but_a_recipe_refused(finished, monkeypatch):
    folder, found = finished
    there = identity.environment() | {"device": "gpu: another"}
    monkeypatch.setattr(identity, "environment", lambda: there)
    with pytest.warns(UserWarning, match=r"device \(cpu: .*, now gpu: another\)"):
        again = run(folder, Settings(rate=1e-3))  # digests prove nothing there
    assert again.history == found.history
    with pytest.raises(ValueError, match="augmented"):
        run(folder, Settings(recipe={"augmented": True}))


def test_a_step_that_cannot_be_traced_is_not_compared(tmp_path):
    def step(state, batch):
        loss = float(state.weights) + batch
        return state._replace(weights=state.weights + 1.0), {"loss": loss}

    for epochs in (1, 2):
        found = fit(
            step,
            init_train_state(jnp.zeros(()), optax.sgd(0.1)),
            lambda epoch: [(1.0,)],
            epochs=epochs,
            validate=lambda w: {"accuracy": w},
            folder=tmp_path,
            progress=False,
        )
    assert found.state.weights == 2.0


def test_a_digest_knows_bits_dtypes_shapes_and_names():
    x = np.arange(4, dtype=np.float32)
    one = {"x": x, "n": 3, "word": "a", "key": jax.random.key(1)}
    others = (
        one | {"x": x.astype(np.float64)},
        one | {"x": x.reshape(2, 2)},
        one | {"x": np.nextafter(x, 9)},
        one | {"n": 4},
        one | {"word": "b"},
        one | {"key": jax.random.key(2)},
        {"y": x, "n": 3, "word": "a", "key": jax.random.key(1)},
    )
    assert identity.digest(one | {"x": jnp.asarray(x)}) == identity.digest(one)
    assert identity.digest(one | {"x": x[::-1][::-1]}) == identity.digest(one)
    assert len({identity.digest(each) for each in (one, *others)}) == 8


def test_callbacks_and_addresses_make_no_other_run():
    def step(state, batch):
        jax.debug.callback(lambda x: None, batch)
        return state, {"loss": batch}

    def known():
        recipe = {"draw": lambda x: x}
        state = init_train_state(jnp.zeros(()), optax.sgd(0.1))
        return identity.identity(step, state, lambda epoch: [(1.0,)], recipe)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert known() == known()


class Held(NamedTuple):
    """Something with an array inside."""

    x: Any
    name: str = "it"


@dataclass
class Kept:
    """The same as a class with fields."""

    x: Any


LONG, MIDDLE = np.arange(5000.0), np.arange(5000.0)
MIDDLE[2500] += 1.0  # which nobody shows
HOLDERS = {
    "array": lambda x: x,
    "array of JAX": jnp.asarray,
    "list": lambda x: [1, x],
    "tuple": lambda x: ("a", x),
    "mapping": lambda x: {"deep": {"er": x}},
    "named tuple": Held,
    "named tuple within": lambda x: Held(Held(x)),
    "list in a named tuple": lambda x: Held([x]),
    "class with fields": Kept,
    "function of it": lambda x: partial(np.add, x),
    "function of it by name": lambda x: partial(np.add, out=x),
    "named tuple in a list": lambda x: [Held({"a": x})],
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_one_number_of_many_is_another_recipe_wherever_it_is(holder):
    hold = HOLDERS[holder]
    was, again, now = (plain(hold(each)) for each in (LONG, LONG.copy(), MIDDLE))
    assert was == again == json.loads(json.dumps(was))
    assert was != now


def test_a_set_is_the_same_recipe_in_every_process():
    words = """if 1:
        from snnjax.training.identity import plain
        each = {'a', 'b', 'c', 'd', 'e'}
        for held in (each, frozenset(each), [{1: each}]):
            print(plain(held))
    """
    one, other = (
        subprocess.run(
            [sys.executable, "-c", words],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout.splitlines()
        for seed in ("1", "2")
    )
    assert len(one) == 3
    assert one == other


def test_what_has_no_array_is_told_as_one_writes_it():
    assert plain(snn.SuperSpike(7.0)) == "SuperSpike(slope=7.0)"
    assert plain(Held(None, "b")) == "Held(x=None, name='b')"
    assert plain(snn.lif(3)) == repr(snn.lif(3))
