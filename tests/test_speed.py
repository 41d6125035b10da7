"""Training steps are timed at weights that are held, side by side."""

import json
import os
import shutil
import sys
from functools import partial
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.models import MODELS
from benchmarks.report import RESULTS, ROOT
from benchmarks.speed import (
    adapting,
    balanced_network,
    checkouts,
    delays,
    exact_gradients,
    in_the_loop,
    limits,
    machine_limits,
    neurons,
    online,
    processes,
    rival_sides,
    rival_work,
    rivals,
    sparse,
    step_limits,
    step_parts,
    sweeps,
    wiring,
    worker,
)
from benchmarks.speed.timing import spread
from snnjax.kernels import build


def tiny(weights, spikes):
    """Readouts that see the input through one matrix, and hidden spikes."""
    return spikes @ weights, spikes


def test_a_step_gives_new_weights_and_starts_from_the_old_ones_again():
    spikes, labels = rival_sides.data(5, 3)
    begun = jnp.zeros((rival_sides.INPUTS, rival_sides.CLASSES))
    network = rival_sides.JaxNetwork(begun, tiny)
    work = rival_work.jax_training(network, spikes, labels)
    for _ in range(2):
        weights, _, loss = work.step()
        work.hold()
        np.testing.assert_allclose(loss, np.log(rival_sides.CLASSES), rtol=1e-6)
        # Adam's first step is its learning rate wherever there is a gradient.
        moved = np.abs(weights)[spikes.any(axis=(0, 1))]
        np.testing.assert_allclose(moved, 1e-3, rtol=1e-2)
    assert work.told["rate"] == pytest.approx(spikes.mean())


def test_a_step_of_pytorch_starts_from_the_old_weights_again():
    torch = pytest.importorskip("torch")
    spikes, labels = rival_sides.data(5, 3)
    layer = torch.nn.Linear(rival_sides.INPUTS, rival_sides.CLASSES, bias=False)
    before = layer.weight.detach().clone()
    network = rival_sides.TorchNetwork([layer], lambda x: (layer(x), x))
    work = rival_work.torch_training(network, spikes, labels)
    losses = []
    for _ in range(2):
        losses.append(float(work.step()[1]))
        assert not torch.equal(layer.weight, before)
        work.hold()
        assert torch.equal(layer.weight, before)
    assert losses[0] == losses[1]
    assert work.told["rate"] == pytest.approx(spikes.mean())
    assert rival_work.several(work) == 1


def test_calls_of_a_few_steps_give_what_one_call_gives(monkeypatch):
    for steps in (1, 16):
        work = rival_work.work(rival_sides, "snnjax-xla", "stream", (steps, 1, 16))
        assert work.step().shape == (steps, 1, rival_sides.CLASSES)
    whole = np.arange(6.0).reshape(3, 1, 2)
    rival_work.goes_on([whole[:1], whole[1:2]], whole)
    with pytest.raises(ArithmeticError, match="off one call by 2"):
        rival_work.goes_on([whole[:1], whole[:1]], whole)
    with pytest.raises(NotImplementedError, match="no network for training"):
        rival_work.work(rival_sides, "nengo", "training", (1, 1, 1))


def test_inference_gives_the_voltages_of_all_steps():
    work = rival_work.work(rival_sides, "snnjax-xla", "inference", (5, 3, 8))
    assert work.step().shape == (5, 3, rival_sides.CLASSES)


def row_of(times, size="100/64/256", side="sparx", kind="training"):
    return {"kind": kind, "size": size, "side": side, "times_ms": times}


