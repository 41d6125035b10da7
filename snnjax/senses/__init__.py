"""Senses: sound, images and contact become spikes.

- ``hearing``: a cochlea, from recordings to the spikes of its bushy cells; a lighter
  front end of gammatone filters.
- ``retina``: ganglion cells, an event camera. ``touch``: whiskers and fingertips.
"""

from snnjax.senses import hearing
from snnjax.senses.retina import (
    GanglionParams,
    event_camera,
    ganglion_rates,
    inhomogeneous_poisson,
    mosaic,
    receptive_fields,
)
from snnjax.senses.touch import (
    MechanoreceptorParams,
    directions,
    threshold_crossing,
    whisker_currents,
)

__all__ = [
    "GanglionParams",
    "MechanoreceptorParams",
    "directions",
    "event_camera",
    "ganglion_rates",
    "hearing",
    "inhomogeneous_poisson",
    "mosaic",
    "receptive_fields",
    "threshold_crossing",
    "whisker_currents",
]
