"""Networks that come trained: each file opens, is what its card says, and does as well.

All walk over ``models.names()``, so that a new file is tested by itself.
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from seeded import write_mnist

import snnjax as snn
from benchmarks import train_models
from snnjax import __main__, models
from snnjax.datasets.catalogue import DATA_SETS
from snnjax.models import cards, kept
from snnjax.saving import to_recipe
from snnjax.tasks import Part, story
from snnjax.tasks.catalogue import TASKS
from snnjax.tasks.readouts import READOUTS
from snnjax.tasks.recipe import data_of

NAMES = models.names()
MOST = 10**6  # bytes
# Sums in another order may move a voltage across a threshold, on other processors and
# by kernels: so few samples, or so small a share of many, may be read otherwise.
SAMPLES, SHARE = 3, 0.002
RULES = {"digits": 0.97, "yin-yang": 0.95}  # what a user would expect at least


def expected(found, card):
    """Whether an accuracy is that of the card, as far as processors keep it."""
    n = card.samples["test"]
    return abs(found - card.test_accuracy) <= max(SAMPLES / n, SHARE)


def test_there_are_networks_and_a_command_that_makes_each():
    assert {"digits", "yin-yang"} <= {*NAMES} == {*train_models.RECIPES}
    for name in NAMES:
        card = models.card(name)
        assert card.command == f"./run python -m benchmarks.train_models {name}"
        recipe = train_models.RECIPES[name]
        assert (card.task, card.encoding) == (recipe.task, recipe.encoding)
        assert recipe.options.items() <= card.options.items()
        assert (card.licence, card.cite) == train_models.source_of(recipe)
        assert len(card.other_seeds) == recipe.seeds - 1


@pytest.mark.parametrize("name", NAMES)
def test_a_card_tells_everything_and_the_file_is_small(name):
    card = models.card(name)
    assert (card.name, card.seed) == (name, 0)
    assert kept.file_of(name).stat().st_size <= MOST
    assert {*card.data} == {"train", "validation", "test"}
    assert all(each["spikes"] and each["labels"] for each in card.data.values())
    assert card.chance < min(card.linear, card.test_accuracy)
    assert 0.0 < card.standard_error < 0.05
    assert 1 <= card.chosen_epoch <= card.epochs
    assert card.task in TASKS
    assert card.readout in READOUTS
    if card.data_set in DATA_SETS:
        assert card.licence.startswith(DATA_SETS[card.data_set].licence)
    assert "doi:" in card.cite
    assert {"jax", "snnjax"} <= card.versions.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_network_runs_on_what_its_card_says_and_step_by_step_the_same(name):
    net, weights, card = models.load(name)
    rng = np.random.default_rng(0)
    steps = min(card.steps, 30)
    xs = (rng.random((steps, 2, *card.inputs)) < 0.1).astype(np.float32)
    run = jax.jit(lambda w, x: snn.unroll(net, w, x, dt=card.dt))
    _, ys = run(weights, xs)
    assert ys["out"].shape == (steps, 2, len(card.classes))
    assert jnp.isfinite(ys["out"]).all()
    assert ys["hidden"].sum() > 0  # it hears something
    step, state, seen = jax.jit(net.step), net.rest(jnp.asarray(xs[0])), []
    for x in xs:
        state, y = step(weights, state, x, card.dt)
        seen.append(y["out"])
    np.testing.assert_allclose(jnp.stack(seen), ys["out"], rtol=1e-3, atol=1e-4)
    found = models.scores(card, ys["out"])
    per_step = card.readout == "voltage"
    assert found.shape == ys["out"].shape[0 if per_step else 1 :]


def own(name):
    """The task of a model, or a skip where its data are not here."""
    try:
        return models.task(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))


def alike(one, other):
    """Whether two recipes are the same, numbers up to rounding.

    Arrays of a file are numpy's, whoever made them.
    """
    if isinstance(one, dict):
        same = one.keys() == other.keys()
        return same and all(alike(one[k], other[k]) for k in one if k != "numpy")
    if isinstance(one, list):
        same = len(one) == len(other)
        return same and all(map(alike, one, other))
    if isinstance(one, float):
        return one == pytest.approx(other, rel=1e-6)
    return one == other


def marked(name):
    """Sounds are encoded where they were not yet, which takes minutes."""
    slow = [pytest.mark.slow] if models.card(name).task == "spoken-digits" else []
    return pytest.param(name, marks=[pytest.mark.walks, *slow])


@pytest.mark.parametrize("name", [marked(name) for name in NAMES])
def test_a_card_is_what_its_task_has_today_and_the_network_does_as_well(name):
    task, card = own(name), models.card(name)
    told, arrays = to_recipe(task.network.cell)
    kept_told, kept_arrays = to_recipe(models.load(name).network)
    assert alike(json.loads(json.dumps(told)), json.loads(json.dumps(kept_told)))
    assert arrays.keys() == kept_arrays.keys()
    for each, array in arrays.items():
        np.testing.assert_allclose(array, kept_arrays[each], rtol=1e-6)
    assert dict(task.options) == dict(card.options)
    assert task.network.dt == card.dt
    assert task.classes == card.classes
    assert {k: len(part.labels) for k, part in task.parts.items()} == card.samples
    xs = task.parts["test"].raster(np.arange(2), None)
    assert xs.shape == (card.steps, 2, *card.inputs)
    v = np.random.default_rng(0).normal(size=(card.steps, 2, len(card.classes)))
    v = jnp.asarray(v, jnp.float32)
    np.testing.assert_array_equal(models.scores(card, v), task.network.readout(v))
    found = models.evaluate(name)
    assert found["as_card"], "the test data, or their encoding, are others"
    assert expected(found["test_accuracy"], card), found["test_accuracy"]
    assert found["test_accuracy"] > RULES.get(name, 0.0)


@pytest.mark.parametrize("name", [marked(name) for name in NAMES])
def test_a_key_of_jax_does_not_change_samples_and_is_refused_where_they_change(name):
    part, rows = own(name).parts["train"], np.arange(2)
    same = part.raster(rows, None)
    changed = not np.array_equal(part.raster(rows, np.random.default_rng(0)), same)
    assert changed == (name not in ("yin-yang", "ecg"))
    if changed:
        with pytest.raises(ValueError, match=r"rng must be a numpy\.random\.Generator"):
            part.raster(rows, jax.random.key(0))


def test_words_of_the_encoding_of_digits_are_true():
    task, card = models.task("digits"), models.card("digits")
    code = card.encoding[card.encoding.index("snnjax.inputs.latency") :]
    light = snn.datasets.digits("test").x[:3].reshape(3, 64) / np.float32(16)
    x = jnp.concatenate([light, 1.0 - light], axis=1)
    spikes = eval(code, {"snnjax": snn, "x": x})
    np.testing.assert_array_equal(spikes, task.parts["test"].raster(np.arange(3), None))


def test_a_network_learns_on_from_where_it_was():
    net, weights, card = models.load("digits")
    train = models.task("digits").parts["train"]
    xs, labels = train.raster(np.arange(64), None), train.labels[:64]

    def loss(weights):
        _, ys = snn.unroll(net, weights, xs, dt=card.dt)
        return snn.cross_entropy(models.scores(card, ys["out"]), labels)

    optimizer = optax.sgd(1e-3)
    state = snn.training.init_train_state(weights, optimizer)
    step = jax.jit(snn.training.make_step(loss, optimizer))
    losses = []
    for _ in range(3):
        state, metrics = step(state)
        losses.append(float(metrics["loss"]))
    assert losses[2] < losses[1] < losses[0] < 0.3


@pytest.mark.parametrize("function", [models.load, models.card, models.task])
def test_a_name_that_there_is_not_is_refused_with_those_that_there_are(function):
    for wrong in ("shakespeare", "../digits", "", 3, None):
        with pytest.raises(ValueError, match=r"'digits'.*got"):
            function(wrong)


def test_without_safetensors_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for function in (models.load, models.card, models.evaluate):
        with pytest.raises(ImportError, match=r"pip install \"snnjax\[save\]\""):
            function("digits")
    assert models.names() == NAMES


@pytest.mark.parametrize("name", ["digits", "ecg", "yin-yang"])
def test_notes_of_ones_own_are_read_as_a_card(name):
    card = models.card(name)
    notes = {"dt": card.dt, "readout": card.readout, "classes": list(card.classes)}
    shape = 7, 2, len(card.classes)
    v = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
    found = models.scores(notes, v)
    np.testing.assert_array_equal(found, models.scores(card, v))


def test_scores_of_something_else_are_refused():
    card = models.card("digits")
    notes = {"dt": 1e-3, "readout": "voltage", "classes": ["a", "b"]}
    for odd, reason in (
        ({"dt": -1.0}, r"card\.dt \[s\] must be finite and positive"),
        ({"readout": None}, "card.readout must be one of"),
        ({"classes": 2}, "card.classes must be a list, got 2"),
        ({"classes": ["a"]}, "1 channels"),
    ):
        with pytest.raises(ValueError, match=reason):
            models.scores(notes | odd, jnp.zeros((5, 2, 2)))
    del notes["readout"]
    with pytest.raises(ValueError, match="these notes have no 'readout'"):
        models.scores(notes, jnp.zeros((5, 2, 2)))
    with pytest.raises(ValueError, match="card must be that of a model"):
        models.scores("digits", jnp.zeros((5, 2, 10)))
    with pytest.raises(ValueError, match="10 channels"):
        models.scores(card, jnp.zeros((5, 2, 3)))
    with pytest.raises(ValueError, match="floating point"):
        models.scores(card, jnp.zeros((5, 2, 10), int))
    with pytest.raises(ValueError, match=r"voltages must be an array \[T, \*batch"):
        models.scores(card, jnp.zeros(10))
    with pytest.raises(ValueError, match="voltages must have a step"):
        models.scores(card, jnp.zeros((0, 2, 10)))
    with pytest.raises(ValueError, match=r"card\.readout must be one of"):
        models.scores(card._replace(readout="loudest"), jnp.zeros((5, 2, 10)))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Files of another folder, with the digits in it."""
    raw = kept.file_of("digits").read_bytes()
    monkeypatch.setattr(kept, "FILES", tmp_path)
    (tmp_path / "digits.safetensors").write_bytes(raw)
    return tmp_path / "digits.safetensors"