def test_what_is_measured_again_replaces_or_joins_what_was_kept(tmp_path):
    kept, path = row_of([4.0, 5.0]), tmp_path / "kept.json"
    other = row_of([1.0], side="snnjax-native")
    stream = row_of([0.5], size="1/1/256", kind="stream")
    rivals.keep([stream, kept, other], more=False, path=path)
    rivals.keep([row_of([1.0, 2.0, 3.0])], more=True, path=path)
    rows = json.loads(path.read_text())["rows"]
    assert [row["side"] for row in rows] == ["snnjax-native", "sparx", "sparx"]
    assert rows[1]["times_ms"] == [4.0, 5.0, 1.0, 2.0, 3.0]
    assert (rows[1]["median_ms"], rows[1]["repeats"]) == (3.0, 5)
    rivals.keep([row_of([7.0])], more=False, path=path)
    rows = json.loads(path.read_text())["rows"]
    assert rows[1]["times_ms"] == [7.0]
    assert rows[0]["times_ms"] == [1.0]


class Recorded(worker.Side):
    """A side that answers what a list says."""

    def __init__(self, answers, turns=None):
        self.answers, self.turns, self.times = iter(answers), turns, []
        self.told = {"rate": 0.1}

    def ask(self):
        return next(self.answers)

    def turn(self):
        self.turns.append(self)
        super().turn()

    def close(self):
        pass


def test_a_side_whose_weights_move_is_found_out(monkeypatch):
    monkeypatch.setattr(worker, "WARM", 0.0)
    steady = {"ms": 1.0, "peak_mb": 1, "rate": 0.1}
    side = Recorded([steady, steady | {"rate": 0.12}], [])
    side.turn()
    with pytest.raises(RuntimeError, match="Weights are not held"):
        side.turn()


def test_sides_alternate_and_the_first_turn_is_not_counted(monkeypatch):
    monkeypatch.setattr(worker, "WARM", 0.0)
    turns = []
    a, b = (
        Recorded([{"ms": k, "peak_mb": 1, "rate": 0.1} for k in range(4)], turns)
        for _ in range(2)
    )
    worker.take_turns([a, b], repeats=3)
    assert turns == [b, a, a, b, b, a, a, b]
    assert a.times == b.times == [1, 2, 3]


def test_no_round_is_begun_that_would_end_too_late(monkeypatch):
    monkeypatch.setattr(worker, "WARM", 0.0)
    seconds = iter(range(100))
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(seconds))
    side = Recorded([{"ms": k, "peak_mb": 1, "rate": 0.1} for k in range(9)], [])
    worker.take_turns([side], repeats=8, seconds=14.0)
    assert 1 <= len(side.times) < 8


def test_median_quartile_and_least_are_told():
    times = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert spread(times) == {"median_ms": 3.0, "quartile_ms": 2.0, "min_ms": 1.0}


def test_two_checkouts_are_compared_wherever_their_sides_lie(
    monkeypatch, tmp_path, capsys
):
    other = tmp_path / "other"
    shutil.copytree(ROOT / "snnjax", other / "snnjax")
    (other / "benchmarks").mkdir()
    shutil.copy(rival_sides.__file__, other / "benchmarks")
    monkeypatch.setattr(worker, "WARM", 0.0)
    monkeypatch.setattr(checkouts, "build_kernels", lambda checkout: None)
    least, quartile = checkouts.compare(
        other, [("training", "5/2/4")], ["snnjax-xla"], 2
    )
    assert least.value > 0
    assert quartile.text == "<= 1.05"
    assert "snnjax-xla, training 5/2/4: least time" in capsys.readouterr().err


def test_a_checkout_is_not_taken_for_another(tmp_path):
    with pytest.raises(ImportError, match="not from"):
        rival_work.sides_of("training", tmp_path)
    assert (
        rival_work.sides_of("training", ROOT).SIDES.keys() == rival_sides.SIDES.keys()
    )


def test_networks_of_an_older_checkout_are_timed_by_the_steps_of_this_one():
    def older(spikes, labels, hidden):
        return sides.jax_side(jnp.ones(hidden), tiny, spikes, labels)

    sides = ModuleType("older")
    sides.SIDES = {"snnjax-native": older}
    network = rival_work.as_now(sides).SIDES["snnjax-native"](None, 3)
    assert network.weights.shape == (3,)
    assert network.apply is tiny


