import json
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from benchmarks import criterion, run, studies, study, tables
from benchmarks.catalogue import every, load, modules
from benchmarks.studies import (
    R01_hidden_layer,
    R02_loss_landscape,
    R04_activity_cost,
    R06_surrogate_shapes,
    R07_surrogate_controls,
    R08_peak_heights,
    R09_gradient_paths,
    R10_membrane_fluctuations,
    R11_deep_initialization,
    R12_homeostatic_pretraining,
    R13_dale_network,
    R14_speech_recurrence,
    R15_cochlea_check,
    R16_in_the_loop,
    R17_dead_neurons,
    R18_decision_latency,
    R19_superspike,
    R20_time_constants,
    R21_sparse_gradients,
    R22_online_rules,
    R23_eprop,
    R24_exact_gradients,
    R25_losses,
    R26_surrogate_field,
    R27_escape_noise,
    R29_choice_of_epoch,
    chip_to_chip,
    deep_online,
    receptor,
    reduction,
    retinal_waves,
    rounded_weights,
)
from benchmarks.studies.shared import (
    chips,
    dale_wiring,
    digit_rasters,
    manifolds,
    recorded_tasks,
    speech,
)
from benchmarks.studies.shared.yin_yang import Plan
from snnjax.events import from_rows
from snnjax.tasks import Part

TASK = manifolds.Manifolds(
    classes=4, inputs=20, samples=80, steps=60, on=30, epochs=20, batch=16
)
DEEP = R11_deep_initialization.Size(
    TASK, width=24, depths=(1, 4), deviations=(0.1, 1.0), seeds=1, others=1
)
CHIP = chips.Size("digits", 12, 2, 4, seeds=(0,), serials=(1,))
DIGITS = digit_rasters.Training(hidden=40, epochs=10, batch=16, samples=300)


def orders():
    """Four groups of channels in four orders, said 16 times by six who start anew."""
    rng = np.random.default_rng(3)
    group, labels, at = rng.permutation(384) % 6, np.arange(384) % 4, np.arange(24) // 6
    counts = np.zeros((384, 30, 12), np.uint8)
    turns = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]])
    for clip, label, start in zip(counts, labels, group, strict=True):
        fires = turns[label][at][:, None] == np.arange(12) // 3
        clip[start : start + 24] = fires & (rng.random((24, 12)) < 0.7)
    folds = R14_speech_recurrence.speaker_folds(group, list("abcdef"))
    return R14_speech_recurrence.Heard(counts, labels, folds, {"group": group.tolist()})


@cache
def order_parts():
    """The orders as parts, one speaker of them held out."""
    heard = orders()
    xs, fold = np.moveaxis(heard.counts, 1, 0).astype(np.float32), heard.folds[0]

    def part(rows):
        return Part(lambda some, rng: xs[:, rows[some]], heard.labels[rows])

    return {split: part(getattr(fold, split)) for split in R20_time_constants.SPLITS}


def order_clips():
    return speech.Data(order_parts(), channels=12, classes=4, rate=20.0, dt=10e-3)


def order_spikes():
    parts = order_parts()
    train, validation, test = (
        part.raster(np.arange(len(part.labels)), None) for part in parts.values()
    )
    labels = {split: part.labels for split, part in parts.items()}
    return R20_time_constants.Data(
        lambda epoch: train, validation, test, labels, dt=10e-3, notes={}
    )


def order_plan():
    return speech.Plan(
        order_clips,
        recipes={
            "recurrent LIF": (speech.lif(0.02, 20e-3, None),),
            "adLIF": (speech.adlif(0.02, 0.1),),
            "delays": (speech.delays(1e-5, 10e-3, 8), speech.delays(0.02, 10e-3, 8)),
        },
        hidden={"recurrent LIF": 16, "adLIF": 16, "delays": 24},
        epochs=6,
        short=2,
        batch=32,
        seeds=2,
    )


def spoken_kinds():
    """Clips of ten classes, each with two channels of its own."""
    rng, labels = np.random.default_rng(0), np.arange(100) % 10
    own = np.repeat(np.eye(10, dtype=bool)[labels], 2, axis=1)[:, None]
    xs = (rng.random((100, 30, 20)) < np.where(own, 0.5, 0.05)).astype(np.uint8)
    clips = R25_losses.Clips(jnp.asarray(xs), jnp.asarray(labels, jnp.int32))
    return R25_losses.Spoken(clips, clips, 20.0)


