"""Networks on imperfect chips: no two neurons alike, weights rounded, parts dead."""

from snnjax.hardware.device import (
    Device,
    DeviceError,
    Handle,
    Recording,
    Steady,
    checked,
)
from snnjax.hardware.distort import amplified, distorted, faulty
from snnjax.hardware.emulated import IDEAL, Imperfections, emulated_chip
from snnjax.hardware.mismatch import LogNormal, Shift, vary, vary_weights
from snnjax.hardware.process import Codes, ProcessDevice, Programmed
from snnjax.hardware.rounding import Budget, fits, quantize, using, within_range

__all__ = [
    "IDEAL",
    "Budget",
    "Codes",
    "Device",
    "DeviceError",
    "Handle",
    "Imperfections",
    "LogNormal",
    "ProcessDevice",
    "Programmed",
    "Recording",
    "Shift",
    "Steady",
    "amplified",
    "checked",
    "distorted",
    "emulated_chip",
    "faulty",
    "fits",
    "quantize",
    "using",
    "vary",
    "vary_weights",
    "within_range",
]
