"""Records networks that Spyx writes as NIR, and what Spyx makes of them.

    python record_nir_spyx.py     writes spyx_*.nir and spyx_*.npz

Time constants in its files are in steps, so dt is 1. Its neurons fire one step after
they reach their threshold and reset by subtraction, and the ``r`` that it writes is the
decay: not the gain of one with which it runs.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from nir_cases import keep, raster, weights
from spyx import nir as spyx_nir
from spyx import nn


def case(name, layers, xs, scales, shapes):
    net = nn.Sequential(*layers)
    drawn = [m for m in layers if isinstance(m, nnx.Linear | nnx.Conv)]
    for k, (module, scale) in enumerate(zip(drawn, scales, strict=True)):
        w = weights(*module.kernel[...].shape, scale=scale, mean=scale / 3, seed=k)
        module.kernel[...] = jnp.asarray(w, jnp.float32)
        b = weights(*module.bias[...].shape, scale=scale / 8, seed=9 + k)
        module.bias[...] = jnp.asarray(b, jnp.float32)
    for module in layers:
        if hasattr(module, "recurrent_w"):
            w = weights(*module.recurrent_w[...].shape, scale=0.3, seed=7)
            module.recurrent_w[...] = jnp.asarray(w, jnp.float32)
    first, last = shapes
    graph = spyx_nir.to_nir(
        net, {"input": np.array(first)}, {"output": np.array(last)}, dt=1
    )
    given = np.moveaxis(xs, 1, -1) if xs.ndim > 2 else xs  # channels last
    nnx.update(net, jax.tree.map(lambda w: w.astype(jnp.float64), nnx.state(net)))
    spikes, _ = nn.run(net, jnp.asarray(given, jnp.float64)[:, None])
    keep(name, graph, "spyx", 1.0, input=xs, spikes=np.asarray(spikes[:, 0]))


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    rngs = nnx.Rngs(0)
    dense = lambda n_in, n: nnx.Linear(  # noqa: E731
        n_in, n, rngs=rngs, param_dtype=jnp.float32
    )
    case(
        "spyx_lif",
        [
            dense(12, 20),
            nn.LIF((20,), beta=0.875, rngs=rngs),
            dense(20, 5),
            nn.LIF((5,), beta=0.75, rngs=rngs),
        ],
        raster(12),
        (0.25, 0.35),
        ((12,), (5,)),
    )
    case(
        "spyx_cuba",
        [
            dense(12, 20),
            nn.CuBaLIF((20,), alpha=0.75, beta=0.875, rngs=rngs),
            dense(20, 5),
            nn.CuBaLIF((5,), alpha=0.75, beta=0.875, rngs=rngs),
        ],
        raster(12),
        (0.08, 0.08),
        ((12,), (5,)),
    )
    case(
        "spyx_recurrent",
        [dense(12, 20), nn.RLIF((20,), beta=0.875, rngs=rngs), dense(20, 5)],
        raster(12),
        (0.2, 0.3),
        ((12,), (5,)),
    )
    case(
        "spyx_convolution",
        [
            nnx.Conv(2, 4, (3, 3), padding="VALID", rngs=rngs, param_dtype=jnp.float32),
            nn.IF((6, 6, 4)),
            nn.SumPool((2, 2), (2, 2), "VALID", channel_axis=-1),
            nn.Flatten(),
            dense(36, 5),
            nn.IF((5,)),
        ],
        raster(2, 8, 8),
        (0.04, 0.08),
        ((2, 8, 8), (5,)),
    )
