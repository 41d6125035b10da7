"""Every word of a rule and every number matters: turned, the result differs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.cell import run_cell
from snnjax.interop.presets import Numbers, Rule, stepped
from snnjax.interop.presets.decays import Decay
from snnjax.probes import watched
from snnjax.surrogate import Sigmoid

N, T = 3, 60
NUMBERS = Numbers(mem=0.9, threshold=0.75)
SYNAPSE = NUMBERS._replace(syn=0.7)
WEAK = SYNAPSE._replace(threshold=0.03125)
ADAPTS = NUMBERS._replace(adapt=0.8, scale=0.5)
HARD = {"reset": "value"}
LATE = {"delayed": "outside", "at_once": False}
ENTRY = {**LATE, "decide": "entry"}
MANY = {"compare": ">=", "most": None}
WAITS = {"refractory": "frozen"}
RESTS = NUMBERS._replace(refractory=3.0)


def drawn():
    """Inputs on a grid, so that a voltage may be exactly at threshold."""
    x = jax.random.normal(jax.random.key(0), (T, 2, N), jnp.float64)
    return np.round(8 * np.asarray(x) + 2) / 8


def outcome(rule, numbers, x):
    """Spikes, the voltage that is told, what is left in the end, and a gradient."""
    cell = watched(stepped(N, rule, numbers, surrogate=Sigmoid(2.0)), ("recorded",))

    def loss(x):
        end, (s, seen) = run_cell(cell, (), cell.rest(x[0]), x, 1e-3)
        v = seen["recorded"]
        left = end.v if end.i is None else end.i
        shades = np.sin(np.arange(s.size).reshape(s.shape))
        return jnp.sum(shades * (s + v)), (s, v, left)

    graded = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (_, values), gradient = jax.tree.map(np.asarray, graded(x))
    return *values, gradient


KNOBS = {  # field -> (rule, numbers, another word)
    "current": ({"current": "decay jump read"}, SYNAPSE, "jump decay read"),
    "current, later": ({"current": "decay jump read"}, SYNAPSE, "jump read decay"),
    "current, a step later": (
        {"current": "jump read decay"},
        SYNAPSE,
        "read decay jump",
    ),
    "gain": ({}, NUMBERS, "rest"),
    "gain, kept": (
        {"current": "jump decay read", "gain": "rest"},
        WEAK,
        "kept rest",
    ),
    "compare": ({}, Numbers(), ">="),
    "decide": ({**LATE, "reset_gradient": "detached"}, NUMBERS, "entry"),
    "most": (MANY, NUMBERS, 1),
    "most, two": (MANY, NUMBERS._replace(threshold=0.25), 2),
    "most, none": ({"reset": "none"}, NUMBERS, 0),
    "reset": ({}, NUMBERS, "value"),
    "reset, none": ({}, NUMBERS, "none"),
    "delayed": (LATE, NUMBERS, "inside"),
    "delayed, both": ({}, NUMBERS, "outside"),
    "at_once": (LATE, NUMBERS, True),
    "reset_gradient": ({}, NUMBERS, "detached"),
    "reset_gradient, ignored": (
        {**HARD, "reset_gradient": "detached"},
        NUMBERS,
        "ignored",
    ),
    "reset_gradient, entry": (ENTRY, NUMBERS, "detached"),
    "adapt": ({"adapt": "read decay jump"}, ADAPTS, "relax read jump"),
    "adaptation_gradient": ({"adapt": "read decay jump"}, ADAPTS, False),
    "threshold_gradient": ({"adapt": "read decay jump"}, ADAPTS, False),
    "refractory": (WAITS, RESTS, "integrating"),
    "clamp": ({}, NUMBERS._replace(high=0.7), "before"),
    "integer": ({**HARD, "reset_gradient": "ignored"}, NUMBERS, True),
    "recorded": ({}, NUMBERS, "compared"),
    "recorded, entry": ({}, NUMBERS, "entry"),
}


@pytest.mark.parametrize("knob", KNOBS)
def test_a_word_turned_changes_spikes_voltages_or_gradients(knob, x64):
    given, numbers, other = KNOBS[knob]
    field = knob.partition(",")[0]
    rule = Rule(**given)
    assert getattr(rule, field) != other
    first = outcome(rule, numbers, drawn())
    second = outcome(rule._replace(**{field: other}), numbers, drawn())
    assert not all(map(np.array_equal, first, second))
    assert 0.05 < np.mean(first[0] > 0) < 0.9


def test_every_word_is_turned():
    assert {knob.partition(",")[0] for knob in KNOBS} | {"decay"} == {*Rule._fields}


def test_forms_of_a_decay_differ_from_each_other(x64):
    """Except where a number is inside the bounds, and the clip does nothing."""
    found = {}
    for form in Decay.__args__:
        numbers = Numbers(mem=1.25, tau_mem=1.25 if form == "stretched" else None)
        found[form] = outcome(Rule(decay=form, reset="none"), numbers, drawn())[1]
    assert len({v.tobytes() for v in map(np.asarray, found.values())}) == len(found)


NUMBERS_TURNED = {  # field -> (rule, numbers, another number)
    "mem": ({}, NUMBERS, 0.8),
    "syn": ({"current": "decay jump read"}, SYNAPSE, 0.6),
    "adapt": ({"adapt": "read decay jump"}, ADAPTS, 0.7),
    "gain": ({}, NUMBERS, 0.8),
    "threshold": ({}, NUMBERS, 0.7),
    "v_leak": ({}, NUMBERS, 0.2),
    "v_reset": (HARD, NUMBERS, -0.2),
    "amount": ({}, NUMBERS, 0.5),
    "jump": ({"adapt": "read decay jump"}, ADAPTS, None),
    "scale": ({"adapt": "read decay jump"}, ADAPTS, 0.4),
    "low": ({}, NUMBERS, -0.5),
    "high": ({}, NUMBERS, 0.5),
    "shift": ({}, NUMBERS, -0.1),
    "refractory": (WAITS, RESTS, 2.0),
    "dt": ({"decay": "exponential"}, NUMBERS._replace(mem=5.0), 2.0),
    "v": ({}, NUMBERS, -0.5),
    "a": ({"adapt": "read decay jump"}, ADAPTS, 1.0),
    "tau_mem": ({"decay": "stretched"}, NUMBERS._replace(tau_mem=5.0), 6.0),
    "tau_syn": (
        {"decay": "stretched", "current": "decay jump read"},
        SYNAPSE._replace(tau_mem=5.0, tau_syn=4.0),
        6.0,
    ),
}


@pytest.mark.parametrize("number", NUMBERS_TURNED)
def test_a_number_turned_changes_spikes_or_voltages(number, x64):
    given, numbers, other = NUMBERS_TURNED[number]
    rule = Rule(**given)
    first = outcome(rule, numbers, drawn())
    second = outcome(rule, numbers._replace(**{number: other}), drawn())
    assert not all(map(np.array_equal, first[:2], second[:2]))


def test_every_number_is_turned():
    assert {*NUMBERS_TURNED} == {*Numbers._fields}


def test_the_dt_of_a_run_is_used_by_those_that_count_in_seconds_alone(x64):
    seconds = Rule(decay="exponential"), Numbers(mem=20e-3, dt=None)
    steps = Rule(decay="exponential"), Numbers(mem=20.0)
    ends = {}
    for name, (rule, numbers) in {"seconds": seconds, "steps": steps}.items():
        cell = stepped(N, rule, numbers)
        ends[name] = [snn.unroll(cell, (), drawn(), dt=dt)[0].v for dt in (1e-3, 2e-3)]
    np.testing.assert_array_equal(*ends["steps"])
    np.testing.assert_allclose(ends["seconds"][0], ends["steps"][0], atol=1e-12)
    assert not np.array_equal(*ends["seconds"])


CONTRADICTIONS = {
    "decide='entry'": {"decide": "entry"},
    "reset is at_once": {"at_once": False},
    "compare='>='": {"most": None},
    "several spikes": {**MANY, "reset": "value"},
    "kept rest": {"gain": "kept rest"},
    "refractoriness": {**ENTRY, **WAITS},
    "rule.decay": {"decay": "exp"},
    "rule.current": {"current": "jump"},
    "rule.most": {"most": -1},
    "most=0 has no spikes": {"most": 0},
    "rule.integer": {"integer": 1},
}


@pytest.mark.parametrize("told", CONTRADICTIONS)
def test_words_that_contradict_each_other_are_refused(told):
    with pytest.raises(ValueError, match=told):
        stepped(N, Rule(**CONTRADICTIONS[told]), NUMBERS)


@pytest.mark.parametrize(
    ("told", "rule", "numbers"),
    [
        ("numbers.syn is needed", Rule(current="decay jump read"), NUMBERS),
        ("numbers.syn is of no use with a rule of current=None", Rule(), SYNAPSE),
        ("numbers.v_reset is of no use", Rule(), NUMBERS._replace(v_reset=-0.5)),
        ("numbers.adapt is of no use", Rule(), ADAPTS),
        ("numbers.refractory is needed", Rule(**WAITS), NUMBERS),
        ("numbers.tau_mem is needed", Rule(decay="stretched"), NUMBERS),
        ("numbers.mem must be above 0", Rule(decay="euler"), Numbers(mem=0.0)),
        ("numbers.threshold", Rule(), Numbers(threshold=np.nan)),
        ("numbers.threshold", Rule(), Numbers(threshold=np.ones(2))),
        ("numbers.dt", Rule(), Numbers(dt=0.0)),
    ],
)
def test_numbers_that_do_not_fit_a_rule_are_refused(told, rule, numbers):
    with pytest.raises(ValueError, match=told):
        stepped(N, rule, numbers)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("compare", [">", ">="])
def test_exactly_at_threshold_the_comparison_decides_and_the_shape_is_the_same(
    compare, dtype, x64
):
    """Beside it, the next number below and above, in both precisions."""
    theta = dtype(0.7)
    at = jnp.array(
        [theta, jnp.nextafter(theta, dtype(0)), jnp.nextafter(theta, dtype(1))]
    )
    cell = stepped(
        3, Rule(compare=compare), Numbers(threshold=theta), surrogate=Sigmoid(2.0)
    )

    def fired(x):
        _, s = snn.unroll(cell, (), x[None], dt=1e-3)
        return s[0].sum(), s[0]

    gradient, s = jax.grad(fired, has_aux=True)(at)
    assert s.dtype == dtype
    np.testing.assert_array_equal(s, [compare == ">=", 0, 1])
    np.testing.assert_allclose(gradient, Sigmoid(2.0)(at - theta), rtol=1e-6)


def test_nan_is_silent_in_every_comparison():
    for rule in (Rule(), Rule(compare=">="), Rule(**MANY)):
        cell = stepped(1, rule, NUMBERS)
        state = cell.rest(jnp.zeros(1))
        _, s = cell.step((), state, jnp.full(1, jnp.nan), 1e-3)
        assert s == 0


def test_several_spikes_are_as_many_as_thresholds_fit():
    cell = stepped(4, Rule(**MANY), Numbers(threshold=0.5))
    x = jnp.array([0.49, 0.5, 1.74, -3.0])
    state, s = cell.step((), cell.rest(x), x, 1e-3)
    np.testing.assert_array_equal(s, [0, 1, 3, 0])
    np.testing.assert_allclose(state.v, x - 0.5 * s, rtol=1e-6)


def test_refractory_neurons_are_silent_for_so_many_steps_and_count_on():
    """After a spike at 0 a pause of three steps lets it fire at 3 again."""
    drive = jnp.full((8, 1), 2.0)
    for word, fires in (("frozen", [0, 4]), ("integrating", [0, 3, 6])):
        rule = Rule(refractory=word, reset="value", reset_gradient="detached")
        cell = stepped(1, rule, Numbers(refractory=3.0))
        _, s = snn.unroll(cell, (), drive, dt=1e-3)
        assert [*np.flatnonzero(s)] == fires


def test_whole_numbers_are_cut_off_towards_zero_and_large_ones_do_not_overflow():
    rule = Rule(integer=True, reset="none")
    cell = stepped(4, rule, Numbers(mem=0.9, threshold=1e9))
    x = jnp.array([1.0001, -1.0001, 1000.3, -3e-4])
    state = cell.step((), cell.rest(x), x, 1e-3)[0]
    first = np.trunc(np.asarray(x) * 4096)
    np.testing.assert_array_equal(state.v * 4096, first)
    state = cell.step((), state, jnp.zeros(4), 1e-3)[0]
    parts = round(0.9 * 4096)
    second = [int(abs(k)) * parts // 4096 * np.sign(k) for k in first]
    np.testing.assert_array_equal(state.v * 4096, second)
