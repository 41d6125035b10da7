"""Every public function takes what it says, and refuses the rest by the name of the
argument: nonsense of any kind, and nothing where there must be something."""

import inspect

import calls_analysis
import calls_cells
import calls_hardware
import calls_inputs
import calls_nir
import calls_online
import calls_presets
import calls_weights
import pytest
from calls import CALLS, empty_failures, failures
from public import everything

TABLES = (
    *(calls_analysis, calls_cells, calls_hardware, calls_inputs, calls_nir),
    *(calls_online, calls_presets, calls_weights),
)
NOT_CALLED = {
    "hardware.checked": "refuses by DeviceError; tests/hardware/test_device.py",
    **dict.fromkeys(("saving.load", "saving.save"), "files; tests/saving"),
    **dict.fromkeys(
        (f"models.{each}" for each in ("card", "evaluate", "load", "names", "task")),
        "files; tests/models",
    ),
    "models.scores": "takes a card, which is not made by hand; tests/models",
    **dict.fromkeys(("interop.nir.load", "interop.nir.save"), "files; tests/interop"),
    "interop.weights.read_state_dict": "reads files; tests/interop/weights",
    "interop.weights.write_state_dict": "writes files; tests/interop/weights",
    **dict.fromkeys(("saving.from_recipe", "saving.to_recipe"), "tests/saving"),
    "plot.show": "writes a file; tests/test_plot.py",
    "senses.hearing.digits_from_sound": "reads files",
    "senses.hearing.encode_cached": "reads files",
    "senses.hearing.encode_recordings": "reads files",
    "senses.hearing.cochlea.encode": "takes seconds; tests/senses/hearing",
    "senses.hearing.gammatone.encode": "takes seconds; tests/senses/hearing",
    "tasks.braille_task": "reads files",
    "tasks.chip_task": "reads files",
    "tasks.digits_task": "takes no argument",
    "tasks.ecg_task": "reads files",
    "tasks.mnist_task": "reads files",
    "tasks.n_mnist_task": "reads files",
    "tasks.own_data_task": "reads files",
    "tasks.predict_files": "reads files",
    "tasks.spoken_digits_task": "reads files",
    "tasks.yin_yang_task": "draws thousands; tests/tasks/test_yin_yang_task.py",
    "tasks.evaluate": "reads files",
    "tasks.redraw": "reads files",
    "tasks.load_run": "reads files",
    "tasks.transfer": "reads files",
    "tasks.sweep_task": "takes minutes; tests/tasks/test_sweeping.py",
    "tasks.train": "takes minutes; tests/tasks",
    "training.sweep": "takes any name; tests/training/test_sweep.py",
    "tasks.train_on_chip": "takes minutes; tests/tasks/test_chip_training.py",
}
PUBLIC = everything()
PACKAGES = sorted({name.rpartition(".")[0].partition(".")[0] for name in PUBLIC})


def test_every_public_function_is_in_the_table():
    missing = [
        name
        for name, f in PUBLIC.items()
        if f not in CALLS and name not in NOT_CALLED and not reads_files(name, f)
    ]
    assert not missing
    assert {*CALLS} <= {*PUBLIC.values()}
    assert {*NOT_CALLED} <= {*PUBLIC}


def reads_files(name, f):
    """Whether it is a reader or writer: ``tests/datasets``."""
    arguments = inspect.signature(f).parameters
    path = {"path", "folder", "split", "recordings"} & {*arguments} or not arguments
    return name.startswith("datasets.") and path


def calls_of(package):
    return {
        name: CALLS[f]
        for name, f in PUBLIC.items()
        if f in CALLS and name.rpartition(".")[0].partition(".")[0] == package
    }


def told(found):
    return "\n".join(f"{name}: {each}" for name, wrong in found for each in wrong)


@pytest.mark.walks
@pytest.mark.parametrize("package", PACKAGES)
def test_nonsense_is_refused_by_the_name_of_the_argument(package):
    given = calls_of(package)
    found = told((name, failures(call)) for name, call in given.items())
    assert not found, f"\n{found}"


@pytest.mark.walks
@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_and_one_of_anything_is_taken_or_refused(package):
    given = calls_of(package)
    found = told((name, empty_failures(call)) for name, call in given.items())
    assert not found, f"\n{found}"
