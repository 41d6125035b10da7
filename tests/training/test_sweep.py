"""Sweeps: combinations, the table that keeps them, and what it refuses."""

import json
import re
import signal
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.training import combinations, init_train_state, make_step, sweep

XS = np.asarray(jax.random.bernoulli(jax.random.key(1), 0.3, (12, 6, 5)), np.float32)
LABELS = np.arange(6) % 2
GRID = {"slope": [1.0, 10.0, 100.0], "learning_rate": [1e-3, 1e-2], "seed": range(3)}


def train(slope, learning_rate, seed):
    """A network of leaky neurons, after three updates."""
    hidden = snn.lif(7, surrogate=snn.SuperSpike(slope), backend="xla")
    net = snn.chain(snn.dense(5, 7), hidden, snn.dense(7, 2), snn.li(2))

    def loss(weights):
        _, v = snn.unroll(net, weights, XS, dt=1e-3)
        return snn.cross_entropy(snn.max_over_time(v), LABELS)

    optimizer = optax.adam(learning_rate)
    step = make_step(loss, optimizer)
    start = init_train_state(net.init(jax.random.key(seed)), optimizer)
    state, metrics = jax.lax.scan(lambda s, _: step(s), start, length=3)
    return {"loss": metrics["loss"][-1], "norm": optax.tree.norm(state.weights)}


def affine(x, y):
    return {"sum": 2.5 * x + y.astype(x.dtype), "log": jnp.log(x - 1.0)}


def quiet(*args, **options):
    return sweep(*args, progress=False, **options)


def bits(found):
    return jax.tree.map(lambda leaf: leaf.tobytes(), found.metrics)


def test_every_network_is_the_one_that_is_trained_alone():
    found = quiet(train, **GRID)
    alone = jax.jit(train)
    grid = found.grid()
    assert grid["loss"].shape == (3, 2, 3)
    for i, slope in enumerate(GRID["slope"]):
        for j, rate in enumerate(GRID["learning_rate"]):
            for k in GRID["seed"]:
                for name, expected in alone(slope, rate, k).items():
                    np.testing.assert_allclose(grid[name][i, j, k], expected, rtol=1e-6)
    assert len(np.unique(found.metrics["norm"])) > 12  # no column is left out


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_combination_has_its_bits_whatever_it_runs_with(batch_size):
    assert len(jax.devices()) == 4
    whole = quiet(train, batch_size=batch_size, **GRID)
    turned = {name: [*values][::-1] for name, values in GRID.items()}
    other = quiet(train, batch_size=batch_size, **turned)
    assert whole.batch_size == other.batch_size == batch_size
    for name, leaf in whole.grid().items():
        np.testing.assert_array_equal(leaf, other.grid()[name][::-1, ::-1, ::-1])
    few = quiet(train, batch_size=1, **GRID | {"slope": [10.0]})
    close = {"rtol": 0 if batch_size == 1 else 1e-5}
    np.testing.assert_allclose(few.grid()["norm"][0], whole.grid()["norm"][1], **close)


def test_arrays_of_any_shape_come_back_whatever_the_rounds(monkeypatch):
    monkeypatch.setattr(combinations, "_ROUNDS", 2)

    def run(x, n):
        return x * jnp.arange(3.0) + n.astype(x.dtype), {"whole": n}

    for xs, ns in (([1.0, 2.0, 5.0, 7.0, 9.0], range(5)), ([4.0], [7])):
        curves, rest = quiet(run, x=xs, n=ns).grid()
        x, n = np.meshgrid(xs, ns, indexing="ij")
        expected = x[..., None] * np.arange(3) + n[..., None]
        np.testing.assert_array_equal(curves, expected)
        np.testing.assert_array_equal(rest["whole"], n)


def test_columns_have_the_dtype_that_they_say(x64):
    given = {"a": [1], "b": [0.1], "c": [True, False], "d": np.float32([0.1])}
    found = quiet(lambda **point: point, **given)
    assert [str(c.dtype) for c in found.columns.values()] == [
        *("int64", "float64", "bool", "float32"),
    ]
    np.testing.assert_array_equal(found.metrics["b"], [0.1, 0.1])


