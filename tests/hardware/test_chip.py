"""The emulated chip: an ideal one is the library, another is as imperfect as asked."""

import ast
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import snnjax as snn
from snnjax import datasets, inputs
from snnjax.hardware import (
    IDEAL,
    Budget,
    DeviceError,
    Imperfections,
    chip,
    emulated_chip,
)
from snnjax.hardware.emulated import PROGRAM
from snnjax.networks import DenseWeights, RecurrentWeights

DT, TAU = 1.7e-6, 6e-6
SIZES = 64, 30, 10
NOISELESS = IDEAL._replace(**dict.fromkeys(("tau_mem", "tau_syn", "threshold"), None))


def shown(images, steps=20):
    """A latency code of intensities ``[N, n]``: ``[T, N, n]``."""
    code = {"tau": 8e-6, "threshold": 0.2, "steps": steps, "dt": DT}
    return np.asarray(inputs.latency(images, **code, outside="drop"))


def digits(n=40):
    return shown(datasets.digits("test").x[:n].reshape(n, 64) / np.float32(16))


def drawn(rng, sizes=SIZES, recurrent=False):
    """Weights that make a third of the neurons fire or so."""
    n_in, n, n_out = sizes
    below = rng.normal(0.15, 0.6, (n_in, n))
    own = rng.normal(0.0, 0.2, (n * recurrent, n))
    out = rng.normal(0.0, 0.3, (n, n_out))
    return [np.float32(np.concatenate([below, own])), np.float32(out)]


def in_software(weights, xs, reset="zero"):
    """Spikes, their voltages, and the readout, of the library."""
    n_in, (n, n_out) = xs.shape[-1], weights[1].shape
    neuron = snn.lif(n, snn.LIFParams(TAU, TAU), reset=reset)
    below, own = DenseWeights(weights[0][:n_in], None), weights[0][n_in:]
    if len(own):
        cell = snn.recurrent(n_in, n, neuron, outputs=("neuron", "v"))
        given = RecurrentWeights(below, own, ())
    else:
        parts = {"input": snn.dense(n_in, n), "neuron": neuron}
        cell = snn.chain(**parts, outputs=("neuron", "neuron.v"))
        given = {"input": below, "neuron": ()}
    _, outputs = snn.unroll(cell, given, xs, dt=DT)
    spikes, v = outputs.values()
    out = snn.chain(snn.dense(n, n_out), snn.li(n_out, snn.LIParams(TAU, TAU)))
    _, y = snn.unroll(out, (DenseWeights(weights[1], None), ()), spikes, dt=DT)
    return [np.asarray(x) for x in (spikes, v, y)]


def recorded(weights, xs, *trials, sizes=SIZES, **options):
    """What a chip shows at each trial."""
    with emulated_chip(sizes, dt=DT, tau_mem=TAU, tau_syn=TAU, **options) as device:
        handle = device.program(weights)
        found = [device.run(handle, xs, trial=k) for k in trials or (0,)]
    return found if trials else found[0]


def arrays(recording):
    hidden, out = recording.seen
    return hidden.spikes, hidden.v, out.v


