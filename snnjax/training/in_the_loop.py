"""One update in the loop: a device runs between two compiled programs."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax

from snnjax import check
from snnjax.hardware import Device, checked
from snnjax.training.step import Metrics, TrainState, make_step


def loop_step(
    device: Device,
    to_chip: Callable[[Any], Sequence[Any]],
    loss_fn: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    *,
    has_aux: bool = False,
    project: Callable[[Any], Any] = lambda weights: weights,
) -> Callable[..., tuple[TrainState, Metrics]]:
    """Builds one update in the loop, for ``fit`` as ``make_step`` does.

    The device is programmed with the weights and shown the inputs; what it showed goes
    with the rest of the batch into the compiled update. The host keeps the weights as
    they are: it is the device that rounds them.

    Args:
        device: what runs the network.
        to_chip: weights -> what ``device.program`` takes.
        loss_fn: ``(weights, xs, seen, *batch) -> loss``, or ``(loss, metrics)`` with
            ``has_aux``, as of ``make_step``; ``seen`` as of ``in_the_loop``.
        optimizer: any optax transformation.
        has_aux: whether ``loss_fn`` returns a dictionary of metrics as well.
        project: weights -> weights, after every update: into the range of the device.

    Returns:
        ``(state, xs, *batch) -> (state, metrics)``, plain Python, with the notes of the
        device among the metrics. The number of the update is that of the trial, so that
        an emulated device repeats itself when a run goes on.

    Raises:
        ValueError: for what is no device, function or optimizer; when it runs, for one
            array from ``to_chip``, or notes called as metrics are. The step raises
            ``DeviceError`` if the device fails or records what is no recording (see
            ``checked``); the state before is as it was.

    Example:
        >>> from snnjax.hardware import emulated_chip, in_the_loop
        >>> net = snn.chain(snn.dense(4, 3), snn.lif(3), snn.dense(3, 2), snn.li(2))
        >>> def to_chip(weights):
        ...     return weights[0].w, weights[2].w
        ...
        >>> def loss(weights, xs, seen, labels):
        ...     _, voltages = in_the_loop(net, weights, xs, seen, dt=1.7e-6)
        ...     return snn.cross_entropy(snn.max_over_time(voltages), labels)
        ...
        >>> optimizer = optax.adam(2e-3)
        >>> weights = net.init(jax.random.key(0))
        >>> state = snn.training.init_train_state(weights, optimizer)
        >>> xs, labels = np.ones((20, 8, 4), np.float32), jnp.zeros(8, int)
        >>> with emulated_chip((4, 3, 2), dt=1.7e-6) as device:
        ...     step = snn.training.loop_step(device, to_chip, loss, optimizer)
        ...     state, metrics = step(state, xs, labels)
        ...
        >>> print(state.step)
        1
    """
    check.fields("device", device, "program", "run")
    check.function("to_chip", to_chip)
    check.function("project", project)
    plain = make_step(loss_fn, optimizer, has_aux=has_aux)
    chip_weights = jax.jit(to_chip)

    @jax.jit
    def update(state, *given):
        state, metrics = plain(state, *given)
        return state._replace(weights=project(state.weights)), metrics

    def step(state: TrainState, xs: Any, *batch: Any) -> tuple[TrainState, Metrics]:
        held = chip_weights(state.weights)
        if not isinstance(held, tuple | list):
            raise ValueError(
                "to_chip must give the weights of each population, [rows, n], in a "
                f"tuple or a list, got {check.told(held)}."
            )
        programmed = device.program([*map(np.asarray, held)])
        shown = device.run(programmed, np.asarray(xs), trial=int(state.step))
        checked(shown, [_shape(each) for each in getattr(shown, "seen", ())])
        state, metrics = update(state, xs, shown.seen, *batch)
        twice = {*metrics} & {*shown.notes}
        if twice:
            raise ValueError(f"The device has notes called as metrics are: {twice}.")
        return state, {**shown.notes, **metrics}

    return step


def _shape(seen: Any) -> tuple[int, ...]:
    """Of what was seen of a population; both parts of it must have the same."""
    either: Any = getattr(seen, "spikes", None)
    either = getattr(seen, "v", ()) if either is None else either
    return np.shape(either)