def test_a_table_grows_and_nothing_is_run_twice(tmp_path):
    path, runs = tmp_path / "t.csv", []

    def run(x, y):
        jax.debug.callback(lambda *now: runs.append(tuple(map(float, now))), x, y)
        return affine(x, y)

    with pytest.warns(UserWarning, match=r"^2 of 4 .* finite: x=1.0, y=0 \(log\);"):
        first = quiet(run, table=path, x=[1.0, 3.0], y=range(2))
    lines = path.read_text().splitlines()
    assert lines[0] == "x,y,log,sum,nonfinite"
    assert lines[1:3] == ["1.0,0,-inf,2.5,log", "1.0,1,-inf,3.5,log"]
    jax.effects_barrier()
    assert sorted({*runs}) == [(1.0, 0.0), (1.0, 1.0), (3.0, 0.0), (3.0, 1.0)]
    runs.clear()
    wider = quiet(run, table=path, x=[2.0, 3.0], y=range(3))
    jax.effects_barrier()
    assert sorted({*runs}) == [(2.0, 0.0), (2.0, 1.0), (2.0, 2.0), (3.0, 2.0)]
    assert (first.found, wider.found) == (0, 2)
    assert len(path.read_text().splitlines()) == 1 + 8
    runs.clear()
    again = quiet(run, table=path, x=[2.0, 3.0], y=range(3))
    jax.effects_barrier()
    assert (again.found, runs, bits(again)) == (6, [], bits(wider))
    assert {p.name for p in tmp_path.iterdir()} == {"t.csv", "t.json"}


def test_infinity_is_a_value_of_a_column_as_any_other(tmp_path):
    path, given = tmp_path / "t.csv", {"x": [-np.inf, 1.0, np.inf]}
    found = quiet(lambda x: {"angle": jnp.arctan(x)}, table=path, **given)
    np.testing.assert_allclose(found.metrics["angle"], np.arctan(given["x"]), rtol=1e-6)
    lines = path.read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["x", "-inf", "1.0", "inf"]
    assert all(line.endswith(",") for line in lines[1:])  # no metric is not finite
    again = quiet(lambda x: {"angle": jnp.arctan(x)}, table=path, **given)
    assert (again.found, bits(again)) == (3, bits(found))


def test_a_table_keeps_to_its_batch_size_unless_it_is_asked_for_a_smaller_one(
    tmp_path,
):
    path = tmp_path / "t.csv"
    given = {"y": [0, 1], "table": path}
    assert quiet(affine, x=[2.0, 3.0, 4.0, 5.0], batch_size=2, **given).batch_size == 2
    more = [float(x) for x in range(6, 40)]
    assert quiet(affine, x=more, batch_size=8, **given).batch_size == 2
    with pytest.warns(UserWarning, match="So far 2 combinations .* one pass, now 1:"):
        found = quiet(affine, x=[50.0, *more], batch_size=1, **given)
    assert (found.batch_size, found.found) == (1, 2 * len(more))
    assert json.loads((tmp_path / "t.json").read_text())["batch_size"] == 1


def test_a_table_that_was_begun_with_another_version_goes_on_and_says_so(tmp_path):
    path, beside = tmp_path / "t.csv", tmp_path / "t.json"
    quiet(affine, table=path, x=[2.0], y=[0])
    note = json.loads(beside.read_text())
    note["environment"]["versions"]["jax"] = "0.1"
    beside.write_text(json.dumps(note))
    with pytest.warns(UserWarning, match=r"goes on elsewhere: .*jax.*0\.1"):
        found = quiet(affine, table=path, x=[2.0, 3.0], y=[0])
    assert found.found == 1
    np.testing.assert_array_equal(found.metrics["sum"], [5.0, 7.5])


