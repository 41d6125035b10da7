"""Each template of CONTRIBUTING.md keeps what its page promises.

Its oracles are tests of this file, as if they stood in it. Neuron and connection go
through the whole of test_contract.py as well.
"""

import json
import re
import runpy
import subprocess
import sys
from itertools import pairwise, product

import pytest
from contributing import FILES, ROOT, TEXT, template
from test_architecture import ARROWS

from benchmarks import run, studies
from benchmarks.fuzz import readers, seeds
from snnjax import datasets, networks, neurons, surrogate
from snnjax.datasets import catalogue

SHAPES = "tests/surrogate/test_shapes.py"  # its block extends what is there
SETS = "tests/datasets/test_catalogue.py"
STUDY = "benchmarks/studies/firing_rate.py"
READER = template("snnjax/datasets/layouts/pen_csv.py")
PARABOLA = template("snnjax/surrogate/shapes.py").Parabola
PEN_DIGITS = template("snnjax/datasets/sets/pen_digits.py")
PAIRS = template("snnjax/networks/pairs.py")
EXPORTED = (
    (neurons, template("snnjax/neurons/perfect.py").integrator),
    (networks, PAIRS.one_to_one),
    (networks, PAIRS.PairWeights),
    (surrogate, PARABOLA),
    (datasets, READER.read_pen),
    (datasets, PEN_DIGITS.pen_digits),
)

with pytest.MonkeyPatch.context() as patch:  # the first step of each page
    for package, value in EXPORTED:
        patch.setattr(package, value.__name__, value, raising=False)
    for path, code in FILES.items():
        if path.startswith("tests/") and path != SHAPES:
            exec(code, globals())


def walks(file, argument, known):
    """The tests of a file that go over all of a kind, of which one is known."""
    for test in runpy.run_path(str(ROOT / file)).values():
        for mark in getattr(test, "pytestmark", ()):
            name, values, *_ = (*mark.args, None, None)
            if name == argument and known in values:
                yield test


OF_SHAPES = [
    *walks(SHAPES, "shape", surrogate.SuperSpike),
    *walks("tests/surrogate/test_derivative.py", "shape", surrogate.SuperSpike),
]
OF_SETS = [*walks(SETS, "name", "shd")]


def test_the_walks_over_all_of_a_kind_are_found():
    assert len(OF_SHAPES) >= 5
    assert len(OF_SETS) >= 3


def test_every_page_has_its_templates_and_every_template_its_path():
    pages = re.findall(r"^## (?:An? )?(.+)", TEXT, re.M)
    kinds = ["neuron", "connection", "surrogate", "data set", "study"]
    assert pages == [*kinds, "House rules"]
    assert len(FILES) == TEXT.count("```python") == 10


def test_the_arrows_of_the_page_are_those_that_are_kept():
    lines = [line.split(" → ") for line in re.findall(r"^ {6}(.* → .*)$", TEXT, re.M)]
    assert len(lines) == 7
    for line in lines:
        for left, right in pairwise(line):
            for used, user in product(left.split(", "), right.split(", ")):
                assert used in ARROWS[user], f"{used} → {user}"


@pytest.mark.parametrize("path", [path for path in FILES if path != SHAPES])
def test_a_template_is_in_the_style_of_the_library(path):
    skip = ("--ignore", "D100") if path.endswith("shapes.py") else ()  # no whole file
    for command in (("check", "-q", *skip), ("format", "-q", "--diff")):
        told = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", path, "-"],
            **{"input": FILES[path], "cwd": ROOT, "capture_output": True, "text": True},
        )
        assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("test", OF_SHAPES, ids=lambda test: test.__name__)
def test_the_surrogate_passes_what_all_of_them_do(test, x64):
    known = test.__globals__
    if "PRIMITIVES" in known:
        known["Parabola"] = PARABOLA
        exec(FILES[SHAPES], known)
    test(PARABOLA, *[None] * (test.__code__.co_argcount - 1))  # the rest is x64


def test_the_surrogate_is_a_density_for_any_neuron():
    surrogate.check_density("noise", PARABOLA(), (3,))


@pytest.mark.parametrize("test", OF_SETS, ids=lambda test: test.__name__)
def test_the_data_set_is_one_that_the_catalogue_knows(test, tmp_path, monkeypatch):
    monkeypatch.setitem(catalogue.DATA_SETS, "pen-digits", PEN_DIGITS.DATA_SET)
    test("pen-digits", *[tmp_path] * (test.__code__.co_argcount - 1))


def test_the_reader_refuses_damaged_files_or_reads_what_can_be(tmp_path, monkeypatch):
    raw = b"".join(b"%d,%s%d\n" % (k, 15 * b"100,", k) for k in range(10))
    form = seeds.Format(".tra", lambda _: raw, READER.read_pen, seeds._are_samples)
    monkeypatch.setitem(seeds.FORMATS, "pen.csv", form)
    path = tmp_path / "input.tra"
    told = []
    for index in range(300):
        path.write_bytes(readers.one("pen.csv", [raw], 0, index))
        told.append(readers.verdict("pen.csv", path, []))
    assert set(told) == {"refused", "read"}


def test_the_study_is_found_by_its_file_and_its_claim_holds(tmp_path, monkeypatch):
    (tmp_path / STUDY.split("/")[-1]).write_text(FILES[STUDY])
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(tmp_path)])
    assert run.main(["firing-rate", "--out", str(tmp_path / "out")]) == 0
    kept = json.loads((tmp_path / "out" / "firing-rate.json").read_text())
    assert [row["holds"] for row in kept["criteria"]] == [True, True]
    assert (tmp_path / "out" / "firing-rate.png").exists()
