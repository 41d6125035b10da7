"""Files of drivers are told from the devices that JAX has."""

import pytest

from snnjax import devices


def machine(folder, *files):
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("file", "has", "told"),
    [
        ("dev/nvidia0", "cuda", "NVIDIA GPU is here (/dev/nvidia0)"),
        ("proc/driver/nvidia/gpus/0000:01", "gpu", "snnjax[cuda13]"),
        ("dev/kfd", "rocm", "AMD GPU"),
        ("dev/accel0", "tpu", "snnjax[tpu]"),
    ],
)
def test_an_accelerator_that_jax_does_not_use_is_told_once(file, has, told, tmp_path):
    root = machine(tmp_path, file)
    (line,) = devices.unused({"cpu"}, root)
    assert told in line
    assert "JAX runs on cpu" in line
    assert devices.unused({has, "cpu"}, root) == []


@pytest.mark.parametrize("file", ["dev/nvidiactl", "dev/accel/accel0", "dev/null"])
def test_other_devices_are_none(file, tmp_path):
    assert devices.unused({"cpu"}, machine(tmp_path, file)) == []


def test_two_kinds_are_two_lines(tmp_path):
    root = machine(tmp_path, "dev/nvidia0", "dev/nvidia1", "dev/kfd")
    assert len(devices.unused({"cpu"}, root)) == 2
    assert len(devices.unused({"cuda"}, root)) == 1
