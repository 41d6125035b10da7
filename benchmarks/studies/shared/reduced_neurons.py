"""Simpler neurons in place of Hodgkin and Huxley's: their currents, and their fits."""

import jax.numpy as jnp
import numpy as np

import snnjax as snn
from snnjax.analysis import coincidence_factor, steady_rates
from snnjax.neurons import AdExParams, EIFParams, adex, eif, hodgkin_huxley

DT, UNIT = 1e-4, 0.1  # [s]; A/m² of one unit of input, 10 µA/cm²
WINDOW = 2e-3  # Δ of Γ [s]
MEAN, DEVIATION, TAU = 0.2, 0.4, 3e-3  # of the current, in units of input; [s]


def fluctuating(seed: int, steps: int, n: int) -> np.ndarray:
    """Currents [T, n] in units of input."""
    rng = np.random.default_rng(seed)
    kept, x = np.exp(-DT / TAU), rng.normal(size=n)
    noise = np.sqrt(1.0 - kept**2) * rng.normal(size=(steps, n))
    rows = np.empty((steps, n), np.float32)
    for k in range(steps):
        x = kept * x + noise[k]
        rows[k] = MEAN + DEVIATION * x
    return rows


def spike_times(spikes):
    return [DT * np.flatnonzero(each) for each in np.asarray(spikes).T]


def respond(cell, n, xs):
    """Spikes [T, K, n] of n unlike neurons, each under all K currents."""
    shown = jnp.broadcast_to(jnp.asarray(xs)[..., None], (*xs.shape, n))
    return np.asarray(snn.unroll(cell, (), shown, dt=DT)[1])


def gammas(spikes, recorded):
    """Γ of each current, [K]."""
    duration = DT * len(spikes)
    pairs = zip(spike_times(spikes), recorded, strict=True)
    options = {"window": WINDOW, "duration": duration}
    return np.array([coincidence_factor(a, b, **options) for a, b in pairs])


def best(cell, n, xs, recorded) -> int:
    """Which of n candidates predicts most; one that fires on and on does not count."""
    spikes = respond(cell, n, xs)
    scores = [gammas(spikes[..., k], recorded).mean() for k in range(n)]
    return int(np.nanargmax(scores))


def time_constant() -> float:
    """When a small step has brought the voltage to 63 % of its peak [s]."""
    xs = jnp.full((500, 1), 0.005)
    record = lambda state, y: state.v  # noqa: E731
    _, v = snn.unroll(hodgkin_huxley(1), (), xs, dt=DT, record=record)
    rise = np.asarray(v)[:, 0] - float(hodgkin_huxley(1).rest(xs[0]).v[0])
    return DT * (1 + int(np.argmax(rise >= (1.0 - np.exp(-1.0)) * rise.max())))


def grid(*values):
    return [np.ravel(x).astype(np.float32) for x in np.meshgrid(*values)]


def at(params, k):
    """The constants of one candidate."""
    pick = lambda p: float(p[k]) if np.ndim(p) else p  # noqa: E731
    return params._replace(**{name: pick(p) for name, p in params._asdict().items()})


def matched_lif(tau, onset):
    """By rheobase and rate; τm ln(x / (x - 1)) from reset to threshold."""
    x = 1.0 / onset
    (rate,) = steady_rates(hodgkin_huxley(1), jnp.ones(1), dt=DT)
    left = 1.0 / rate - tau * np.log(x / (x - 1.0))
    return snn.LIFParams(tau, None, onset, refractory=round(left / DT) * DT)


def fitted_lif(tau, xs, recorded):
    threshold, refractory = grid(
        np.arange(0.15, 0.65, 0.05), np.arange(2, 22, 2) * 1e-3
    )
    given = snn.LIFParams(tau, None, threshold, refractory)
    n = len(threshold)
    return at(given, best(snn.lif(n, given, backend="xla"), n, xs, recorded))


def fitted_eif(fit, xs, recorded):
    resets = np.array([-110.0, -95.0, -80.0, -75.0, -70.0, -65.0]) * 1e-3
    given = EIFParams(*fit[:5], 0.0, resets, UNIT)
    return at(given, best(eif(len(resets), given), len(resets), xs, recorded))


def fitted_adex(fits, xs, recorded):
    """Fits by τw."""
    resets, shares = np.array([-75.0, -70.0, -65.0]) * 1e-3, (0.5, 0.75, 1.0, 1.25)
    which, reset, share = grid(np.arange(len(fits)), resets, shares)
    taus, fits = np.array([*fits]), np.array([*fits.values()])[which.astype(int)]
    a, b = fits[:, 5], fits[:, 6] * share
    given = (*fits[:, :5].T, 0.0, reset, UNIT, taus[which.astype(int)], a, b)
    given = AdExParams(*given)
    return at(given, best(adex(len(a), given), len(a), xs, recorded))


def made(params):
    kinds = {"LIFParams": snn.lif, "EIFParams": eif, "AdExParams": adex}
    kind = kinds[type(params).__name__]
    return kind(1, params, **({"backend": "xla"} if kind is snn.lif else {}))
