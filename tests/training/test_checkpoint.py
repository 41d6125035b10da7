import contextlib
import errno
import json
import pathlib
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from benchmarks.fuzz import checkpoints
from snnjax.training import checkpoint, epoch_rows, fit, init_train_state, make_step

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=10).astype(np.float32)


@cache
def noisy_adam():
    noise = optax.add_noise(0.01, 0.5, jax.random.key(5))
    return optax.chain(noise, optax.adam(0.1))


@cache
def compiled(optimizer):
    return jax.jit(make_step(squares, optimizer))


def squares(weights, x, y):
    return jnp.mean((x @ weights["w"] + weights["b"] - y) ** 2)


def never(*_):
    """Stands for a step that is never called."""


def run(folder, epochs, *, optimizer=None, width=3, step=None, **options):
    optimizer = optimizer or noisy_adam()
    weights = {"w": jnp.full(width, 0.5, jnp.float32), "b": jnp.zeros(())}
    options = {"monitor": "error", "mode": "min", "progress": False} | options
    return fit(
        Never(optimizer) if step is never else step or compiled(optimizer),
        init_train_state(weights, optimizer),
        lambda e: [(X[rows, :width], Y[rows]) for rows in epoch_rows(0, e, 10, 4)],
        epochs=epochs,
        validate=lambda w: {
            "error": np.float32(squares(w, X[:, :width], Y)),
            "accuracy": np.nan,
        },
        folder=folder,
        **{"save_every": 0.0} | options,
    )


def bits(tree):
    def raw(leaf):
        key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if key else leaf)

    return [(raw(x).dtype, raw(x).tobytes()) for x in jax.tree.leaves(tree)]


def untimed(history):
    return json.dumps([{k: v for k, v in r.items() if k != "seconds"} for r in history])


def lines(folder):
    return [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Never:
    """A step that may be traced but not called: a finished run trains no more."""

    def __init__(self, optimizer):
        self.lower = compiled(optimizer).lower

    def __call__(self, *_):
        raise AssertionError("a finished run trains no more")


def assert_same(found, expected):
    assert bits(found.state) == bits(expected.state)
    assert bits(found.best_weights) == bits(expected.best_weights)
    assert found.best_epoch == expected.best_epoch
    assert untimed(found.history) == untimed(expected.history)


@pytest.mark.parametrize("stops", [[2], [1, 2, 3, 4]])
def test_stopping_and_resuming_gives_the_same_bits(stops, tmp_path):
    expected = run(None, 5)
    for epochs in [*stops, 5]:
        found = run(tmp_path, epochs)
    assert_same(found, expected)
    assert untimed(lines(tmp_path)) == untimed(expected.history)


def test_patience_goes_on_counting_where_it_stopped(tmp_path):
    options = {"optimizer": optax.sgd(1e-30), "patience": 3}  # never any better
    assert len(run(tmp_path, 2, **options).history) == 2
    assert len(run(tmp_path, 9, **options).history) == 4
    assert len(run(tmp_path, 9, **options, step=never).history) == 4


def test_a_finished_run_is_returned_at_once(tmp_path):
    expected = run(tmp_path, 3)
    assert_same(run(tmp_path, 3, step=never), expected)


def test_numpy_weights_can_be_resumed(tmp_path):
    optimizer = optax.sgd(0.1)

    def train(folder, epochs):
        return fit(
            make_step(lambda w, x: jnp.sum(w**2 * x), optimizer),
            init_train_state(np.ones(2), optimizer),  # float64 where jax has float32
            lambda epoch: [(1.0,)],
            epochs=epochs,
            validate=lambda w: {"accuracy": 0.0},
            folder=folder,
            progress=False,
        )

    train(tmp_path, 1)
    assert_same(train(tmp_path, 3), train(None, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 2}, r"holds .*weights\['w'\] float32\[3\].*float32\[2\]"),
        (
            {"width": 2, "recipe": {"model": "small"}},
            r"differs: model \(None, now small",
        ),
        ({"optimizer": optax.sgd(0.1)}, "another network or optimizer"),
        ({"monitor": "accuracy"}, "by min error, not min accuracy"),
        ({"mode": "max"}, "by min error, not max error"),
        ({"epochs": 1}, "has 2 epochs already, more than the 1 asked for"),
    ],
)
def test_another_run_in_the_folder_is_refused_and_left_alone(change, message, tmp_path):
    expected = run(tmp_path, 2)
    before = contents(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=message) as refusal:
        run(tmp_path, **({"epochs": 3} | change), step=never)
    assert "another folder" in str(refusal.value)
    assert contents(tmp_path / "checkpoint") == before
    assert_same(run(tmp_path, 2, step=never), expected)


