"""What the recorders of NIR files share: rasters, weights, and what is kept of a case.

``NAME.nir`` is written by the library. ``NAME.npz`` holds the ``input`` that it was
given, ``[T, …]`` channels first, what it put out as ``spikes``, ``voltages`` where it
tells them, ``dt``, the step [s] of which the file's constants are, and ``versions``.
"""

from importlib.metadata import version

import nir
import numpy as np

T = 120


def raster(*shape, rate=0.3, seed=0):
    """Zeros and ones ``[T, *shape]``."""
    return (np.random.default_rng(seed).random((T, *shape)) < rate).astype(float)


def weights(*shape, scale, mean=0.0, seed=0):
    """Weights in single precision, as files have them."""
    drawn = np.random.default_rng(seed).normal(mean, scale, shape)
    return drawn.astype(np.float32)


def keep(name, graph, library, dt, *, input, **seen):
    """Writes a case, and tells how often its output fires."""
    nir.write(f"{name}.nir", graph)
    versions = f"{library} {version(library)}, nir {version('nir')}"
    arrays = {k: np.asarray(v) for k, v in seen.items()}
    np.savez_compressed(
        f"{name}.npz",
        **{"input": input.astype(np.uint8), "dt": np.array(dt), **arrays},
        versions=np.array(versions),
    )
    told = {k: f"{v.shape} {v.mean():.3f}" for k, v in arrays.items()}
    print(f"{name}: {told}, {versions}", flush=True)