TINY = {
    "R01": R01_hidden_layer.Size(patterns=16, steps=60, inputs=60, epochs=60, seeds=2),
    "R02": R02_loss_landscape.Size(
        R01_hidden_layer.Size(patterns=16, steps=60, inputs=60, epochs=60, seeds=1),
        points=21,
        plane=5,
    ),
    "R03": recorded_tasks.Size(seeds=1, epochs=3),
    "R04": R04_activity_cost.Size((DIGITS,), points=6, seeds=1),
    "R06": R06_surrogate_shapes.Size(
        TASK, hidden=40, slopes=(1.0, 30.0), rates=(0.02,), seeds=1
    ),
    "R07": R07_surrogate_controls.Size(TASK, hidden=40, rates=(0.02,), seeds=1),
    "R08": R08_peak_heights.Size(
        TASK,
        hidden=40,
        rates=(0.02,),
        seeds=1,
        nets=tuple((1, paths) for paths in list(R08_peak_heights.NAMES)[:4]),
        measured=(1.0, 100.0),
        samples=8,
    ),
    "R09": R09_gradient_paths.Size(
        TASK, hidden=40, seeds=1, cases=("nothing", "reset", "voltage")
    ),
    "R10": R10_membrane_fluctuations.Size(neurons=40, steps=1500, seeds=2, image=4),
    "R11": R11_deep_initialization.Size(*DEEP),
    "R12": R12_homeostatic_pretraining.Size(DEEP, samples=100),
    "R13": R13_dale_network.Size(
        *(TASK._replace(epochs=10), 40, (0.05,), (0.02,)),
        **{"seeds": 1, "draws": 10, "steps": 1000},
    ),
    "R14": R14_speech_recurrence.Size(
        orders, spiking=32, gated=8, epochs=8, batch=32, rates=(0.01,), folds=2
    ),
    "R20": R20_time_constants.Size(
        {"speech": order_spikes, "images": order_spikes},
        {"speech": 4, "images": 1},
        *(16, 32, (0.02,)),
        seeds=2,
    ),
    "R21": R21_sparse_gradients.Size(DIGITS, seeds=1),
    "R26": R26_surrogate_field.Size(points=2000, grid=4001, planes=2),
    "R15": R15_cochlea_check.Size(tones=4, channels=12, repeats=32, words=2),
    "R27": R27_escape_noise.Size(
        TASK, hidden=40, rates=(0.02,), seeds=1, draws=100_000
    ),
    "R28": order_plan,
    "R29": order_plan,
    "R19": R19_superspike.Size(
        *(20, 16, 4, 100), presentations=100, rates=(0.03,), block=100, seeds=(0,)
    ),
    "R22": R22_online_rules.Size(
        8,
        {k: R22_online_rules.Plan(4000, (0.03,)) for k in ("RTRL", "output only")},
        seeds=(0,),
    ),
    "R23": R23_eprop.Size(
        R23_eprop.Curve(steps=200, inputs=20, hidden=20, updates=40, rate=1e-2),
        R23_eprop.Cues(
            *(1, 20e-3, 10e-3, 10e-3, 10e-3, 10, 16), updates=40, rate=2e-2, block=10
        ),
        *((0,), ("e-prop",), ("LIF only",)),
    ),
    "R24": R24_exact_gradients.Size(
        *(600, 300),
        plans={name: Plan(20, 10, 30) for name in R24_exact_gradients.WAYS},
        seeds=1,
    ),
    "R25": R25_losses.Sizes(
        *(300, 150, Plan(20, 4, 30)),
        *(1, spoken_kinds, 12, 8, 16, 1),
    ),
    "R16": R16_in_the_loop.Sizes(
        *(CHIP, (0.0, 0.2, 0.3), (0.0, 0.3), 20, ("everything", "outputs")),
        drift=10,
    ),
    "R17": R17_dead_neurons.Sizes(CHIP, (0.0, 0.15), masks=5),
    "R18": R18_decision_latency.Sizes(CHIP, (0.0, 0.5)),
    "chip-to-chip": chip_to_chip.Sizes(
        CHIP._replace(serials=(1, 2)), updates=(0, 20), many=4
    ),
    "rounded-weights": rounded_weights.Sizes(CHIP, (8, 6, 4, 2), (4,)),
    "deep-online": deep_online.Size(
        *(TASK._replace(samples=40, epochs=10), 40, (0.02,)),
        **{"seeds": (0,), "rules": ("e-prop", "readout only")},
    ),
    "reduction": reduction.Size(
        *(0.5, 2, 2, (12e-3,)), **{"error": 0.05, "lasting": 0.3}
    ),
}
FINDINGS = {}


def kept_of(id):
    """The file of a study's results, if it has run."""
    return study.RESULTS / f"{id}.json"


def finding(id):
    """What the tiny version of a study found; each is run once."""
    if id not in FINDINGS:
        FINDINGS[id] = load(id).run(False, TINY[id])
    return FINDINGS[id]


def measured(found, name):
    return {c.name: c for c in found.criteria}[name]


