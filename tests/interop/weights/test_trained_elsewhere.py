"""Networks that snnTorch and SpikingJelly trained do here what they do there.

``tests/interop/libraries/train_*.py`` trained them and recorded what they do with all
360 test images of scikit-learn's digits.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.interop.presets import from_library
from snnjax.interop.weights import (
    from_state_dict,
    propose,
    read_state_dict,
    to_state_dict,
)
from snnjax.networks import batch_norm, convolution, flatten, pool

FOLDER = Path(__file__).parents[1] / "recorded" / "weights"


def leaky(n, beta):
    learned = {"learn_beta": True, "learn_threshold": True}
    return from_library("snntorch.Leaky", n, beta=beta, **learned)


def of_snntorch():
    net = snn.chain(
        **{"fc1": snn.dense(64, 64, bias=True), "lif1": leaky(64, jnp.full(64, 0.9))},
        **{"fc2": snn.dense(64, 10, bias=True), "lif2": leaky(10, 0.8)},
        outputs=("lif1", "lif2"),
    )
    unused = "reset_mechanism_val", "graded_spikes_factor"  # subtract, and one
    left_out = [f"lif{k}.{name}" for k in (1, 2) for name in unused]
    return net, left_out, {}


def of_spikingjelly():
    net = snn.chain(
        **{"conv": convolution(1, 12, kernel=(3, 3)), "bn": batch_norm(12)},
        **{"plif": from_library("spikingjelly.PLIF", 12), "pool": pool("mean", (2, 2))},
        **{"flatten": flatten(), "fc": snn.dense(12 * 4 * 4, 10, bias=True)},
        lif=from_library("spikingjelly.LIF", 10),
        outputs=("plif", "lif"),
    )
    return net, ["bn.num_batches_tracked"], {"flattened": {"fc": (12, 4, 4)}}


def taken_over(name):
    net, left_out, order = {"snntorch": of_snntorch, "spikingjelly": of_spikingjelly}[
        name
    ]()
    arrays = read_state_dict(FOLDER / f"{name}_digits.safetensors")
    names = propose(net, arrays, layout="torch").names
    given = {"layout": "torch", **order}
    weights = from_state_dict(net, arrays, names, leave_out=left_out, **given)
    return net, weights, arrays, names, left_out, given


def counts_of(name, dtype):
    """Spikes of both layers for each image, in the order of the library."""
    net, weights, *_ = taken_over(name)
    recorded = np.load(FOLDER / f"{name}_digits.npz")
    weights = jax.tree.map(lambda w: w.astype(dtype), weights)
    images = jnp.asarray(recorded["images"] / 16.0, dtype)
    flat = name == "snntorch"
    images = images.reshape(len(images), -1) if flat else images[..., None]
    xs = jnp.broadcast_to(images, (int(recorded["steps"]), *images.shape))
    _, layers = snn.unroll(net, weights, xs, dt=1e-3)
    counts = [np.asarray(each.sum(axis=0)) for each in layers.values()]
    first = np.moveaxis(counts[0], -1, 1).reshape(len(images), -1)
    return recorded, first, counts[1]


@pytest.mark.parametrize("name", ["snntorch", "spikingjelly"])
@pytest.mark.parametrize("ending", ["", "32"])
def test_every_image_draws_the_same_spikes_and_predictions(name, ending, request):
    if not ending:
        request.getfixturevalue("x64")
    dtype = np.float32 if ending else np.float64
    recorded, first, last = counts_of(name, dtype)
    np.testing.assert_array_equal(first, recorded[f"counts{ending}_0"])
    np.testing.assert_array_equal(last, recorded[f"counts{ending}_1"])
    guesses = last.argmax(axis=1)
    np.testing.assert_array_equal(guesses, recorded[f"predictions{ending}"])
    assert len(guesses) == 360
    assert np.mean(guesses == recorded["labels"]) > 0.96


@pytest.mark.parametrize("name", ["snntorch", "spikingjelly"])
def test_what_was_trained_elsewhere_goes_back_bit_for_bit(name):
    net, weights, arrays, names, left_out, given = taken_over(name)
    back = to_state_dict(net, weights, names, **given)
    assert {*back} | {*left_out} == {*arrays}
    for key, array in back.items():
        np.testing.assert_array_equal(array, arrays[key])


def test_another_order_of_a_flattened_map_is_refused():
    # 4 channels, 12 rows and 4 columns have as many entries
    net, left_out, _ = of_spikingjelly()
    arrays = read_state_dict(FOLDER / "spikingjelly_digits.safetensors")
    names = propose(net, arrays, layout="torch").names
    told = {"layout": "torch", "leave_out": left_out}
    from_state_dict(net, arrays, names, flattened={"fc": (12, 4, 4)}, **told)
    with pytest.raises(ValueError, match="the convolution before it puts out 12"):
        from_state_dict(net, arrays, names, flattened={"fc": (4, 12, 4)}, **told)