def test_a_step_by_a_rule_is_timed_against_the_same_step_through_time(promoted):
    size = online.SMALL._replace(steps=8)
    sides = online.through_time(size, "xla"), online.block_truncated(8, size, "xla")
    found, expected = (side() for side in sides)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    work = {"median_ms": 3.0, "of_time": 2.5, "of_memory": 0.005}
    rows = [
        {"work": work_of, "side": side, **work}
        for work_of, names in {
            "W2": [*(f"factored, c = {c}" for c in (1, 10, 20)), "truncated, c = 20"],
            "rtrl": ["rtrl, c = 1", "rtrl, c = 32"],
        }.items()
        for side in names
    ]
    told = {c.name: c.holds for c in online.criteria(rows)}
    assert told["memory of factored, c = 1"]
    assert not told["time of factored, c = 1"]
    assert not told["rtrl, c = 1 / c = 32"]


def test_training_in_the_loop_is_timed_against_software(promoted):
    size = in_the_loop.SMALL._replace(repeats=1)
    step = partial(in_the_loop.step_of, size, "xla", recurrent=False)
    assert step(looped=True)()[0] > 0.0
    rows = [*in_the_loop.on_chips(size), in_the_loop.emulator(size)]
    rows.append({"work": "feed-forward", "side": "in the loop, xla", "ratio": 2.0})
    told = {c.name: c.holds for c in in_the_loop.criteria(rows)}
    assert not told["in the loop / software, feed-forward, XLA"]
    assert rows[-2]["inside_ms"] < rows[-2]["median_ms"]


def test_every_way_of_wiring_is_timed_against_what_computes_the_same():
    size = wiring.Size(steps=6, batch=2, inputs=5, neurons=4, repeats=1)
    rows = wiring.measure(size, ("xla",))
    names = {c.name for c in wiring.COMPARISONS if c.only is None}
    assert {row["comparison"] for row in rows} == names
    assert all(row["old_median_ms"] > 0 <= row["new_temp_mb"] for row in rows)
    bounds = {c.name: c.bound for c in wiring.COMPARISONS}
    told = wiring.criteria([{**rows[0], "least_ratio": 1.06}])
    assert told[0].bound == bounds[rows[0]["comparison"]] == 1.05
    assert not told[0].holds


def test_every_delay_is_timed_against_the_layer_without():
    size = wiring.Size(steps=6, batch=2, inputs=5, neurons=4, repeats=1)
    rows = wiring.measure(size, ("xla",), delays.COMPARISONS)
    told = wiring.criteria(rows, delays.COMPARISONS)
    assert [c.name for c in told] == [f"{c.name}, xla" for c in delays.COMPARISONS]


def test_neurons_that_adapt_are_timed_against_their_scan():
    size = wiring.Size(steps=6, batch=2, inputs=5, neurons=4, repeats=1)
    rows = adapting.measure(size)
    assert {row["neuron"] for row in rows} == {"adlif", "alif"}
    assert {"scan", "xla"} <= {row["side"] for row in rows}
    rates = {(r["neuron"], r["kind"]): r["rate"] for r in rows if r["side"] != "lif"}
    for row in rows:
        assert row["min"] > 0 <= row["temp_mb"]
        if row["side"] != "lif":
            assert row["rate"] == rates[row["neuron"], row["kind"]]
    slow = {**rows[0], "side": "native", "min": 0.6, "quartile": 0.4}
    assert [c.holds for c in adapting.criteria([slow])] == [False, True]


def test_exact_gradients_are_timed_against_surrogates_and_weighed_against_autodiff():
    size = wiring.Size(steps=6, batch=2, inputs=5, neurons=4, repeats=1)
    rows = exact_gradients.measure(size, ("xla",), neurons=4, events=(60, 120))
    grid, queue = rows[:2], rows[2:]
    assert [row["recurrent"] for row in grid] == [False, True]
    assert all(row["min"] > 0 < row["memory"] for row in grid)
    assert [row["events"] for row in queue] == [60, 120]
    assert all(row["adjoint_mb"] < row["autodiff_mb"] for row in queue)
    told = exact_gradients.criteria(
        [{**grid[0], "quartile": 1.4, "memory": 1.2}, *queue]
    )
    assert [c.holds for c in told[:2]] == [False, True]
    assert len(told) == 4


