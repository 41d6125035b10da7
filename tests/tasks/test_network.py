import jax
import numpy as np

import snnjax as snn
from snnjax.datasets.samples import pack
from snnjax.tasks import ecg_task
from snnjax.tasks.network import run


def test_a_network_runs_as_its_two_parts_one_after_the_other(digits):
    network = digits.network
    parts = network.cell.about.parts
    hidden, out = (parts[name] for name in ("hidden", "out"))
    keys = jax.random.split(jax.random.key(3))
    weights = network.cell.init(jax.random.key(3))
    drawn = {"hidden": hidden.init(keys[0]), "out": out.init(keys[1])}
    jax.tree.map(np.testing.assert_array_equal, weights, drawn)

    xs = digits.parts["train"].raster(np.arange(5), None)
    _, spikes = snn.unroll(hidden, weights["hidden"], xs, dt=network.dt)
    _, v = snn.unroll(out, weights["out"], spikes, dt=network.dt)

    found = run(network, weights, xs)
    np.testing.assert_array_equal(found.spikes, spikes)
    np.testing.assert_array_equal(found.v, v)
    assert set(found.state) == {"hidden", "out"}


def test_first_weights_know_the_rate_of_the_training_part_alone(monkeypatch):
    def drawn(rate_of):
        def beats(split, path):
            x = np.arange(2 * 50 * 4).reshape(2, 50, 4) % 20 < rate_of[split]
            return pack(x, np.zeros((2, 50), int), ("P", "QRS"))

        monkeypatch.setattr("snnjax.tasks.ecg.qtdb", beats)
        weights = ecg_task().network.cell.init(jax.random.key(0))
        return np.asarray(weights["hidden"].input.w)

    few = drawn({"train": 2, "validation": 2, "test": 2})
    np.testing.assert_array_equal(few, drawn({"train": 2, "validation": 8, "test": 8}))
    louder = drawn({"train": 8, "validation": 2, "test": 2})
    np.testing.assert_allclose(louder, few / 2, rtol=1e-6)  # 1/sqrt(rate)
