"""How Sphinx builds the site; ``make.py`` beside it gathers the pages first."""

import ast
import re
import textwrap

import snnjax

project = "snnjax"
author = "the snnjax authors"
release = version = snnjax.__version__
project_copyright = "the snnjax authors, Apache-2.0"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = ["_templates"]
exclude_patterns = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types are read, not followed

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # make.py did
nb_merge_streams = True

copybutton_prompt_text = r">>> |\.\.\. ?"  # neither these nor what was printed
copybutton_prompt_is_regexp = True

autodoc_preserve_defaults = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = True
autosummary_imported_members = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "pydata_sphinx_theme"
html_title = "snnjax"
html_static_path = ["_static"]
html_css_files = ["snnjax.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "show_nav_level": 1,
    "navigation_depth": 2,
    "collapse_navigation": True,
    "show_prev_next": False,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "search_as_you_type": True,
}
html_sidebars = {"index": []}


def in_rst(app, what, name, obj, options, lines):
    """Makes reStructuredText of a docstring.

    Indented blocks, examples and equations, are shown as they stand; Google's sections
    (``Args:`` and the like) are indented as well, and are left alone. A bar is one.
    """
    if what == "data":  # its type's own words
        lines.clear()
    made, block, section = [], [], None
    for line in [*lines, "end"]:
        if not section and (line.startswith("    ") or (block and not line.strip())):
            block.append(line)
            continue
        if block:
            made += literal(block)
            block = []
        if line.strip() and not line.startswith(" "):
            section = re.fullmatch(r"[A-Z][a-z]+( [a-z]+)?:", line.strip())
        made.append(line if section and section[0] == "Example:" else bars(line))
    lines[:] = made[:-1]


def literal(block):
    """A block of code if Python reads it, and of text otherwise."""
    text = textwrap.dedent("\n".join(block)).strip("\n")
    try:
        ast.parse(text)
        language = "python"
    except SyntaxError:
        language = "text"
    text = textwrap.indent(text, "    ")
    return [f".. code-block:: {language}", "", *text.split("\n"), ""]


def bars(line):
    """Bars outside of code, such as those of |v|, name no substitution."""
    parts = line.split("``")
    parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
    return "``".join(parts)


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", in_rst, priority=100)