def test_every_neuron_that_is_exported_is_timed_against_lif():
    size = wiring.Size(steps=6, batch=2, inputs=5, neurons=4, repeats=1)
    made = neurons.models()
    assert {"lif", "adlif", "hodgkin_huxley", "stochastic_lif"} <= made.keys()
    for name, make in made.items():
        loss, *given = neurons.work(name, make, "feed-forward", size)
        assert jax.eval_shape(loss, *given).shape == ()
    rows = neurons.measure(size, seconds=0.0, only=("lif", "li", "adlif"))
    assert [r["wiring"] for r in rows].count("recurrent") == 4  # li puts out voltages
    assert all(row["ratio"] > 0 <= row["temp_mb"] for row in rows)
    slow = {"kind": "training", "ratio": 2.1, "wiring": "recurrent"}
    rows += [r | {"model": "resonate"} for r in (slow, slow | {"kind": "forward"})]
    told = {c.name: c.holds for c in neurons.criteria(rows)}
    assert not told["resonate / lif, training step, recurrent"]
    assert len(told) == len(neurons.BOUNDS)


def test_rows_of_models_that_are_measured_again_take_the_place_of_theirs(
    monkeypatch, tmp_path
):
    before = [{"model": name, "ms": 1.0} for name in ("lif", "li", "lif", "alif")]
    (tmp_path / "neurons.json").write_text(json.dumps({"rows": before}))
    now = [{"model": name, "ms": 2.0} for name in ("lif", "adlif")]
    monkeypatch.setattr(neurons, "RESULTS", tmp_path)
    monkeypatch.setattr(neurons, "measure", lambda *given: now)
    monkeypatch.setattr(neurons, "criteria", lambda rows: [])
    monkeypatch.setattr(sys, "argv", ["neurons", "--only", "lif", "adlif"])
    neurons.main()
    kept = json.loads((tmp_path / "neurons.json").read_text())
    assert kept["rows"] == [before[1], before[3], *now]


def test_every_neuron_has_a_line_in_the_table_and_a_price():
    known = {*neurons.exported(), *neurons.NATIVE}
    assert known == MODELS.keys()
    kept = json.loads((RESULTS / "neurons.json").read_text())
    assert {row["model"] for row in kept["rows"]} == known
    bounds = {c["name"]: c["bound"] for c in kept["criteria"]}
    assert len(bounds) == len(neurons.BOUNDS)
    assert all(model.doi.startswith("10.") for model in MODELS.values())


SMALL = balanced_network.Size(200, 50, 10, seconds=0.02, settling=0.0, chunk=100)


def test_a_small_balanced_network_runs_in_a_process_and_its_rates_are_told():
    job = balanced_network.Job(5.0, 2.0, size=SMALL)
    row = balanced_network.turn("snnjax", sys.executable, job)
    assert not row["nan"]
    assert 0.0 < row["excitatory_hz"] < 500.0
    assert row["processor_s"] > 0.0
    assert row["wall_s"] > 0.0
    assert 0.05 < row["peak_gb"] < 2.0
    assert 30.0 < balanced_network.theory(balanced_network.Size(), 5.0, 2.0) < 45.0


def test_rates_and_variation_of_intervals_are_those_worked_out_by_hand():
    size = balanced_network.Size(2, 1, seconds=1.0, settling=0.1)
    regular, uneven = np.arange(1500, 9500, 1000), np.cumsum([1500, *3 * [500, 1500]])
    times = np.concatenate([[50, 900], uneven, regular, [2000]])  # two come too early
    units = np.repeat([0, 0, 1, 2], [2, len(uneven), len(regular), 1])
    shuffled = np.random.default_rng(0).permutation(len(times))
    told = balanced_network.statistics(times[shuffled], units[shuffled], size)
    assert told["excitatory_hz"] == round((7 + 8) / 2 / 0.9, 2)
    assert told["inhibitory_hz"] == round(1 / 0.9, 2)
    assert told["cv"] == (0.5 + 0.0) / 2  # one interval is too few


