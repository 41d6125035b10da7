"""How output voltages become scores, by the name that the file of a network keeps."""

from collections.abc import Callable

import jax

from snnjax.tasks.network import mean_voltage, voltage
from snnjax.tasks.yin_yang import early

READOUTS: dict[str, Callable[[float], Callable[[jax.Array], jax.Array]]] = {
    "mean_voltage": lambda dt: mean_voltage,
    "voltage": lambda dt: voltage,
    "early_voltage": early,
}
