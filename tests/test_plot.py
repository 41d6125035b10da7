import subprocess
import sys

import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from nbclient import NotebookClient

from snnjax import plot

HISTORY = [
    {
        "epoch": k + 1,
        "loss": 2.0 / (k + 1),
        "accuracy": 0.3 * k,
        "validation_accuracy": a,
    }
    for k, a in enumerate([0.1, 0.4, 0.5])
]
COUNTS = np.array([[8, 1, 0], [0, 5, 2], [0, 0, 0]])


@pytest.fixture
def ax():
    return plot.figure()[1][0, 0]


def drawn(ax):
    """Draws the whole figure, so that anything wrong in it comes to light."""
    ax.figure.canvas.draw()
    return ax


def test_a_figure_has_the_axes_asked_for():
    page, axes = plot.figure(2, 3, (6.0, 5.0))
    assert axes.shape == (2, 3)
    np.testing.assert_array_equal(page.get_size_inches(), [6.0, 5.0])


def test_a_raster_has_a_dot_for_each_spike(ax, rng):
    spikes = rng.random((50, 7)) < 0.1
    plot.raster(ax, spikes, dt=2e-3, title="spikes")
    (dots,) = drawn(ax).collections
    expected = {(2.0 * t, k) for t in range(50) for k in range(7) if spikes[t, k]}
    assert {(round(x, 6), k) for x, k in dots.get_offsets()} == expected
    assert ax.get_xlim() == (0, 100.0)
    assert ax.get_ylim() == (-0.5, 6.5)
    assert (ax.get_xlabel(), ax.get_title()) == ("time (ms)", "spikes")


def test_the_time_of_a_fast_chip_is_told_in_microseconds(ax):
    plot.raster(ax, np.eye(20), dt=1.7e-6)
    assert ax.get_xlabel() == "time (µs)"
    np.testing.assert_allclose(ax.get_xlim(), (0.0, 34.0))
    plot.voltages(ax, np.eye(20), dt=1.7e-6)
    assert ax.get_xlabel() == "time (µs)"
    np.testing.assert_allclose(ax.lines[0].get_xdata()[:2], [1.7, 3.4])


def test_a_silent_raster_is_empty(ax):
    plot.raster(ax, np.zeros((50, 7)), dt=1e-3)
    assert len(drawn(ax).collections[0].get_offsets()) == 0
    assert ax.get_ylim() == (-0.5, 6.5)


def test_voltages_are_lines_over_milliseconds_and_one_stands_out(ax, rng):
    v = rng.normal(size=(20, 3))
    plot.voltages(ax, v, dt=5e-3, bold=1)
    lines = drawn(ax).lines
    for k, line in enumerate(lines):
        np.testing.assert_allclose(line.get_xdata(), 5.0 * np.arange(1, 21))
        np.testing.assert_array_equal(line.get_ydata(), v[:, k])
    widths = [line.get_linewidth() for line in lines]
    assert np.argmax(widths) == 1
    (label,) = ax.get_legend().get_texts()
    assert label.get_text() == "output 1"


def test_voltages_need_no_favourite(ax):
    plot.voltages(ax, np.zeros((5, 2)), dt=1e-3)
    assert len(drawn(ax).lines) == 2
    assert ax.get_legend() is None


