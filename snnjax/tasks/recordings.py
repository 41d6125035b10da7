"""What a task asks of recorded events, cut off after ``steps`` of ``dt`` seconds."""

from snnjax.events import Events, late_events


def mean_rate(events: Events, steps: int, dt: float) -> float:
    """Mean rate of a channel in the samples [Hz]."""
    return len(events.times) / (len(events.labels) * events.n_units * steps * dt)


def share_after_the_end(events: Events, steps: int, dt: float) -> float:
    """Share of the events that come too late for the raster."""
    return late_events(events, duration=steps * dt) / max(len(events.times), 1)
