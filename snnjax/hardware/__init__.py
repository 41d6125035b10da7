"""Networks on imperfect chips: no two neurons alike, weights rounded, parts dead.

    from snnjax.hardware import emulated_chip, in_the_loop
    with emulated_chip((256, 246, 10), dt=1.7e-6, serial=1, mismatch=0.3) as device:
        recording = device.run(device.program(chip_weights(weights)), spikes)
    state, ys = in_the_loop(net, weights, spikes, recording.seen, dt=1.7e-6)

Mismatch is drawn once for each chip, noise once for each trial, and drift is mismatch
that comes with time. Spreads are fractions: 0.3 is 30 %.
"""

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
from snnjax.hardware.loop import Coverage, coverage, in_the_loop, populations, show
from snnjax.hardware.mismatch import Gamma, LogNormal, Shift, vary, vary_weights
from snnjax.hardware.process import Codes, ProcessDevice, Programmed
from snnjax.hardware.rounding import Budget, fits, quantize, using, within_range
from snnjax.hardware.scaled import ScaledReadout
from snnjax.replay import splice
from snnjax.seen import Seen

__all__ = [
    "IDEAL",
    "Budget",
    "Codes",
    "Coverage",
    "Device",
    "DeviceError",
    "Gamma",
    "Handle",
    "Imperfections",
    "LogNormal",
    "ProcessDevice",
    "Programmed",
    "Recording",
    "ScaledReadout",
    "Seen",
    "Shift",
    "Steady",
    "amplified",
    "checked",
    "coverage",
    "distorted",
    "emulated_chip",
    "faulty",
    "fits",
    "in_the_loop",
    "populations",
    "quantize",
    "show",
    "splice",
    "using",
    "vary",
    "vary_weights",
    "within_range",
]
