"""Valid calls of what makes spikes: events, encoders, batches, senses."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
from calls import DT, KEY, call, raster, signal

from snnjax import datasets, events, inputs, senses
from snnjax.datasets.samples import pack
from snnjax.inputs import batches
from snnjax.senses import hearing
from snnjax.senses.hearing import cochlea, gammatone

FAST = {
    f"events {field} {what}": "not every event is looked at for a few samples"
    for field in ("times", "units")
    for what in ("NaN", "infinity", "-infinity")
}
NEVER = "what never fires has the time infinity"
EMPTY = "places without an event have the time infinity"


def as_read(name, kind):
    return {f"{name} {field}": "comes from a reader" for field in kind._fields}


def some_events(N=2, n=4):
    return events.from_rows(
        [np.array([0.001, 0.002])] * N,
        [np.arange(2) % max(n, 1)] * N,
        np.zeros(N, int),
        n_units=max(n, 2),
    )


SOURCE = {"recorded source": "any text", "recordings source": "any text"}
SOURCE |= {"events source": "any text"}


def some_recorded(K=3):
    """Events of a camera of 2x3 pixels, 1 ms apart."""
    k = np.arange(K)
    columns = 1000 * k, (k % 3).astype(np.uint16), (k % 2).astype(np.uint16)
    return events.Recorded(
        *columns, (k % 2).astype(np.uint8), (2, 3), "top left", "made", {}
    )


def some_spikes(K=3):
    k = np.arange(K)
    return events.RecordedSpikes(1e-3 * k, k % 2, 0 * k, ("a",), "made")


def some_batch(N=2, n=4):
    return batches.pad(some_events(N, n))


@call(inputs.poisson)
def _(steps=3, B=2, n=4):
    return {"key": KEY, "rates": signal(B, n, high=50.0), "steps": steps, "dt": DT}


@call(inputs.latency_times, infinite=NEVER)
def _(n=4):
    return {"x": signal(n), "tau": 20e-3, "threshold": 0.2}


@call(inputs.latency_intensity, infinite="the intensity that fires at once")
def _(n=4):
    return {"t": signal(n), "tau": 20e-3, "threshold": 0.2}


@call(inputs.latency)
def _(steps=40, B=2, n=4):
    return {
        **{"x": signal(B, n), "tau": 20e-3, "threshold": 0.2, "steps": steps},
        **{"dt": DT, "outside": "drop"},
    }


@call(inputs.level_crossing)
def _(T=3, B=2, n=4):
    return {"signal": signal(T, B, n), "delta": 0.1}


@call(inputs.level_reconstruction)
def _(T=3, B=2, n=2):
    return {"events": raster(T, B, 2 * n), "delta": 0.1, "start": signal(B, n)}


@call(inputs.population)
def _(B=2, m=2, n=3):
    return {"x": signal(B, m), "n": n, "low": 0.0, "high": 1.0, "width": 0.5}


@call(inputs.to_raster)
def _(K=2, steps=3, n=4):
    return {
        **{"times": np.arange(K) * 1e-3, "units": np.arange(K) % max(n, 1)},
        **{"steps": steps, "n": n, "dt": DT, "outside": "drop"},
    }


@call(inputs.to_events)
def _(T=3, n=4):
    return {"raster": np.asarray(raster(T, n)), "dt": DT}


@call(inputs.random_manifold)
def _(classes=2, neurons=3, samples=2, dims=1, cutoff=3):
    return {
        **{"key": KEY, "classes": classes, "neurons": neurons, "samples": samples},
        **{"dims": dims, "alpha": 1.0, "cutoff": cutoff},
    }


@call(inputs.one_spike_raster)
def _(B=2, n=4, steps=3):
    return {"times": signal(B, n), "steps": steps}


@call(inputs.frozen_poisson)
def _(patterns=2, steps=3, n=4, classes=2):
    return {
        **{"key": KEY, "patterns": patterns, "steps": steps, "n": n},
        **{"rate": 20.0, "dt": DT, "classes": classes},
    }


@call(inputs.add)
def _(steps=3, batch=2):
    return {"key": KEY, "steps": steps, "batch": batch}


@call(inputs.add_floor)
def _():
    return {"first": True, "second": False}


@call(inputs.mimic, named={"teacher": "key"}, slow=True)
def _(steps=3, batch=2, n_in=2, n=3, n_out=2):
    return {
        **{"key": KEY, "teacher": KEY, "steps": steps, "batch": batch},
        **{"n_in": n_in, "n": n, "n_out": n_out},
    }


@call(inputs.pattern_generation)
def _(steps=3, n_in=2, n_out=2):
    return {
        **{"key": KEY, "steps": steps, "n_in": n_in, "n_out": n_out, "rate": 50.0},
        **{"periods": np.array([0.5, 0.2]), "dt": DT},
    }


@call(inputs.spike_mapping)
def _(steps=3, patterns=2, n_in=2, n_out=3):
    return {
        **{"key": KEY, "steps": steps, "patterns": patterns, "n_in": n_in},
        **{"n_out": n_out, "rate": 10.0, "rate_out": 10.0, "dt": DT},
    }


@call(inputs.evidence)
def _(batch=2, cues=3, group=2):
    return {
        **{"key": KEY, "batch": batch, "cues": cues, "weak": 0.3, "cue": 3e-3},
        **{
            "gap": 2e-3,
            "delay": 2e-3,
            "recall": 2e-3,
            "per_group": group,
            "rate": 40.0,
        },
        "dt": DT,
    }


@call(inputs.evidence_error)
def _(cues=3, seen=1):
    return {"cues": cues, "weak": 0.3, "seen": seen}


@call(inputs.store_recall)
def _(batch=2, periods=3, group=2):
    return {
        **{"key": KEY, "batch": batch, "periods": periods, "period": 3e-3},
        **{"per_group": group, "rate": 50.0, "dt": DT},
    }


@call(inputs.yin_yang)
def _(size=3):
    return {"size": size, "seed": 42, "r_small": 0.1, "r_big": 0.5}


@call(inputs.yin_yang_class)
def _():
    return {"x": 0.3, "y": 0.4, "r_small": 0.1, "r_big": 0.5}


@call(inputs.prefetch, use=list, free={"device": "None, a device or a sharding"})
def _(n=3, size=1):
    return {"batches": [np.zeros(2)] * n, "size": size}


@call(inputs.stream, use=lambda made: next(iter(made)), infinite=EMPTY)
def _(N=3, batch=2, width=4):
    from snnjax.datasets.sources import InMemory

    return {
        **{"source": InMemory(some_events(N)), "batch": batch, "width": width},
        **{"seed": 0, "outside": "drop", "shard": (0, 1)},
    }


@call(batches.pad, infinite=EMPTY)
def _(N=2, n=4):
    return {"events": some_events(N, n)}


@call(batches.take, infinite=EMPTY)
def _(N=2, B=2):
    return {"batch": some_batch(N), "rows": jnp.zeros(B, int)}


@call(batches.shift, infinite=EMPTY)
def _(N=2, n=4):
    return {"key": KEY, "batch": some_batch(N, n), "reach": 1}


@call(batches.jitter, infinite=EMPTY)
def _(N=2, n=4):
    return {"key": KEY, "batch": some_batch(N, n), "time": 1e-3, "unit": 1.0}


@call(batches.merge, infinite=EMPTY)
def _(N=2, by=2):
    return {"batch": some_batch(N), "by": by}


@call(batches.blend, infinite=EMPTY)
def _(N=2, n=4):
    return {"key": KEY, "first": some_batch(N, n), "second": some_batch(N, n)}


@call(batches.raster, free={"dtype": "any dtype"})
def _(N=2, n=4, steps=3):
    return {"batch": some_batch(N, n), "steps": steps, "dt": DT}


@call(batches.pack)
def _(T=3, n=4):
    return {"raster": raster(T, n, dtype=bool)}


@call(batches.unpack)
def _(T=3, n=4):
    return {"packed": jnp.zeros((T, -(-n // 8)), jnp.uint8), "n_units": n}


@call(events.from_rows)
def _(N=2, n_units=4, n_classes=2):
    return {
        **{"times": [np.array([0.001])] * N, "units": [np.array([0])] * N},
        **{"labels": np.zeros(N, int), "n_units": n_units},
        **{"group": np.zeros(N, int), "trial": np.zeros(N, int)},
        **{"n_classes": n_classes, "outside": "error"},
    }


@call(events.from_flat)
def _(N=2, n_units=4):
    return {
        **{"times": np.full(N, 1e-3), "units": np.zeros(N, int)},
        **{"counts": np.ones(N, int), "labels": np.zeros(N, int)},
        **{"n_units": n_units, "n_classes": 2, "outside": "error"},
    }


@call(events.clean)
def _(K=2, n_units=4):
    return {
        **{"times": np.arange(K) * 1e-3, "units": np.zeros(K, int)},
        **{"n_units": n_units, "row": 0, "outside": "error"},
    }


@call(events.select, free=FAST)
def _(N=2, M=1):
    return {"events": some_events(N), "rows": np.zeros(M, int)}


@call(events.late_events)
def _(N=2):
    return {"events": some_events(N), "duration": 1.0}


@call(events.rasterize)
def _(N=2, steps=3, n=4):
    return {
        **{"events": some_events(N, n), "steps": steps, "dt": DT, "merge": 1},
        **{"outside": "drop"},
    }


@call(events.augment, free={"rng": "a Generator"})
def _(N=2):
    return {
        **{"events": some_events(N), "rng": np.random.default_rng(0)},
        **{"shift": 1, "jitter": 1e-3},
    }


@call(events.time_bins)
def _(K=2):
    return {"times": np.arange(K) * 1e-3, "dt": DT}


@call(events.window, free=SOURCE)
def _(K=3):
    return {"events": some_recorded(K), "start": 0.0, "stop": 0.002}


@call(events.slices, free=SOURCE)
def _(K=3):
    return {
        **{"events": some_recorded(K), "every": 0.002, "start": -0.1, "stop": 1.0},
        "rest": "keep",
    }


@call(events.crop, free=SOURCE)
def _(K=3):
    return {"recorded": some_recorded(K), "rows": (0, 1), "columns": (1, 3)}


@call(events.downsample, free=SOURCE)
def _(K=3):
    return {"recorded": some_recorded(K), "factor": 2}


@call(events.turned, free=SOURCE)
def _(K=3):
    return {"recorded": some_recorded(K), "origin": "bottom left"}


@call(events.hot_pixels, free=SOURCE)
def _(K=3):
    return {"recorded": some_recorded(K), "above": 100.0, "spread": 10.0}


@call(events.without_pixels, free=SOURCE)
def _(K=3):
    return {"recorded": some_recorded(K), "pixels": np.zeros((2, 3), bool)}


@call(events.refractory, free=SOURCE)
def _(K=3):
    return {"recorded": some_recorded(K), "period": 1e-3}


@call(events.denoise, free=SOURCE)
def _(K=3):
    return {"recorded": some_recorded(K), "within": 1e-3}


@call(events.time_surface, free=SOURCE)
def _(K=3, M=2):
    return {"recorded": some_recorded(K), "at": 1e-3 * np.arange(M), "tau": 0.01}


@call(events.voxel_grid, free=SOURCE)
def _(K=3, bins=2):
    return {"recorded": some_recorded(K), "bins": bins, "start": -0.1, "stop": 1.0}


@call(events.frames, free=SOURCE)
def _(K=3, steps=2):
    return {
        **{"recorded": some_recorded(K), "steps": steps, "dt": DT, "start": 0.0},
        "outside": "drop",
    }


@call(events.as_events, free=SOURCE)
def _(K=3, N=1):
    return {
        **{"recordings": some_recorded(K), "labels": np.zeros(N, int), "start": -0.1},
        **{"group": np.zeros(N, int), "trial": np.zeros(N, int), "n_classes": 1},
        "outside": "error",
    }


@call(events.numbering, free=SOURCE)
def _(K=3):
    return {"recordings": some_spikes(K)}


@call(datasets.select_samples, free=as_read("samples", datasets.Samples))
def _(N=2, M=1):
    x = np.asarray(signal(N, 3))
    return {"samples": pack(x, np.zeros(N, int), ("a",)), "rows": np.zeros(M, int)}


@call(datasets.select_recordings, free=as_read("recordings", datasets.Recordings))
def _(M=1):
    zero = np.zeros(2, int)
    some = datasets.Recordings(("a", "b"), zero, zero, zero, ("c",), zero)
    return {"recordings": some, "rows": np.zeros(M, int)}


@call(datasets.from_neo)
def _(n=3):
    trains = [SimpleNamespace(times=np.arange(float(n)), units="ms")]
    return {"trains": trains}


@call(datasets.part_samples)
def _(N=12):
    labels = np.arange(N) % 2
    return {"labels": labels, "group": np.arange(N) // 2, "given": None}


@call(senses.directions)
def _(n=3):
    return {"n": n}


@call(senses.whisker_currents)
def _(T=3, B=2, n=3):
    return {
        **{"deflection": signal(T, B, 2), "angles": signal(n), "dt": DT},
        **{"params": senses.MechanoreceptorParams()},
    }


@call(senses.threshold_crossing)
def _(T=3, B=2, n=2, L=2):
    return {"signal": signal(T, B, n), "levels": np.linspace(0.2, 0.8, L)}


@call(senses.mosaic)
def _(height=3, width=4):
    return {"height": height, "width": width, "spacing": 1.0}


@call(senses.receptive_fields)
def _(n=2, height=3, width=4):
    places = np.linspace(0.0, 1.0, 2 * n).reshape(n, 2)
    return {
        **{"places": places, "height": height, "width": width},
        **{"params": senses.GanglionParams()},
    }


@call(senses.ganglion_rates)
def _(T=2, B=2, height=2, width=3):
    return {
        **{"contrast": signal(T, B, height, width), "dt": DT},
        **{"places": np.ones((1, 2)), "params": senses.GanglionParams()},
    }


@call(senses.inhomogeneous_poisson)
def _(T=3, B=2, n=4):
    return {"key": KEY, "rates": signal(T, B, n, high=50.0), "dt": DT}


@call(senses.event_camera)
def _(T=3, B=2, height=2, width=3):
    return {
        **{"intensity": signal(T, B, height, width), "dt": DT, "threshold": 0.1},
        **{"refractory": 2e-3},
    }


@call(hearing.auditory_nerve)
def _(T=3, B=2, n=4):
    return {
        **{"key": KEY, "chance": signal(T, B, n), "dt": DT, "fibers": 4},
        **{"refractory": 1e-3},
    }


@call(hearing.bushy_cells)
def _(T=3, B=2, n=4):
    return {"counts": raster(T, B, n), "dt": DT, "params": hearing.BushyParams()}


@call(hearing.hair_cell)
def _(T=3, B=2, n=4):
    return {
        **{"velocity": signal(T, B, n), "dt": 1 / 24_000},
        **{"params": hearing.HairCellParams()},
    }


@call(hearing.transfer_matrix)
def _(channels=2, samples=4):
    return {
        **{"channels": channels, "samples": samples, "rate": 48_000.0},
        **{"causal": False},
    }


@call(hearing.best_frequencies)
def _(channels=2):
    return {"channels": channels}


@call(hearing.basilar_membrane, free={"matrix complex": "it is complex"})
def _(B=2, n=2):
    matrix = np.ones((3, n), np.complex64)
    return {"audio": signal(4, B), "matrix": matrix, "even": True}


@call(cochlea.prepare)
def _(T=4):
    return {"audio": np.asarray(signal(T)), "rate": 48_000}


@call(cochlea.fold_in)
def _(N=2):
    return {"key": KEY, "numbers": np.arange(N)}


@call(gammatone.erb_space)
def _(channels=3):
    return {"low": 100.0, "high": 6000.0, "channels": channels}


@call(gammatone.filters)
def _(n=3):
    return {"frequencies": np.linspace(100.0, 900.0, n), "rate": 16_000.0}


@call(gammatone.gammatone)
def _(T=3, B=2, n=2):
    bank = gammatone.filters(np.linspace(100.0, 900.0, n), 16_000.0)
    return {"audio": signal(T, B), "bank": bank}
