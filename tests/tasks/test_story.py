"""What people look at after a training: one page, drawn anew without training."""

import json
import re
import shutil
from functools import partial, wraps
from html.parser import HTMLParser

import jax
import numpy as np
import pytest

import snnjax as snn
from snnjax import __main__, files
from snnjax.tasks import TASKS, Network, Part, Schedule, Task, fitting, redraw, train
from snnjax.tasks.examples import examples
from snnjax.tasks.network import HIDDEN_AND_OUT, mean_voltage, scores
from snnjax.tasks.network import run as run_network
from snnjax.tasks.page import table, typed
from snnjax.tasks.report import kept_epochs

SIZES = {"train": 60, "validation": 20, "test": 40}
ODD = ("<script>alert(1)</script>", r"$\bad$ --> </svg>", "\"quoted' & <b>")


class Seen(HTMLParser):
    """Elements of a page, those that are open, and its words."""

    VOID = ("meta", "path", "use", "image", "rect")

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def three_kinds(toy, classes=ODD):
    """A task of three classes, each a channel of its own that fires."""
    labels = {split: np.arange(n) % 3 for split, n in SIZES.items()}

    def raster(split):
        xs = np.random.default_rng(len(split)).random((12, len(labels[split]), 3)) < 0.2
        xs[::3] |= np.eye(3, dtype=bool)[labels[split]]
        return xs.astype(np.float32)

    cell = snn.chain(
        hidden=snn.chain(snn.dense(3, 8), snn.lif(8, snn.LIFParams(5e-3, 2e-3, 0.2))),
        out=snn.chain(snn.dense(8, 3), snn.li(3)),
        outputs=HIDDEN_AND_OUT,
    )
    network = Network(cell, mean_voltage, 1e-3)
    schedule = Schedule(20, 1, 1e-2)
    return Task("kinds", toy(raster, labels), network, schedule, {}, classes=classes)


def seen_by(task):
    return partial(scores, task.network), partial(run_network, task.network)


@pytest.fixture(scope="module")
def run(digits, shortened, tmp_path_factory):
    """The folder of a run on digits, and what that found."""
    folder = tmp_path_factory.mktemp("run")
    task = shortened(digits, SIZES)
    return folder, train(task, folder, seeds=2, epochs=2, progress=False)


@pytest.fixture
def page(run):
    return Seen((run[0] / "report.html").read_text())


def test_a_page_tells_a_run_in_words_and_pictures(run, page):
    folder, found = run
    for words in (
        "digits, trained",
        f"{found['test_accuracy']:.3f} mean of seeds",
        f"chance {found['chance']:.3f}",
        f"linear readout {found['linear_readout_test_accuracy']:.3f}",
        "{}, {}".format(*found["chosen_epochs"]),
        kept_epochs(found),
        "lies below validation",
        "Least certain",
        "means over 2 seeds",
        f"hidden 512 {found['layers']['hidden']['rate']:.1f} Hz",
        f"{found['layers']['hidden']['operations']:,.0f}",
        "epochs 2, batches of 16, learning rate 0.005",
        f"jax {jax.__version__}",
        found["device"],
        f"snnjax train digits --settings {folder} --out {folder}",
        f"snnjax evaluate {folder}",
        f"snnjax plot {folder}",
    ):
        assert words in page.text
    recipe = json.loads((folder / "seed0" / "run.json").read_text())["recipe"]
    for part in recipe["data"].values():
        assert part["labels"] in page.text
        assert part["spikes"] in page.text
    assert page.tags.count("svg") == 2 + 3 * page.tags.count("h3")
    assert sum(name == "aria-label" for name, _ in page.attributes) == page.tags.count(
        "svg"
    )


def test_a_page_needs_nothing_from_outside_and_runs_nothing(run, page):
    text = (run[0] / "report.html").read_text()
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"\w+://[^\"'\s)]+", text)) == namespaces
    outer = {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert not outer & {*page.tags}
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "xlink:href"):
            assert value.startswith(("#", "data:image/png;base64,"))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert len(text) < 1_000_000
    assert not re.search("#000000|#a6a6a6", text)  # colours follow the theme


def test_the_lines_on_a_page_work(page):
    line = next(words for words in page.words if "snn.load(" in words)
    names = {"xs": np.zeros((5, 1, 128), np.float32)}
    exec(line, names)
    assert names["voltages"].shape == (5, 1, 10)
    assert typed("snnjax", "plot", "a b/$(c)") == "snnjax plot 'a b/$(c)'"


