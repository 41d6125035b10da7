"""Where spikes come from: encoders, patterns made to order, and recorded data."""

from snnjax.datasets import (
    DataError,
    digits,
    load,
    names,
    read_shd,
    spoken_digits,
    write_shd,
)
from snnjax.events import (
    Events,
    augment,
    from_rows,
    late_events,
    rasterize,
    select,
)
from snnjax.inputs import cochlea, gammatone
from snnjax.inputs.basilar import basilar_membrane, best_frequencies, transfer_matrix
from snnjax.inputs.bushy import Bushy, auditory_nerve, bushy_cells
from snnjax.inputs.encode import (
    latency,
    latency_intensity,
    latency_times,
    level_crossing,
    level_reconstruction,
    poisson,
    population,
    to_events,
    to_raster,
)
from snnjax.inputs.haircell import HairCell, hair_cell
from snnjax.inputs.patterns import (
    frozen_poisson,
    one_spike_raster,
    random_manifold,
    yin_yang,
    yin_yang_class,
)
from snnjax.inputs.retina import (
    Ganglion,
    event_camera,
    ganglion_rates,
    inhomogeneous_poisson,
    mosaic,
    receptive_fields,
)
from snnjax.inputs.speech import (
    digits_from_sound,
    encode_once,
    encode_recordings,
)
from snnjax.inputs.touch import (
    Mechanoreceptor,
    directions,
    threshold_crossing,
    whisker_currents,
)

__all__ = [
    "Bushy",
    "DataError",
    "Events",
    "Ganglion",
    "HairCell",
    "Mechanoreceptor",
    "auditory_nerve",
    "augment",
    "basilar_membrane",
    "best_frequencies",
    "bushy_cells",
    "cochlea",
    "digits",
    "digits_from_sound",
    "directions",
    "encode_once",
    "encode_recordings",
    "event_camera",
    "from_rows",
    "frozen_poisson",
    "gammatone",
    "ganglion_rates",
    "hair_cell",
    "inhomogeneous_poisson",
    "late_events",
    "latency",
    "latency_intensity",
    "latency_times",
    "level_crossing",
    "level_reconstruction",
    "load",
    "mosaic",
    "names",
    "one_spike_raster",
    "poisson",
    "population",
    "random_manifold",
    "rasterize",
    "read_shd",
    "receptive_fields",
    "select",
    "spoken_digits",
    "threshold_crossing",
    "to_events",
    "to_raster",
    "transfer_matrix",
    "whisker_currents",
    "write_shd",
    "yin_yang",
    "yin_yang_class",
]
