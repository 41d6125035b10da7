"""The basilar membrane: a wave in the fluid of the cochlea sorts sound by frequency.

A membrane of stiffness S, resistance R and mass m for each area, stiff at the base
(c = 0, high tones) and soft at the apex (c = 3.5 cm, low tones), drives shallow water
of depth h. All is linear, so each place has a transfer function from sound to velocity,
in closed form (Sieroka, Dosch & Rupp 2006, doi:10.1121/1.2204438; lengths in cm):

    S = C₀ e^(-αc) - a        R = R₀ e^(-αc/2)        ξ = S - mω² - iωR
    g = ω √(ρ / hξ)           p = √(G/g) H₀⁽¹⁾(G)     k = (2ω/α) √(2 / hC₀)
    D = e^(αc/2) [i (2a + 2mω² + iωR) / √(a + mω²) - 2√ξ]
    G = (2/α) [g(0) - i√2 ω / √(2h (a + mω²)) ln(D(0)/D)]
    z = √(2C₀/h) (i J₀(k) + Y₀(k)) / (J₁(k) - i Y₁(k))
    v = (2ω/ξ) z p/p(0)

The sign of iωR belongs to waves e^(-iωt), while a discrete Fourier transform counts in
e^(+iωt). So as published, and in data made with it such as the Heidelberg digits, the
membrane moves *before* the sound that moves it, by as much as it should come later.
``causal=True`` conjugates v, which puts that right and leaves every amplitude.
"""

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check

LENGTH = 3.5  # of the membrane [cm]

_STIFFNESS, _FALL, _TENSION = 1e9, 3.0, 3500.0  # C₀, α [1/cm], a
_MASS, _DEPTH, _DENSITY = 0.05, 0.1, 1.0  # m, h [cm], ρ
_RESISTANCE = 0.15 * np.sqrt(_STIFFNESS * _MASS)  # R₀


def places(channels: int) -> np.ndarray:
    """Where channels lie, evenly from base to apex [cm], ``[channels]``."""
    check.whole("channels", channels, least=2)
    return np.linspace(0.0, LENGTH, channels)