def test_a_table_of_something_else_is_refused_by_what_differs(tmp_path):
    path, columns = tmp_path / "t.csv", {"x": [2.0], "y": [0]}
    quiet(affine, table=path, recipe={"data": "a"}, **columns)
    kept = path.read_bytes()
    for refusal, run, options in [
        (r"columns \(x float32, y int32, now x float32\)", lambda x: {"sum": x}, {}),
        (r"columns \(.*, now x float32, y float32\)", affine, {"y": [0.5]}),
        (r"metrics \(.*now sum float32\)", lambda x, y: {"sum": x}, {}),
        (r"data \(a, now b\)", affine, {"recipe": {"data": "b"}}),
        (
            r"differs: what is run",
            lambda x, y: {"sum": 2.4 * x, "log": jnp.log(x - 1.0)},
            {},
        ),
    ]:
        given = {"recipe": {"data": "a"}, **columns, **options}
        if "now x float32\\)" in refusal:
            given.pop("y")
        with pytest.raises(ValueError, match=f"another sweep.*{refusal}"):
            quiet(run, table=path, **given)
    assert path.read_bytes() == kept


DAMAGED = {
    "t.csv": {
        "": "first line is ''",
        "x,y\n": "first line is 'x,y'",
        "\0\xff": "damaged",
        "HEAD\n2.0,0,0.0\n": "line 2 has 3 fields",
        "HEAD\n2.0,0,0.0,oops,\n": "line 2 is damaged: 2.0,0,0.0,oops,",
        "HEAD\n2.0,0.5,0.0,1.0,\n": "line 2 is damaged",
        "HEAD\n2.0,99999999999,0.0,1.0,\n": "line 2 is damaged",
        "HEAD\n1e39,0,0.0,1.0,\n": "line 2 is damaged",
        "HEAD\n2.0,0,0.0,5.0,\n2,0,0.0,5.0,\n": "combination of line 3 twice",
        'HEAD\n"2.0,0': "damaged",
    },
    "t.json": {
        "": "cannot be read",
        "[" * 100_000: "cannot be read",
        "[1]": "does not say what made it",
        '{"columns": 1}': "does not say what made it",
        "NO BATCH": "does not say what made it",
        "NO RECIPE": "does not say what made it",
    },
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_table_is_refused_and_left_as_it_is(name, tmp_path):
    table, columns = tmp_path / "t.csv", {"x": [2.0], "y": [0]}
    quiet(affine, table=table, **columns)
    path = tmp_path / name
    good = path.read_text()
    for text, refusal in DAMAGED[name].items():
        if text.startswith("NO "):
            note = json.loads(good)
            note[{"BATCH": "batch_size", "RECIPE": "recipe"}[text[3:]]] = None
            text = json.dumps(note)
        text = text.replace("HEAD", good.splitlines()[0])
        path.write_text(text, encoding="latin-1")
        with pytest.raises(ValueError, match=re.escape(refusal)) as caught:
            quiet(affine, table=table, **columns)
        assert "remove it and t.json to begin anew" in str(caught.value)
        assert path.read_text(encoding="latin-1") == text
    (tmp_path / "t.json").unlink()
    with pytest.raises(ValueError, match=r"without t\.json"):
        quiet(affine, table=table, **columns)


def test_memory_decides_how_many_share_a_pass():
    def run(x):
        return jnp.sum(jnp.sort(x.astype(float) * jnp.arange(5000.0)))

    wide = quiet(run, x=range(40), batch_size=10)
    assert wide.batch_size == 10
    needs = []

    def spying(program, needed=combinations._needs):
        needs.append(needed(program))
        return needs[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combinations, "_needs", spying)
        narrow = quiet(run, x=range(40), batch_size=10, memory=100_000.0)
    assert 1 <= narrow.batch_size < 5
    assert needs[0] > 100_000 >= needs[-1]
    np.testing.assert_array_equal(narrow.metrics, wide.metrics)
    with pytest.raises(ValueError, match=r"one combination .* needs .* of 0.0 MiB"):
        quiet(run, x=range(40), memory=1000.0)


@pytest.mark.parametrize(
    ("refusal", "options"),
    [
        ("name one at least", {}),
        ("x must be a column of numbers", {"x": []}),
        ("x must be a column of numbers", {"x": ["a"]}),
        ("x must be a column of numbers", {"x": 3.0}),
        ("x must be a column of numbers", {"x": [[1.0], [2.0]]}),
        ("x must be a column of numbers", {"x": [1j]}),
        ("x must be numbers, none of them NaN", {"x": [np.inf, np.nan]}),
        ("x must be numbers, .* too large for float32", {"x": [np.inf, 1e300]}),
        ("x has a value twice", {"x": [np.inf, np.inf]}),
        ("x must fit int32", {"x": [2**40]}),
        ("x has a value twice, as float32", {"x": [0.1, 0.1 + 1e-12]}),
        ("batch_size must be at least 1", {"x": [1], "batch_size": 0}),
        ("memory .* must be finite and positive", {"x": [1], "memory": -1.0}),
        ("table must be a file NAME.csv", {"x": [1], "table": "t.txt"}),
    ],
)
def test_what_is_no_grid_is_refused(refusal, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=refusal):
        quiet(lambda **given: given or {"none": 0}, **options)


def test_what_a_table_cannot_hold_is_refused(tmp_path):
    for run in (lambda x: x, lambda x: {"x": x}, lambda x: {"y": jnp.arange(3)}):
        with pytest.raises(ValueError, match=r"run must name|a dictionary"):
            quiet(run, table=tmp_path / "t.csv", x=[1.0])
    with pytest.raises(ValueError, match="run must return arrays"):
        quiet(lambda x: (), x=[1.0])


# Dies before its third call of the program; the second life goes on.
CHILD = """
import os, signal, sys
import jax, jax.numpy as jnp
from snnjax.training import combinations, sweep, sweeps

sweeps._SECONDS = 0.0  # one round a call
calls, call = [], combinations.Program.__call__

def counted(*args):
    calls.append(1)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return call(*args)

combinations.Program.__call__ = counted
run = lambda x, seed: {"y": x * jax.random.normal(jax.random.key(seed))}
found = sweep(run, table=sys.argv[1], x=[1.0, 2.0], seed=range(3))
fresh = sweep(run, x=[1.0, 2.0], seed=range(3)) if sys.argv[2] == "0" else None
same = fresh and bytes(fresh.metrics["y"].data) == bytes(found.metrics["y"].data)
print(found.found, same)
"""


def test_a_sweep_that_is_killed_goes_on_where_it_was(tmp_path):
    def child(death):
        return subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path / "t.csv"), str(death)],
            env={"JAX_PLATFORMS": "cpu", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )

    assert child(3).returncode == -signal.SIGKILL
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 2
    ended = child(0)
    assert ended.stdout == "2 True\n", ended.stderr
    assert "sweep  2/6" in ended.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"t.csv", "t.json"}


