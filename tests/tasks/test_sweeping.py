"""Sweeps of tasks: each network is the one that is trained alone."""

import csv
import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from snnjax import __main__, sweep_command, tasks, training_command
from snnjax.tasks import digits_task, sweep_task, sweeping, train

tyro = pytest.importorskip("tyro")

SIZES = {"train": 48, "validation": 20, "test": 30}
COLUMNS = {"slope": [1.0, 10.0], "learning_rate": [5e-3, 2e-2]}


@pytest.fixture(scope="module")
def make(shortened):
    def made(hidden=12, dt=5e-3, **options):
        task = shortened(digits_task(hidden=hidden, dt=dt, **options), SIZES)
        return task._replace(schedule=task.schedule._replace(epochs=2))

    return made


@pytest.fixture(scope="module")
def finished(make, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    found = sweep_task(make, folder, COLUMNS, seeds=2, progress=False)
    return folder, found


def rows(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return [*csv.DictReader(file)]


def test_each_network_does_what_it_does_trained_alone(
    finished, make, tmp_path, without_pictures
):
    table = rows(finished[0])
    assert len(table) == 8
    keys = {(row["slope"], row["learning_rate"], row["seed"]) for row in table}
    assert len(keys) == len({row["loss"] for row in table}) == 8
    task = make(surrogate="SuperSpike(1)")
    found = train(task, tmp_path, seeds=2, learning_rate=2e-2, progress=False)
    for seed in range(2):
        (row,) = (r for r in table if [*r.values()][:3] == ["1.0", "0.02", str(seed)])
        lines = (tmp_path / f"seed{seed}" / "metrics.jsonl").read_text().splitlines()
        history = [json.loads(line) for line in lines]
        assert float(row["loss"]) == pytest.approx(history[-1]["loss"], rel=1e-4)
        assert float(row["accuracy"]) == pytest.approx(history[-1]["accuracy"])
        assert float(row["hidden_rate"]) == pytest.approx(
            history[-1]["hidden_rate"], rel=1e-3
        )
        assert int(float(row["epoch"])) == found["chosen_epochs"][seed]
        for name, several in (
            ("test_accuracy", found["test_accuracies"]),
            ("validation_accuracy", found["validation_accuracies"]),
        ):
            assert float(row[name]) == pytest.approx(several[seed])


def test_a_sweep_leaves_a_table_a_figure_and_the_best(finished):
    folder, found = finished
    assert json.loads((folder / "summary.json").read_text()) == found
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")
    means = {}
    for row in rows(folder):
        case = float(row["slope"]), float(row["learning_rate"])
        means.setdefault(case, []).append(float(row["validation_accuracy"]))
    best = found["best"]
    case = best["slope"], best["learning_rate"]
    case = min(means, key=lambda c: abs(np.subtract(c, case)).sum())
    assert np.mean(means[case]) == max(map(np.mean, means.values()))
    assert (found["networks"], found["not_finite"], found["found_already"]) == (8, 0, 0)


def test_a_sweep_goes_on_and_trains_what_is_new(finished, make, monkeypatch):
    folder, _ = finished
    before = (folder / "sweep.csv").read_text()
    trained = []

    def few(task, points, told):
        trained.append({k: v.tolist() for k, v in points.items()})
        return dict.fromkeys(sweeping.METRICS, np.full(len(points["seed"]), np.nan))

    monkeypatch.setattr(sweeping, "fit_many", few)
    again = sweep_task(make, folder, COLUMNS, seeds=2, progress=False)
    assert (again["found_already"], trained) == (8, [])
    wider = COLUMNS | {"slope": [1.0, 10.0, 100.0]}
    with pytest.warns(UserWarning, match="4 of 12 networks stopped being finite"):
        more = sweep_task(make, folder, wider, seeds=2, at_once=3, progress=False)
    assert [each["slope"] for each in trained] == [[100.0] * 3, [100.0]]
    assert (more["found_already"], more["not_finite"]) == (8, 4)
    assert (folder / "sweep.csv").read_text().startswith(before)
    for other, refusal in (
        ({"learning_rate": [1.0]}, "columns"),
        (COLUMNS, r"options.reset \(zero, now subtract\)"),
    ):
        with pytest.raises(ValueError, match=f"another sweep.*{refusal}"):
            sweep_task(
                lambda **own: make(reset="subtract", **own),
                *(folder, other),
                progress=False,
            )


def test_what_changes_shapes_goes_one_after_another(make, tmp_path, monkeypatch):
    shapes = []

    def few(task, points, told):
        weights = task.network.cell.init(jax.random.key(0))
        schedule = task.schedule
        shapes.append((weights["hidden"][0].w.shape[1], schedule.epochs))
        n = len(points["seed"])
        assert points["learning_rate"].tolist() == [np.float32(5e-3)] * n
        return dict.fromkeys(sweeping.METRICS, np.full(n, 0.5))

    monkeypatch.setattr(sweeping, "fit_many", few)
    columns = {"hidden": [3, 4], "epochs": [1, 2]}
    sweep_task(make, tmp_path, columns, seeds=2, progress=False)
    assert shapes == [(3, 1), (3, 2), (4, 1), (4, 2)]
    assert [*rows(tmp_path)[0]][:3] == ["hidden", "epochs", "seed"]


VARIED = {"hidden": [3, 4], "dt": [1e-3, 5e-3], "duration": [0.5, 0.25]}
VARIED |= {"batch": [12, 48], "epochs": [1, 3]}


def test_what_goes_in_turn_reaches_the_task_or_its_schedule(
    make, tmp_path, monkeypatch
):
    assert VARIED.keys() == {*sweeping.IN_TURN}
    made, fitted = [], []

    def recorded(duration=None, **own):
        made.append({"duration": duration} | own)
        return make(**own)

    def few(task, points, told):
        reached = made[-1] | task.schedule._asdict()
        fitted.append((reached[column], points["seed"].tolist()))
        return dict.fromkeys(sweeping.METRICS, np.full(len(points["seed"]), 0.5))

    monkeypatch.setattr(sweeping, "fit_many", few)
    for column, values in VARIED.items():
        fitted.clear()
        asked = {column: values}, tmp_path / column
        sweep_task(recorded, *asked[::-1], seeds=2, seed=5, progress=False)
        assert fitted == [(value, [5, 6]) for value in values]


def test_a_network_that_diverges_stands_in_the_table(make, tmp_path):
    with pytest.warns(UserWarning, match="1 of 2 networks stopped being finite"):
        found = sweep_task(
            make, tmp_path, {"learning_rate": [1e-2, 3e38]}, progress=False
        )
    good, bad = rows(tmp_path)
    assert good["nonfinite"] == ""
    assert bad["test_accuracy"] == "nan"
    assert "test_accuracy" in bad["nonfinite"]
    assert found["best"]["learning_rate"] == pytest.approx(1e-2)


@pytest.mark.parametrize(
    ("refusal", "columns"),
    [
        ("reset cannot be varied; slope, learning_rate, hidden", {"reset": [1]}),
        ("slope must have one value at least, none twice", {"slope": [1.0, 1.0]}),
        ("slope must have one value at least", {"slope": []}),
        ("hidden must be a whole number", {"hidden": [2.5]}),
        ("learning_rate must be .* positive", {"learning_rate": [0.0]}),
        ("batch must be at most the 48 samples", {"batch": [49]}),
    ],
)
def test_what_cannot_be_varied_is_refused(refusal, columns, make, tmp_path):
    with pytest.raises(ValueError, match=refusal):
        sweep_task(make, tmp_path, columns, progress=False)
    assert not (tmp_path / "sweep.csv").exists()


def test_a_sweep_of_a_task_is_refused_in_a_job(make, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match="runs in one process, on all its devices"):
        sweep_task(make, tmp_path / "sweep", COLUMNS, progress=False)
    assert not (tmp_path / "sweep").exists()


def test_a_surrogate_without_a_slope_has_none_to_vary(make, tmp_path):
    with pytest.raises(ValueError, match="slope: no neuron"):
        sweep_task(
            lambda **own: make(surrogate="StraightThrough", **own),
            *(tmp_path, {"slope": [1.0, 2.0]}),
            progress=False,
        )


OPTIONS = {  # of `snnjax sweep`: what is given, and what comes of it
    "slope": ("1 10", [1.0, 10.0]),
    "learning_rate": ("0.1 0.2", [0.1, 0.2]),
    "hidden": ("4 5", [4, 5]),
    "dt": ("1e-3 2e-3", [1e-3, 2e-3]),
    "duration": ("0.5 2", [0.5, 2.0]),
    "batch": ("6 7", [6, 7]),
    "epochs": ("8 9", [8, 9]),
    "seeds": ("11", 11),
    "seed": ("0", 0),
    "at_once": ("12", 12),
    "out": ("here", Path("here")),
    "data": ("there", Path("there")),
    "surrogate": ("Triangle", "Triangle"),
    "reset": ("subtract", "subtract"),
    "gradient": ("ttfs", "ttfs"),
    "model": ("delays", "delays"),
    "network": ("adlif", "adlif"),
    "group": ("(.)", "(.)"),
    "normalize": ("", True),
    "skip_bad": ("", True),
    "from_sound": ("", "sound"),
}
FIELDS = {
    name: [each.name for each in dataclasses.fields(made) if each.name != "task"]
    for name, made in sweep_command.tasks(tyro.conf).items()
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_reaches_the_sweep_or_the_task(name, monkeypatch, capsys):
    asked = {}

    def never(make, out, columns, **options):
        asked.update(columns, out=out, **options)
        make()
        raise ValueError("asked")

    def made(name, data, options):
        asked.update(options, task=name, data=data)

    monkeypatch.setattr(tasks, "sweep_task", never)
    monkeypatch.setattr(training_command, "made", made)
    plain = ["sweep", name] + (["there"] if name == "own-data" else [])
    assert __main__.main(plain) == 1
    folder = Path("there") if name == "own-data" else None
    assert asked == {"out": Path("runs/sweep"), "task": name, "data": folder}
    asked.clear()
    expected = {"task": name, "data": None}
    for option in FIELDS[name]:
        words, value = OPTIONS[option]
        expected["source" if option == "from_sound" else option] = value
        if (name, option) != ("own-data", "data"):  # the path, given already
            plain += [f"--{option.replace('_', '-')}", *words.split()]
    assert __main__.main(plain) == 1
    assert asked == expected
    assert capsys.readouterr().err.endswith("snnjax: asked\n")


def test_the_command_line_asks_for_what_is_given(capsys, monkeypatch, tmp_path):
    asked = {}

    def never(make, out, columns, **options):
        asked.update(out=out, columns=columns, options=options, task=make(hidden=7))
        raise ValueError("asked")

    monkeypatch.setattr(tasks, "sweep_task", never)
    command = "sweep digits --slope 1 10 --learning-rate 1e-3 1e-2 --hidden 7 9"
    more = f"--reset subtract --seeds 5 --at-once 3 --out {tmp_path}"
    assert __main__.main(f"{command} {more}".split()) == 1
    assert capsys.readouterr().err.endswith("snnjax: asked\n")
    assert asked["columns"] == {
        **{"slope": [1.0, 10.0], "learning_rate": [1e-3, 1e-2], "hidden": [7, 9]},
    }
    assert asked["options"] == {"seeds": 5, "at_once": 3}
    assert (asked["out"], asked["task"].options["hidden"]) == (tmp_path, 7)
    assert asked["task"].options["reset"] == "subtract"