def test_balanced_networks_take_turns_and_who_cannot_be_had_is_left_out(monkeypatch):
    asked = []

    def turn(side, python, job):
        asked.append((side, job.threads, job.seed))
        told = {"processor_s": 7.0 + job.seed, "wall_s": 1.0, "peak_gb": 0.5}
        rates = {"excitatory_hz": 40.0, "inhibitory_hz": 40.0}
        return told | rates | {"cv": 0.4 if side == "snnjax" else 0.44}

    monkeypatch.setattr(balanced_network, "turn", turn)
    monkeypatch.setattr(balanced_network, "theory", lambda *_: 40.0)
    without = {"nest": "there", "brian2": None}
    monkeypatch.setattr(balanced_network, "python_of", without.get)
    rows = balanced_network.measure(SMALL, turns=(2, 1))
    assert len(rows) == 2 * (2 + 1)
    first, second = asked[:4], asked[4:8]
    assert [each[:2] for each in first] == [each[:2] for each in second[::-1]]
    told = {c.name: c for c in balanced_network.criteria(rows)}
    assert told["processor seconds for one"].value == 7.0
    assert not told["variation of intervals off nest's, g 5, eta 2"].holds
    assert not any("brian2" in name for name in told)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["nest", "brian2"])
def test_a_small_balanced_network_fires_as_in_other_simulators(side, tmp_path):
    python = balanced_network.python_of(side)
    if python is None:
        pytest.skip(f"{side} cannot be installed here.")
    size = balanced_network.Size(800, 200, seconds=0.3, settling=0.1, chunk=100)
    job = balanced_network.Job(5.0, 2.0, folder=str(tmp_path), size=size)
    theirs = balanced_network.turn(side, python, job)
    ours = balanced_network.turn("snnjax", sys.executable, job)
    for name, apart in (("excitatory_hz", 4.0), ("inhibitory_hz", 4.0), ("cv", 0.02)):
        assert abs(ours[name] - theirs[name]) < apart


def test_lists_of_targets_and_a_masked_matrix_do_the_same_work():
    for n, density in ((20, 0.1), (40, 0.02)):
        found = [side() for side in sparse.sides(n, density, 2, 3).values()]
        (masked, (w, x)), (listed, (v, y)) = found
        np.testing.assert_allclose(masked, listed, rtol=1e-5)
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-8)
        assert w.w.shape == (n, n) != v.w.shape


# A machine whose rates are round numbers, with two cores.
ROUND = machine_limits.Limits(
    cores=2,
    ghz=1.0,
    multiply_add=(1e9, 2e9),
    product=2e9,
    read_l2=(1e9, 2e9),
    read_l3=(1e9, 2e9),
    read_memory=(1e8, 2e8),
    write_memory=(1e8, 1e8),
    copy_memory=(1e8, 1e8),
    add_rows={1 << 10: 1.0, 1 << 20: 2.0},
    write_rows={1 << 10: 2.0},
    neurons=4.0,
    neurons_back=6.0,
    wake=1e-5,
    cache=1 << 40,
)


def test_limits_of_a_step_are_those_worked_out_by_hand():
    work = step_limits.Work(steps=10, batch=4, hidden=32, events=1000, spikes=100)
    found = step_limits.limits(ROUND, work)
    assert tuple(found) == step_limits.PARTS
    # Each spike adds a row of two vectors of a table of 4 KB, at 1.2 cycles a vector.
    loop = 100 * 2 * 1.2 / 1e9 / 2 + 10 * 4 * 2 * 4.0 / 1e9 / 2
    assert found["forward scan"] == pytest.approx(loop)
    product = 2 * 40 * 32 * 32 / 2e9
    assert found["backward scan"] == pytest.approx(product + 80 * 6.0 / 1e9 / 2)
    alone = step_limits.limits(ROUND, work._replace(steps=40, batch=1))
    assert alone["forward scan"] == pytest.approx(2 * loop)
    # Through memory once it fits no cache: the raster is read, the currents written.
    small = step_limits.limits(ROUND._replace(cache=0), work)
    assert small["input x·W"] == pytest.approx(4 * 40 * (700 / 2e8 + 32 / 1e8))


