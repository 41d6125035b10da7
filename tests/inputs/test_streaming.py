import json
import subprocess
import sys
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.datasets import write_shd
from snnjax.datasets.sources import InMemory, ShdFile
from snnjax.events import from_rows, rasterize
from snnjax.inputs.batches import merge, raster, shift
from snnjax.inputs.prefetching import prefetch
from snnjax.inputs.streaming import stream
from snnjax.training import fit, init_train_state, make_step

pytest.importorskip("grain")

N, UNITS, WIDTH = 23, 12, 30


@pytest.fixture
def events(rng):
    """Samples of 0 to 30 events; the first event of sample k is at k milliseconds."""
    counts = rng.integers(0, WIDTH, N)
    return from_rows(
        [np.r_[k * 1e-3, rng.uniform(0.1, 0.2, n)] for k, n in enumerate(counts)],
        [rng.integers(0, UNITS, n + 1) for n in counts],
        np.arange(N) % 3,
        n_units=UNITS,
    )


@pytest.fixture
def made(events):
    return lambda batch=4, **changes: stream(
        InMemory(events), **({"batch": batch, "width": WIDTH} | changes)
    )


def rows(batch):
    return np.rint(1e3 * batch.events.times[:, 0]).astype(int).tolist()


def assert_equal(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)


def test_batches_hold_the_events_of_their_rows(events, made):
    whole = rasterize(events, steps=40, dt=5e-3)
    for batch in made().epoch(0):
        assert batch.events.times.shape == batch.events.units.shape == (4, WIDTH)
        found = raster(batch.events, steps=40, dt=5e-3)
        np.testing.assert_array_equal(found.counts, whole[:, rows(batch)])
        np.testing.assert_array_equal(batch.events.labels, events.labels[rows(batch)])
        assert not batch.missing.any()
        assert not found.missing.any()


def test_every_sample_comes_once_an_epoch_in_an_order_of_seed_and_epoch(made):
    epochs = 4
    seen = [row for e in range(epochs) for b in made().epoch(e) for row in rows(b)]
    endless = [row for b in islice(made(), 23) for row in rows(b)]
    assert seen == endless  # 23 batches of 4 are 4 epochs of 23
    orders = [tuple(seen[k * N : (k + 1) * N]) for k in range(epochs)]
    assert all(sorted(order) == list(range(N)) for order in orders)
    other = tuple(row for b in islice(made(seed=1), 23) for row in rows(b))
    orders += [other[k * N : (k + 1) * N] for k in range(epochs)]
    assert len(set(orders)) == 2 * epochs
    assert list(range(N)) not in map(list, orders)


