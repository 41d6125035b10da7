import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.__main__ import main
from snnjax.datasets import DataError, write_events
from snnjax.events import from_rows
from snnjax.saving import archive
from snnjax.tasks import digits_task, load_run, own_data_task, own_spikes, train
from snnjax.tasks import predict_files as predict
from snnjax.tasks.network import scores
from snnjax.tasks.trained import trained_networks

pytest.importorskip("sklearn")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.usefixtures("without_pages")
DT, STEPS = 5e-3, 20


def raster(k, steps=STEPS, seed=0):
    """Spikes on one half of six channels, or on the other."""
    rate = np.where(np.arange(6) // 3 == k % 2, 0.5, 0.05)
    rng = np.random.default_rng([seed, k])
    return (rng.random((steps, 6)) < rate).astype(np.uint8)


def filled(folder, make=raster, count=24):
    for k in range(count):
        path = folder / ("left", "right")[k % 2] / f"{k}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make(k))
    return folder


def trained(data, out, epochs=15, seeds=2, **options):
    task = own_data_task(data, hidden=8, **{"network": "feedforward", **options})
    kept = {"epochs": epochs, "learning_rate": 0.02, "progress": False}
    train(task, out, seeds=seeds, **kept)
    return task


@pytest.fixture(scope="module")
def run(without_pages, tmp_path_factory):
    """A training of two networks on recordings that are gone."""
    data = filled(tmp_path_factory.mktemp("data"))
    out = tmp_path_factory.mktemp("run")
    trained(data, out, dt=DT)
    return data, out


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(path, x):
    np.save(path, x)
    return path


def test_probabilities_are_the_mean_of_those_of_each_network_on_its_own_task(run):
    data, out = run
    task, weights = load_run(out)
    part = task.parts["test"]
    names = task.samples["test"].names
    found = predict(out, [data / name for name in names])
    xs = part.raster(np.arange(len(names)), None)
    each = [jax.nn.softmax(scores(task.network, w, xs)) for w in weights.values()]
    expected = np.mean(each, axis=0)
    assert len(each) == 2
    for k, one in enumerate(found):
        assert one.name == str(data / names[k])
        got = [one.probabilities[name] for name in task.classes]
        np.testing.assert_allclose(got, expected[k], rtol=1e-5)
        assert list(one.probabilities.values()) == sorted(got, reverse=True)
    one = predict(out / "seed1" / "network.safetensors", [data / names[0]])
    got = [one[0].probabilities[name] for name in task.classes]
    np.testing.assert_allclose(got, each[1][0], rtol=1e-5)


def test_what_is_told_of_a_file_does_not_depend_on_others_or_on_the_first_data(
    run, tmp_path
):
    data, out = run
    copy = shutil.copytree(out, tmp_path / "run")
    summary = json.loads((copy / "summary.json").read_text()) | {"data": "gone"}
    (copy / "summary.json").write_text(json.dumps(summary))
    files = sorted(data.glob("*/*.npy"))
    all_of_them = predict(copy, [data])
    assert len(all_of_them) == len(files) == 24
    assert predict(copy, files) == all_of_them
    (alone,) = predict(copy, files[5:6])
    together = all_of_them[5]
    assert alone.name == together.name
    for name, p in alone.probabilities.items():
        np.testing.assert_allclose(together.probabilities[name], p, rtol=1e-5)
    right = [path.parent.name for path in files]
    best = [next(iter(each.probabilities)) for each in all_of_them]
    assert np.mean([a == b for a, b in zip(right, best, strict=True)]) > 0.8


def test_the_command_prints_a_table_or_json(run, here, capsys):
    _, out = run
    saved("one.npy", raster(0, seed=1))
    saved("other.npy", raster(1, seed=1))
    assert main(["predict", str(out), "one.npy", "other.npy"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["class", "probability", "runner-up", "file"]
    assert [(line.split()[0], line.split()[-1]) for line in lines] == [
        ("left", "one.npy"),
        ("right", "other.npy"),
    ]
    assert main(["predict", str(out), "one.npy", "other.npy", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run"] == str(out)
    one, _ = told["files"]
    assert (one["file"], one["class"], one["runner_up"]) == ("one.npy", "left", "right")
    assert one["probability"] == one["probabilities"]["left"]
    np.testing.assert_allclose(sum(one["probabilities"].values()), 1.0)
    assert f"{one['probability']:.3f}" == lines[0].split()[1]
    saved(f"{'x' * 90}.npy", raster(0, seed=1))  # of a long name
    assert main(["predict", str(out), "one.npy", f"{'x' * 90}.npy"]) == 0
    _, short, long = capsys.readouterr().out.splitlines()
    assert short == lines[0].rstrip()
    assert len(short) < 80
    assert long.endswith(f"  {'x' * 90}.npy")


def test_the_command_leaves_out_files_if_that_is_asked_for(run, here, capsys):
    (here / "more").mkdir()
    saved("more/a.npy", raster(0, seed=1))
    (here / "more" / "broken.npy").write_bytes(b"")
    (here / "more" / "notes.txt").write_text("left or right?")
    command = ["predict", str(run[1]), "more"]
    assert main(command) == 1
    assert "notes.txt. Remove them, or name the others" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="2 files were left out") as left:
        assert main([*command, "--skip-bad"]) == 0
    out, told = capsys.readouterr().out, str(left[0].message)
    assert [line.split()[-1] for line in out.splitlines()] == ["file", "more/a.npy"]
    assert "more/broken.npy" in told
    assert "more/notes.txt is of no kind that samples can be" in told
    (here / "more" / "a.npy").unlink()
    assert main([*command, "--skip-bad"]) == 1
    assert "2 cannot be read; none is left" in capsys.readouterr().err


def refused(out, *files, **options):
    with pytest.raises(ValueError, match=r"\w") as told:
        predict(out, files, **options)
    return str(told.value)


def test_files_that_are_not_of_the_kind_are_refused_by_name(run, here):
    _, out = run
    fine = saved("fine.npy", raster(0))
    told = refused(out, fine, saved("narrow.npy", raster(0)[:, :5]))
    assert told.startswith("narrow.npy is [20, 5], 20 steps of 5 channels, where 6 are")
    assert "looks like [n, T]" in refused(out, saved("turned.npy", raster(0).T))
    told = refused(out, saved("long.npy", raster(0, steps=30)))
    assert told.startswith("long.npy has 30 steps; those that were trained on have 20")
    told = refused(out, saved("signal.npy", raster(0) - 0.5))
    assert "signal.npy holds signals" in told
    assert "reads spikes" in told
    (here / "notes.txt").write_text("left or right?")
    assert "notes.txt" in refused(out, fine, "notes.txt")
    (here / "sound.wav").write_bytes(wav(1))
    told = refused(out, fine, "sound.wav")
    assert "1 of array (fine.npy), 1 of sound (sound.wav)" in told
    (here / "broken.npy").write_bytes(b"\x93NUMPY broken")
    assert "broken.npy" in refused(out, fine, "broken.npy")
    with pytest.warns(UserWarning, match=r"1 files were left out\.\n.*broken\.npy"):
        (only,) = predict(out, [fine, "broken.npy"], skip_bad=True)
    assert only.name == "fine.npy"
    (here / "pickle.npy").write_bytes(
        np.lib.format.magic(1, 0) + b"v\0{'descr': '|O', 'fortran_order': False, "
        b"'shape': (1,), }" + b" " * 60 + b"\n"
    )
    assert "pickle.npy" in refused(out, "pickle.npy")
    with pytest.raises(FileNotFoundError, match=r"Nothing is at none\.npy"):
        predict(out, ["none.npy"])
    assert "no files" in refused(out)
    (here / "empty").mkdir()
    assert "no files" in refused(out, "empty")


def test_spikes_that_end_early_or_never_begin_are_told(run, here):
    _, out = run
    with pytest.warns(UserWarning, match="1 of 1 recordings are shorter .* of 20"):
        (short,) = predict(out, [saved("short.npy", raster(0)[:12])])
    padded = np.pad(raster(0)[:12], ((0, 8), (0, 0)))
    (same,) = predict(out, [saved("padded.npy", padded)])
    assert short.probabilities == same.probabilities
    with pytest.warns(UserWarning, match=r"silent\.npy gives no spikes"):
        predict(out, [saved("silent.npy", np.zeros((STEPS, 6), np.uint8))])


def test_signals_are_read_by_the_levels_that_were_measured(tmp_path):
    def signal(k):
        t = np.arange(STEPS) / STEPS
        x = np.sin(2 * np.pi * (1 + 2 * (k % 2)) * t + k)
        return np.rint(100 * np.stack([x, 3 * x], axis=1)).astype(np.int16)

    data, out = filled(tmp_path / "data", signal), tmp_path / "run"
    task = trained(data, out, epochs=2, seeds=1, dt=DT)
    files = [data / name for name in task.samples["test"].names]
    found = predict(out, files)
    xs = task.parts["test"].raster(np.arange(len(files)), None)
    (net,) = trained_networks(out)
    expected = jax.nn.softmax(net.scores(net.weights, jnp.asarray(xs)))
    for one, row in zip(found, expected, strict=True):
        got = [one.probabilities[name] for name in task.classes]
        np.testing.assert_allclose(got, row, rtol=1e-5)
    whole = saved(tmp_path / "whole.npy", abs(signal(0)))  # might be counts
    assert len(predict(out, [whole])) == 1
    assert "has 12 steps" in refused(out, saved(tmp_path / "s.npy", signal(0)[:12]))


def test_a_camera_that_does_not_tell_its_size_has_that_of_the_training(tmp_path):
    def recorded(path, k, most=16, begin=0):
        rng = np.random.default_rng(k)
        t = np.sort(rng.integers(0, 50_000, 80)) + begin
        x, y = rng.integers(0, 8, 80) + 8 * (k % 2), rng.integers(0, most, 80)
        rows = np.stack([t, x, y, rng.integers(0, 2, 80)], axis=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(path, rows, "%d")
        return path

    for k in range(16):  # one of them begins late
        home = tmp_path / "data" / ("left", "right")[k % 2]
        recorded(home / f"{k}.txt", k, begin=3_000_000 * (k == 3))
    out = tmp_path / "run"
    with pytest.warns(UserWarning, match=r"16x16 pixels|first event on"):
        trained(tmp_path / "data", out, 8, 1, network="convolutional")
    (net,) = trained_networks(out)
    assert (net.known.shape, net.known.start) == ((16, 16, 2), "first")
    low = recorded(tmp_path / "low.txt", 20, most=9)  # and left: 8 columns of 16
    late = recorded(tmp_path / "late.txt", 20, most=9, begin=500_000)
    one, other = predict(out, [low, late])
    assert next(iter(one.probabilities)) == "left"
    assert one.probabilities == pytest.approx(other.probabilities, rel=1e-5)
    wide = recorded(tmp_path / "wide.txt", 1, 40)
    with pytest.warns(UserWarning, match="hold all events"):
        assert "trained on inputs [16, 16, 2]" in refused(out, wide)


def test_neurons_that_are_silent_are_there_all_the_same(tmp_path):
    def listed(path, k, units):
        rng = np.random.default_rng(k)
        rows = zip(np.sort(rng.uniform(0.0, 0.05, 60)), units, strict=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{t:.6f},{u}\n" for t, u in rows)
        path.write_text(f"time_s,unit\n{lines}")
        return path

    rng = np.random.default_rng(0)
    for k in range(16):
        home = tmp_path / "data" / ("low", "high")[k % 2]
        listed(home / f"{k}.csv", k, rng.integers(0, 8, 60) + 8 * (k % 2))
    trained(tmp_path / "data", tmp_path / "run", 8, 1)
    new = listed(tmp_path / "new.csv", 99, rng.integers(0, 8, 60))
    (found,) = predict(tmp_path / "run", [new])
    assert next(iter(found.probabilities)) == "low"
    wide = listed(tmp_path / "wide.csv", 99, rng.integers(0, 20, 60))
    assert "trained on inputs [16]" in refused(tmp_path / "run", wide)


def test_sounds_are_heard_one_by_one(tmp_path, monkeypatch):
    asked = []

    def encode(recordings, *, channels, progress):
        asked.append([path.name for path in recordings.paths])
        one = np.array([0.1, 0.2]), np.array([1, 2])
        rows = [[each] * len(recordings.paths) for each in one]
        return from_rows(*rows, recordings.labels, n_units=channels)

    monkeypatch.setattr(own_spikes, "encode_cached", encode)
    data = tmp_path / "data"
    for k in range(12):
        path = data / ("yes", "no")[k % 2] / f"{k}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(k))
    trained(data, tmp_path / "run", 1, 1)
    asked.clear()
    done = []
    files = [data / "yes" / "0.wav", data / "no" / "1.wav"]
    found = predict(tmp_path / "run", files, progress=lambda *at: done.append(at))
    assert asked == [["0.wav"], ["1.wav"]]
    assert done == [(1, 2), (2, 2)]
    assert found[0].probabilities == found[1].probabilities  # of the same spikes


def wav(k):
    samples = np.arange(80, dtype="<i2") * (k + 1)
    head = b"WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0\x80>\0\0\x02\0\x10\0data"
    data = len(samples.tobytes()).to_bytes(4, "little") + samples.tobytes()
    return b"RIFF" + (len(head) + len(data)).to_bytes(4, "little") + head + data


def test_networks_of_other_tasks_and_those_that_come_trained_read_spikes(here, capsys):
    task = digits_task()
    xs = task.parts["test"].raster(np.arange(3), None)
    label = task.parts["test"].labels
    for k in range(3):
        saved(f"{k}.npy", xs[:, k])
    assert main(["predict", "digits", "0.npy", "1.npy", "2.npy", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["files"]
    net, weights, card = snn.models.load("digits")
    _, ys = snn.unroll(net, weights, xs, dt=card.dt)
    expected = jax.nn.softmax(snn.models.scores(card, ys["out"]))
    for k, each in enumerate(told):
        assert each["class"] == card.classes[int(label[k])]
        got = [each["probabilities"][name] for name in card.classes]
        np.testing.assert_allclose(got, expected[k], rtol=1e-4, atol=1e-7)
    t, units = np.nonzero(xs[:, 0])
    write_events("0.npz", from_rows([(t + 0.5) * card.dt], [units], [0], n_units=128))
    assert main(["predict", "digits", "0.npz"]) == 0
    assert capsys.readouterr().out.split()[4] == told[0]["class"]
    (here / "digits").mkdir()
    assert main(["predict", "digits", "0.npz"]) == 1
    err = capsys.readouterr().err
    assert "digits is taken from here, not the trained network of that name" in err
    assert "digits is not the folder of a finished training" in err
    for name, reason in (
        ("ecg", "reads 'voltage'"),
        ("nobody", "There is no run nobody: no such folder or file, nor a trained"),
        ("nobody", "snnjax models list"),
    ):
        assert main(["predict", name, "0.npy"]) == 1
        assert reason in capsys.readouterr().err
    (here / "w.wav").write_bytes(wav(1))
    assert main(["predict", "yin-yang", "w.wav"]) == 1
    told = capsys.readouterr().err
    assert "w.wav holds sounds" in told
    assert "arrays [T, 5] of counts each 0.00025 s, events of 5 units" in told


def notes(**others):
    known = {"dt": 1e-3, "readout": "mean_voltage", "classes": ["a", "b"]}
    return {**known, "inputs": [6], "steps": STEPS, **others}


def test_a_network_of_ones_own_is_asked_by_its_notes(here):
    net = snn.chain(snn.dense(6, 2), snn.li(2))
    weights = net.init(jax.random.key(0))
    snn.save("mine.safetensors", weights, network=net, notes=notes())
    path = saved("x.npy", raster(0))
    (found,) = predict("mine.safetensors", [path])
    _, v = snn.unroll(net, weights, jnp.asarray(raster(0)[:, None], float), dt=1e-3)
    expected = jax.nn.softmax(snn.models.scores(notes(), v))[0]
    got = [found.probabilities[name] for name in "ab"]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def measured(**others):
    known = {"kind": "spikes", "classes": ["a", "b"], "shape": [6], "dt": 1e-3}
    return {**known, "steps": STEPS, "rate": 9.0, **others}


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"dt": 0.0}, r"dt \[s\] must be finite and positive"),
        ({"dt": "fast"}, "dt must be a number"),
        ({"readout": "loudest"}, "reads 'loudest'"),
        ({"readout": ["voltage"]}, "reads"),
        ({"classes": [1, 2]}, "classes must be texts"),
        ({"classes": []}, "classes must be texts"),
        ({"classes": ["a", "a"]}, "two classes have one name"),
        ({"steps": 10**9}, r"steps=1000000000 of \[6\] are too many"),
        ({"inputs": [7], "measured": measured()}, r"inputs \[7\] are not as many"),
        ({"measured": measured(rate="fast")}, "damaged, or not of these notes"),
        ({"measured": measured(rate=0.0)}, "damaged, or not of these notes"),
        ({"classes": ["a", "b", "c"]}, r"puts out \[2\], for 3 classes"),
        ({"inputs": []}, "inputs must be sizes"),
        ({"inputs": [-6]}, "inputs must be sizes"),
        ({"inputs": 6}, "inputs must be sizes"),
        ({"inputs": [7]}, "7 are read"),
        ({"steps": 0}, "steps must be"),
        ({"measured": 3}, "is damaged"),
        ({"measured": {"kind": "spikes"}}, "is damaged"),
        ({"measured": measured(dt=2e-3)}, "damaged, or not of these notes"),
        ({"measured": measured(kind=None)}, "damaged, or not of these notes"),
        ({"measured": measured(mean=3)}, "damaged, or not of these notes"),
        ({"measured": measured(kind="signals")}, "damaged, or not of these notes"),
        ({"measured": measured(start="now")}, "damaged, or not of these notes"),
        ({"measured": measured(shape=[0])}, "inputs must be sizes"),
        ({"measured": measured(kind="images")}, "holds spikes; .* reads images"),
        ({"task": "own-data"}, "does not tell what was measured"),
    ],
)
def test_notes_that_are_none_are_refused(others, reason, here):
    net = snn.chain(snn.dense(6, 2), snn.li(2))
    weights = net.init(jax.random.key(0))
    snn.save("x.safetensors", weights, network=net, notes=notes(**others))
    with pytest.raises(ValueError, match=reason):
        predict("x.safetensors", [saved("x.npy", raster(0))])


def test_a_file_without_notes_says_which_are_needed(here):
    net = snn.chain(snn.dense(6, 2), snn.li(2))
    snn.save("x.safetensors", net.init(jax.random.key(0)), network=net)
    with pytest.raises(ValueError, match=r"tell its dt, readout.*notes=\{\"dt\": 0"):
        predict("x.safetensors", [saved("x.npy", raster(0))])
    (here / "y.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="damaged"):
        predict("y.safetensors", ["x.npy"])


def test_kinds_of_networks_are_all_kept_whole(tmp_path):
    """What a training leaves can be asked without the task."""
    data = filled(tmp_path / "data", count=12)
    for network in ("recurrent", "adlif", "delays"):
        out = tmp_path / network
        task = trained(data, out, 1, 1, network=network, dt=DT)
        (name, *_) = task.samples["test"].names
        (found,) = predict(out, [data / name])
        net, weights = load_run(out)
        xs = task.parts["test"].raster(np.arange(1), None)
        expected = jax.nn.softmax(scores(net.network, weights["seed0"], xs))[0]
        got = [found.probabilities[name] for name in task.classes]
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_a_network_that_no_file_holds_is_not_guessed(tmp_path):
    data = filled(tmp_path / "data", count=12)
    trained(data, tmp_path / "run", 1, 1, network="delays", dt=DT)
    file = tmp_path / "run" / "seed0" / "network.safetensors"
    kept = load_run(tmp_path / "run").weights["seed0"]
    told = archive.read_notes(file)
    options = told["options"]
    for others, reason in (
        ({"rule": "eprop"}, "cannot hold its network"),
        ({"options": None}, "cannot hold its network"),
        ({"options": {"hidden": 8}}, "do not tell 'network'"),
        ({"options": options | {"hidden": -1}}, "hidden must be"),
    ):
        snn.save(file, kept, notes=told | others)
        assert reason in refused(file, data)


def test_an_error_of_a_reader_is_one_of_data(run, here):
    (here / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    with pytest.raises(DataError, match=r"x\.h5"):
        predict(run[1], ["x.h5"])