DAMAGE = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: _half(path)]),
    "one bit": lambda path: path.write_bytes(_with_one_bit_changed(path)),
}


def _half(path):
    return path.stat().st_size // 2


def _with_one_bit_changed(path):
    changed = bytearray(path.read_bytes() or b"?")
    changed[len(changed) // 2] ^= 1
    return changed


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_quietly_and_the_one_before_helps(
    damage, tmp_path, capfd
):
    expected = run(tmp_path, 2)
    newest = tmp_path / "checkpoint" / "2"
    digest = newest / "sha256"
    for path, whole in contents(newest).items():
        if path == digest or (not whole and damage in ("emptied", "cut in half")):
            continue
        DAMAGE[damage](path)
        with pytest.raises(ValueError, match=r"epoch 2 .* damaged.*checkpoint/2"):
            run(tmp_path, 2, step=never)
        path.write_bytes(whole)
    assert "Traceback" not in capfd.readouterr().err
    assert_same(run(tmp_path, 2, step=never), expected)

    for path in sorted(newest.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    newest.rmdir()
    with pytest.warns(UserWarning, match=r"kept as metrics\.1\.jsonl"):
        assert_same(run(tmp_path, 2), expected)


def test_a_checkpoint_damaged_at_random_is_refused_or_gives_every_bit():
    found = checkpoints.fuzz(25)
    assert (found["bad"], found["refused"] > 15) == ([], True)


@pytest.mark.parametrize("name", ["sha256", "_CHECKPOINT_METADATA"])
def test_bytes_that_are_no_text_are_refused(name, tmp_path):
    run(tmp_path, 1)
    (tmp_path / "checkpoint" / "1" / name).write_bytes(b'{"\xa2": \xc7}')
    with pytest.raises(ValueError, match=r"epoch 1 .* damaged"):
        run(tmp_path, 1, step=never)


def test_the_digest_is_the_same_where_folders_are_parted_otherwise(
    tmp_path, monkeypatch
):
    for name in ("tree/x", "tree.x", "Tree/a/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    here, posix = checkpoint._digest(tmp_path), pathlib.PurePath.relative_to

    def windows(self, *other):
        return pathlib.PureWindowsPath(*posix(self, *other).parts)

    monkeypatch.setattr(pathlib.PurePath, "relative_to", windows)
    assert checkpoint._digest(tmp_path) == here


@pytest.mark.parametrize("file", ["note/metadata", "tree/_METADATA"])
def test_damage_is_refused_where_no_digest_was_written(file, tmp_path):
    run(tmp_path, 1)
    newest = tmp_path / "checkpoint" / "1"
    (newest / "sha256").unlink()
    run(tmp_path, 1, step=never)
    (newest / file).unlink()
    with pytest.raises(ValueError, match=r"(?s)or damaged \(.*Name another folder"):
        run(tmp_path, 1, step=never)


def test_only_the_newest_two_checkpoints_stay(tmp_path):
    run(tmp_path, 4)
    assert {path.name for path in (tmp_path / "checkpoint").iterdir()} == {"3", "4"}


@contextlib.contextmanager
def at_most(size):
    """No file may become longer, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(resource is None, reason="no limits of resources here")
@pytest.mark.parametrize("size", [0, 200, 4000])
def test_what_the_disk_refuses_is_said_by_the_system_and_the_one_before_is_whole(
    size, tmp_path, caplog
):
    tree = {"w": jnp.asarray(np.random.default_rng(0).normal(size=9000))}
    checkpoint.save(tmp_path, 1, tree, {})
    with at_most(size), pytest.raises(OSError, match="File too large") as refused:
        checkpoint.save(tmp_path, 2, tree, {})
    assert refused.value.errno == errno.EFBIG
    assert not [each for each in caplog.records if each.name == "absl"]
    restored, _ = checkpoint.restore(tmp_path, tree)
    np.testing.assert_array_equal(restored["w"], tree["w"])


def interrupted(monkeypatch, times):
    """Ctrl-C comes so often just before a checkpoint has its digest."""
    digest = checkpoint._digest

    def late(saved):
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        return digest(saved)

    monkeypatch.setattr(checkpoint, "_digest", late)


@pytest.fixture
def interruptible():
    """Python raises what Ctrl-C asks for, whoever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_until_an_epoch_is_kept(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        interrupted(patched, 1)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", 1, save_every=0.0)
    assert len((tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()) == 1
    found = run(tmp_path / "cut", 1, step=never)
    assert_same(found, run(tmp_path / "whole", 1))


@pytest.mark.usefixtures("interruptible")
def test_a_second_interrupt_does_not_wait_and_the_epoch_before_is_whole(
    tmp_path, monkeypatch
):
    run(tmp_path / "cut", 1)
    with monkeypatch.context() as patched:
        interrupted(patched, 2)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", 2)
    kept = {path.parent.name for path in tmp_path.rglob(checkpoint._DIGEST)}
    assert kept == {"1"}
    assert_same(run(tmp_path / "cut", 3), run(tmp_path / "whole", 3))


def test_an_interrupt_that_nobody_hears_and_other_threads_change_nothing(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run(tmp_path / "ignored", 1)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(run, tmp_path / "thread", 1).result()
    assert_same(found, run(tmp_path / "ignored", 1))


def test_resuming_does_not_compile_again(tmp_path, compilations):
    optimizer = optax.adam(0.1)
    step = jax.jit(make_step(squares, optimizer))
    for epochs in (1, 2, 3):
        run(tmp_path, epochs, optimizer=optimizer, step=step)
    assert sum("step" in name for name in compilations) == 1


def test_a_tree_of_any_dtype_comes_back_with_its_bits(tmp_path):
    tree = {
        "half": jnp.array([1.5, -2.25], jnp.bfloat16),
        "odd": jnp.array([jnp.nan, jnp.inf, -0.0, 1e-45]),
        "count": jnp.array(3, jnp.int32),
        "key": jax.random.key(3),
        "nothing": (),
    }
    checkpoint.save(tmp_path, 1, tree, {"score": np.nan})
    like = jax.tree.map(jnp.zeros_like, {k: v for k, v in tree.items() if k != "key"})
    found, note = checkpoint.restore(tmp_path, like | {"key": jax.random.key(0)})
    assert bits(found) == bits(tree)
    assert np.isnan(note["score"])


def test_arrays_spread_over_devices_come_back_spread(tmp_path):
    mesh = jax.make_mesh((4,), ("data",))
    spread = jax.NamedSharding(mesh, jax.P("data"))
    tree = {"w": jax.device_put(jnp.arange(8.0), spread)}
    checkpoint.save(tmp_path, 1, tree, {})
    found, _ = checkpoint.restore(tmp_path, tree)
    assert found["w"].sharding == spread
    np.testing.assert_array_equal(found["w"], np.arange(8.0))


def test_an_empty_folder_holds_no_checkpoint(tmp_path):
    assert checkpoint.restore(tmp_path, {}) is None
    (tmp_path / "checkpoint").mkdir()
    assert checkpoint.restore(tmp_path, {}) is None


def test_what_was_cut_off_while_it_was_saved_is_removed_quietly(tmp_path, capfd):
    expected = run(tmp_path / "whole", 2)
    run(tmp_path / "cut", 1)
    left = tmp_path / "cut" / "checkpoint" / "2.orbax-checkpoint-tmp"
    left.mkdir()
    (left / "part").write_text("x")
    capfd.readouterr()
    assert_same(run(tmp_path / "cut", 2), expected)
    assert "WARNING" not in capfd.readouterr().err
    assert not left.exists()


def test_weights_of_double_precision_are_read_as_they_were_kept(tmp_path):
    assert not jax.config.jax_enable_x64
    with jax.enable_x64(True):
        kept = {"w": jnp.array([1.0, 0.1])}
        checkpoint.save(tmp_path, 1, ({"step": jnp.zeros(1)}, kept), {})
    found = checkpoint.best_weights(tmp_path)["w"]
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [1.0, 0.1])