JOB = """
import sys
import jax
jax.config.update("jax_platforms", "cpu")
rank, port, table = sys.argv[1:]
jax.distributed.initialize(f"127.0.0.1:{port}", 2, int(rank))
from snnjax.training import sweep
for slope in (2.0, 2.0, 3.0):
    run = lambda x, n: {"y": slope * x + n.astype(x.dtype)}
    try:
        found = sweep(run, table=table, x=[1.0, 2.0, 3.0], n=range(3))
        print(found.found, *found.metrics["y"])
    except (RuntimeError, ValueError) as error:
        print(type(error).__name__, "what is run" in str(error))
from snnjax import files
write = files.write_text
def full(path, text):
    if path.suffix == ".csv":
        raise OSError("no space left")
    write(path, text)
files.write_text = full if rank == "0" else write
try:
    sweep(lambda x: {"y": x}, table=table.replace("t.", "full."), x=range(3))
except OSError as error:
    print(error)
"""


def test_a_job_of_two_processes_shares_a_sweep_and_its_table(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = [
        subprocess.Popen(
            [sys.executable, "-c", JOB, str(rank), port, str(tmp_path / "t.csv")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ends = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], ends
    told = " ".join(str(2.0 * x + n) for x in (1, 2, 3) for n in range(3))
    first, second = (
        [x for x in out.splitlines() if "Gloo" not in x] for out, _ in ends
    )
    expected = [f"0 {told}", f"9 {told}", "ValueError True", "no space left"]
    assert first == second == expected
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 9
