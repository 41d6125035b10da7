"""Native code checks what it is given, whoever calls."""

from itertools import permutations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.kernels import build

STEPS, B, N_IN, N = 4, 3, 21, 18
ROWS = STEPS * B


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


def f32(*shape):
    return np.zeros(shape, np.float32)


def calls(steps, batch, n_in, n):
    """Arguments, results and attributes of calls of every target."""
    rows, all_in, all_out = steps * batch, -(-n_in // 16), -(-n // 16)
    marked, state = np.zeros(1, np.uint8), {k: f32(batch, n) for k in ("v", "i", "s")}
    return {
        "snnjax_project": (
            {"x": f32(rows, n_in), "w": f32(n_in, n)},
            {"y": f32(rows, n), "marks": u16(rows, all_in), "marked": marked},
            {},
        ),
        "snnjax_project_marks": (
            {"marks": u16(rows, all_in), "w": f32(n_in, n)},
            {"y": f32(rows, n)},
            {},
        ),
        "snnjax_outer": (
            {
                "x": f32(rows, n_in),
                "marks": u16(rows, all_in),
                "marked": marked,
                "g": f32(rows, n),
            },
            {"dw": f32(n_in, n)},
            {"shift": np.int64(batch)},
        ),
        "snnjax_forward": (
            {
                "currents": f32(rows, n),
                "r": f32(n, n),
                **state,
                "left": s32(batch, n),
                "constants": f32(5, n),
                "pause": s32(1, n),
            },
            {
                "vs": f32(rows, n),
                "spikes": f32(rows, n),
                "frozen": np.zeros((rows, n), np.uint8),
                "marks": u16(rows if n else 0, all_out),
                "marked": marked,
                "v_end": f32(batch, n),
                "i_end": f32(batch, n),
                "left_end": s32(batch, n),
            },
            {"reset": "zero"},
        ),
        "snnjax_backward": (
            {
                "g_spikes": f32(rows, n),
                "g_vs": f32(rows, n),
                "vs": f32(rows, n),
                "frozen": np.zeros((rows, n), np.uint8),
                "r": f32(n, n),
                "constants": f32(5, n),
                "surrogate": f32(3, n),
                **state,
            },
            {"g_x": f32(rows, n), **{f"{k}_start": x for k, x in state.items()}},
            {
                "reset": "zero",
                "reset_gradient": False,
                "synapse": True,
                "shape": "SuperSpike",
            },
        ),
        "snnjax_moved_back": (
            {
                "g_spikes": f32(rows, n),
                "g_vs": f32(rows, n),
                "vs": f32(rows, n),
                "first": f32(batch, n),
                "r": f32(n, n),
                "constants": f32(5, n),
                "paces": f32(2, n),
                **state,
                "g_mark": f32(batch, n),
            },
            {
                "g_x": f32(rows, n),
                **{f"{k}_start": x for k, x in state.items()},
                "g_mark_start": f32(batch, n),
            },
            {"reset": "zero"},
        ),
        **convolutions(steps, batch, n_in, n),
        **integrator_calls(steps, batch, n),
        **adapting_calls(steps, batch, n),
    }


def convolutions(images, height, width, c):
    """A kernel of 2 x 3 pixels that takes one step down and two along."""
    rows, places = images * height * width, images * height * (width // 2 + 1)
    x, y, w = f32(rows, c), f32(places, 5), f32(2, 3, c, 5)
    marks, marked = u16(rows, -(-c // 16)), np.zeros(1, np.uint8)
    window = {"window": np.array([images, height, 1, 1, 0, width, 2, 2, 1])}
    return {
        "snnjax_convolve": (
            {"x": x, "w": w},
            {"y": y, "marks": marks, "marked": marked},
            window,
        ),
        "snnjax_convolve_marks": ({"marks": marks, "w": w}, {"y": y}, window),
        "snnjax_convolve_inputs": ({"g": y, "w": w}, {"dx": x}, window),
        "snnjax_convolve_back": (
            {"x": x, "marks": marks, "marked": marked, "g": y, "w": w},
            {"dx": x, "dw": w},
            window,
        ),
        "snnjax_convolve_weights": (
            {"x": x, "marks": marks, "marked": marked, "g": y},
            {"dw": w},
            window,
        ),
    }


def integrator_calls(steps, batch, n):
    rows, state = f32(steps * batch, n), {k: f32(batch, n) for k in ("v", "i")}
    ends = {f"{k}_end": f32(batch, n) for k in ("v", "i")}
    slopes, constants = {f"g_{k}": x for k, x in state.items()}, f32(3, n)
    synapse, known = {"synapse": True}, {"known": np.zeros(rows.shape, np.uint8)}
    return {
        "snnjax_integrate": (
            {"x": rows, **state, "constants": constants, "measured": rows, **known},
            {"y": rows, **ends},
            synapse,
        ),
        "snnjax_integrate_back": (
            {"g": rows, **slopes, "constants": constants},
            {"g_x": rows, **{f"{k}_start": x for k, x in slopes.items()}},
            synapse,
        ),
        "snnjax_integrate_constants": (
            {"x": rows, **state, "g": rows, **slopes, "constants": constants},
            {"g_constants": constants},
            synapse,
        ),
    }


def adapting_calls(steps, batch, n):
    """The same of neurons that adapt."""
    rows, all_out = steps * batch, -(-n // 16)
    state = {k: f32(batch, n) for k in ("v", "w", "i")}
    before = {"s": f32(batch if n else 0, n)}  # with recurrent weights
    frozen, marked = np.zeros((rows, n), np.uint8), np.zeros(1, np.uint8)
    over_time = {k: f32(rows, n) for k in ("distances", "vs")}
    return {
        "snnjax_adapt": (
            {
                "currents": f32(rows, n),
                "r": f32(n, n),
                **state,
                **before,
                "left": s32(batch, n),
                "constants": f32(11, n),
                "pause": s32(1, n),
            },
            {
                "distances": f32(rows, n),
                "spikes": f32(rows, n),
                "vs": f32(rows, n),
                "frozen": frozen,
                "marks": u16(rows if n else 0, all_out),
                "marked": marked,
                **{f"{k}_end": x for k, x in state.items()},
                "left_end": s32(batch, n),
            },
            {"reset": "zero", "coupled": False},
        ),
        "snnjax_adapt_back": (
            {
                "g_spikes": f32(rows, n),
                **{f"g_{k}": x for k, x in over_time.items()},
                **over_time,
                "frozen": frozen,
                "r": f32(n, n),
                "constants": f32(11, n),
                "surrogate": f32(3, n),
                **state,
                **before,
            },
            {
                "g_x": f32(rows, n),
                **{f"{k}_start": x for k, x in {**state, **before}.items()},
            },
            {
                "reset": "zero",
                "reset_gradient": False,
                "adaptation_gradient": True,
                "coupled": False,
                "shape": "SuperSpike",
            },
        ),
    }


def s32(*shape):
    return np.zeros(shape, np.int32)


def u16(*shape):
    return np.zeros(shape, np.uint16)


CALLS = calls(STEPS, B, N_IN, N)
# May be empty: there is none, or no call that would fill it.
OPTIONAL = {
    *(("snnjax_outer", name) for name in ("marks", "dw")),
    *(("snnjax_convolve", "marks"), ("snnjax_convolve_inputs", "dx")),
    *(("snnjax_convolve_marks", "y"), ("snnjax_project_marks", "y")),
    *((f"snnjax_{k}", name) for k in ("forward", "adapt") for name in ("r", "spikes")),
    ("snnjax_convolve_back", "marks"),
    *(("snnjax_convolve_weights", name) for name in ("marks", "dw")),
    ("snnjax_integrate_constants", "g_constants"),
    *(("snnjax_integrate", name) for name in ("measured", "known")),
    *(("snnjax_backward", name) for name in ("r", "g_vs", "frozen")),
    *(("snnjax_moved_back", name) for name in ("r", "g_vs")),
    ("snnjax_adapt", "vs"),
    *(("snnjax_adapt_back", k) for k in ("g_distances", "g_vs", "vs", "frozen")),
}
# Marks do not tell how many entries their last group has; bits beyond are not followed.
UNTOLD = {("snnjax_project_marks", "w", f"a row {k}") for k in ("short", "long")}
IN_STEPS = (
    *("snnjax_forward", "snnjax_backward", "snnjax_adapt", "snnjax_adapt_back"),
    *("snnjax_moved_back", *integrator_calls(1, 1, 1)),
)
REFUSED = (
    r"(?i)snnjax: .* shape|no whole steps|wrong buffer|neither float32|no matrix|"
    "x is missing"
)
WRONG = {
    "transposed": lambda x: x.T if x.ndim > 1 else x[:, None],
    "a row short": lambda x: x[1:],
    "a row long": lambda x: np.concatenate([x, x[:1]]),
    "a column short": lambda x: x[..., 1:],
    "a column long": lambda x: np.concatenate([x, x[..., :1]], -1),
    "of another rank": lambda x: x[None],
    "a line": lambda x: np.ravel(x) if x.ndim > 1 else x[0],
    "empty": lambda x: x[:0],
    "empty in both": lambda x: x[:0, :0] if x.ndim > 1 else x[:0],
    "of int8": lambda x: x.astype(np.int8),
    "of bfloat16": lambda x: x.astype(jnp.bfloat16),
}


def called(target, arguments, results, attributes):
    made = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in results.values()]
    found = jax.ffi.ffi_call(target, made)(*arguments.values(), **attributes)
    return jax.block_until_ready(found)


def changes():
    for target, call in CALLS.items():
        names = [(side, name) for side in (0, 1) for name in call[side]]
        for (side, name), wrong in product(names, WRONG):
            x = call[side][name]
            other = np.asarray(WRONG[wrong](x))
            empty = other.size == 0 and other.ndim == x.ndim
            same = (other.shape, other.dtype) == (x.shape, x.dtype)
            if same or (target, name, wrong) in UNTOLD:
                continue
            if not (empty and (target, name) in OPTIONAL):
                label = f"{target} {name} {wrong}"
                yield pytest.param(target, side, name, other, id=label)


@pytest.mark.parametrize("target", CALLS)
def test_what_fits_is_taken(target):
    called(target, *CALLS[target])


@pytest.mark.parametrize(("target", "side", "name", "other"), list(changes()))
def test_a_buffer_that_does_not_fit_is_refused(target, side, name, other):
    sides = [dict(side) for side in CALLS[target]]
    sides[side][name] = other
    with pytest.raises(Exception, match=REFUSED):
        called(target, *sides)


@pytest.mark.parametrize("target", IN_STEPS)
@pytest.mark.parametrize("rows", [B + 1, B - 1, 1])
def test_rows_that_are_no_whole_steps_are_refused(target, rows):
    def cut(buffers):
        return {k: x[:rows] if len(x) == ROWS else x for k, x in buffers.items()}

    arguments, results, attributes = CALLS[target]
    with pytest.raises(Exception, match=f"{rows} rows are no whole steps of 3"):
        called(target, cut(arguments), cut(results), attributes)


@pytest.mark.parametrize(
    ("target", "name", "value", "words"),
    [
        ("snnjax_forward", "reset", "hard", "unknown reset 'hard'"),
        ("snnjax_forward", "reset", "", "unknown reset ''"),
        ("snnjax_backward", "reset", "Zero", "unknown reset 'Zero'"),
        ("snnjax_backward", "shape", "Gaussian", "unknown surrogate 'Gaussian'"),
        ("snnjax_backward", "shape", np.int64(4), "(?i)wrong attribute type|decode"),
        ("snnjax_moved_back", "reset", "none", "unknown reset 'none'"),
        ("snnjax_adapt", "reset", "hard", "unknown reset 'hard'"),
        ("snnjax_adapt", "coupled", True, "a coupled flow has no synapse"),
        ("snnjax_adapt_back", "reset", "soft", "unknown reset 'soft'"),
        ("snnjax_adapt_back", "coupled", True, "a coupled flow has no synapse"),
        ("snnjax_adapt_back", "shape", "Gaussian", "unknown surrogate 'Gaussian'"),
        ("snnjax_outer", "shift", np.int64(-1), "shift is negative: -1"),
        *(
            (target, "window", np.array(window), words)
            for target in CALLS
            if "convolve" in target
            for window, words in (
                ([4, 3, 1, 1, 0, 21, 2, 2], "window has 8 numbers, expected 9"),
                ([4, 3, 0, 1, 0, 21, 2, 2, 1], "expected .* stride of 1 or more"),
                ([4, 3, 1, 1, 0, 21, 2, -1, 1], r"over \[21, 2, -1, 1\], expected"),
                ([4, 3, 1, 1, 2**60, 21, 2, 2, 1], "expected .* zeros behind"),
                ([4, 3, 1, 2**23, 0, 21, 1, 2, 2**23], "more than 2.30 entries"),
                ([2**40, 3, 1, 1, 0, 21, 2, 2, 1], "1099511627776 images"),
                ([-4, 3, 1, 1, 0, 21, 2, 2, 1], "-4 images"),
                ([5, 3, 1, 1, 0, 21, 2, 2, 1], "has shape"),
                ([4, 3, 2, 1, 0, 21, 2, 2, 1], "has shape"),
            )
        ),
    ],
)
def test_an_unknown_name_is_refused_and_not_taken_for_another(
    target, name, value, words
):
    arguments, results, attributes = CALLS[target]
    with pytest.raises(Exception, match=words):
        called(target, arguments, results, attributes | {name: value})


def test_the_gradient_of_a_reset_to_zero_needs_the_voltages_before_it():
    arguments, results, attributes = CALLS["snnjax_adapt_back"]
    given, through = arguments | {"vs": f32(0, N)}, {"reset_gradient": True}
    called("snnjax_adapt_back", given, results, attributes)
    subtracts = attributes | through | {"reset": "subtract"}
    called("snnjax_adapt_back", given, results, subtracts)
    with pytest.raises(Exception, match=REFUSED):
        called("snnjax_adapt_back", given, results, attributes | through)


@pytest.mark.parametrize("target", ["snnjax_forward", "snnjax_adapt"])
@pytest.mark.parametrize("name", ["spikes", "marks"])
def test_without_recurrence_spikes_or_marks_may_be_left_out(name, target):
    arguments, results, attributes = CALLS[target]
    alone = arguments | {"r": f32(0, 0)}
    alone["s"] = alone["s"] if target == "snnjax_forward" else f32(0, N)
    called(target, alone, results | {name: results[name][:0]}, attributes)
    for wrong in ("a row short", "a column long", "transposed"):
        spoiled = results | {name: np.asarray(WRONG[wrong](results[name]))}
        with pytest.raises(Exception, match=REFUSED):
            called(target, alone, spoiled, attributes)


@pytest.mark.parametrize(
    "target", ["snnjax_convolve_back", "snnjax_convolve_weights", "snnjax_outer"]
)
@pytest.mark.parametrize("spoiled", [False, True])
def test_marks_that_tell_all_take_the_place_of_entries(target, spoiled):
    arguments, results, window = CALLS[target]
    rng = np.random.default_rng(0)
    x = (rng.random(arguments["x"].shape) < 0.3).astype(np.float32)
    bits = np.packbits(x.astype(bool), axis=1, bitorder="little").astype(np.uint16)
    bits = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 2)))
    given = {
        k: np.asarray(rng.normal(size=a.shape), a.dtype) for k, a in arguments.items()
    }
    given |= {
        "marked": np.ones(1, np.uint8),
        "marks": bits[:, ::2] | bits[:, 1::2] << 8,
    }
    if spoiled:  # sums are dense then
        given["g"][3, 2] = np.nan
    found = [
        called(target, given | {"x": each}, results, window) for each in (x, x[:0])
    ]
    jax.tree.map(np.testing.assert_array_equal, *found)
    assert np.any(found[0][-1])


@pytest.mark.parametrize("shift", [ROWS, ROWS + 5, 2**40])
def test_a_shift_beyond_the_end_meets_nothing(shift):
    arguments, results, _ = CALLS["snnjax_outer"]
    ones = {name: x + 1 for name, x in arguments.items()}
    (found,) = called("snnjax_outer", ones, results, {"shift": np.int64(shift)})
    np.testing.assert_array_equal(found, 0.0)


def test_marks_of_inputs_that_are_not_there_bring_nothing():
    _, results, _ = CALLS["snnjax_project_marks"]
    weights = np.random.default_rng(0).normal(size=(N_IN, N)).astype(np.float32)
    for bits in (np.tile([1, 0], (ROWS, 1)), ~u16(ROWS, 2)):  # few, and a crowd
        some = bits & np.array([0xFFFF, 2 ** (N_IN - 16) - 1])
        both = [
            called("snnjax_project_marks", {"marks": each, "w": weights}, results, {})
            for each in (bits.astype(np.uint16), some.astype(np.uint16))
        ]
        exact = weights[0] if bits[0, 1] == 0 else weights.sum(0)
        np.testing.assert_array_equal(*both)
        np.testing.assert_allclose(both[0][0], np.tile(exact, (ROWS, 1)), 1e-5, 1e-5)


@pytest.mark.parametrize(
    "target", [target for target, call in CALLS.items() if "marks" in call[0]]
)
@pytest.mark.parametrize("rate", [0.02, 0.9])
def test_no_call_follows_marks_of_entries_that_are_not_there(target, rate, rng):
    arguments, results, attributes = CALLS[target]
    width = (arguments["x"] if "x" in arguments else arguments["w"][..., 0]).shape[-1]
    given = {
        k: np.asarray(rng.normal(size=a.shape), a.dtype) for k, a in arguments.items()
    }
    bits = rng.random((len(given["marks"]), width)) < rate
    marks = np.packbits(np.pad(bits, ((0, 0), (0, -width % 16))), 1, "little")
    given |= {"marks": marks.view(np.uint16)}
    if "x" in given:
        given |= {"marked": np.ones(1, np.uint8), "x": given["x"][:0]}
    beyond = given["marks"].copy()
    beyond[:, -1] |= np.uint16(0xFFFF << width % 16 & 0xFFFF)
    assert not np.array_equal(beyond, given["marks"])
    both = [
        called(target, given | {"marks": each}, results, attributes)
        for each in (given["marks"], beyond)
    ]
    jax.tree.map(np.testing.assert_array_equal, *both)
    assert all(np.any(each) for each in both[0])


def test_marks_beyond_the_last_entry_are_not_followed():
    arguments, results, attributes = CALLS["snnjax_outer"]
    given = arguments | {"marks": ~u16(ROWS, 2), "marked": np.ones(1, np.uint8)}
    given |= {"g": f32(ROWS, N) + 1}
    (found,) = called("snnjax_outer", given, results, attributes)
    np.testing.assert_array_equal(found, ROWS - B)


def test_marks_of_channels_that_are_not_there_are_not_followed():
    arguments, results, window = CALLS["snnjax_convolve_weights"]
    marks = arguments["marks"].copy()
    marks[:, 1] = 0xFFFC  # of 18 channels
    marks[:, 0] = 1
    given = arguments | {"marks": marks, "marked": np.ones(1, np.uint8)}
    given |= {"g": arguments["g"] + 1}
    (found,) = called("snnjax_convolve_weights", given, results, window)
    assert np.all(found[:, :, 0] > 0)
    assert not np.any(found[:, :, 1:])


@pytest.mark.parametrize("rate", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("width", [3, 7])  # few taps scatter, many gather
def test_marks_of_channels_that_are_not_there_bring_nothing(width, rate):
    rng, images, c = np.random.default_rng(1), 3, N
    w = rng.normal(size=(1, width, c, 5)).astype(np.float32)
    bits = rng.random((images * 40, c)) < rate
    marks = np.packbits(np.pad(bits, ((0, 0), (0, 14))), 1, "little").view(np.uint16)
    stray = marks | np.array([0, 0xFFFC], np.uint16)  # of 18 channels
    edge = width // 2
    window = {"window": np.array([images, 4, 1, 0, 0, 10, 1, edge, edge])}
    y = {"y": f32(images * 40, 5)}
    both = [
        called("snnjax_convolve_marks", {"marks": each, "w": w}, y, window)[0]
        for each in (marks, stray)
    ]
    np.testing.assert_array_equal(*both)
    assert np.any(both[0])


@pytest.mark.parametrize("target", CALLS)
@pytest.mark.parametrize("sizes", list(permutations(range(4))))
def test_no_step_no_sample_and_no_neuron_are_fine(target, sizes):
    called(target, *calls(*sizes)[target])