def test_names_from_files_are_words_and_nothing_else(toy, tmp_path):
    folder = tmp_path / "<img src=x onerror=alert(1)> 'a\" b"
    task = three_kinds(toy)
    train(task, folder, progress=False)
    page = Seen((folder / "report.html").read_text())
    assert not {"script", "img", "b"} & {*page.tags}
    assert "alert(1)" not in [value for _, value in page.attributes]
    assert f"Label {ODD[0]}" in page.text or f"Label {ODD[2]}" in page.text
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert "snnjax train" not in page.text  # the command line does not know this task
    line = next(words for words in page.words if "snn.load(" in words)
    exec(line, {"xs": np.zeros((5, 1, 3), np.float32)})
    cells = table(["<a>", "<b>"], [["<c>", "<d>"]])
    assert {*Seen(cells).tags} == {"table", "thead", "tbody", "tr", "th", "td"}


def test_samples_are_those_read_right_wrong_and_hardly(toy):
    task = three_kinds(toy, ("a", "b", "c"))
    weights = task.network.cell.init(jax.random.key(0))
    found = {each.title: each for each in examples(task, weights, *seen_by(task))}
    assert [*found] == ["Read right", "Read wrong", "Least certain"]
    assert found["Read right"].guess == found["Read right"].label
    assert found["Read wrong"].guess != found["Read wrong"].label
    for each in found.values():
        assert each.inputs.shape == (12, 3)
        assert each.hidden.shape == (12, 8)
        voltages = each.v.mean(axis=0)
        assert np.argmax(voltages) == each.guess
        assert f"Label {'abc'[each.label]}, read as {'abc'[each.guess]}" in each.words


def test_where_steps_have_labels_samples_are_read_best_and_worst(toy):
    task = three_kinds(toy)
    cell = task.network.cell
    labels = np.repeat(np.arange(SIZES["test"])[:, None] % 3, 12, axis=1)
    labels[:, :2] = -1
    part = Part(task.parts["test"].raster, labels)
    network = Network(cell, lambda v: v, 1e-3)
    task = task._replace(network=network, parts={"test": part})
    found = examples(task, cell.init(jax.random.key(0)), *seen_by(task))
    assert [each.title for each in found] == ["Read best", "Read worst"]
    best, worst = (float(re.search(r"([\d.]+)%", e.words)[1]) for e in found)
    assert best > worst
    assert found[0].label is None


@pytest.fixture
def again(run, digits, shortened, monkeypatch):
    """The folder, whose task is the short one; nothing can be trained."""
    task = wraps(TASKS["digits"])(lambda **options: shortened(digits, SIZES))
    monkeypatch.setitem(TASKS, "digits", task)
    monkeypatch.setattr(fitting, "fit", None)
    return run[0]


def test_reports_are_drawn_anew_without_training(again, capsys):
    reports = [again / name for name in ("report.html", "report.png")]
    before = {p: p.read_bytes() for p in sorted(again.rglob("*")) if p.is_file()}
    for report in reports:
        report.unlink()
    assert __main__.main(["plot", str(again)]) == 0
    out = capsys.readouterr().out
    assert all(f"report: {report}\n" in out for report in reports)
    after = {p: p.read_bytes() for p in sorted(again.rglob("*")) if p.is_file()}
    assert [*after] == [*before]
    assert [p for p in before if before[p] != after[p]] == []


def test_what_is_no_finished_run_is_not_drawn(again, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        redraw(tmp_path / "none")
    with pytest.raises(ValueError, match="not the folder of a finished training"):
        redraw(tmp_path)
    for name, text in (
        ("summary.json", '{"cut'),
        ("seed0/metrics.jsonl", ""),
        ("seed0/metrics.jsonl", "[1]"),
        ("summary.json", "{}"),
    ):
        folder = shutil.copytree(again, tmp_path / "copy")
        (folder / name).write_text(text)
        old = (folder / "report.html").read_bytes()
        with pytest.raises(ValueError, match=f"{name} (cannot be read|says nothing)"):
            redraw(folder)
        assert (folder / "report.html").read_bytes() == old
        shutil.rmtree(folder)
    with files.lock(again), pytest.raises(BlockingIOError, match="in use by process"):
        redraw(again)


def test_a_run_on_a_chip_is_drawn_by_its_own_command(again, tmp_path):
    folder = shutil.copytree(again, tmp_path / "copy")
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | {"rule": "in the loop"}))
    with pytest.raises(ValueError, match="snnjax chip train"):
        redraw(folder)
