"""The names that are used most have an example in their docstrings, and it is true."""

import doctest
import io
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from popular import look_up, public, uses

import snnjax

OFTEN = 2  # files
GIVEN = {"jax": jax, "jnp": jnp, "np": np, "optax": optax, "snn": snnjax}
FILES_OF_OTHERS = {  # what these read must be fetched first
    "snnjax.datasets.fsdd_recordings",
    "snnjax.datasets.spoken_digits",
    "snnjax.tasks.spoken_digits_task",
}


def shown(text):
    """What goes wrong with the examples of a docstring, in words; empty if nothing."""
    test = doctest.DocTestParser().get_doctest(text, dict(GIVEN), "it", None, 0)
    told = io.StringIO()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=flags).run(test, out=told.write)
    return told.getvalue()


def with_examples():
    return {h: v.__doc__ for h, v in public().items() if ">>> " in (v.__doc__ or "")}


def test_what_is_used_often_has_an_example():
    everyday = {f"snnjax.{name}" for name in snnjax.__all__}
    needed = {home for home, files in uses().items() if files >= OFTEN}
    needed |= {h for h, v in public().items() if any(v is look_up(e) for e in everyday)}
    assert len(needed) > 100
    missing = needed - FILES_OF_OTHERS - set(with_examples())
    assert not missing, f"give these an Example in their docstrings: {sorted(missing)}"
    assert needed >= FILES_OF_OTHERS


@pytest.mark.walks
@pytest.mark.parametrize("home", sorted(with_examples()))
def test_an_example_shows_what_it_says(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = shown(with_examples()[home])
    assert not wrong, wrong


@pytest.mark.parametrize("home", sorted(with_examples()))
def test_an_example_is_a_section_of_its_own(home):
    text = with_examples()[home]
    sections = re.findall(r"^( *)Example:\n((?:\1    .*\n|\n)+)", text, re.M)
    assert len(sections) == 1
    assert text.count(">>> ") == sections[0][1].count(">>> ")
    assert len(sections[0][1].strip().splitlines()) <= 20


def test_an_example_that_is_not_true_is_told():
    text = "Adds.\n\n>>> print(jnp.float32(1) + jnp.float32(1))\n{}\n"
    assert not shown(text.format("2.0"))
    assert "Got:\n    2.0" in shown(text.format("3.0"))
    assert "=strict" in shown("\n>>> jnp.zeros(1, jnp.int32) + jnp.zeros(1)\n")