AT_ONCE = {"R10", "R22", "R26", "rounded-weights"}  # they train little or nothing
TOGETHER = {"R12": "R11", "R18": "R17", "R29": "R28"}  # tests that ask for both


def marks_of(id):
    """Others are a stage of the gate, in which a study stays in one process."""
    if id in AT_ONCE:
        return ()
    return pytest.mark.studies, pytest.mark.xdist_group(TOGETHER.get(id, id))


def studied(id):
    """A test of what a study finds."""

    def mark(test):
        for each in marks_of(id):
            test = each(test)
        return test

    return mark


def each_of(ids):
    """A test of what each of several studies finds."""
    named = [pytest.param(id, marks=marks_of(id), id=id) for id in ids]
    return pytest.mark.parametrize("id", named)


@each_of(TINY)
def test_a_finding_becomes_a_last_line_and_files(id, tmp_path, capsys):
    found = finding(id)
    made = load(id)._replace(run=lambda full: found)
    study.execute(made, full=False, results=tmp_path)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["study"] == id
    assert line == json.loads((tmp_path / f"{id}.json").read_text())
    assert {"summary", "criteria"} < line.keys()
    assert all(
        c.keys() == {"name", "value", "bound", "holds"} for c in line["criteria"]
    )
    assert (tmp_path / f"{id}.png").exists() == (found.figure is not None)


@each_of(id for id in TINY if kept_of(id).exists())
def test_the_bounds_that_were_kept_are_those_of_the_criteria(id):
    kept = json.loads(kept_of(id).read_text())["criteria"]
    bounds = {row["name"]: row["bound"] for row in kept}
    made = {c.name: c.text for c in finding(id).criteria}
    same = made.keys() & bounds.keys()
    assert len(same) >= len(made) / 2  # other names tell the size
    for name in same - DEPEND_ON_SIZE:
        assert made[name] == bounds[name]


DEPEND_ON_SIZE = {
    "seeds with train accuracy >= 0.8",
    "runs without a wrong sign ever",
    "continuous kernel, authors' order, 1 ms: σ_U off by, %",
    *(
        f"line of {name}: seeds with an integral that falls and a Spearman "
        "correlation > 0.8"
        for name in R02_loss_landscape.LINES
    ),
}


@studied("R01")
def test_only_a_surrogate_moves_the_hidden_layer():
    found = finding("R01")
    assert measured(found, "layer-1 weights moved without surrogate").value == 0
    gap = measured(found, "points lost without surrogate").value
    assert gap > 0
    with_it = found.summary["surrogate"]
    assert min(with_it["layer_1_weights_moved"]) > 0


@studied("R02")
def test_hidden_weights_see_a_flat_loss_and_a_falling_integral():
    found = finding("R02")
    (seed,) = found.summary["seeds"]
    assert all(c.holds for c in found.criteria[:2])
    assert seed["differences_exactly_zero"] > 0.9
    for name in R02_loss_landscape.LINES:
        begun, ended = seed[name]["loss"]
        assert ended < begun
    # The hidden layer's part of a gradient is as high as its surrogate.
    as_trained, area_1 = (seed[name] for name in R02_loss_landscape.LINES[1:])
    assert area_1["loss"] == as_trained["loss"]
    assert area_1["surrogate_integral"] < 3 * as_trained["surrogate_integral"] < 0


def test_ranks_correlate_where_values_rise_together():
    x = np.array([0.3, -1.0, 7.0, 2.0])
    assert R02_loss_landscape.spearman(x, np.exp(x)) == pytest.approx(1.0)
    assert R02_loss_landscape.spearman(x, -(x**3)) == pytest.approx(-1.0)
    away = 1 - 6 * 2 / 60  # two neighbours in each other's place
    assert R02_loss_landscape.spearman(x, [2, 1, 3, 4]) == pytest.approx(away)


def by_hand(weights, beta, surrogate):
    """The field of study R26, differentiated on paper."""

    def s(x):
        return 0.5 + 0.5 * np.tanh(beta * x / 2)

    def h(x):
        return surrogate / 4 / np.cosh(surrogate * x / 2) ** 2

    w, v, u = weights[0], weights[1:3], weights[3:]
    g = s(w)
    hidden = s(v * g)
    end = h(u @ hidden)
    back = end * u * h(v * g)
    return np.concatenate([[back @ v * h(w)], back * g, end * hidden])


def test_the_surrogate_field_is_the_one_worked_out_by_hand(rng, x64):
    field = jax.jit(jax.grad(R26_surrogate_field.output))
    for weights in rng.normal(size=(5, 5)):
        for beta, surrogate in ((2.0, 2.0), (100.0, 15.0), (1e4, 5.0)):
            np.testing.assert_allclose(
                field(weights, beta, surrogate),
                by_hand(weights, beta, surrogate),
                rtol=1e-9,
                atol=1e-12,
            )