def transfer(frequency: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Velocity that a unit tone gives to the membrane, with the published sign.

    Args:
        frequency: of each tone, above zero [Hz], ``[F]``.
        place: on the membrane, from 0 to ``LENGTH`` [cm], ``[n]``.

    Returns:
        v, complex128, ``[F, n]``.

    Raises:
        ValueError: for a frequency that is not positive, or a place off the membrane.
    """
    from scipy import special

    check.positive("frequency", frequency, " [Hz]")
    if not ((np.asarray(place) >= 0.0) & (np.asarray(place) <= LENGTH)).all():
        raise ValueError(f"Places lie from 0 to {LENGTH} cm, got {place}.")

    w = 2.0 * np.pi * np.asarray(frequency, np.float64)[:, None]
    heavy = _TENSION + _MASS * w**2

    def membrane(c):
        """ξ, g and D."""
        wr = w * _RESISTANCE * np.exp(-_FALL * c / 2.0)
        xi = _STIFFNESS * np.exp(-_FALL * c) - _TENSION - _MASS * w**2 - 1j * wr
        bend = 1j * (2.0 * heavy + 1j * wr) / np.sqrt(heavy) - 2.0 * np.sqrt(xi)
        g = w * np.sqrt(_DENSITY / (_DEPTH * xi))
        return xi, g, np.exp(_FALL * c / 2.0) * bend

    def pressure(g, phase):
        return np.sqrt(phase / g) * special.hankel1(0, phase)

    _, g_base, d_base = membrane(0.0)
    xi, g, d = membrane(np.asarray(place, np.float64))
    travelled = 1j * np.sqrt(2.0) * w / np.sqrt(2.0 * _DEPTH * heavy)
    phase = 2.0 / _FALL * (g_base - travelled * np.log(d_base / d))
    k = 2.0 * w / _FALL * np.sqrt(2.0 / (_DEPTH * _STIFFNESS))
    z = np.sqrt(2.0 * _STIFFNESS / _DEPTH) * (
        (1j * special.j0(k) + special.y0(k)) / (special.j1(k) - 1j * special.y1(k))
    )
    start = pressure(g_base, 2.0 / _FALL * g_base)
    return 2.0 * w / xi * z * pressure(g, phase) / start


def transfer_matrix(
    channels: int, samples: int, rate: float = 48_000.0, *, causal: bool = False
) -> np.ndarray:
    """The transfer function on the grid of a discrete Fourier transform.

    As published the grid starts at 1 Hz and ends at half the rate, so that no bin lies
    at 0 Hz.

    Args:
        channels: number of places, evenly from base to apex.
        samples: T of the audio.
        rate: of the audio [Hz].
        causal: whether the membrane moves after the sound, not before as published.

    Returns:
        v, complex128, ``[T // 2 + 1, channels]``.

    Raises:
        ValueError: for less than two channels or samples, or a rate below 4 Hz, at
            which the grid would end where it starts.

    Example:
        >>> matrix = snn.senses.hearing.transfer_matrix(20, 480)
        >>> matrix.shape
        (241, 20)
    """
    check.whole("samples", samples, least=2)
    check.positive("rate", rate, " [Hz]")
    check.one("rate", rate)
    check.flag("causal", causal)
    check.whole("channels", channels, least=2)
    if rate < 4:
        raise ValueError(f"rate [Hz] must be at least 4, got {rate}.")
    grid = np.linspace(1.0, rate // 2, samples // 2 + 1)
    matrix = np.empty((len(grid), channels), np.complex128)
    for start in range(0, channels, 8):  # few at once, or intermediates fill the memory
        few = slice(start, start + 8)
        matrix[:, few] = transfer(grid, places(channels)[few])
    return np.conj(matrix) if causal else matrix


def best_frequencies(channels: int) -> np.ndarray:
    """The tone that moves each channel most [Hz], to 1 %, ``[channels]``.

    Example:
        >>> frequencies = snn.senses.hearing.best_frequencies(20)
        >>> frequencies.shape, bool((np.diff(frequencies) < 0).all())
        ((20,), True)
    """
    tones = np.geomspace(20.0, 24_000.0, 713)
    gain = np.abs(transfer(tones, places(channels)))
    return tones[np.argmax(gain, axis=0)]


def _check_matrix(matrix):
    """Refuses what is no matrix of finite, perhaps complex, numbers."""
    known = check.concrete(matrix)
    kinds = jnp.complexfloating, jnp.floating
    dtype = getattr(matrix, "dtype", None)
    good = dtype is not None and any(jnp.issubdtype(dtype, kind) for kind in kinds)
    if not good or (known is not None and not np.isfinite(known).all()):
        raise ValueError(
            f"matrix must be finite numbers [T // 2 + 1, n], got {check.told(matrix)}."
        )


def basilar_membrane(
    audio: jax.Array, matrix: jax.Array | np.ndarray, *, even: bool = False
) -> jax.Array:
    """Velocity of the membrane, at half the rate of the audio.

    As published, ``T // 2 + 1`` samples span the time of the T that came, so that they
    lie a little too close, by one sample at the end. The sound is taken as periodic:
    pad it with zeros for what rings on.

    Args:
        audio: ``[T, *batch]``.
        matrix: from ``transfer_matrix``, ``[T // 2 + 1, n]``.
        even: whether to leave out the highest bin, so that samples lie at exactly half
            the rate; T must be even then.

    Returns:
        Velocity ``[T // 2 + 1, *batch, n]``, or ``[T // 2, *batch, n]`` if even.

    Raises:
        ValueError: for audio that is not floating point or does not fit the matrix.

    Example:
        >>> from snnjax.senses import hearing
        >>> tone = np.sin(2 * np.pi * 1000.0 * np.arange(4800) / 48_000)  # 100 ms
        >>> velocity = hearing.basilar_membrane(tone, hearing.transfer_matrix(20, 4800))
        >>> velocity.shape
        (2401, 20)
        >>> loudest = velocity.std(axis=0).argmax()
        >>> print(hearing.best_frequencies(20)[loudest].round(-2))  # [Hz]
        1000.0
    """
    check.floating("audio", audio)
    check.array("audio", audio, "[T, *batch]", finite=True)
    audio = jnp.asarray(audio)
    check.flag("even", even)
    _check_matrix(matrix)
    samples, bins = len(audio), len(audio) // 2 + 1
    if matrix.ndim != 2 or len(matrix) != bins:
        raise ValueError(
            f"A matrix of shape {matrix.shape} does not fit audio of {samples} "
            f"samples; take transfer_matrix(channels, {samples})."
        )
    if even and samples % 2:
        raise ValueError(
            f"An even grid needs an even number of samples, got {samples}."
        )
    points = bins - 1 if even else bins
    audio = audio.astype(check.common_dtype(audio.dtype, jnp.float32))
    spectrum = jnp.fft.rfft(audio, axis=0)[:points]
    spread = (points, *(1 for _ in audio.shape[1:]), matrix.shape[1])
    moved = spectrum[..., None] * jnp.asarray(matrix, spectrum.dtype)[:points].reshape(
        spread
    )
    # The real part of the inverse transform of a one-sided spectrum is the inverse
    # transform of its Hermitian part.
    half = points // 2 + 1
    mirrored = jnp.conj(moved[-jnp.arange(half) % points])
    return jnp.fft.irfft((moved[:half] + mirrored) / 2.0, points, axis=0)
