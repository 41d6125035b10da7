"""Where a number comes from: the versions and the device that computed it."""

import platform
from importlib import metadata
from typing import Any

import jax


def environment() -> dict[str, Any]:
    """Versions and device, for the record of a measurement.

    Example:
        >>> sorted(snn.training.environment()["versions"])
        ['flax', 'jax', 'jaxlib', 'numpy', 'optax', 'python', 'snnjax']
    """
    packages = ("snnjax", "jax", "jaxlib", "flax", "optax", "numpy")
    return {
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in packages},
        "device": f"{jax.devices()[0].platform}: {jax.devices()[0].device_kind}",
    }