def test_learning_curves_show_what_fit_recorded(ax):
    plot.learning_curves(ax, HISTORY, "learning")
    curves = {line.get_label(): line for line in drawn(ax).lines}
    assert set(curves) == {"training", "validation"}
    for label, key in (("training", "accuracy"), ("validation", "validation_accuracy")):
        np.testing.assert_array_equal(curves[label].get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(
            curves[label].get_ydata(), [row[key] for row in HISTORY]
        )
    (twin,) = set(ax.figure.axes) - {ax}
    np.testing.assert_allclose(twin.lines[0].get_ydata(), [2.0, 1.0, 2 / 3])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["training", "validation"]


def test_learning_curves_without_accuracy_show_the_loss(ax):
    plot.learning_curves(ax, [{"epoch": 1, "loss": 2.0}])
    (line,) = drawn(ax).lines
    assert line.get_marker() == "o"  # one epoch is no line
    assert ax.get_ylabel() == "loss"
    assert ax.figure.axes == [ax]


def test_learning_curves_show_the_measure_that_was_monitored(ax):
    rows = [
        {
            "epoch": k + 1,
            "loss": 1.0 / (k + 1),
            "mse": 0.1 * k,
            "validation_mse": 0.2 * k,
        }
        for k in range(4)
    ]
    plot.learning_curves(ax, rows)
    curves = {line.get_label(): line.get_ydata() for line in drawn(ax).lines}
    np.testing.assert_allclose(curves["training"], [0.0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(curves["validation"], [0.0, 0.2, 0.4, 0.6])
    assert ax.get_ylabel() == "mse"
    (twin,) = set(ax.figure.axes) - {ax}
    assert twin.get_ylabel() == "training loss, dotted"
    assert all(float(at).is_integer() for at in ax.get_xticks())
    with pytest.raises(ValueError, match="monitor='accuracy' is not in the history"):
        plot.learning_curves(ax, rows, monitor="accuracy")


def test_a_loss_that_was_validated_shares_its_axis(ax):
    rows = [{"epoch": k + 1, "loss": 1.0, "validation_loss": 2.0} for k in range(3)]
    plot.learning_curves(ax, rows)
    assert [line.get_label() for line in drawn(ax).lines] == ["training", "validation"]
    assert ax.figure.axes == [ax]


def test_classes_are_told_by_name(ax):
    plot.confusion_matrix(ax, COUNTS, classes=["yes", "no", "silence"])
    drawn(ax)
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [text.get_text() for text in labels] == ["yes", "no", "silence"]
    with pytest.raises(ValueError, match="classes must be 3 names, got 2"):
        plot.confusion_matrix(ax, COUNTS, classes=["yes", "no"])


def test_an_output_that_stands_out_is_told_by_name(ax):
    names = ["yes", "no", "silence"]
    plot.voltages(ax, np.zeros((5, 3)), dt=1e-3, bold=1, classes=names)
    (label,) = ax.get_legend().get_texts()
    assert label.get_text() == "output no"
    with pytest.raises(ValueError, match="classes must be 2 names, got 3"):
        plot.voltages(ax, np.zeros((5, 2)), dt=1e-3, classes=names)


def test_up_to_seven_outputs_have_colours_and_names_where_none_stands_out(ax):
    plot.voltages(ax, np.zeros((5, 2)), dt=1e-3, classes=["yes", "no"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["yes", "no"]
    assert len({line.get_color() for line in ax.lines}) == 2


def test_what_an_output_was_taken_for_stands_out_too(ax):
    plot.voltages(ax, np.zeros((5, 3)), dt=1e-3, bold=1, guess=0)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["output 0, the guess", "output 1"]


def test_names_of_classes_are_no_formulas_and_stay_short(ax):
    names = [r"$\bad$", "a\nb", 30 * "long "]
    plot.confusion_matrix(ax, COUNTS, classes=names)
    drawn(ax)
    shown = [text.get_text() for text in ax.get_yticklabels()]
    assert shown == [r"\$\bad\$", "a b", "long long long long…"]


def test_one_sample_of_a_batch_is_drawn_as_a_raster(ax):
    spikes = np.zeros((20, 3, 4))
    spikes[5, 1, 2] = 1.0
    plot.raster(ax, spikes, dt=1e-3, sample=1)
    np.testing.assert_allclose(drawn(ax).collections[0].get_offsets(), [[5.0, 2.0]])
    assert all(float(at).is_integer() for at in ax.get_yticks())
    with pytest.raises(ValueError, match="spikes of 3 samples"):
        plot.raster(ax, spikes, dt=1e-3)
    with pytest.raises(ValueError, match="sample"):
        plot.raster(ax, spikes, dt=1e-3, sample=3)


def test_a_notebook_is_shown_a_figure_and_a_script_saves_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page, axes = plot.figure()
    plot.raster(axes[0, 0], np.eye(9), dt=1e-3)
    plot.show(page, "spikes")
    saved = (tmp_path / "spikes.png").read_bytes()
    assert saved.startswith(b"\x89PNG")
    assert page._repr_png_().startswith(b"\x89PNG")
    for name in ("", "../up", "a/b"):
        with pytest.raises(ValueError, match="name must be"):
            plot.show(page, name)
    with pytest.raises(ValueError, match="drawn must be a figure"):
        plot.show(axes, "spikes")


def test_jupyter_shows_the_figures_of_a_notebook(tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(code)
        for code in (
            "import numpy as np\nfrom snnjax import plot\npage, axes = plot.figure()",
            "plot.raster(axes[0, 0], np.eye(9), dt=1e-3)\nplot.show(page, 'spikes')",
            "page",
        )
    ]
    home = {"metadata": {"path": tmp_path}}
    NotebookClient(notebook, timeout=100, resources=home).execute()
    for cell in notebook.cells[1:]:
        (out,) = cell.outputs
        assert len(out["data"]["image/png"]) > 1000
    assert not list(tmp_path.iterdir())


def test_a_confusion_matrix_shows_shares_and_counts(ax):
    plot.confusion_matrix(ax, COUNTS, "test data")
    (image,) = drawn(ax).images
    expected = [[8 / 9, 1 / 9, 0], [0, 5 / 7, 2 / 7], [0, 0, 0]]
    np.testing.assert_allclose(image.get_array(), expected)
    written = {
        (*t.get_position()[::-1], t.get_text(), to_rgb(t.get_color())) for t in ax.texts
    }
    white, black = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    assert written == {
        (0, 0, "8", white),
        (0, 1, "1", black),
        (1, 1, "5", white),
        (1, 2, "2", black),
    }


def test_a_large_confusion_matrix_is_not_littered_with_numbers(ax):
    plot.confusion_matrix(ax, np.ones((30, 30), int))
    assert len(drawn(ax).texts) == 0
    np.testing.assert_array_equal(ax.get_xticks(), np.arange(0, 30, 2))


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_a_report_is_saved_as_a_picture(rate, tmp_path, rng):
    spikes = lambda n: rng.random((50, n)) < rate  # noqa: E731
    page = plot.report(
        HISTORY,
        COUNTS,
        spikes(64),
        spikes(20),
        rng.normal(size=(50, 3)),
        dt=1e-3,
        title="a report",
        label=2,
    )
    page.savefig(tmp_path / "report.png", dpi=50)
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    texts = {page.get_suptitle()} | {ax.get_title() for ax in page.axes}
    assert {"a report", "input, label 2", "hidden layer", "outputs"} <= texts


def test_hidden_rates_of_a_report_are_in_hertz(rng):
    hidden = np.zeros((100, 8))
    hidden[::4, :3] = 1  # 25 spikes in 0.2 s
    page = plot.report(
        HISTORY,
        COUNTS,
        hidden,
        hidden,
        np.zeros((100, 3)),
        dt=2e-3,
        title="",
        label=0,
    )
    (rates,) = (ax for ax in page.axes if ax.get_xlabel() == "rate (Hz)")
    bars = {b.get_x() + b.get_width(): b.get_height() for b in rates.patches}
    assert sum(bars.values()) == 8
    np.testing.assert_allclose(max(bars), 125.0)
    assert bars[max(bars)] == 3


def test_a_report_tells_classes_by_name():
    silent, names = np.zeros((50, 3)), ["yes", "no", "silence"]
    given = {"dt": 1e-3, "title": "", "label": 1, "classes": names}
    page = plot.report(HISTORY, COUNTS, silent, silent, silent, **given)
    page.canvas.draw()
    by_title = {ax.get_title(): ax for ax in page.axes}
    assert "input, label no" in by_title
    labels = by_title["test data"].get_xticklabels()
    assert [text.get_text() for text in labels] == names


def test_drawing_touches_no_global_state_of_matplotlib():
    code = (
        "import sys, numpy as np\n"
        "from snnjax import plot\n"
        "assert not any(name.startswith('matplotlib') for name in sys.modules)\n"
        "plot.raster(plot.figure()[1][0, 0], np.eye(3), dt=1e-3)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install \"snnjax\[plot\]\""):
        plot.figure()
