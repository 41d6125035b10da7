import numpy as np

from snnjax.tasks import linear_baseline


def toy_labels(rng, classes):
    sizes = {"train": 200, "validation": 80, "test": 200}
    return {split: rng.integers(0, classes, n) for split, n in sizes.items()}


def test_a_linear_readout_solves_what_is_linearly_separable(toy, rng):
    labels = toy_labels(rng, 4)

    def one_neuron_for_each_class(split):
        rates = 0.05 + 0.6 * np.eye(4)[labels[split]].repeat(5, axis=1)
        return rng.random((40, *rates.shape)) < rates

    spikes = toy(one_neuron_for_each_class, labels)
    assert linear_baseline(spikes) == 1.0


def test_a_linear_readout_hears_when_a_spike_came(toy, rng):
    labels = toy_labels(rng, 4)

    def one_spike_at_the_time_of_the_class(split):
        return np.arange(40)[:, None, None] == 10 * labels[split][None, :, None]

    assert linear_baseline(toy(one_spike_at_the_time_of_the_class, labels)) == 1.0


def test_a_linear_readout_of_shuffled_labels_is_at_chance(toy, rng):
    spikes = toy(
        lambda split: rng.random((40, len(labels[split]), 20)) < 0.2,
        labels := toy_labels(rng, 4),
    )
    spread = np.sqrt(0.25 * 0.75 / 200)
    assert abs(linear_baseline(spikes) - 0.25) < 4 * spread


def test_a_linear_readout_of_every_step_remembers_what_was(toy, rng):
    # The label of a step is which channel fired last: a matter of traces.
    spikes, labels = {}, {}
    for split, n in (("train", 40), ("validation", 20), ("test", 20)):
        raster = rng.random((60, n, 3)) < 0.05
        last = np.full((60, n), -1)
        for t in range(60):
            fired = raster[t].argmax(axis=1)
            last[t] = np.where(raster[t].any(axis=1), fired, last[t - 1] if t else -1)
        spikes[split], labels[split] = raster, last.T
    found = linear_baseline(toy(spikes.__getitem__, labels))
    assert 0.8 < found < 1.0
    assert (labels["test"] == -1).any()
