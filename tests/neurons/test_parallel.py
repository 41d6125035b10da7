import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.neurons import reset_free

T, N, DT = 100, 5, 1e-3
PARAMS = {
    "synapse": snn.LIFParams(np.linspace(3e-3, 30e-3, N), 2e-3, 0.3),
    "none": snn.LIFParams(5e-3, None, 0.3),
}


def outcome(cell, dtype):
    xs = 0.2 + jax.random.normal(jax.random.key(0), (T, 3, N)).astype(dtype)
    start = jax.tree.map(lambda v: v + 0.25, cell.rest(xs[0]))

    def total(xs, start):
        state, spikes = snn.unroll(cell, (), xs, dt=DT, state=start)
        ends = sum(jnp.sum(leaf) for leaf in jax.tree.leaves(state))
        return jnp.sum(spikes * jnp.cos(xs)) + ends, (state, spikes)

    run = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
    return run(xs, start)


@pytest.mark.parametrize("kind", PARAMS)
@pytest.mark.parametrize(("dtype", "error"), [("float32", 1e-5), ("float64", 1e-12)])
def test_all_steps_at_once_are_the_steps_one_after_another(kind, dtype, error, x64):
    cells = [
        reset_free(N, PARAMS[kind], scan=how) for how in ("sequential", "associative")
    ]
    ((_, (end, spikes)), slopes), ((_, (other, same)), others) = (
        outcome(cell, dtype) for cell in cells
    )
    assert 0.1 < spikes.mean() < 0.9
    np.testing.assert_array_equal(spikes, same)
    for ours, theirs in zip(
        jax.tree.leaves((end, slopes)), jax.tree.leaves((other, others)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=error, atol=error)


@pytest.mark.parametrize("kind", PARAMS)
def test_it_is_lif_without_a_reset(kind):
    xs = 0.2 + jax.random.normal(jax.random.key(1), (T, 2, N))
    plain = snn.lif(N, PARAMS[kind], reset="none", backend="xla")
    found = snn.unroll(reset_free(N, PARAMS[kind]), (), xs, dt=DT)[1]
    np.testing.assert_array_equal(found, snn.unroll(plain, (), xs, dt=DT)[1])


def test_who_runs_is_chosen_by_device(monkeypatch):
    def loops(cell):
        run = lambda xs: snn.unroll(cell, (), xs, dt=DT)[1]  # noqa: E731
        return "scan[" in str(jax.make_jaxpr(run)(jnp.zeros((8, N))))

    assert loops(reset_free(N))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not loops(reset_free(N))
    assert loops(reset_free(N, scan="sequential"))
    with jax.default_device(jax.devices("cpu")[0]):
        assert loops(reset_free(N))


def test_a_refractory_time_is_refused():
    with pytest.raises(ValueError, match="refractory"):
        reset_free(N, snn.LIFParams(refractory=2e-3))
