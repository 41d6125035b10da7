"""What the site is gathered from; ``./run docs`` builds it, a stage of the gate."""

import re
import sys
from pathlib import Path

import pytest
from public import everything

import snnjax as snn

pytestmark = pytest.mark.walks  # imports every study

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))

from gathered import api, commands, data, gallery, links, models, surrogates  # noqa: E402


def test_every_public_name_has_one_page():
    homes = {home for names in api.public().values() for home in names.values()}
    pages = "\n".join(api.pages().values())
    assert len(homes) > 500
    for name, function in everything().items():
        package, _, short = f"snnjax.{name}".rpartition(".")
        home = api.public()[package][short]
        assert pages.count(f"   {home.rpartition('.')[2]}\n") >= 1, name
        assert function.__module__.startswith("snnjax")


def test_a_name_of_two_packages_is_told_where_it_comes_from():
    public = api.public()
    assert public["snnjax"]["lif"] == "snnjax.neurons.lif"
    assert public["snnjax"]["accuracy"] == "snnjax.learning.accuracy"
    assert "~snnjax.neurons.lif" in api.pages()["reference/api/snnjax.rst"]


def test_links_of_the_repository_are_links_of_the_site():
    pages = {"README.md": "explanation/readme.md", "docs/a/b.md": "a/b.md"}
    text = links.between_pages(
        "[r](../../README.md#x) [l](../../LICENSE) [w](https://a.b/c)",
        "docs/a/b.md",
        "a/b.md",
        pages,
    )
    assert text == "[r](../explanation/readme.md#x) l (`LICENSE`) [w](https://a.b/c)"
    with pytest.raises(FileNotFoundError, match="nowhere"):
        links.between_pages("[n](nowhere.md)", "docs/a/b.md", "a/b.md", pages)


def test_every_shape_data_set_format_study_and_command_is_there():
    shapes = surrogates.pages()["reference/surrogates.md"]
    assert all(f"`{name}`" in shapes for name in ("SuperSpike", "Learnable", "Ramp"))
    table = data.pages()["reference/data.md"]
    assert all(word in table for word in ("`shd`", "AEDAT 4", "SONATA"))
    told = commands.pages()["reference/command-line.md"]
    assert all(f"`snnjax {c}`" in told for c in ("train digits", "nir run", "info"))
    trained = models.pages()["reference/models.md"]
    assert all(f"\n## {name}\n" in trained for name in snn.models.names())
    studies = gallery.studies()["explanation/gallery.md"]
    assert "## R01" in studies
    assert "misses" in studies
    assert "surrogate.EventProp)" not in shapes  # it is no shape
    assert links.to_dois("Doe 2000, doi:10.1/a_b") == (
        "Doe 2000, [doi:10.1/a_b](https://doi.org/10.1/a_b)"
    )


def test_every_notebook_shows_figures_under_its_number_and_is_listed():
    ladder = (DOCS / "tutorials/index.md").read_text()
    names = []
    for path in sorted((DOCS.parent / "notebooks").glob("*.py")):
        found = re.findall(r'plot\.show\(\w+, "(\w+)"\)', path.read_text())
        assert found, path.name
        assert all(name.startswith(path.name[:3]) for name in found), path.name
        assert f"\n{path.stem}\n" in ladder, path.name
        assert "**Before this:**" in path.read_text(), path.name
        names += found
    assert len(names) == len({*names})