def same(first, second):
    pairs = zip(arrays(first), arrays(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_an_ideal_chip_is_the_library(rng, reset, recurrent):
    xs, weights = digits(), drawn(rng, recurrent=recurrent)
    closed = (recurrent, False)
    options = {"imperfections": IDEAL, "reset": reset, "recurrent": closed}
    found = arrays(recorded(weights, xs, **options))
    expected = in_software(weights, xs, reset)
    assert expected[0].sum() > 1000
    np.testing.assert_array_equal(found[0], expected[0])
    for v, wanted in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(v, wanted, atol=1e-5)


def test_an_ideal_chip_is_the_library_on_images_that_fill_it(rng, data_folder):
    data_folder("mnist")
    images = datasets.mnist("test").x[:500, 6:22, 6:22].reshape(500, 256)
    xs, sizes = shown(np.float32(images) / 255.0), (256, 246, 10)
    weights = drawn(rng, sizes)
    found = arrays(recorded(weights, xs, sizes=sizes, imperfections=IDEAL))
    expected = in_software(weights, xs)
    assert expected[0].sum() > 40_000
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)
    np.testing.assert_allclose(found[2], expected[2], atol=1e-5)


def test_a_chip_starts_without_the_library_and_without_jax():
    code = f"""
import runpy, sys
runpy.run_path({str(PROGRAM)!r})
known = {{name.partition(".")[0] for name in sys.modules}}
assert not {{"snnjax", "jax"}} & known, known
"""
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    found = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(PROGRAM.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
    }
    assert found - set(sys.stdlib_module_names) == {"numpy"}


def test_the_serial_number_fixes_the_pattern_and_the_trial_the_noise(rng):
    xs, weights = digits(4), drawn(rng)
    first, again, other = recorded(weights, xs, 5, 5, 6)
    assert same(first, again)
    assert same(first, recorded(weights, xs, 5)[0])
    assert not same(first, other)
    assert not same(first, recorded(weights, xs, 5, serial=2)[0])
    one, two = recorded(weights, xs, None, None)
    assert not same(one, two)


def test_without_noise_trials_are_alike_and_chips_are_not(rng):
    xs, weights = digits(4), drawn(rng)
    one, two = recorded(weights, xs, 1, 2, imperfections=NOISELESS)
    assert same(one, two)
    assert not same(one, recorded(weights, xs, imperfections=NOISELESS, serial=2))


def settings(n=20_000, **imperfections):
    usual = Imperfections(*4 * (0.3,), v_reset=0.15)._replace(**imperfections)
    told = {
        **{"sizes": (1, n, 1), "serial": 3, "imperfections": usual._asdict()},
        **{"recurrent": (False, False), "reset": "zero"},
        **{"dt": DT, "tau_mem": TAU, "tau_syn": TAU},
    }
    return chip.namespace(told)


def test_factors_have_mean_one_and_the_spread_that_is_asked_for():
    pattern = chip.pattern_of(settings(rest=0.1, dead=0.2, broken=0.3), 0)
    for name in ("tau_mem", "tau_syn", "threshold", "gain"):
        factors = getattr(pattern, name)
        assert factors.min() > 0
        np.testing.assert_allclose([factors.mean(), factors.std()], [1, 0.3], atol=0.01)
    assert abs(np.corrcoef(pattern.tau_mem, pattern.gain)[0, 1]) < 0.03
    for offsets, spread in ((pattern.v_reset, 0.15), (pattern.rest, 0.1)):
        np.testing.assert_allclose(
            [offsets.mean(), offsets.std()], [0.0, spread], atol=0.005
        )
    np.testing.assert_allclose(pattern.alive.mean(), 0.8, atol=0.01)
    np.testing.assert_allclose((pattern.synapses == 0).mean(), 0.3, atol=0.01)


def test_another_imperfection_changes_no_constant_of_a_chip():
    plain, odd = (chip.pattern_of(settings(20, dead=p), 0) for p in (0.0, 0.5))
    np.testing.assert_array_equal(plain.tau_mem, odd.tau_mem)
    assert (plain.alive != odd.alive).any()


def test_a_constant_drifts_as_a_random_walk_that_any_trial_begins_anew():
    steps = [chip.walk(1, trial, 4000) for trial in (0, 100, 101, 540)]
    np.testing.assert_array_equal(steps[0], 0.0)
    np.testing.assert_array_equal(steps[1], chip.walk(1, 100, 4000))
    spread = [np.std(b - a) for a, b in pairwise(steps)]
    np.testing.assert_allclose(spread, [10.0, 1.0, np.sqrt(439)], rtol=0.05)
    drift = 0.2 / np.sqrt(540)
    new = settings(drift=drift)
    patterns = [chip.pattern_of(new, p) for p in (0, 1)]
    later = chip.drifted(new, patterns, 540)[0]
    ratio = later.gain / patterns[0].gain
    np.testing.assert_allclose([ratio.mean(), ratio.std()], [1.0, 0.2], atol=0.01)


def test_a_chip_drifts_from_trial_to_trial_and_starts_as_it_was_made(rng):
    xs, weights = digits(4), drawn(rng)
    drifting = NOISELESS._replace(drift=0.01)
    first, later = recorded(weights, xs, 0, 400, imperfections=drifting)
    assert same(first, recorded(weights, xs, imperfections=NOISELESS))
    assert not same(first, later)
    assert same(later, recorded(weights, xs, 400, imperfections=drifting)[0])


def test_a_voltage_that_overflows_is_a_failure_and_not_a_number():
    weights = [np.full((2, 1), 3e38), np.ones((1, 1))]
    raw = IDEAL._replace(dead=1.0)  # of which infinite current is no number
    with pytest.raises(DeviceError, match="ended with status 1 while running") as told:
        recorded(weights, np.ones((3, 2)), sizes=(2, 1, 1), imperfections=raw)
    assert "A voltage is not a number" in told.value.stderr


def test_a_resting_membrane_has_the_noise_that_is_asked_for():
    xs, sizes = np.zeros((60, 20, 1)), (1, 200, 10)
    weights = [np.zeros((1, 200)), np.zeros((200, 10))]
    still = NOISELESS._replace(noise=0.05, substeps=3)
    hidden = recorded(weights, xs, sizes=sizes, imperfections=still).seen[0]
    np.testing.assert_allclose(hidden.v[30:].std(), 0.05, rtol=0.02)


def test_weights_are_rounded_to_steps_and_saturate():
    weights = np.float32([[0.031, -0.029, 1.26, 1.265, 5.0, -5.0]])
    held, share = chip.rounded(weights, 7, 0.02)
    np.testing.assert_allclose(held[0], [0.04, -0.02, 1.26, 1.26, 1.26, -1.26], 1e-6)
    np.testing.assert_allclose(share, 2 / 6)
    with emulated_chip((1, 6, 1), dt=DT) as device:
        handle = device.program([weights, np.ones((6, 1))])
        notes = device.run(handle, np.zeros((1, 1)), trial=0).notes
    np.testing.assert_allclose([notes["saturated.0"], notes["saturated.1"]], [2 / 6, 0])


def test_voltages_are_codes_of_a_range_and_those_at_a_rail_are_counted(rng):
    xs, weights = digits(), drawn(rng)
    plain = arrays(recorded(weights, xs, imperfections=NOISELESS))
    limits = {"adc_bits": 8, "adc_range": (-0.5, 0.75)}
    coarse = recorded(weights, xs, imperfections=NOISELESS._replace(**limits))
    for k in (0, 1):
        v, told = plain[k + 1], coarse.seen[k].v
        inside = (v > -0.5) & (v < 0.75)
        np.testing.assert_array_less(np.abs(told - v)[inside], 0.51 * 1.25 / 255)
        assert set(np.unique(told[~inside])) <= {np.float32(-0.5), np.float32(0.75)}
        at_rail = ((told == told.min()) | (told == told.max())).mean()
        np.testing.assert_allclose(coarse.notes[f"at_rail.{k}"], at_rail)


def test_finer_time_lets_a_neuron_fire_more_than_once_in_a_bin_recorded_as_one():
    xs, w = np.ones((4, 1)), [np.full((1, 2), 50.0), np.full((2, 1), 0.1)]
    fine = IDEAL._replace(substeps=10)
    sizes = 1, 2, 1
    once = recorded(w, xs, sizes=sizes, imperfections=IDEAL).seen
    often = recorded(w, xs, sizes=sizes, imperfections=fine).seen
    assert once[0].spikes.max() == often[0].spikes.max() == 1
    assert (often[1].v > 3 * once[1].v).all()


def test_finer_time_changes_nothing_below_threshold():
    xs, w = np.eye(5)[:, :2], [np.full((2, 3), 0.3), np.zeros((3, 1))]
    v = [
        recorded(w, xs, sizes=(2, 3, 1), imperfections=IDEAL._replace(substeps=k))
        for k in (1, 7)
    ]
    np.testing.assert_allclose(v[0].seen[0].v, v[1].seen[0].v, atol=1e-6)


def test_a_dead_neuron_does_nothing_and_a_broken_synapse_passes_nothing(rng):
    xs, weights = digits(), drawn(rng)
    dead = recorded(weights, xs, imperfections=NOISELESS._replace(dead=1.0))
    assert not dead.seen[0].spikes.any()
    assert not dead.seen[0].v.any()
    broken = recorded(weights, xs, imperfections=NOISELESS._replace(broken=1.0))
    assert not broken.seen[0].v.any()


def test_a_limit_on_the_way_in_loses_what_is_above_it_and_counts(rng):
    xs, weights = np.ones((3, 5, 64)), drawn(rng)
    narrow = NOISELESS._replace(events_in=20)
    found = recorded(weights, xs, imperfections=narrow)
    assert found.notes["events_in"] == 3 * 5 * 64
    assert found.notes["lost_in"] == 3 * 5 * 44
    ones = [np.ones((64, 30)), np.zeros((30, 10))]
    still = IDEAL._replace(events_in=20)
    v = recorded(ones, xs[:1] / 1, imperfections=still, reset="subtract").seen[0].v
    all_of_them = recorded(ones, xs[:1], imperfections=IDEAL, reset="subtract")
    np.testing.assert_allclose(
        (v + 1) / (all_of_them.seen[0].v + 1), 20 / 64, rtol=1e-5
    )


def test_a_limit_on_the_way_out_loses_spikes_of_the_recording_alone(rng):
    xs, weights = digits(), drawn(rng)
    whole = recorded(weights, xs, imperfections=NOISELESS)
    narrow = recorded(weights, xs, imperfections=NOISELESS._replace(events_out=3))
    told, all_of_them = narrow.seen[0].spikes, whole.seen[0].spikes
    np.testing.assert_array_equal(told.sum(-1), np.minimum(all_of_them.sum(-1), 3))
    assert (told <= all_of_them).all()
    assert narrow.notes["events_out"] == all_of_them.sum()
    assert narrow.notes["lost_out"] == all_of_them.sum() - told.sum() > 0
    np.testing.assert_array_equal(narrow.seen[1].v, whole.seen[1].v)


@pytest.mark.parametrize("shape", [(0, 2, 64), (3, 64), (3, 0, 64), (2, 2, 3, 64)])
def test_time_and_batch_may_be_of_any_length(rng, shape):
    hidden, out = recorded(drawn(rng), np.zeros(shape)).seen
    assert hidden.spikes.shape == hidden.v.shape == (*shape[:-1], 30)
    assert out.v.shape == (*shape[:-1], 10)
    assert out.spikes is None


def test_a_chip_of_512_circuits_is_full_with_256_246_10():
    emulated_chip((256, 246, 10), dt=DT)
    with pytest.raises(ValueError, match=r"sizes .* take 514 circuits of 256 rows"):
        emulated_chip((256, 247, 10), dt=DT)
    emulated_chip((70, 186, 20), dt=DT, recurrent=(True, False))
    with pytest.raises(ValueError, match="sizes"):
        emulated_chip((71, 186, 20), dt=DT, recurrent=(True, False))
    emulated_chip((71, 186, 20), dt=DT, recurrent=(True, False), budget=Budget(600))
