"""Where a number was measured, and on how many cores."""

import os
import platform
from typing import Any

import jax


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Where a number was measured."""
    return {
        "cpus": cores(),
        "processor": platform.processor() or platform.machine(),
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
    }