def test_every_operation_of_a_step_belongs_to_a_part():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")
    spikes, labels = rival_sides.data(6, 2)
    network = rival_sides.SIDES["snnjax-native"](spikes, 8)
    work = rival_work.jax_training(network, spikes, labels)
    parts = step_parts.parts_of(work.program.as_text())
    assert {*parts.values()} <= {*step_limits.PARTS}
    native = {name for name in parts.values() if "Adam" not in name}
    assert {"input x·W", "forward scan", "backward scan", "dW", "dR"} <= native
    found = step_parts.traced(work.program, work.step, steps=3)
    assert found.parts.keys() <= {*step_limits.PARTS}
    assert found.parts["forward scan"] > 0
    assert found.untraced > 0


def test_what_a_machine_can_do_is_measured_by_native_code():
    if build.compiler() is None:
        pytest.skip("no C++ compiler")
    for name in ("chain", "multiply_add", "neurons", "neurons_back"):
        call = machine_limits.function(name)
        assert 0 < call(1, 0, 10) < call(1, 0, 1_000_000)
    for name in ("read", "write", "copy", "add_rows", "write_rows"):
        assert machine_limits.function(name)(1, 1 << 16, 10) > 0
    assert machine_limits.lanes() in (8, 16)


def test_limits_that_were_kept_belong_to_the_sizes_that_are_compared():
    kept = json.loads(limits.KEPT.read_text())
    sizes = {(row["kind"], row["size"]) for row in kept["rows"]}
    assert sizes == {(k, s) for k in ("training", "inference") for s in rivals.SIZES[k]}
    for row in kept["rows"]:
        every = sum(part["limit_ms"] for part in row["parts"])
        assert every == pytest.approx(row["limit_ms"], abs=0.01)


def test_networks_of_a_sweep_are_timed_against_those_trained_alone():
    sizes = {"networks": 8, "inputs": 2, "hidden": 2, "steps": 3, "batch": 2}
    size = sweeps.Size(**sizes, updates=1, at_once=(1, 2), repeats=1)
    row = sweeps.measure(size, "xla")
    assert [*row["ms"]] == ["alone", "1 at once", "2 at once"]
    assert row["times_as_many"]["alone"] == {"quartile_ms": 1.0, "min_ms": 1.0}
    assert max(row["largest_difference_of_losses"].values()) < 1e-5


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are not given")
def test_a_step_is_timed_in_a_job_of_processes():
    core = {min(os.sched_getaffinity(0))}
    alone, both = (processes.job("5/4/8", 0.1, n * [core]) for n in (1, 2))
    for row in (alone, both):
        assert row["steps"] >= 10
        assert row["min_ms"] > 0 < row["peak_mb"]
    assert both["loss"] == pytest.approx(alone["loss"], rel=0.05)


def test_what_processes_gain_is_told_against_one_core(monkeypatch, capsys):
    asked, times = [], iter([8.0, 5.0, 4.0, 6.0, 5.5, 2.0])

    def job(size, seconds, cores):
        asked.append((seconds, cores))
        return {"quartile_ms": next(times)}

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr(processes, "job", job)
    found = processes.main(("250/64/512",), 3.0, turns=2)["sizes"]["250/64/512"]
    assert (found["gain"], found["processes"]) == (6.0 / 2.0, 3)
    assert found["all cores, one process"]["quartile_ms"] == 5.0
    assert asked == 2 * [(1.5, own) for own in ([{0}], [{0, 1, 2}], [{0}, {1}, {2}])]
    assert json.loads(capsys.readouterr().out)["gain"] == 3.0
