"""An update in the loop: exact on an ideal chip, and as it was where a device fails."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.hardware import (
    IDEAL,
    DeviceError,
    Recording,
    Seen,
    Steady,
    emulated_chip,
    in_the_loop,
    show,
)
from snnjax.networks import normal
from snnjax.training import fit, init_train_state, loop_step, make_step

T, B, SIZES, DT, TAU = 16, 5, (8, 7, 3), 1.7e-6, 6e-6
NET = snn.chain(
    *(snn.dense(8, 7, init=partial(normal, gain=3.0), backend="xla"),),
    *(snn.lif(7, snn.LIFParams(TAU, TAU), backend="xla"),),
    *(snn.dense(7, 3, init=normal, backend="xla"), snn.li(3, snn.LIParams(TAU, TAU))),
)
WEIGHTS = NET.init(jax.random.key(0))
XS = np.asarray(jax.random.bernoulli(jax.random.key(1), 0.2, (T, B, 8)), np.uint8)
LABELS = np.arange(B) % 3
OPTIMIZER = optax.adam(1e-2)


def to_chip(weights):
    return weights[0].w, weights[2].w


def loss(run):
    def found(weights, *given):
        *shown, labels = given
        _, v = run(NET, weights, *shown, dt=DT)
        return snn.cross_entropy(snn.max_over_time(v), labels)

    return found


class Library:
    """A network of the library in the role of a chip."""

    def program(self, weights):
        first, last = weights
        return (WEIGHTS[0]._replace(w=first), (), WEIGHTS[2]._replace(w=last), ())

    def run(self, handle, spikes, *, trial):
        del trial
        seen = jax.jit(partial(show, NET, dt=DT))(handle, spikes)
        return Recording(tuple(seen[name] for name in ("1", "3")), {"events_in": 1.0})


def batches(epoch):
    rng = np.random.default_rng(epoch)
    return [
        (XS[:, rows], LABELS[rows]) for rows in rng.permutation(B)[None].repeat(3, 0)
    ]


def validate(weights):
    return {"accuracy": float(jnp.sum(weights[0].w))}


def trained(step, epochs=2, **options):
    start = init_train_state(WEIGHTS, OPTIMIZER)
    return fit(
        step,
        start,
        batches,
        epochs=epochs,
        validate=validate,
        progress=False,
        **options,
    )


@pytest.mark.usefixtures("optimized")
def test_on_an_ideal_chip_it_is_the_update_of_software():
    software = trained(jax.jit(make_step(loss(snn.unroll), OPTIMIZER)))
    step = loop_step(Library(), to_chip, loss(in_the_loop), OPTIMIZER)
    looped = trained(step)
    jax.tree.map(np.testing.assert_array_equal, software.state, looped.state)
    assert looped.history[0]["events_in"] == 1.0
    with emulated_chip(SIZES, dt=DT, imperfections=IDEAL) as chip:
        emulated = trained(loop_step(chip, to_chip, loss(in_the_loop), OPTIMIZER))
    row = emulated.history[0]
    assert 0.0 < row["seconds_on_chip"] < row["seconds"]
    close = partial(np.testing.assert_allclose, atol=1e-4)
    jax.tree.map(close, software.state.weights, emulated.state.weights)


def test_weights_are_projected_after_the_update():
    def project(weights):
        return jax.tree.map(lambda w: jnp.clip(w, -0.1, 0.1), weights)

    step = loop_step(Library(), to_chip, loss(in_the_loop), OPTIMIZER, project=project)
    state, _ = step(init_train_state(WEIGHTS, OPTIMIZER), XS, LABELS)
    assert np.abs(state.weights[0].w).max() == np.float32(0.1)


def make_chip(**options):
    return emulated_chip(SIZES, dt=DT, serial=3, mismatch=0.3, **options)


class Dying:
    """A chip that is gone after four runs."""

    def __init__(self):
        self.chip, self.left = make_chip(), 4

    def program(self, weights):
        return self.chip.program(weights)

    def run(self, handle, spikes, *, trial):
        self.left -= 1
        if self.left < 0:
            raise DeviceError("The device has ended.")
        return self.chip.run(handle, spikes, trial=trial)

    def close(self):
        self.chip.close()


def test_a_training_that_a_device_ended_goes_on_with_the_same_bits(tmp_path):
    found = loss(in_the_loop)
    with make_chip() as chip:
        undisturbed = trained(loop_step(chip, to_chip, found, OPTIMIZER))
    dying = Dying()
    with pytest.raises(DeviceError, match="ended"):
        trained(loop_step(dying, to_chip, found, OPTIMIZER), folder=tmp_path)
    dying.close()
    assert (tmp_path / "checkpoint").exists()
    with make_chip() as chip:
        again = trained(loop_step(chip, to_chip, found, OPTIMIZER), folder=tmp_path)
    assert again.resumed_after == 1
    jax.tree.map(np.testing.assert_array_equal, undisturbed.state, again.state)
    with Steady(Dying) as steady:
        held = trained(loop_step(steady, to_chip, found, OPTIMIZER))
    assert steady.restarts == 1
    jax.tree.map(np.testing.assert_array_equal, undisturbed.state, held.state)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"device": 3}, "device"),
        ({"to_chip": 3}, "to_chip"),
        ({"project": 3}, "project"),
    ],
)
def test_nonsense_is_refused(changed, said):
    given = {"device": Library(), "to_chip": to_chip, "project": lambda w: w}
    with pytest.raises(ValueError, match=said):
        loop_step(loss_fn=loss(in_the_loop), optimizer=OPTIMIZER, **given | changed)


WRONG = {
    "neither 0 nor 1": lambda seen: (seen[0]._replace(spikes=0.5 + 0 * seen[0].v),),
    "not finite": lambda seen: (seen[0]._replace(v=np.nan * seen[0].v),),
    "place of": lambda seen: (seen[0]._replace(v=seen[0].v[:1]),),
    "measured nothing": lambda seen: (Seen(), Seen()),
    "something else than Seen": lambda seen: (None, None),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_no_recording_is_a_failure_of_the_device(said):
    class Odd(Library):
        def run(self, handle, spikes, *, trial):
            seen = super().run(handle, spikes, trial=trial).seen
            return Recording((*WRONG[said](seen), *seen[1:])[:2], {})

    step = loop_step(Odd(), to_chip, loss(in_the_loop), OPTIMIZER)
    with pytest.raises(DeviceError, match=said):
        step(init_train_state(WEIGHTS, OPTIMIZER), XS, LABELS)


def test_one_array_is_not_the_weights_of_each_population():
    step = loop_step(Library(), lambda w: w[0].w, loss(in_the_loop), OPTIMIZER)
    with pytest.raises(ValueError, match="to_chip must give the weights of each"):
        step(init_train_state(WEIGHTS, OPTIMIZER), XS, LABELS)


def test_notes_called_as_metrics_are_refused():
    class Loud(Library):
        def run(self, handle, spikes, *, trial):
            return (
                super().run(handle, spikes, trial=trial)._replace(notes={"loss": 1.0})
            )

    step = loop_step(Loud(), to_chip, loss(in_the_loop), OPTIMIZER)
    with pytest.raises(ValueError, match="notes called as metrics are"):
        step(init_train_state(WEIGHTS, OPTIMIZER), XS, LABELS)
