import json

import numpy as np
import pytest

from snnjax.tasks import TASKS, train


@pytest.mark.parametrize(
    ("name", "folder", "shape", "classes", "options"),
    [
        ("braille", "braille", (153, 2, 128), 27, {}),
        ("mnist", "mnist", (40, 2, 784), 10, {}),
        ("n-mnist", "nmnist-small", (32, 2, 34, 34, 2), 10, {}),
        ("n-mnist", "nmnist-small", (32, 2, 34, 34, 2), 10, {"normalize": True}),
        ("ecg", "ecg-qtdb", (1301, 2, 4), 6, {}),
    ],
)
def test_tasks_on_recorded_data_train_to_the_end(
    name, folder, shape, classes, options, data_folder, shortened, tmp_path, request
):
    data_folder(folder)
    if options:  # it was drawn without them
        request.getfixturevalue("without_pictures")
    task = TASKS[name](**options)
    assert task.options == {**task.options, **options}
    assert ("layer_norm" in repr(task.network.cell)) == bool(options)
    assert len(task.classes) == classes
    raster = task.parts["train"].raster
    assert raster(np.arange(2), None).shape == shape
    changed = [raster(np.arange(2), np.random.default_rng(k)) for k in (0, 0, 1)]
    np.testing.assert_array_equal(changed[0], changed[1])
    assert np.any(changed[0] != changed[2]) or name == "ecg"
    assert raster(np.arange(2), None).any()
    found = train(
        shortened(task, {"train": 32, "validation": 8, "test": 12}),
        tmp_path,
        epochs=1,
        progress=False,
    )
    row = json.loads((tmp_path / "seed0" / "metrics.jsonl").read_text())
    assert np.isfinite(row["loss"])
    assert row["loss"] < 3 * np.log(classes)
    assert row["hidden_rate"] > 0.1
    assert 0 <= found["test_accuracy"] <= 1
    assert found["classes"] == list(task.classes)
