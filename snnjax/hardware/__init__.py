"""Networks on imperfect chips: no two neurons alike, weights rounded, parts dead."""

from snnjax.hardware.device import (
    Device,
    DeviceError,
    Handle,
    Recording,
    Steady,
    checked,
)
from snnjax.hardware.emulated import IDEAL, Imperfections, emulated_chip
from snnjax.hardware.process import Codes, ProcessDevice, Programmed

__all__ = [
    "IDEAL",
    "Codes",
    "Device",
    "DeviceError",
    "Handle",
    "Imperfections",
    "ProcessDevice",
    "Programmed",
    "Recording",
    "Steady",
    "checked",
    "emulated_chip",
]
