"""The way of a sound that the docstring of ``snnjax.senses.hearing`` describes."""

import ast
import inspect
import wave

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import datasets, events
from snnjax.inputs import batches
from snnjax.senses import hearing

N, KEY = 24, jax.random.key(4)
HOMES = (hearing, datasets, events, batches, snn)


def way():
    """The code of the docstring, a statement for each of its ten lines."""
    doc = inspect.getdoc(hearing)
    first = doc.index("    sound = ")
    return ast.parse(inspect.cleandoc(doc[first : doc.index("\n\n", first)]))


def walked(path):
    """All that has a name at the end of the way."""
    net = snn.chain(snn.dense(N, 12), snn.lif(12), snn.dense(12, 10), snn.li(10))
    names = {"jnp": jnp, "np": np, "n": N, "key": KEY, "label": 7, "path": path}
    names |= {"net": net, "w": net.init(jax.random.key(0))}
    for home in HOMES:
        names |= {name: getattr(home, name) for name in dir(home) if name not in names}
    exec(compile(way(), "hearing", "exec"), names)
    return names


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """An eighth of a second of a vowel: no zeros are needed to fill a batch."""
    path = tmp_path_factory.mktemp("sound") / "vowel.wav"
    t = np.arange(1000) / 8000
    tones = np.sin(2 * np.pi * 150.0 * np.arange(1, 20)[:, None] * t)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((1000 * tones.sum(axis=0)).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def ours(short):
    return walked(short)


def test_it_takes_ten_lines_and_passes_every_stage():
    calls = [
        ast.unparse(node.func) for node in ast.walk(way()) if isinstance(node, ast.Call)
    ]
    stages = "read_sound cochlea.prepare basilar_membrane hair_cell auditory_nerve "
    stages += "bushy_cells from_rows raster unroll cross_entropy"
    assert len(way().body) == 10
    assert set(stages.split()) <= set(calls)


def test_it_is_what_encode_does(short, ours):
    sound = datasets.read_sound(short)
    encoded = hearing.cochlea.encode(sound.samples, sound.rate, KEY[None], channels=N)
    assert len(encoded.times) > 30
    np.testing.assert_array_equal(ours["events"].times, encoded.times)
    np.testing.assert_array_equal(ours["events"].units, encoded.units)


def test_it_ends_in_a_loss(ours):
    assert ours["x"].shape == (100, 1, N)
    assert ours["x"].sum() == len(ours["events"].times)
    assert 0.0 < float(ours["loss"]) < 10.0


def test_a_recording_goes_the_same_way(data_folder):
    ours = walked(data_folder("fsdd") / "recordings" / "7_nicolas_0.wav")
    assert ours["x"].sum() == len(ours["events"].times) > 100
    assert np.isfinite(ours["loss"])
