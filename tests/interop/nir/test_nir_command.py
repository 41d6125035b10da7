"""``snnjax nir show`` and ``run``, as somebody calls them."""

import re
from pathlib import Path

import nir
import numpy as np
import pytest
from nir_made import DT, NETWORKS, SHAPES, drawn, full, inputs, leaky, row

import snnjax as snn
from snnjax import __main__
from snnjax.events import RecordedSpikes
from snnjax.interop import nir as our


@pytest.fixture
def file(tmp_path):
    """Writes a network."""

    def write(name):
        shape = SHAPES.get(name)
        our.save(tmp_path / "net.nir", NETWORKS[name], drawn(name), dt=DT, shape=shape)
        return str(tmp_path / "net.nir")

    return write


def asked(capsys, *args):
    """What a command prints, and its status."""
    status = __main__.main(["nir", *map(str, args)])
    out, err = capsys.readouterr()
    return status, out, err


def test_show_lists_nodes_shapes_ranges_and_edges(file, capsys):
    status, out, _ = asked(capsys, "show", file("one recurrent layer"))
    assert status == 0
    head, *lines = out.splitlines()
    assert head.startswith("net.nir: 7 nodes, 7 edges, author snnjax, dt 0.001, method")
    table = {line.split()[0]: line for line in lines if line and line[0] != " "}
    assert "CubaLIF  8" in table["0_neuron"]
    assert "tau_mem 0.01, tau_syn 0.004, r 1, v_leak 0" in table["0_neuron"]
    assert "v_reset -0.2" in table["0_neuron"]
    assert "weight -" in table["0_input"]
    assert "  0_neuron -> 0_feedback" in lines
    assert "here a graph of" in out
    assert "refused" not in out


def test_show_says_what_would_be_refused_and_what_to_do(tmp_path, capsys):
    graph = row(nir.Delay(full(2e-3)), leaky("CubaLIF"), nir.Scale(full(1.0)))
    path = tmp_path / "a.nir"
    nir.write(path, graph)
    status, out, _ = asked(capsys, "show", path)
    assert status == 0
    for name in ("delay", "cubalif"):
        assert f"  {name}: " in out.split("refused")[1]
    assert out.count("give dt=") == 2
    assert "refused" not in asked(capsys, "show", path, "--dt", "0.001")[1]


def test_show_tells_of_nodes_that_make_no_sense(tmp_path, capsys):
    import h5py

    nir.write(tmp_path / "a.nir", row(leaky("LIF")))
    with h5py.File(tmp_path / "a.nir", "r+") as opened:
        opened["node/nodes/lif/tau"][0] = -1.0
    _, out, _ = asked(capsys, "show", tmp_path / "a.nir")
    assert "lif     ?       ?    refused" in out
    assert "  lif: LIF: tau [s] must be positive, got -1." in out


@pytest.mark.parametrize("name", ["chain", "e and i", "convolutional to the end"])
def test_run_puts_out_what_the_network_does(name, file, capsys, tmp_path):
    xs = np.asarray(inputs(name))
    np.save(tmp_path / "x.npy", xs)
    args = ["--input", tmp_path / "x.npy", "--out", tmp_path / "y.npz"]
    status, out, _ = asked(capsys, "run", file(name), *args)
    assert status == 0
    wanted = snn.unroll(NETWORKS[name], drawn(name), inputs(name), dt=DT)[1]
    wanted = wanted if isinstance(wanted, dict) else {"output": wanted}
    with np.load(tmp_path / "y.npz") as kept:
        assert float(kept["dt [s]"]) == DT
        for key, y in wanted.items():
            np.testing.assert_allclose(kept[key], y, rtol=1e-5, atol=1e-6)
    if name == "e and i":
        rates = np.asarray(wanted["e"]).mean(axis=0) / DT
        assert f"e [60, 2, 12]: 60 steps of 0.001 s, {rates.mean():.3g} Hz" in out
        assert "out [60, 2, 3]: 60 steps" in out


def test_run_takes_several_inputs_by_name_and_draws(file, capsys, tmp_path):
    xs = {k: np.asarray(x) for k, x in inputs("two inputs").items()}
    np.savez(tmp_path / "x.npz", **xs)
    path = file("two inputs")
    args = ["--input", tmp_path / "x.npz", "--figure", tmp_path / "y.png"]
    status, out, _ = asked(capsys, "run", path, *args)
    assert status == 0
    assert (tmp_path / "y.png").read_bytes().startswith(b"\x89PNG")
    assert "figure: " in out
    np.savez(tmp_path / "x.npz", x=xs["x"])
    status, _, err = asked(capsys, "run", path, "--input", tmp_path / "x.npz")
    assert status == 1
    assert "has the inputs x, y: give them as .npz" in err