def test_batches_are_numbered_through_the_epochs(made):
    numbers = [int(b.number) for e in range(5) for b in made().epoch(e)]
    assert numbers == list(range(-(-5 * N // 4)))
    assert [len(list(made().epoch(e))) for e in range(4)] == [6, 6, 6, 5]


def test_an_iterator_stopped_at_any_batch_goes_on_with_the_same_ones(made):
    total = 15  # beyond two epochs
    whole = list(islice(made(), total))
    for k in range(total):
        begun = iter(made())
        assert_equal(list(islice(begun, k)), whole[:k])
        state = json.loads(json.dumps(begun.get_state()))
        again = iter(made())
        next(again)
        again.set_state(state)
        assert again.get_state() == state
        assert_equal(list(islice(again, total - k)), whole[k:])


def test_it_goes_on_from_batches_that_were_prefetched(made):
    whole = list(islice(made(), 12))
    for k in (0, 1, 5, 11):
        with prefetch(made(), 3) as begun:
            list(islice(begun, k))
            state = begun.get_state()
        with prefetch(made(), 2) as again:
            again.set_state(state)
            assert_equal(list(islice(again, 12 - k)), whole[k:])


CHILD = """
import hashlib, json, sys
from itertools import islice
import jax, numpy as np
from snnjax.datasets.sources import ShdFile
from snnjax.inputs.prefetching import prefetch
from snnjax.inputs.streaming import stream

path, state, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
batches = stream(ShdFile(path, n_units=12), batch=4, width=30, seed=5)
with prefetch(batches) as batches:
    if state:
        batches.set_state(state)
    for batch in islice(batches, count):
        raw = b"".join(np.asarray(x).tobytes() for x in jax.tree.leaves(batch))
        print(hashlib.sha256(raw).hexdigest(), json.dumps(batches.get_state()))
"""


def test_another_process_goes_on_where_one_stopped(events, tmp_path):
    write_shd(tmp_path / "a.h5", events)

    def child(state, count):
        command = [sys.executable, "-c", CHILD, tmp_path / "a.h5", state, str(count)]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        return [line.split(" ", 1) for line in found.stdout.splitlines()]

    whole = child("null", 14)
    assert len({digest for digest, _ in whole}) == 14
    assert child(whole[8][1], 5) == whole[9:]  # into the third epoch


def test_a_state_of_other_batches_is_refused(made):
    state = iter(made()).get_state()
    for name, other in (
        ("batch", made(5)),
        ("seed", made(seed=1)),
        ("width", made(width=31)),
        ("shard", made(shard=(0, 2))),
    ):
        with pytest.raises(ValueError, match=f"batches with {name} .*, here it is"):
            iter(other).set_state(state)
    with pytest.raises(ValueError, match="with epoch 2, here it is 1"):
        made().epoch(1).set_state(made().epoch(2).get_state())
    with pytest.raises(ValueError, match="with epoch None, here it is 1"):
        made().epoch(1).set_state(state)


def test_a_long_sample_is_named_or_its_latest_events_are_counted(events, made):
    lengths = np.diff(events.offsets)
    longest = int(np.argmax(lengths))
    short = int(lengths[longest]) - 1
    with pytest.raises(ValueError, match=rf"row {longest} has {short + 1} events"):
        list(islice(made(width=short), 12))
    for batch in made(width=10, outside="drop").epoch(2):
        left = np.isfinite(batch.events.times).sum(axis=1)
        np.testing.assert_array_equal(left + batch.missing, lengths[rows(batch)])
        for row, times in zip(rows(batch), batch.events.times, strict=True):
            held = events.times[slice(*events.offsets[row : row + 2])][:10]
            np.testing.assert_array_equal(times[: len(held)], held.astype(np.float32))


def test_hosts_share_the_batches_evenly(made):
    whole = {int(b.number): b for b in islice(made(), 60)}
    for epoch in range(3):
        parts = [list(made(shard=(k, 3)).epoch(epoch)) for k in range(3)]
        assert len({len(part) for part in parts}) == 1
        for step in zip(*parts, strict=True):
            numbers = [int(b.number) for b in step]
            assert numbers == list(range(numbers[0], numbers[0] + 3))
            for b in step:
                assert_equal(b, whole[int(b.number)])
    assert [int(b.number) for b in islice(made(shard=(1, 3)), 3)] == [1, 4, 7]


def test_hosts_together_read_what_one_of_larger_batches_reads(made):
    for epoch in range(3):
        parts = [list(made(2, shard=(k, 2)).epoch(epoch)) for k in range(2)]
        for one, *both in zip(made(4).epoch(epoch), *parts, strict=True):
            assert rows(one) == [row for part in both for row in rows(part)]
            assert {int(part.number) // 2 for part in both} == {int(one.number)}


def test_several_files_are_one_data_set(events, tmp_path):
    write_shd(tmp_path / "a.h5", events, time_dtype=np.float64)
    sources = [InMemory(events), ShdFile(tmp_path / "a.h5", n_units=UNITS)]
    batches = stream(sources, batch=2, width=WIDTH)
    assert batches.samples == 2 * N
    seen = [row for e in range(2) for b in batches.epoch(e) for row in rows(b)]
    assert sorted(seen) == sorted(4 * [*range(N)])
    other = InMemory(events._replace(n_units=13))
    with pytest.raises(ValueError, match=r"same units, got \[12, 13\]"):
        stream([sources[0], other], batch=2, width=WIDTH)


class DyingError(Exception):
    pass


def test_fit_resumes_bit_for_bit_on_a_prefetched_stream(made, tmp_path):
    layer, out = snn.dense(UNITS // 2, 3), snn.li(3)
    optimizer, traces = optax.adam(1e-2), []

    def loss(weights, batch, missing, number):
        traces.append(1)
        moved = shift(jax.random.fold_in(jax.random.key(3), number), batch, reach=2)
        counts = raster(merge(moved, 2), steps=40, dt=5e-3, dtype=jnp.uint8).counts
        _, v = snn.unroll(snn.chain(layer, out), weights, counts, dt=5e-3)
        return snn.cross_entropy(snn.max_over_time(v), batch.labels)

    step = jax.jit(make_step(loss, optimizer))
    weights = snn.chain(layer, out).init(jax.random.key(0))

    def train(folder, death=None):
        batches = made()

        def epoch(k):
            for number, batch in enumerate(prefetch(batches.epoch(k))):
                if (k, number) == death:
                    raise DyingError
                yield batch

        return fit(
            step,
            init_train_state(weights, optimizer),
            epoch,
            epochs=4,
            validate=lambda weights: {"accuracy": 0.0},
            folder=folder,
            progress=False,
        ).state

    with pytest.raises(DyingError):
        train(tmp_path, death=(2, 3))
    assert_equal(train(tmp_path), train(None))
    assert len(traces) == 1


def test_bad_numbers_are_refused(made):
    for bad in (
        {"batch": 0},
        {"width": 0},
        {"seed": -1},
        {"shard": (2, 2)},
        {"batch": N + 1},
        {"batch": 12, "shard": (0, 2)},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            made(**bad)
    with pytest.raises(ValueError, match="number"):
        made().epoch(-1)


def test_without_grain_it_says_what_to_install(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(ImportError, match=r'pip install "snnjax\[stream\]"'):
        made()
