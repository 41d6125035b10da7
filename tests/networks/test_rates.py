import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.analysis import membrane_statistics
from snnjax.inputs import poisson
from snnjax.networks import scale_to_rates

DT, N_IN, N = 1e-3, 20, 30
CELLS = (
    snn.dense(N_IN, N),
    snn.lif(N),
    snn.recurrent(
        N, N, snn.learn(lambda tau: snn.lif(N, snn.LIFParams(tau)), tau=9e-3)
    ),
    snn.dense(N, 2, bias=True),
    snn.li(2),
)
TARGETS = (None, 12.0, 25.0, None, None)


def inputs():
    return poisson(jax.random.key(1), jnp.full((8, N_IN), 30.0), steps=200, dt=DT)


def start():
    return snn.chain(*CELLS).init(jax.random.key(0))


@pytest.fixture(scope="module")
def found():
    return scale_to_rates(CELLS, start(), inputs(), dt=DT, targets=TARGETS)


def rates(weights):
    net = snn.chain(*CELLS, outputs=("1", "2"))
    _, ys = snn.unroll(net, weights, inputs(), dt=DT)
    return [float(spikes.mean()) / DT for spikes in ys.values()]


def test_every_layer_fires_at_its_target_and_says_so(found):
    assert max(rates(start())) < 5.0
    np.testing.assert_allclose(rates(found.weights), [12.0, 25.0], rtol=0.05)
    np.testing.assert_allclose(found.reached, rates(found.weights), rtol=1e-5)


def test_weights_are_scaled_by_one_factor_and_all_else_stays(found):
    before, after = start(), found.weights
    np.testing.assert_allclose(after[0].w, found.factors[0] * before[0].w, rtol=1e-6)
    scaled = jax.tree.map(lambda w: found.factors[1] * w, before[2])
    np.testing.assert_allclose(after[2].input.w, scaled.input.w, rtol=1e-6)
    np.testing.assert_allclose(after[2].recurrent, scaled.recurrent, rtol=1e-6)
    np.testing.assert_array_equal(
        after[2].neuron.logs["tau"], before[2].neuron.logs["tau"]
    )
    for a, b in zip(
        jax.tree.leaves(after[3:]), jax.tree.leaves(before[3:]), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert jax.tree.structure(after) == jax.tree.structure(before)


def test_it_does_not_matter_where_the_weights_were(found):
    louder = jax.tree.map(lambda w: 7.0 * w if w.ndim > 1 else w, start())
    again = scale_to_rates(CELLS, louder, inputs(), dt=DT, targets=TARGETS)
    np.testing.assert_allclose(again.factors, found.factors / 7.0, rtol=1e-3)


def test_it_may_be_compiled_and_then_tells_what_it_reached(found):
    compiled = jax.jit(lambda w, x: scale_to_rates(CELLS, w, x, dt=DT, targets=TARGETS))
    np.testing.assert_allclose(compiled(start(), inputs()).factors, found.factors, 1e-3)
    silent = compiled(start(), jnp.zeros_like(inputs()))
    np.testing.assert_array_equal(silent.reached, [0.0, 0.0])


def test_another_measure_takes_the_place_of_the_rate():
    cells, weights = (CELLS[0], snn.li(N)), (start()[0], ())
    deviation = lambda v: membrane_statistics(v).population.deviation  # noqa: E731
    found = scale_to_rates(
        cells, weights, inputs(), dt=DT, targets=(None, 0.8), measure=deviation
    )
    _, v = snn.unroll(snn.chain(*cells), found.weights, inputs(), dt=DT)
    axes = (0, 1)  # time and samples
    assert np.sqrt(np.var(v, axis=axes).mean()) == pytest.approx(0.8, rel=1e-3)


def test_a_tolerance_decides_what_passes_as_reached():
    few = inputs()[:40, :1]  # one spike more or less is 0.8 Hz
    options = {"dt": DT, "targets": (None, 3.0)}
    given = CELLS[:2], start()[:2], few
    with pytest.raises(ValueError, match="one spike more or less matters"):
        scale_to_rates(*given, tolerance=0.01, **options)
    scale_to_rates(*given, tolerance=0.5, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"targets": (None, 12.0)}, "got 5 cells, 5 weights, 2 targets"),
        ({"targets": [None] * 5}, "at least one target"),
        (
            {"targets": (None, -3.0, *[None] * 3)},
            "A target must be finite and positive",
        ),
        ({"targets": (None, 12.0, None, None, 1e5)}, "Cells 2 to 4 reach .* not 1e"),
        ({"targets": (None, 12.0, 25.0, 1.0, 1.0)}, "Cells 4 to 4 have no weights"),
    ],
)
def test_what_cannot_be_scaled_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        scale_to_rates(CELLS, start(), inputs(), dt=DT, **options)


def test_silent_input_is_named_as_a_cause():
    with pytest.raises(ValueError, match=r"reach 0 at factor 1024.*input silent"):
        scale_to_rates(CELLS, start(), 0 * inputs(), dt=DT, targets=TARGETS)