def test_surrogate_fields_have_work_around_a_circle_and_smooth_ones_have_none():
    found = finding("R26")
    steep, smooth = (found.summary["loops"][k] for k in ("surrogate", "smooth"))
    angle = np.arange(20_000) * 2 * np.pi / 20_000
    first, second = R26_surrogate_field.PLANE * R26_surrogate_field.RADIUS
    for k, slope in enumerate(found.summary["slopes"]):
        work = sum(
            by_hand(
                np.cos(a) * first + np.sin(a) * second, R26_surrogate_field.STEEP, slope
            )
            @ (np.cos(a) * second - np.sin(a) * first)
            for a in angle
        )
        work *= 2 * np.pi / len(angle)
        away = abs(steep["integrals"][k] - work)
        assert away < max(2 * steep["errors"][k], 0.02 * abs(work))
    assert np.all(np.diff(np.abs(steep["integrals"])) > 0)
    assert np.max(np.abs(smooth["integrals"])) < 1e-10
    assert max(found.summary["three_layers"]["integral"]) > 0.01


def test_the_sign_of_a_surrogate_is_wrong_where_it_is_said_to_be():
    found = finding("R26")
    bias = R26_surrogate_field.BIAS
    for slope, seen in found.summary["wrong_sign"].items():
        inside = np.zeros(400, bool)
        grid = np.linspace(-0.2, 0.2, 401)[:-1] + 1e-5
        for low, high in seen["between"]:
            inside |= (grid > low) & (grid < high)
        for w, wrong in zip(grid, inside, strict=True):
            weights = np.concatenate([[w], bias])
            true, pretended = (
                by_hand(weights, 100.0, b)[0] for b in (100, float(slope))
            )
            assert (np.sign(true) != np.sign(pretended)) == wrong
        assert seen["share"] == pytest.approx(inside.mean(), abs=0.01)


@studied("R06")
def test_a_tiny_sweep_of_surrogates_learns_manifolds():
    found = finding("R06")
    assert measured(found, "best test accuracy").value > 0.6  # chance is 0.25
    assert len(found.summary["triangle"]["test_accuracy"]) == 2


@studied("R03")
def test_a_few_epochs_of_digits_beat_chance():
    assert finding("R03").summary["test_accuracy"] > 0.5


def test_membranes_of_a_tiny_network_fluctuate_nearly_as_predicted():
    found = finding("R10")
    for row in found.summary["grid"]:
        assert row["deviation"] == pytest.approx(row["predicted"], rel=0.2)
        assert row["pooled"] > row["deviation"]
    theirs = found.summary["continuous_kernel"][3]
    assert theirs["deviation"] == pytest.approx(2.5, rel=0.2)


@studied("R13")
def test_signs_hold_where_the_law_is_kept_and_nowhere_else():
    found = finding("R13")
    assert all(c.holds for c in found.criteria[:2])
    for row in found.summary["networks"]:
        free = row["arm"].endswith("free")
        assert (row["weights_of_wrong_sign"] > 0) == free
        assert row["test_accuracy"] > 0.4  # chance is 0.25


@pytest.mark.parametrize("layer", ["input", "readout"])
def test_a_single_wrong_sign_silences_the_watched_network(layer):
    network = dale_wiring.feed_forward(TASK, 40, True)
    weights = network.net.init(jax.random.key(0))
    net, xs = dale_wiring.watched(network), jnp.ones((5, 3, 20))
    run = lambda w: snn.unroll(net, w, xs, dt=1e-3)[1]  # noqa: E731
    assert np.all(np.isfinite(run(weights)))
    spoilt = jax.tree.map(lambda w: w.at[3, 2].multiply(-1.0), weights[layer])
    spoilt = {**weights, layer: spoilt}
    assert np.all(np.isnan(run(spoilt)))
    assert dale_wiring.wrong_signs(network, spoilt) == 1
    assert np.all(np.isfinite(run(network.project(spoilt))))


@studied("R15")
def test_a_tiny_cochlea_sorts_tones_and_keeps_its_pauses():
    found = finding("R15")
    held = {c.name: c.holds for c in found.criteria}
    assert held["least step down of best channel"]
    assert held["nerve spikes lock below 1 kHz"]
    assert held["shortest interval of a fibre, ms"]
    assert held["shortest interval of a bushy cell, ms"]
    clicks = found.summary["click"]
    assert clicks["published"]["energy_before_it"] > 0.8
    assert clicks["causal"]["energy_before_it"] < 0.1


@studied("R27")
def test_noisy_neurons_agree_alone_differ_in_layers_and_learn():
    found = finding("R27")
    assert found.criteria[0].holds
    assert found.criteria[1].holds
    assert found.summary["stochastic"]["test_accuracy"] > 0.6  # chance is 0.25


