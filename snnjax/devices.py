"""Accelerators in this machine that JAX does not use.

They are found by what their drivers leave in the file system, so that nothing is loaded
and none is started.
"""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple


class _Kind(NamedTuple):
    name: str
    signs: tuple[str, ...]  # files of its driver, any of which tells
    platforms: tuple[str, ...]  # as JAX may call it
    install: str


_KINDS = (
    _Kind(
        "an NVIDIA GPU",
        ("proc/driver/nvidia/gpus/*", "dev/nvidia[0-9]*"),
        ("gpu", "cuda"),
        'pip install "snnjax[cuda13]", or [cuda12] for a driver before 580',
    ),
    _Kind(
        "an AMD GPU",
        ("dev/kfd",),
        ("gpu", "rocm"),
        'pip install "jax[rocm7-local]" beside ROCm',
    ),
    _Kind(
        "a TPU",
        ("dev/accel[0-9]*",),
        ("tpu",),
        'pip install "snnjax[tpu]"',
    ),
)


def unused(platforms: Collection[str], root: str | Path = "/") -> list[str]:
    """A line for each kind of accelerator that is here and that JAX does not see.

    Args:
        platforms: of the devices that JAX has, ``{each.platform for each in
            jax.devices()}``.
        root: where to look.
    """
    lines = []
    for kind in _KINDS:
        found = _first(Path(root), kind.signs)
        if found is not None and not {*platforms} & {*kind.platforms}:
            lines.append(
                f"{kind.name} is here (/{found}) and JAX runs on "
                f"{', '.join(sorted(platforms))}. {kind.install}; JAX_PLATFORMS, if it "
                "is set, must name it."
            )
    return lines


def _first(root, signs):
    for sign in signs:
        for path in sorted(root.glob(sign)):
            return path.relative_to(root)
    return None
