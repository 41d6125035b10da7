import pytest

from snnjax import plot
from snnjax.tasks import TASKS, Part, drawings, story


@pytest.fixture(scope="module")
def digits():
    return TASKS["digits"]()


@pytest.fixture(scope="module")
def without_pages():
    """Trainings leave an empty page, as it takes longer to draw than they take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "html", lambda *given: "")
        patch.setattr(story, "overview", lambda *given: plot.figure(size=(1, 1))[0])
        yield


@pytest.fixture
def without_pictures(monkeypatch):
    """Pages have words where pictures would be."""
    told = lambda drawn, name, alt: f'<svg id="{name}">{alt}</svg>'  # noqa: E731
    monkeypatch.setattr(drawings, "svg", told)
    monkeypatch.setattr(story, "overview", lambda *given: plot.figure(size=(1, 1))[0])


@pytest.fixture(scope="session")
def shortened():
    """The same task with only the first samples of each part."""

    def shorten(task, sizes, batch=16):
        parts = {
            split: part._replace(labels=part.labels[: sizes[split]])
            for split, part in task.parts.items()
        }
        return task._replace(parts=parts, schedule=task.schedule._replace(batch=batch))

    return shorten


@pytest.fixture(scope="session")
def toy():
    """Parts of a task, made of spikes ``[T, N, n]`` and labels."""

    def make(raster_of, labels, splits=("train", "validation", "test")):
        def raster(split):
            return lambda rows, rng, xs=raster_of(split): xs[:, rows]

        return {split: Part(raster(split), labels[split]) for split in splits}

    return make
