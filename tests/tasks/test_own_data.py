import csv
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from snnjax.__main__ import main
from snnjax.datasets import write_events
from snnjax.datasets.samples import SPLITS
from snnjax.events import from_rows
from snnjax.tasks import (
    evaluate,
    load_run,
    own_data_task,
    own_spikes,
    redraw,
    train,
    transfer,
)
from snnjax.tasks.report import kept_epochs
from snnjax.tasks.samples_file import digests, keep_samples, kept_samples

pytest.importorskip("sklearn")
RNG = np.random.default_rng(0)
DT = 5e-3


def raster(k, steps=20):
    """Spikes on one half of six channels, or on the other."""
    rate = np.where(np.arange(6) // 3 == k % 2, 0.4, 0.05)
    return (RNG.random((steps, 6)) < rate).astype(np.uint8)


def filled(folder, numbers=range(24)):
    for k in numbers:
        path = folder / ("left", "right")[k % 2] / f"s{k // 2 % 4}-{k}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, raster(k))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Recordings, and the folder of a training on them."""
    data = filled(tmp_path_factory.mktemp("data"))
    task = own_data_task(data, network="feedforward", hidden=8, dt=DT, group=r"(s\d)-")
    out = tmp_path_factory.mktemp("run")
    return data, out, train(task, out, epochs=15, learning_rate=0.02, progress=False)


def test_a_run_keeps_what_it_measured_and_where_each_sample_went(run):
    data, out, summary = run
    assert summary["task"] == "own-data"
    assert summary["data"] == str(data)
    assert summary["parted_by"] == "group"
    assert summary["measured"]["classes"] == ("left", "right")
    assert summary["test_accuracy"] > 0.6
    rows = list(csv.DictReader((out / "samples.csv").read_text().splitlines()))
    assert len({row["sample"] for row in rows}) == 24
    homes = {(row["sample"].split("/")[1][:2], row["part"]) for row in rows}
    assert len(homes) == 4  # each subject in one part
    assert {row["class"] for row in rows} == {"left", "right"}
    page = (out / "report.html").read_text()
    assert f"<title>{data.name}, trained</title>" in page
    assert f"snnjax train {data} --settings {out} --out {out}" in page
    assert f"snnjax predict {out} FILE" in page


def test_a_run_is_tested_on_the_same_recordings_wherever_they_are(
    run, tmp_path, recwarn
):
    data, out, summary = run
    found = evaluate(out)
    assert found["test_accuracies"] == summary["test_accuracies"]
    shutil.copytree(data, tmp_path / "moved")
    assert evaluate(out, data=tmp_path / "moved") == found
    assert not recwarn.list


def test_others_are_tested_all_but_those_that_were_trained_on(run, tmp_path):
    data, out, _ = run
    new = filled(tmp_path / "new", range(30, 40, 2))  # of one class only
    found = evaluate(out, data=new)
    assert found["samples"] == 5
    assert np.isnan(found["recall"][1])
    for name in ("left/s0-0.npy", "right/s0-1.npy"):
        (new / name).parent.mkdir(exist_ok=True)
        shutil.copy(data / name, new / name)
    seen = {row["sample"]: row["part"] for row in rows_of(out)}
    trained = sum(seen[name] != "test" for name in ("left/s0-0.npy", "right/s0-1.npy"))
    if trained:
        with pytest.warns(UserWarning, match=f"{trained} of 7 samples .* were trained"):
            assert evaluate(out, data=new)["samples"] == 7 - trained
    else:
        assert evaluate(out, data=new)["samples"] == 7
    fits = [name for name, part in seen.items() if part == "train"][:1]
    only = tmp_path / "only"
    (only / fits[0]).parent.mkdir(parents=True)
    shutil.copy(data / fits[0], only / fits[0])
    with pytest.raises(ValueError, match=r"All 1 samples of .* were trained on"):
        evaluate(out, data=only)


def rows_of(out):
    return csv.DictReader((out / "samples.csv").read_text().splitlines())


def test_a_run_whose_recordings_changed_places_is_not_tested_on_what_trained(
    run, tmp_path
):
    _, out, _ = run
    data = Path(shutil.copytree(run[0], tmp_path / "data"))
    seen = {row["sample"]: row["part"] for row in rows_of(out)}
    names = sorted(name for name in seen if name.startswith("left"))
    fits = next(name for name in names if seen[name] == "train")
    tests = next(name for name in names if seen[name] == "test")
    (data / fits).rename(data / "kept")
    (data / tests).rename(data / fits)
    (data / "kept").rename(data / tests)
    with pytest.warns(UserWarning, match="of 24 samples .* were trained on"):
        found = evaluate(out, data=data)
    assert found["samples"] == sum(part == "test" for part in seen.values())
    here = tmp_path / "run"
    shutil.copytree(out, here)
    summary = here / "summary.json"
    summary.write_text(summary.read_text().replace(str(run[0]), str(data)))
    with pytest.raises(ValueError, match="no longer those of the run"):
        evaluate(here)


def test_names_of_any_bytes_are_kept(tmp_path):
    data = filled(tmp_path / "data")
    (data / "left" / "s0-0.npy").rename(data / "left" / "s\udce4\n=1.npy")
    task = own_data_task(data, network="feedforward", hidden=2, dt=DT)
    keep_samples(tmp_path, task)
    assert r"left/s\udce4" in (tmp_path / "samples.csv").read_text()
    assert len(kept_samples(tmp_path)) == 24


def test_others_of_another_kind_shape_or_class_are_refused(run, tmp_path):
    _, out, _ = run
    filled(tmp_path / "a", range(6))
    (tmp_path / "a" / "left").rename(tmp_path / "a" / "up")
    with pytest.raises(ValueError, match=r"trained on spikes of left, right; these"):
        load_run(out, tmp_path / "a")
    for k in range(4):
        path = tmp_path / "b" / "left" / f"s1-{k}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, raster(k)[:, :5])
    with pytest.raises(ValueError, match=r"s1-0\.npy is \[20, 5\].* where 6 are read"):
        load_run(out, tmp_path / "b")


@pytest.mark.parametrize("network", ["feedforward", "recurrent", "adlif", "delays"])
def test_networks_of_each_kind_read_them(network, tmp_path):
    task = own_data_task(filled(tmp_path), network=network, hidden=5, dt=DT)
    assert task.notes["parted_by"] == "sample"
    assert task.network.dt == DT
    assert {name: len(p.labels) for name, p in task.parts.items()} == {
        "train": 16,
        "validation": 4,
        "test": 4,
    }
    rows = np.arange(3)
    x = task.parts["train"].raster(rows, None)
    assert x.shape == (20, 3, 6)
    lost = task.parts["train"].raster(rows, np.random.default_rng(0))
    assert np.all(lost <= x)
    assert 0.6 < lost.sum() / x.sum() < 1
    assert task.options["network"] == network
    assert (task.learning is None) == (network in ("feedforward", "recurrent"))


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_signals_fire_at_levels_in_their_deviations(tmp_path):
    x = np.linspace(-1, 1, 11)[:, None] * np.array([1.0, -100.0])
    x = np.tile(x, (12, 1, 1))
    path = saved(tmp_path / "x.npz", signals=x, labels=np.arange(12) % 2, dt=DT)
    task = own_data_task(path)
    spikes = task.parts["train"].raster(np.arange(2), None)
    assert spikes.shape == (11, 2, 36)
    inside = np.abs(own_spikes._LEVELS) < 1 / x[0, :, 0].std()
    up, down = np.split(spikes[:, 0, :18].sum(0), 2)
    np.testing.assert_array_equal(up, inside)
    assert not down.any()
    np.testing.assert_array_equal(spikes[:, 0, 27:].sum(0), inside)
    x[..., 1] = 3.0
    with pytest.raises(ValueError, match="Signal 1 is the same always"):
        own_data_task(saved(path, signals=x, labels=np.arange(12) % 2, dt=DT))


def test_copies_in_several_parts_are_told(tmp_path):
    data = filled(tmp_path, range(0, 24))
    for path in sorted(data.glob("left/*"))[1:]:
        shutil.copy(data / "left" / "s0-0.npy", path)
    task = own_data_task(data, network="feedforward", hidden=2, dt=DT)
    with pytest.warns(UserWarning, match="4 samples are the same as one in another"):
        keep_samples(tmp_path, task)


def test_others_of_another_step_are_refused(tmp_path):
    given = {"spikes": np.ones((12, 4, 2), np.uint8), "labels": np.arange(12) % 2}
    known = own_data_task(saved(tmp_path / "x.npz", **given, dt=DT)).notes["measured"]
    path = saved(tmp_path / "y.npz", **given, dt=2 * DT)
    with pytest.raises(ValueError, match=r"steps of 0\.005 s; these are of 0\.01 s"):
        own_data_task(path, measured=known)


def test_images_fire_the_sooner_the_brighter_and_reach_maps(tmp_path):
    images = np.zeros((12, 9, 12), np.uint8)
    images[:, 2, 3], images[:, 4, 5] = 255, 128
    path = saved(tmp_path / "x.npz", images=images, labels=np.arange(12) % 2)
    task = own_data_task(path, network="convolutional", hidden=4)
    x = task.parts["test"].raster(np.arange(1), None)
    assert x.shape == (40, 1, 9, 12, 1)
    assert (x.sum(), x[:, 0, 2, 3, 0].sum()) == (2, 1)
    assert x[:, 0, 2, 3, 0].argmax() < x[:, 0, 4, 5, 0].argmax()
    weights = task.network.cell.init(jax.random.key(0))
    assert weights["hidden"][0].w.shape == (5, 5, 1, 4)


def test_events_last_as_long_as_the_longest_and_what_is_cut_is_told(tmp_path):
    times = [np.array([0.0, 0.01 * (k + 1)]) for k in range(12)]
    units = [np.array([k % 2, 3]) for k in range(12)]
    events = from_rows(times, units, np.arange(12) % 2, n_units=4)
    path = tmp_path / "x.npz"
    write_events(path, events)
    task = own_data_task(path)
    assert task.notes["measured"]["dt"] == 1e-3
    assert task.notes["measured"]["steps"] == 121
    assert task.notes["share_of_events_after_the_end"] == 0
    with pytest.warns(UserWarning, match=r"29\.17% .* later than 0\.06 s and are cut"):
        cut = own_data_task(path, duration=0.06, dt=2e-3)
    assert cut.notes["measured"]["steps"] == 30
    assert cut.notes["share_of_events_after_the_end"] == 7 / 24
    with pytest.raises(ValueError, match="dt must be a step in seconds"):
        own_data_task(path, dt=5.0)
    for odd in (0.0, -1.0, np.nan, np.inf, 1e308):
        with pytest.raises(ValueError, match="duration"):
            own_data_task(path, duration=odd)


def test_sounds_go_through_the_cochlea_with_their_groups(tmp_path, monkeypatch):
    heard = {}

    def encode(recordings, *, channels, progress):
        heard.update(recordings=recordings, channels=channels)
        times = [np.array([0.1, 0.2])] * len(recordings.paths)
        units = [np.array([1, 2])] * len(recordings.paths)
        return from_rows(times, units, recordings.labels, n_units=channels)

    monkeypatch.setattr(own_spikes, "encode_cached", encode)
    folder = filled_with_sounds(tmp_path / "first", range(12))
    task = own_data_task(folder, group=r"ann(\d+)")
    assert heard["channels"] == 70
    assert heard["recordings"].speakers[0] == "0"
    assert task.notes["measured"]["kind"] == "sounds"
    assert task.parts["train"].raster(np.arange(2), None).shape[2] == 70
    moved = filled_with_sounds(tmp_path / "moved", range(11, 3, -1))
    again = own_data_task(moved, measured=task.notes["measured"])
    one, other = (
        {each for split in SPLITS for each in digests(t.parts[split], t.samples[split])}
        for t in (task, again)
    )
    assert len(other) == 8
    assert other < one


def filled_with_sounds(folder, numbers):
    for k in numbers:
        path = folder / ("yes", "no")[k % 2] / f"ann{k}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(k))
    return folder


def wav(k):
    samples = np.arange(80, dtype="<i2") * (k + 1)
    head = b"WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0\x80>\0\0\x02\0\x10\0data"
    data = len(samples.tobytes()).to_bytes(4, "little") + samples.tobytes()
    return b"RIFF" + (len(head) + len(data)).to_bytes(4, "little") + head + data


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"network": "deep"}, "network must be one of"),
        ({"hidden": -1}, "hidden"),
        ({"hidden": 0}, "hidden"),
        ({"dt": 5.0}, "dt must be less than a second"),
        ({"dt": None}, "dt must be given for arrays"),
        ({"dt": -1.0}, "dt"),
        ({"duration": 1.0}, "arrays are read to their end"),
        ({"duration": -1.0}, "duration"),
        ({"network": "convolutional"}, "needs images or an event camera"),
        ({"network": "adlif", "reset": "none"}, "reset must be 'zero' for adlif"),
        ({"surrogate": "x(1)"}, "no surrogate 'x'"),
    ],
)
def test_options_that_do_not_suit_are_refused(options, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        own_data_task(filled(tmp_path), **({"dt": DT} | options))


def test_samples_that_cannot_be_parted_are_refused_by_the_name_of_their_class(tmp_path):
    filled(tmp_path, range(0, 24, 2))
    with pytest.raises(ValueError, match="of one class, 'left'"):
        own_data_task(tmp_path, dt=DT)
    filled(tmp_path, [1, 3])
    with pytest.raises(ValueError, match="Class 'right' has 2 samples"):
        own_data_task(tmp_path, dt=DT)
    silent = saved(
        tmp_path / "x.npz", spikes=np.zeros((9, 4, 2), int), labels=np.arange(9) % 2
    )
    with pytest.raises(ValueError, match="have no spikes"):
        own_data_task(silent, dt=DT)


@pytest.mark.usefixtures("without_pictures")
def test_a_network_is_trained_on_a_camera_of_two_formats(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(16):
        n = 60
        t = np.sort(rng.integers(0, 50_000, n))
        x, y = rng.integers(0, 8, n) + 8 * (k % 2), rng.integers(0, 16, n)
        home = tmp_path / "data" / ("left", "right")[k % 2]
        home.mkdir(parents=True, exist_ok=True)
        if k % 4 < 2:
            words = np.stack([t, x | y << 14 | 1 << 28], 1).astype("<u4")
            head = b"% Version 2\n% Height 16\n% Width 16\n% end\n\x0c\x08"
            (home / f"{k}.dat").write_bytes(head + words.tobytes())
        else:
            rows = "".join(f"{a},{b},{c},1\n" for a, b, c in zip(t, x, y, strict=True))
            (home / f"{k}.txt").write_text(f"t,x@16,y@16,on\n{rows}")
    task = own_data_task(tmp_path / "data", network="convolutional", hidden=4)
    assert task.notes["measured"]["shape"] == (16, 16, 2)
    found = train(task, tmp_path / "run", epochs=8, progress=False)
    assert found["test_accuracy"] == 1.0
    assert evaluate(tmp_path / "run")["test_accuracy"] == 1.0


@pytest.mark.usefixtures("without_pictures")
def test_lists_of_spikes_of_two_formats_are_trained_on_by_a_command(
    tmp_path, monkeypatch, capsys
):
    """Low numbers fire in one class, high ones in the other."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for k in range(24):
        times = np.sort(rng.uniform(0.0, 0.05, 60))
        units = rng.integers(0, 8, 60) + 8 * (k % 2)
        home = tmp_path / "lists" / ("low", "high")[k % 2]
        home.mkdir(parents=True, exist_ok=True)
        rows = zip(times, units, strict=True)
        if k % 4 < 2:
            text = "time_s,unit\n" + "".join(f"{t:.6f},{u}\n" for t, u in rows)
            (home / f"{k}.csv").write_text(text)
        else:
            text = "".join(f"{u}\t{1e3 * t:.3f}\t\n" for t, u in rows)
            (home / f"{k}-7-0.gdf").write_text(text)  # of NEST 2
    assert main(["train", "lists", "--epochs", "8", "--out", "run"]) == 0
    found = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert found["test_accuracy"] == 1.0
    assert kept_epochs(found) in capsys.readouterr().out
    assert main(["evaluate", "run"]) == 0
    assert "test accuracy 1.000" in capsys.readouterr().out


def test_files_that_are_left_out_are_told(tmp_path):
    filled(tmp_path)
    (tmp_path / "left" / "bad.npy").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"left/bad\.npy.*see --skip-bad|1 cannot be"):
        own_data_task(tmp_path, dt=DT)
    with pytest.warns(UserWarning, match=r"1 files were left out\.\n.*left/bad\.npy"):
        task = own_data_task(tmp_path, dt=DT, skip_bad=True)
    assert sum(len(part.labels) for part in task.parts.values()) == 24


def test_others_are_not_drawn_into_the_reports_of_a_run(run, tmp_path):
    _, out, _ = run
    new = filled(tmp_path / "new", range(30, 40))
    before = (out / "report.html").read_bytes()
    with pytest.raises(ValueError, match="holds other recordings than those that"):
        redraw(out, data=new)
    assert (out / "report.html").read_bytes() == before
    options = {"chips": 2, "mismatch": (0.1,)}
    transfer(out, tmp_path / "chips", **options)
    with pytest.raises(ValueError, match="summary of something else"):
        transfer(out, tmp_path / "chips", data=new, **options)
