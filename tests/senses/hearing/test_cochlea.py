from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.senses.hearing import cochlea
from snnjax.senses.hearing.basilar import basilar_membrane, transfer_matrix
from snnjax.senses.hearing.bushy import auditory_nerve, bushy_cells
from snnjax.senses.hearing.haircell import hair_cell

KEY = jax.random.key(5)
encode = partial(cochlea.encode, channels=8)


def vowel(seconds, rate, seed=0):
    """Harmonics of 150 Hz under a slow envelope, as whole numbers."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    tones = np.sin(2 * np.pi * 150.0 * np.arange(1, 20)[:, None] * t)
    weights = rng.uniform(size=19) / np.arange(1, 20)
    return (8000 * weights @ tones / weights.sum()).astype(np.int16)


def sample(events, k):
    rows = slice(events.offsets[k], events.offsets[k + 1])
    return events.times[rows], events.units[rows]


def test_a_clip_is_prepared_as_in_the_reference(data_folder):
    stored = np.load(data_folder("cochlea-oracle") / "fsdd_0_jackson_0.npz")
    found = cochlea.prepare(stored["audio_48k"], 48_000)
    np.testing.assert_allclose(found, stored["preprocessed"], rtol=1e-10, atol=1e-14)


def test_a_whole_clip_makes_as_many_spikes_as_in_the_reference(data_folder):
    stored = np.load(data_folder("cochlea-oracle") / "fsdd_0_jackson_0.npz")
    expected = stored["spike_counts_20seeds"]
    copies = [stored["audio_48k"]] * 60
    events = cochlea.encode(copies, 48_000, KEY, channels=32)
    where = np.repeat(np.arange(60), np.diff(events.offsets)) * 32 + events.units
    found = np.bincount(where, minlength=60 * 32).reshape(60, 32)
    for ours, theirs in ((found, expected), (found.sum(1), expected.sum(1))):
        error = np.sqrt(theirs.var(axis=0) / 20 + ours.var(axis=0) / 60)
        z = (ours.mean(axis=0) - theirs.mean(axis=0)) / np.maximum(error, 0.1)
        assert np.abs(z).max() < 3.0


def test_a_matrix_is_kept_where_the_caller_says_so():
    clip, kept = vowel(0.1, 8000), {}
    first = encode(clip, 8000, KEY, matrices=kept)
    ((made_by, matrix),) = kept.items()
    assert made_by == (8, 6000 + cochlea.RINGING, False)
    np.testing.assert_allclose(matrix, transfer_matrix(*made_by[:2]), rtol=1e-6)
    kept[made_by] = 0.0 * matrix  # so it is the one that is used
    silent = encode(clip, 8000, KEY, matrices=kept)
    assert len(silent.times) < 0.5 * len(first.times)
    assert len(encode(clip, 8000, KEY).times) == len(first.times)
    encode(clip, 8000, KEY, matrices=kept, causal=True)
    assert [*kept] == [(*made_by[:2], True)]
    with pytest.raises(ValueError, match="matrices"):
        encode(clip, 8000, KEY, matrices=[])


def test_encoding_is_the_chain_of_its_stages():
    clip = vowel(0.1, 8000)
    audio = np.zeros(6000 + 4800, np.float32)
    audio[:4800] = cochlea.prepare(clip, 8000)
    matrix = transfer_matrix(8, len(audio))
    velocity = basilar_membrane(jnp.asarray(audio), matrix, even=True)[:3000]
    chance = hair_cell(velocity, dt=cochlea.DT)
    counts = auditory_nerve(jax.random.fold_in(KEY, 0), chance, dt=cochlea.DT)
    spikes = np.asarray(bushy_cells(counts, dt=cochlea.DT))[:2400]
    times, units = sample(encode(clip, 8000, KEY), 0)
    step, unit = np.nonzero(spikes)
    assert len(step) > 10
    np.testing.assert_allclose(times, step * cochlea.DT)
    np.testing.assert_array_equal(units, unit)


def test_a_clip_does_not_depend_on_what_is_beside_it():
    clips = [vowel(0.1, 8000), vowel(0.15, 8000, 1), vowel(0.1, 8000, 2)]
    together = encode(clips, 8000, KEY)
    assert len(together.labels) == 3
    alone = encode(clips[:1], 8000, KEY)
    for found, expected in zip(sample(together, 0), sample(alone, 0), strict=True):
        np.testing.assert_array_equal(found, expected)
    twice = encode([clips[0], clips[0]], 8000, KEY)
    assert sample(twice, 0)[0].tolist() != sample(twice, 1)[0].tolist()  # keys differ
    second = encode(clips[0], 8000, jax.random.fold_in(KEY, 1)[None])
    assert sample(second, 0)[0].tolist() == sample(twice, 1)[0].tolist()


def test_another_key_is_another_draw_and_the_same_key_the_same():
    clip = vowel(0.1, 8000)
    first, again = (encode(clip, 8000, KEY) for _ in range(2))
    other = encode(clip, 8000, jax.random.key(6))
    np.testing.assert_array_equal(first.times, again.times)
    assert first.times.tolist() != other.times.tolist()


def test_any_rate_is_brought_to_48_khz():
    from scipy.signal import resample_poly

    clip = vowel(0.1, 8000)
    fast = resample_poly(clip.astype(float), 6, 1)
    for found, expected in zip(
        sample(encode([clip, fast], [8000, 48_000], KEY), 0),
        sample(encode(fast, 48_000, KEY), 0),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    assert len(cochlea.prepare(vowel(0.1, 44_100), 44_100)) == 4800


def test_events_are_sorted_and_lie_within_their_clip():
    events = encode([vowel(0.1, 8000), vowel(0.15, 8000)], 8000, KEY)
    assert events.n_units == 8
    for k, seconds in enumerate([0.1, 0.15]):
        times, units = sample(events, k)
        assert (np.diff(times) >= 0).all()
        assert 0.01 < times.max() < seconds
        assert set(units) <= set(range(8))
    assert events.labels.tolist() == [0, 0]
    assert events.group.tolist() == [-1, -1]


def test_loudness_does_not_matter_and_causality_does():
    clip = vowel(0.1, 8000)
    given = [encode(x, 8000, KEY).times.tolist() for x in (clip, clip * 2.0)]
    assert given[0] == given[1]
    assert encode(clip, 8000, KEY, causal=True).times.tolist() != given[0]


def test_progress_is_told_until_all_is_done():
    told = []
    clips = [vowel(0.1, 8000), vowel(0.15, 8000), vowel(0.1, 8000)]
    encode(clips, 8000, KEY, progress=lambda done, of: told.append((done, of)))
    assert told == [(2, 3), (3, 3)]


def test_no_clip_is_no_sample():
    events = encode([], 8000, KEY)
    assert len(events.labels) == len(events.times) == 0
    assert events.n_units == 8


def test_what_makes_no_sense_is_refused():
    clip = vowel(0.1, 8000)
    for audio, rate, fault in (
        ([clip, 0 * clip], 8000, "clip 1: A clip of audio that is silence"),
        ([clip, clip * np.nan], 8000, "clip 1: A clip of audio must be finite"),
        (
            [np.stack([clip, clip])],
            8000,
            r"clip 0: A clip of audio must be two numbers.*\(2, 8",
        ),
        ([clip[:1]], 8000, r"clip 0: A clip of audio must be two numbers .*\(1,\)"),
        ([clip.astype(complex)], 8000, "clip 0: .*complex128"),
        ([clip], 8000.5, "clip 0: rate must be a whole number, got 8000.5"),
        ([clip], 0, "clip 0: rate must be at least 1"),
        ([clip, clip], [8000], "2 clips came with 1 rates"),
    ):
        with pytest.raises(ValueError, match=fault):
            encode(audio, rate, KEY)
    with pytest.raises(ValueError, match="1 clips came with 2 keys"):
        encode(clip, 8000, jax.random.split(KEY))
    with pytest.raises(ValueError, match="channels must be at least 2"):
        cochlea.encode(clip, 8000, KEY, channels=1)


@pytest.mark.parametrize("key", [0, jax.random.PRNGKey(0), np.zeros(2, np.uint32)])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(ValueError, match=r"A key comes from jax.random.key\(seed\)"):
        encode(vowel(0.05, 8000), 8000, key)
