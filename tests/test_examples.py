"""Every example runs, in small, and gives what it is there to give."""

import contextlib
import importlib.util
import math
from pathlib import Path

import jax
import pytest

FOLDER = Path(__file__).parents[1] / "examples"
SMALL = {  # arguments of main that make it small, and whether what it returns is one
    "training_loop": ({"epochs": 3}, lambda accuracy: accuracy > 0.3),
    "spoken_digits": (
        {"epochs": 1, "batch": 16, "clips": 32},
        lambda accuracy: 0.0 <= accuracy <= 1.0,
    ),
    "event_camera": (
        {"epochs": 1, "batch": 8, "clips": 16},
        lambda accuracy: 0.0 <= accuracy <= 1.0,
    ),
    "regression": ({"updates": 3}, math.isfinite),
    "eprop_on_a_stream": (
        {"pieces": 4, "steps": 400},
        lambda course: course[-1] < course[0],
    ),
    "chip_in_the_loop": (
        {"epochs": 2, "looped": 1},
        lambda found: found[1] > found[0],
    ),
    "streaming_inference": ({"steps": 50}, lambda difference: difference < 1e-4),
    "nnx_model": ({"updates": 20}, lambda accuracy: accuracy > 0.2),
    "sweep": (
        {"slopes": (1.0, 10.0), "seeds": 1},
        lambda found: found.shape == (2, 3, 1),
    ),
    "cart_pole": (
        {"updates": 2, "carts": 4, "steps": 50},
        lambda lasted: 5 < lasted <= 50,
    ),
}
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))


@contextlib.contextmanager
def as_users_have_it():
    """Promotions that jax allows unless it is told otherwise, as our tests tell it."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.walks
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options, good = SMALL[name]
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    try:
        with as_users_have_it():
            spec.loader.exec_module(module)
            result = module.main(**options)
    except FileNotFoundError as missing:
        pytest.skip(f"without its data: {missing}")
    assert good(result)
    assert capsys.readouterr().out


def test_the_table_names_every_example():
    table = (FOLDER / "README.md").read_text()
    assert [name for name in EXAMPLES if f"`{name}.py`" not in table] == []
