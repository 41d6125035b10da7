"""The same thing has the same name, goes in the same way and has the same default."""

import inspect
from collections import Counter

import jax.numpy as jnp
from public import everything

import snnjax as snn
from snnjax.interop.nnx import Module
from snnjax.networks import spiking
from snnjax.networks.recurrent_layer import from_below
from snnjax.surrogate import SuperSpike

NONE = inspect.Parameter.empty
# By keyword alone: the defaults that there may be.
BY_KEYWORD = {
    "adaptation_gradient": (True,),
    "backend": ("auto",),
    "batch_size": (None,),
    "bias": (False,),
    "block": (1,),
    "binary": (False,),
    "camera": (None,),  # where a file has several
    "causal": (False,),
    "channels": (70,),
    "checkpoint": (None,),
    "columns": (None,),
    "coupled": (True,),
    "delay": (None,),
    "dt": (NONE, None),  # None where it is not needed
    "duration": (NONE,),
    "init": (spiking, from_below),
    "input": ("current",),
    "dtype": (None, jnp.float32),  # None: as in a file
    "limit": (None,),
    "method": ("exact", None),  # None where a file tells it
    "memory": (None,),
    "mismatch": (0.3, (0.1, 0.2, 0.3)),  # of one chip, or those compared
    "n_classes": (None,),
    "n_units": (NONE,),
    "outputs": (None, NONE),  # a graph has no last cell
    "outside": ("error",),
    "over": ("neuron",),
    "power": (2,),
    "record": (None,),
    "recurrent_gradient": (True,),
    "reset": ("zero",),
    "resolution": (10e-6, None),  # of a clock, of a simulation
    "reset_gradient": (False,),
    "skip_bad": (False,),
    "share": (1.0, 0.2),  # of weights, of a wave
    "state": (None,),
    "steps": (NONE,),
    "substeps": (1, 2, 4, 10),  # parts of a step: as each neuron needs
    "surrogate": (SuperSpike(),),
    "tolerance": (0.05,),
    "trial": (None,),
    "truncate": (None,),
    "unit": (None,),
    "xi": (NONE,),
}
OTHERWISE = {
    "inputs.evidence delay": "of the question, not of a spike",
    "events.crop columns": "a part of the sensor",
    "plot.figure columns": "a size",
    "tasks.sweep_task columns": "what is varied",
    "training.sweep columns": "what is varied",
    "interop.presets.from_library surrogate": "that library's own",
    "interop.nir.from_nir reset": "the graph tells it, or this",
    "interop.nir.load reset": "the file tells it, or this",
    "hardware.distorted mismatch": "what it does to a cell",
    "datasets.read_events n_units": "the file says it, or this",
    "datasets.read_n_tidigits n_units": "the same in all of these files",
    "datasets.read_shd n_units": "the same in all of these files",
    "learning.online.window steps": "what the rule is",
    "networks.residual block": "a cell",
    "networks.ring steps": "what the ring is",
    "neurons.alif reset": "as in e-prop",
    "parts.flat state": "goes with the weights",
    "neurons.spike_response threshold": "a formula",
    "tasks.yin_yang_task surrogate": "there is none in continuous time",
    "tasks.yin_yang_task reset": "there is one kind in continuous time",
    "tasks.own_data_task duration": "the longest sample says it, or this",
    "tasks.train block": "backpropagation through time has none",
    "training.fit state": "what it starts from",
    "nonfinite state": "what it is about",
    "reseed state": "what it is about",
    "inputs.batches.jitter unit": "how far along the units",
    "inputs.batches.unpack n_units": "the shape",
    "senses.hearing.transfer_matrix channels": "a size",
    "senses.hearing.best_frequencies channels": "a size",
    "senses.hearing.gammatone.erb_space channels": "a size",
}
KEY_LATER = {
    "learning.online.kronecker": "the cell comes first, as in every rule",
    "learning.online.rank_one": "the cell comes first, as in every rule",
    "unroll": "a run may need none",
    "networks.dropout": "of runs that are given none",
    "neurons.stochastic_lif": "of runs that are given none",
    "reseed": "the state comes first",
    "senses.hearing.cochlea.encode": "audio comes first, as in gammatone.encode",
    "training.fit": "a name",
}
PUBLIC = everything()


def parameters(name):
    return inspect.signature(PUBLIC[name]).parameters


def test_options_are_given_by_keyword_and_have_one_default():
    odd = []
    for name in PUBLIC:
        for option, p in parameters(name).items():
            if option not in BY_KEYWORD or f"{name} {option}" in OTHERWISE:
                continue
            good = any(p.default is d or p.default == d for d in BY_KEYWORD[option])
            if p.kind is not p.KEYWORD_ONLY or not good:
                odd.append(f"{name}: {p}")
    assert not odd, "\n".join(odd)


def test_randomness_comes_first():
    odd = [
        name
        for name in PUBLIC
        if "key" in parameters(name)
        and name not in KEY_LATER
        and next(iter(parameters(name))) != "key"
    ]
    assert not odd


def test_a_mask_may_be_left_out_and_is_named_the_same():
    odd = [
        name
        for name in PUBLIC
        if "mask" in parameters(name) and parameters(name)["mask"].default is not None
    ]
    assert not odd


def test_constants_come_by_the_name_params_of_a_named_tuple():
    for name in PUBLIC:
        p = parameters(name).get("params")
        if p is not None and p.default is not NONE and name != "learn":
            assert type(p.default).__name__.endswith("Params"), name


def test_every_option_of_three_functions_or_more_is_in_the_table():
    shared = Counter(
        option
        for name in PUBLIC
        for option, p in parameters(name).items()
        if p.kind is p.KEYWORD_ONLY and p.default is not NONE
    )
    other = {"params", "mask", "progress", "seed", "classes", "normalize", "start"}
    other |= {"data", "batch", "group", "hidden", "network", "rate"}
    missing = {k for k, n in shared.items() if n > 2} - {*BY_KEYWORD} - other
    assert not missing


def test_a_flax_module_takes_what_unroll_takes():
    ours = dict(parameters("unroll"))
    theirs = dict(inspect.signature(Module.__call__).parameters)
    for gone in ("cell", "weights"):
        del ours[gone]
    del theirs["self"]
    assert list(theirs.values()) == list(ours.values())
    assert snn.unroll in PUBLIC.values()


def test_names_left_out_of_the_rules_are_there():
    for entry in OTHERWISE:
        name, option = entry.split()
        assert option in parameters(name)
