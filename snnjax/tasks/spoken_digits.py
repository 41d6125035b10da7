"""Spoken digits, as spikes of a cochlea."""

from functools import partial
from pathlib import Path
from typing import Literal

from snnjax.compose import chain
from snnjax.datasets import spoken_digits
from snnjax.datasets.places import missing
from snnjax.datasets.sets.spoken_digits import spoken_digits_file
from snnjax.events import Events, augment, rasterize, select
from snnjax.networks import dense, fluctuation_driven, normal, recurrent
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.progress import Progress
from snnjax.senses.hearing import digits_from_sound
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, mean_voltage
from snnjax.tasks.recordings import mean_rate, share_after_the_end
from snnjax.tasks.task import Part, Schedule, Task, load_parts

Source = Literal["spikes", "sound"]


def spoken_digits_task(
    data: str | Path | None = None,
    *,
    source: Source | None = None,
    progress: Progress | None = None,
) -> Task:
    """Speech spikes from a cochlea, through a recurrent layer.

    While training, every clip is moved along the cochlea and its spikes are jittered.

    Args:
        data: folder with the files; see ``places`` if omitted.
        source: ``"spikes"`` are files in the layout of SHD, see
            ``datasets.spoken_digits``. ``"sound"`` are recordings of Free Spoken
            Digits, encoded here in 70 channels and parted by speaker, see
            ``senses.hearing.digits_from_sound``. If omitted, spikes if there are any.
        progress: is told how many recordings are encoded, of how many.

    Raises:
        ValueError: for another source, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked and what to do.
    """
    dt, steps = 5e-3, 140
    source, events = _spoken(data, source, progress)
    parts, late = {}, {}
    for split, each in events.items():
        raster = partial(_clips, each, each.n_units // 35, steps, dt)
        parts[split] = Part(raster, each.labels)
        late[split] = share_after_the_end(each, steps, dt)
    channels = events["train"].n_units
    classes = max(each.n_classes for each in events.values())
    return Task(
        name="spoken-digits",
        parts=parts,
        network=_network(channels, classes, mean_rate(events["train"], steps, dt), dt),
        schedule=Schedule(batch=64, epochs=80, learning_rate=5e-3),
        notes={
            "source": source,
            "channels": channels,
            "steps": steps,
            "dt": dt,
            "share_of_events_after_the_end": late,
        },
    )


def _network(channels, classes, rate, dt, hidden=128):
    params = LIFParams(tau_mem=20e-3, tau_syn=10e-3)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    layer = recurrent(
        channels,
        hidden,
        lif(hidden, params),
        init=partial(draw, rate=rate, share=0.9),
        init_recurrent=partial(draw, rate=10.0, share=0.1),
    )
    return Network(
        cell=chain(
            hidden=layer,
            out=chain(
                dense(hidden, classes, init=normal),
                li(classes, LIParams(100e-3, 10e-3)),
            ),
            outputs=HIDDEN_AND_OUT,
        ),
        readout=mean_voltage,
        dt=dt,
    )


def _spoken(
    data: str | Path | None, source: Source | None, progress: Progress | None
) -> tuple[Source, dict[str, Events]]:
    """Where the spikes come from, and those of every part."""
    if source not in (None, "spikes", "sound"):
        raise ValueError(f"source must be 'spikes' or 'sound', got {source!r}")
    files = [spoken_digits_file(part, data) for part in ("train", "test")]
    if source == "spikes" or (source is None and any(files)):
        return "spikes", load_parts(partial(spoken_digits, path=data))
    try:
        hear = partial(digits_from_sound, path=data, progress=progress)
        return "sound", load_parts(hear)
    except FileNotFoundError as error:
        spikes = "" if source else ", or shd_train.h5 and shd_test.h5"
        needed = f"spoken digits (recordings/*.wav{spikes})"
        raise missing("fsdd", needed, data) from error


def _clips(events, reach, steps, dt, rows, rng):
    clips = select(events, rows)
    if rng is not None:
        clips = augment(clips, rng, shift=reach, jitter=5e-3)
    return rasterize(clips, steps=steps, dt=dt, outside="drop")