def test_online_rules_of_a_tiny_network_lose_less_than_nothing_would():
    found = finding("R22").summary
    assert found["output only"]["mean"] < 0.69  # nats of a coin
    assert found["RTRL"]["mean"] < found["output only"]["mean"]


@studied("R23")
def test_eprop_draws_a_curve_and_tells_one_cue():
    found = finding("R23").summary
    assert found["curves"]["e-prop"]["mean"] < 90.0
    assert found["cues"]["LIF only"]["mean"] < 0.3  # one cue, asked for at once


@studied("deep-online")
def test_eprop_moves_deep_layers_and_a_readout_alone_learns_less():
    found = finding("deep-online").summary
    hits = {name: row["test_accuracy"] for name, row in found.items()}
    assert hits["e-prop"] > hits["readout only"] + 0.1


@studied("R16")
def test_a_chip_is_learned_in_the_loop_by_what_it_shows():
    found = finding("R16").summary
    row = found["rows"][-1]
    assert row["spread"] == 0.3
    assert row["loop"] > row["programmed"] + 0.05
    assert found["won_back"]["everything"] > found["won_back"]["nothing"] + 0.2
    assert found["won_back"]["outputs"] > found["won_back"]["nothing"] + 0.2


@studied("R17")
def test_dead_neurons_and_bursts_cost_something():
    errors = finding("R17").summary["errors"]
    assert errors["without"][0.15] > errors["without"][0.0]
    spikes = finding("R18").summary["hidden_spikes"]
    assert spikes[0.5] < 0.8 * spikes[0.0]


@studied("chip-to-chip")
def test_software_is_the_better_start_and_two_bits_are_too_few():
    mean = finding("chip-to-chip").summary["mean"]
    assert mean["software"][0] > mean["another chip"][0]
    assert mean["another chip"][20] > mean["another chip"][0]
    rounded = finding("rounded-weights").summary["accuracies"]
    layer, _, trained = rounded_weights.ARMS
    assert rounded[layer][2] < rounded[layer][4] < rounded[layer][8] + 0.02
    assert rounded[trained][4] > rounded[layer][4] - 0.02