def test_a_damaged_file_is_refused_by_its_path(elsewhere):
    raw = elsewhere.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    for damaged in (
        *(b"", raw[:7], raw[: size // 2], raw[:-5], b"\0" + raw),
        raw[:8] + raw[8 : 8 + size].replace(b"snnjax 1", b"snnjax 9") + raw[8 + size :],
    ):
        elsewhere.write_bytes(damaged)
        for function in (models.load, models.card):
            if function is models.card and damaged == raw[:-5]:
                continue  # the end of the weights, which a card is read without
            with pytest.raises(ValueError, match=r"digits\.safetensors is "):
                function("digits")


def test_a_file_without_a_card_is_refused(elsewhere):
    net, weights, card = models.load("digits")
    flat = cards.to_notes(card) | {"inputs": 3}
    snn.save(elsewhere, weights, network=net, notes=flat)
    with pytest.raises(ValueError, match="inputs of a card must be a list, got 3"):
        models.load("digits")
    for notes in ({}, cards.to_notes(card) | {"colour": "red"}, {"dt": 1e-3}):
        snn.save(elsewhere, weights, network=net, notes=notes)
        with pytest.raises(ValueError, match="no card of this version"):
            models.card("digits")


def test_data_of_another_shape_are_refused(elsewhere):
    net, weights, card = models.load("digits")
    other = card._replace(inputs=(64,))
    snn.save(elsewhere, weights, network=net, notes=cards.to_notes(other))
    with pytest.raises(ValueError, match=r"shape \[64\].*these data have \[128\]"):
        models.evaluate("digits")


def test_data_of_a_folder_take_the_place_of_the_usual_ones(tmp_path, capsys):
    write_mnist(tmp_path, 12)
    labels = models.task("mnist", data=tmp_path).parts["test"].labels
    assert labels.tolist() == [0] * 12
    found = models.evaluate("mnist", data=tmp_path)
    assert (found["samples"], found["chance"], found["as_card"]) == (12, 1.0, False)
    assert __main__.main(["models", "evaluate", "mnist", "--data", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert f"test accuracy {found['test_accuracy']:.3f}, by chance 1.000" in told
    assert "(12 samples other than those of the card); the card says 0.9" in told
    assert models.evaluate("yin-yang")["as_card"]
    for name in ("digits", "yin-yang"):
        with pytest.raises(ValueError, match="take no --data"):
            models.evaluate(name, data=tmp_path)
    with pytest.raises(ValueError, match="progress must be a function, got 3"):
        models.task("mnist", data=tmp_path, progress=3)


def test_a_card_goes_into_notes_and_back():
    card = models.card("digits")
    assert cards.from_notes(json.loads(json.dumps(cards.to_notes(card)))) == card


def test_the_error_of_an_accuracy_is_that_of_its_samples(rng):
    labels = rng.integers(0, 2, 400)
    guesses = np.where(rng.random(400) < 0.8, labels, 1 - labels)
    p = np.mean(guesses == labels)
    found = train_models.standard_error(Part(None, labels), guesses)
    np.testing.assert_allclose(found, np.sqrt(p * (1 - p) / 399))
    # steps of one sample that are right or wrong together count once
    many = np.repeat(labels[:, None], 50, axis=1)
    together = np.repeat(guesses[:, None], 50, axis=1)
    again = train_models.standard_error(Part(None, many), together.ravel())
    np.testing.assert_allclose(again, found)
    # and steps without a label do not count
    many[:, 25:] = -1
    again = train_models.standard_error(Part(None, many), together[:, :25].ravel())
    np.testing.assert_allclose(again, found)


def test_the_command_trains_tests_and_writes(tmp_path, capsys, monkeypatch):
    recipe = train_models.RECIPES["yin-yang"]
    small = recipe._replace(options={"hidden": 20, "dt": 1e-3}, seeds=2)
    monkeypatch.setitem(train_models.RECIPES, "yin-yang", small)
    monkeypatch.setattr(kept, "FILES", tmp_path / "files")
    monkeypatch.setattr(story, "html", lambda *given: "")
    given = ["--out", tmp_path / "files", "--runs", tmp_path / "runs", "--epochs", "1"]
    assert train_models.main(["yin-yang", *map(str, given)]) == 0
    row = json.loads(capsys.readouterr().out)
    card = models.load("yin-yang").card
    assert (row["name"], row["test_accuracy"]) == ("yin-yang", card.test_accuracy)
    assert row["bytes"] == kept.file_of("yin-yang").stat().st_size
    assert (card.epochs, card.steps, card.inputs) == (1, 20, (5,))
    assert len(card.other_seeds) == 1
    test = models.task("yin-yang").parts["test"]
    assert card.data["test"] == data_of(test)
    assert train_models.main(["no-such-model"]) == 2
    monkeypatch.setattr(train_models, "MOST", 10)
    with pytest.raises(ValueError, match="more than 10"):
        train_models.main(["yin-yang", *map(str, given)])


def test_the_command_line_lists_and_shows(capsys):
    assert __main__.main(["models", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed for name in NAMES)
    assert __main__.main(["models", "show", "digits"]) == 0
    shown = capsys.readouterr().out
    card = models.card("digits")
    for words in (card.licence, card.encoding, f"{card.test_accuracy:.3f} ±"):
        assert words in " ".join(shown.split())
    assert __main__.main(["models", "show", "nonsense"]) == 1
    assert "must be one of" in capsys.readouterr().err