def test_run_counts_spikes_of_a_file_in_bins(tmp_path, capsys):
    from snnjax.datasets import read, write_sonata

    k = np.arange(40)
    spikes = RecordedSpikes(1.25e-3 * k, k % 3, 0 * k, ("a",), "made", None)
    write_sonata(tmp_path / "s.h5", spikes)
    assert len(read(tmp_path / "s.h5").times) == 40
    graph = row(leaky("IF", r=1.0 / DT, v_threshold=2.5))
    nir.write(tmp_path / "a.nir", graph)
    args = ["--input", tmp_path / "s.h5", "--dt", "0.001", "--out", tmp_path / "y.npz"]
    status, out, _ = asked(capsys, "run", tmp_path / "a.nir", *args)
    assert status == 0
    with np.load(tmp_path / "y.npz") as kept:  # every third spike is one
        assert kept["output"].sum() == sum(n // 3 for n in np.bincount(k % 3))
    assert "output [49, 1, 3]: 49 steps" in out


REFUSED = {
    "no input": ([], "say what the network is to hear, --input RASTER"),
    "width": (["--input", "w.npy"], "takes [T, *batch, 5], channels last, the array"),
    "numbers": (["--input", "n.npy"], "n.npy: a raster holds finite numbers"),
    "no file": (["--input", "none.npy"], "none.npy"),
    "unit": (["--input", "x.npy", "--unit", "ms"], "is a raster, of which nothing"),
    "other dt": (["--input", "x.npy", "--dt", "0.002"], "at dt=0.002 s it is another"),
    "out": (["--input", "x.npy", "--out", "y.txt"], "--out is written as .npz"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_run_is_refused_in_a_line(
    name, file, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.asarray(inputs("chain")))
    np.save("w.npy", np.zeros((9, 4)))
    np.save("n.npy", np.full((9, 5), np.nan))
    args, why = REFUSED[name]
    status, out, err = asked(capsys, "run", file("chain"), *args)
    assert (status, out) == (1, "")
    assert why in err.splitlines()[-1]


def test_a_network_without_a_step_needs_one(tmp_path, capsys):
    nir.write(tmp_path / "a.nir", row(leaky("LIF")))
    np.save(tmp_path / "x.npy", np.ones((9, 3)))
    args = ["run", tmp_path / "a.nir", "--input", tmp_path / "x.npy"]
    status, _, err = asked(capsys, *args)
    assert status == 1
    assert "tells no time step: give that of the network, --dt SECONDS" in err
    assert asked(capsys, *args, "--dt", "0.001")[0] == 0


def test_the_example_of_the_page_works(tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "docs/reference/nir.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(code, scope)
    _, was = snn.unroll(scope["net"], scope["weights"], scope["xs"], dt=DT)
    np.testing.assert_allclose(scope["voltages"], was, rtol=1e-5, atol=1e-6)
    assert "hidden_neuron->hidden_neuron" in scope["again"].about.parts


def test_show_goes_along_the_edges_and_says_that_no_step_is_told(tmp_path, capsys):
    graph = row(leaky("LIF"), nir.Scale(full(1.0)))
    graph.edges.reverse()
    nir.write(tmp_path / "a.nir", graph)
    _, out, _ = asked(capsys, "show", tmp_path / "a.nir")
    assert "no dt told" in out.splitlines()[0]
    edges = out.split("edges\n")[1].split("\n\n")[0].splitlines()
    assert edges == ["  input -> lif", "  lif -> scale", "  scale -> output"]
    _, out, _ = asked(capsys, "show", tmp_path / "a.nir", "--dt", "0.001")
    assert "no dt told" not in out


def test_the_unit_of_times_is_said_where_a_file_leaves_it_open(tmp_path, capsys):
    nir.write(tmp_path / "a.nir", row(leaky("LIF")))
    lines = [f"{k % 3} {10 * k}" for k in range(1, 20)]
    (tmp_path / "spikes.txt").write_text("\n".join(lines))
    args = (
        "run",
        tmp_path / "a.nir",
        "--dt",
        "0.001",
        "--input",
        tmp_path / "spikes.txt",
    )
    for said, missing in (
        ([], "unit="),
        (["--unit", "ms"], "columns="),
        (["--columns", "unit time"], "unit="),
    ):
        status, _, err = asked(capsys, *args, *said)
        assert status != 0
        assert missing in err
    args = *args, "--columns", "unit time"
    by_ms, by_s = (asked(capsys, *args, "--unit", unit)[1] for unit in ("ms", "s"))
    assert "191 steps of 0.001 s" in by_ms
    assert "190001 steps of 0.001 s" in by_s
