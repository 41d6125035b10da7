import gc
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.inputs.prefetching import prefetch


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("snnjax-prefetch")]


def gone(patience=5.0):
    """Whether no reader is left, soon."""
    gc.collect()
    until = time.monotonic() + patience
    while threads() and time.monotonic() < until:
        time.sleep(0.01)
    return not threads()


class Reader:
    """Counts to ``n``, and tells how far it was asked to."""

    def __init__(self, n=10, broken=None):
        self.n, self.broken, self.asked = n, broken, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.asked == self.broken:
            raise OSError(f"the disk is gone at {self.asked}")
        if self.asked == self.n:
            raise StopIteration
        self.asked += 1
        return np.full(3, self.asked - 1), {"label": np.int32(self.asked)}

    def get_state(self):
        return {"at": self.asked}

    def set_state(self, state):
        self.asked = state["at"]


def first(batch):
    return int(batch[0][0])


@pytest.mark.parametrize("size", [1, 2, 20])
def test_batches_come_in_order_on_the_device_and_end(size):
    found = list(prefetch(Reader(), size))
    assert [first(batch) for batch in found] == list(range(10))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found))
    assert found[3][1]["label"] == 4
    assert gone()


def test_batches_go_to_the_device_that_is_named():
    other = jax.devices()[-1]
    assert other != jax.devices()[0]
    (batch,) = prefetch([np.zeros(3)], device=other)
    assert batch.devices() == {other}


def test_it_reads_while_nobody_asks_and_no_further_than_told():
    reader = Reader()
    batches = prefetch(reader, 3)
    until = time.monotonic() + 5.0
    while reader.asked < 3 and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)
    assert reader.asked == 3
    next(batches)
    batches.close()
    assert reader.asked <= 4


def test_an_error_of_the_reader_comes_in_its_turn():
    batches = prefetch(Reader(broken=4), 8)
    assert [first(next(batches)) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="the disk is gone at 4"):
        next(batches)
    assert gone()
    assert list(batches) == []


def test_the_thread_ends_when_nobody_wants_batches_any_more():
    with prefetch(Reader()) as batches:
        next(batches)
        assert threads()
    assert gone()
    batches.close()  # twice does no harm

    for batch in prefetch(Reader()):
        if first(batch) == 2:
            break
    del batch
    assert gone()


def test_a_generator_is_closed_after_it_was_read():
    closed = []

    def rows():
        try:
            while True:
                yield np.zeros(1)
        finally:
            closed.append(threading.current_thread().name)

    with prefetch(rows()) as batches:
        next(batches)
        with pytest.raises(TypeError, match="generator has no get_state"):
            batches.get_state()
    assert len(closed) == 1


def test_the_state_is_that_of_what_was_given_out():
    batches = prefetch(Reader(), 4)
    states = [batches.get_state()]
    for batch in batches:
        states.append(batches.get_state())
        assert states[-1] == {"at": first(batch) + 1}
    for k, state in enumerate(states[:-1]):
        with prefetch(Reader(), 4) as again:
            next(again)
            again.set_state(state)
            assert again.get_state() == state
            assert [first(batch) for batch in again] == list(range(k, 10))
    with pytest.raises(RuntimeError, match="after shutdown"):
        batches.set_state(states[0])


def test_no_room_is_refused():
    with pytest.raises(ValueError, match="size"):
        prefetch([], 0)
    assert not threads()


SET = {  # settings of a with-block -> of what a reader makes, what they change
    "x64": (lambda: jax.enable_x64(True), lambda: jnp.ones(2).dtype),
    "device": (
        lambda: jax.default_device(jax.devices()[-1]),
        lambda: jnp.ones(2).devices(),
    ),
    "keys": (
        lambda: jax.default_prng_impl("rbg"),
        lambda: jax.random.key_impl(jax.random.key(0)),
    ),
    "draws": (
        lambda: jax.threefry_partitionable(False),
        lambda: jax.random.bits(jax.random.key(0), (3,)),
    ),
    "products": (
        lambda: jax.default_matmul_precision("float32"),
        lambda: jax.config.jax_default_matmul_precision,
    ),
}


@pytest.mark.parametrize("setting", SET)
def test_a_reader_makes_batches_as_they_are_made_where_it_was_called(setting):
    block, made = SET[setting]
    found = []

    def reader():
        for k in range(3):
            found.append(str(made()))
            yield np.full(2, k)

    with block():
        here = str(made())
        assert len([*prefetch(reader())]) == 3
    assert found == 3 * [here] != 3 * [str(made())]


def test_numbers_keep_their_precision_on_their_way_to_the_device():
    with jax.enable_x64(True):
        (batch,) = prefetch([np.ones(2)])
        assert batch.dtype == np.float64
    (batch,) = prefetch([np.ones(2)])
    assert batch.dtype == np.float32