def test_a_rule_of_three_factors_is_the_gradient_of_each_layer_alone(x64):
    size = R19_superspike.Size(5, 4, 3, steps=60)
    hidden, output = R19_superspike.layers(size)
    keys = jax.random.split(jax.random.key(0), 5)
    weights = hidden.init(keys[0]), output.init(keys[1])
    weights = jax.tree.map(lambda w: 3.0 * w.astype(float), weights)
    xs = jax.random.bernoulli(keys[2], 0.2, (60, 2, 5)).astype(float)
    goal = 0.1 * jax.random.normal(keys[3], (60, 2, 3))
    other = jax.random.normal(keys[4], (3, 4))
    loss = lambda y, goal: 0.5 * jnp.sum((y - goal) ** 2)  # noqa: E731

    def alone(weights):
        seen = snn.unroll(hidden, weights[0], xs, dt=1e-3)[1]
        spikes = jax.lax.stop_gradient(seen["spikes"])
        ys = snn.unroll(output, weights[1], spikes, dt=1e-3)[1]
        back = jax.lax.stop_gradient(ys - goal) @ other
        return jnp.sum(back * seen["filtered"]) + loss(ys, goal), spikes.mean()

    expected, rate = jax.jit(jax.grad(alone, has_aux=True))(weights)
    assert 0.02 < rate < 0.5
    rule = R19_superspike.superspike(hidden, output, False, other)
    run = lambda w: snn.learning.online.gradients(  # noqa: E731
        rule, w, xs, loss, goal, dt=1e-3, block=6
    )
    _, grads, _ = jax.jit(run)(weights)
    for ours, theirs in zip(*map(jax.tree.leaves, (grads, expected)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@studied("receptor")
def test_a_few_epochs_bring_a_neuron_near_a_receptor(data_folder):
    data_folder("grasshopper")
    tiny = receptor.Size(seconds=3.0, copies=2, epochs=40, seeds=1)
    found = receptor.run(False, tiny)
    assert found.summary["correlation"] > 0.1


def test_a_receptor_that_was_not_recorded_here_is_asked_for(monkeypatch):
    monkeypatch.delenv("SNNJAX_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="nitime"):
        receptor.recordings(receptor.Size())


RECORDED = {
    "R05": ("braille", recorded_tasks.Size(seeds=1, epochs=2, samples=300)),
    "n-mnist": ("nmnist-small", recorded_tasks.Size(seeds=1, epochs=3, samples=60)),
    "mnist": ("mnist", recorded_tasks.Size(seeds=1, epochs=1, samples=2000)),
    "ecg": ("ecg-qtdb", recorded_tasks.Size(seeds=1, epochs=4, samples=160)),
}


@each_of(RECORDED)
def test_a_little_training_on_recorded_data_beats_chance(id, data_folder):
    folder, size = RECORDED[id]
    data_folder(folder)
    found = load(id).run(False, size)
    assert len(found.criteria) >= 2
    for runs in networks(found.summary):
        assert len(runs["test_accuracies"]) == 1
        assert runs["test_accuracy"] > 1.3 * runs["chance"]


def networks(summary):
    """What was found of each network, wherever it is in a summary."""
    if "test_accuracies" in summary:
        return [summary]
    return [runs for value in summary.values() for runs in networks(value)]


@studied("retinal-waves")
def test_a_few_retinas_show_waves_and_shifting_their_trains_ends_them(data_folder):
    data_folder("rgc-waverepo")
    found = retinal_waves.run(False, retinal_waves.Size(1, checked=1, units=4))
    assert found.criteria[0].holds
    rows = {row["group"]: row for row in found.summary["recordings"]}
    assert rows.keys() == retinal_waves.GROUPS.keys()
    for name in retinal_waves.YOUNG:
        row = rows[name]
        assert row["waves"] > 5
        assert row["index_of_neighbours"] > 5 > 2 > row["index_shifted"]
        assert row["falls"] < 0


def test_the_slow_tiling_coefficient_is_the_one_worked_out_by_hand():
    # P_a = 1/2, P_b = 1, T_a = 4/10, T_b = 2/10.
    found = retinal_waves.slow_tiling(np.array([2.0, 7.0]), np.array([3.0]), 1.0, 10.0)
    assert found == pytest.approx(0.5 * (0.3 / 0.9 + 0.6 / 0.6))
    # Windows that leave the recording or overlap count once.
    found = retinal_waves.slow_tiling(np.array([0.5, 1.5]), np.array([9.5]), 1.0, 10.0)
    assert found == pytest.approx(0.5 * (-0.15 - 0.25))


@studied("R07")
def test_without_a_derivative_only_the_readout_learns():
    found = finding("R07")
    assert found.criteria[2].holds
    rows = found.summary
    same = "readout only", "zero"
    assert len({tuple(rows[name]["test_accuracies"]) for name in same}) == 1
    assert rows["SuperSpike"]["test_accuracy"] > 0.6  # chance is 0.25


@studied("R08")
def test_only_a_high_peak_explodes_and_only_through_an_open_path():
    seen = finding("R08").summary["untrained"]
    reset = np.array(seen["reset in"]["largest_factor_of_a_step"])
    assert np.all(reset[:, 0] < 1.05)  # peak 1, slopes 1 and 100
    assert reset[1, 1] > 50  # peak 100
    growth = {k: row["largest_growth_log10"] for k, row in seen.items()}
    assert np.max(growth["reset out"]) < 0
    assert growth["reset in"][1][1] > 0.5
    assert growth["recurrent in"][1][1] > 1 + growth["recurrent in"][1][0]
    accuracy = finding("R08").summary["test_accuracy"]
    assert accuracy["1 layer(s), reset out"][1][1] > 0.6  # chance is 0.25


@studied("R09")
def test_exact_gradients_learn_without_a_surrogate():
    found = finding("R24").summary
    for arms in (found[name] for name in [*R24_exact_gradients.WAYS][:4]):
        assert arms["all"]["test_accuracy"] > 0.5  # chance is 0.34
        others = [arms[arm]["test_accuracies"] for arm in ("frozen", "shallow")]
        assert arms["all"]["test_accuracies"] not in others
    for arm in ("frozen", "shallow"):  # trained once, for both gradients of the grid
        row, shared = (
            found[f"{name}, grid"][arm] for name in ("EventProp", "SuperSpike")
        )
        assert shared == {
            **{k: v for k, v in row.items() if k != "processor_minutes"},
            "as_of": "EventProp, grid",
        }
    curves = np.array([[0.2, 0.8, 0.3], [0.2, 0.8, 0.9], [0.2, 0.3, 0.3]])
    assert R24_exact_gradients.collapsed(curves) == 1


@studied("R25")
def test_both_gradients_learn_with_early_voltages():
    found = finding("R25").summary
    for gradient in R25_losses.GRADIENTS:
        assert found["Yin-Yang"][gradient]["exp-weighted"][0] > 0.45  # chance is 0.34
        assert found["spoken digits"][gradient]["exp-weighted"][0] > 0.2  # is 0.1
    hits = {"a": np.array([0.5, 0.7]).mean(), "b": np.array([0.9, 0.9]).mean()}
    assert R25_losses.spread(hits) == pytest.approx(30.0)


def test_a_closed_path_changes_the_gradient_and_not_the_network():
    rows = finding("R09").summary
    assert rows["nothing"]["error_of_first_gradient"] == 0
    assert rows["reset"]["error_of_first_gradient"] > 0.1
    assert rows["voltage"]["error_of_first_gradient"] > 0.1
    assert rows["nothing"]["test_accuracy"] > 0.5  # chance is 0.25


@studied("R04")
def test_a_strong_penalty_on_spikes_silences_and_a_weak_one_costs_nothing():
    found = finding("R04")
    for norm in ("L1", "L2"):
        table = found.summary["40 neurons"][norm]
        spikes, hits = table["hidden_spikes_per_sample"], table["test_accuracy"]
        assert spikes[-1] < 1 < 20 < spikes[0]
        assert hits[-1] < 0.25 < 0.45 < hits[0]
        assert abs(hits[1] - hits[0]) < 0.05


@studied("R21")
def test_a_surrogate_cut_off_far_away_is_as_good_as_the_whole():
    found = finding("R21")
    assert found.criteria[0].holds  # bit for bit
    widths = found.summary["widths"]
    active = [row["active_at_last"] for row in widths.values()]
    assert active == sorted(active, reverse=True)
    assert active[0] == 1
    assert active[-1] == 0
    assert measured(found, "points lost at width 0.8").value < 5
    gap = widths["inf"]["test_accuracy"] - widths["0.0"]["test_accuracy"]
    assert gap > 0.1  # what learning the hidden layer brings


@studied("R11")
def test_a_deep_network_from_small_weights_is_silent_and_stays_at_chance():
    found = finding("R11")
    silent, alive = found.summary["rates_at_start"]
    assert max(silent) == max(found.summary["kaiming_rates_at_start"][2:]) == 0
    assert min(alive) > 1
    assert found.summary["test_accuracy"][4][0] < 0.4  # chance is 0.25
    assert found.criteria[0].value > 0


@studied("R12")
def test_pretraining_brings_every_layer_into_its_band_by_weights_and_by_thresholds():
    found = finding("R12")
    assert found.criteria[0].holds
    assert found.criteria[1].holds
    assert max(found.summary["σ_U = 0.1"]["rates_at_start"]) == 0
    for sigma, name in enumerate(("σ_U = 0.1", "σ_U = 1")):  # the runs of R11, again
        (again,) = finding("R11").summary["test_accuracies"][sigma]
        assert found.summary[name]["test_accuracy"] == pytest.approx(again, abs=1e-4)
    assert all(0 < s < 100 for (s,) in found.summary["pretraining_steps"].values())


@studied("R14")
def test_orders_are_told_apart_until_their_spikes_are_shuffled():
    found = finding("R14").summary
    assert found["held_out"] == ["a", "b"]
    assert min(found["recurrent SNN"]["test_accuracies"]) > 0.6  # chance is 0.25
    assert max(found["recurrent SNN, shuffled"]["test_accuracies"]) < 0.5
    assert measured(finding("R14"), SHUFFLED).value > 20


@studied("R28")
def test_each_model_learns_orders_by_the_recipe_that_validation_chose():
    found = finding("R28").summary
    for model in ("recurrent LIF", "adLIF", "delays"):
        assert found[model]["test_accuracy"] > 0.5  # chance is 0.25
    tried = found["delays"]["validation_accuracies_tried"]
    assert found["delays"]["recipe"] == max(tried, key=tried.get)
    assert found["delays"]["recipe"].startswith("0.02")  # the other learns nothing
    for row in found["margins"].values():
        assert row["interval"][0] <= row["mean"] <= row["interval"][1]


@studied("R29")
def test_an_epoch_chosen_on_test_clips_is_never_worse_on_these():
    found = finding("R29").summary
    choices = (found[choice] for choice in R29_choice_of_epoch.CHOICES)
    last, validated, tested = (np.array(row["test_accuracies"]) for row in choices)
    assert np.all(tested >= np.maximum(last, validated))
    of_28 = finding("R28").summary
    np.testing.assert_array_equal(last[:2], of_28["recurrent LIF"]["test_accuracies"])
    gaps = found["differences"]["best on test less last"]["of_each"]
    np.testing.assert_allclose(gaps, 100 * (tested - last), atol=0.02)


@studied("R20")
def test_time_constants_move_where_they_are_learned_and_differ_where_they_should():
    found = finding("R20").summary["speech"]
    spread = {
        arm: np.ptp(row["time_constants_ms"])
        for arm, row in found.items()
        if arm in R20_time_constants.ARMS
    }
    assert spread["equal"] == spread["equal, 60 ms"] == 0 < spread["equal, learned"]
    assert found["equal, 60 ms"]["time_constants_ms"] == [60.0] * 3
    assert spread["different"] > 10
    assert found["different"] != found["different, learned"]


def test_a_clip_played_slower_keeps_its_spikes_in_order(rng):
    events = from_rows([[0.1, 0.2], [0.5]], [[0, 1], [2]], [0, 1], n_units=3)
    slower = R20_time_constants.warped(events, rng)
    np.testing.assert_array_equal(slower.units, events.units)
    ratio = slower.times / events.times
    assert ratio[0] == pytest.approx(ratio[1])
    assert np.all((ratio >= 0.6) & (ratio <= 1.4))


SHUFFLED = "points recurrent SNN is ahead of recurrent SNN, shuffled"


def test_a_speaker_held_out_is_heard_in_no_other_part():
    heard = orders()
    group = np.array(heard.notes["group"])
    for k, fold in enumerate(heard.folds):
        parts = [set(group[rows]) for rows in fold[1:]]
        assert parts[1:] == [{(k + 1) % 6}, {k}]
        assert set().union(*parts) == set(range(6))
        assert sum(map(len, parts)) == 6
        mixed = R14_speech_recurrence.random_fold(fold, k)
        assert [len(p) for p in mixed[1:]] == [len(p) for p in fold[1:]]
        assert sorted(np.concatenate(mixed[1:])) == list(range(384))
        assert len(set(group[mixed.test])) == 6


def test_shuffled_clips_keep_the_counts_of_channels_and_their_length(rng):
    counts = rng.poisson(0.3, (20, 30, 5)).astype(np.uint8)
    counts[:, 18:] = 0
    counts[0] = 0
    noise = R14_speech_recurrence.shuffled(counts, 1)
    np.testing.assert_array_equal(noise.sum(axis=1), counts.sum(axis=1))
    assert not noise[:, 18:].any()
    assert np.any(noise != counts)
    pairs = (counts[:, :, 0] * counts[:, :, 1], noise[:, :, 0] * noise[:, :, 1])
    assert np.any(pairs[0].sum(axis=1) != pairs[1].sum(axis=1))  # each by itself


def test_studies_are_listed_and_unknown_ones_refused(capsys):
    assert run.main(["--list"]) == 0
    assert all(id in capsys.readouterr().out for id in ["R01"])
    assert run.main(["R99"]) == 2
    assert "R99" in (told := capsys.readouterr().err)
    assert all(id in told for id in modules())
    assert run.main([]) == 2
    assert run.main(["R01", "R03", "--full"]) == 2
    assert "one size of R03;" in capsys.readouterr().err


def test_a_failed_criterion_is_an_exit_status(monkeypatch, tmp_path):
    for value, holds in ((1, True), (2, False)):
        found = study.Finding({}, [criterion.equal("c", value, 1)])
        made = load("R01")._replace(run=lambda full, found=found: found)
        monkeypatch.setattr(run, "load", lambda id, made=made: made)
        assert run.main(["R01", "--out", str(tmp_path)]) == int(not holds)


def test_the_table_says_what_the_results_say():
    for page, text in tables.texts().items():
        assert page.read_text().split(tables.MARK)[1].strip() == text


def write_studies(monkeypatch, folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(studies, "__path__", [str(folder)])


STUDY = "from benchmarks.study import Study\nSTUDY = Study({!r}, '', '', 1, None)\n"


def test_a_study_is_found_by_its_file(monkeypatch, tmp_path):
    files = {"R91_b": STUDY.format("R91"), "a_new_one": STUDY.format("a-new-one")}
    write_studies(monkeypatch, tmp_path, **files)
    assert modules() == {"R91": "R91_b", "a-new-one": "a_new_one"}
    assert [study.id for study in every()] == ["R91", "a-new-one"]


def test_two_files_of_one_id_are_refused(monkeypatch, tmp_path):
    write_studies(monkeypatch, tmp_path, R92_a="", R92_b="")
    with pytest.raises(ValueError, match=r"R92_a.py and R92_b.py are both R92"):
        modules()


def test_a_file_of_no_study_or_of_another_is_refused(monkeypatch, tmp_path):
    files = {"R93_a": STUDY.format("R94"), "R95_a": ""}
    write_studies(monkeypatch, tmp_path, **files)
    with pytest.raises(ValueError, match=r"R93_a.py should be study R93 and is R94"):
        load("R93")
    with pytest.raises(ValueError, match=r"R95_a.py has no STUDY"):
        load("R95")


def test_every_file_is_the_study_it_says_and_every_result_has_a_file():
    known = {study.id for study in every()}
    assert known == modules().keys()
    kept = [json.loads(path.read_text()) for path in study.RESULTS.glob("*.json")]
    assert {row["study"] for row in kept if "study" in row} <= known
