"""One page on a trained network: a file of its own, for any browser, with no script.

What comes from files is escaped where it enters, in ``_text`` and the commands.
"""

import shlex
from collections.abc import Iterable, Mapping
from html import escape
from string import Template
from typing import Any, NamedTuple

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>$title</title>
<style>
:root { color-scheme: light dark; --back: #ffffff; --card: #f5f6f7; --line: #d5d9de;
  --text: #16191d; --dim: #5a626b; --faint: #9aa2ab; --blue: #0072b2;
  --orange: #c65300 }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1e2226;
  --line: #3a4148; --text: #e8eaed; --dim: #a9b1ba; --faint: #717a84; --blue: #56a8e0;
  --orange: #f08a3c } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 76rem; color: var(--text);
  background: var(--back); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem }
p, li { max-width: 46rem; margin: .25rem 0 }
.dim, figcaption, dt { color: var(--dim) }
.numbers { display: grid; gap: .75rem; padding: 0; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)) }
.numbers div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem }
.numbers dt { font-size: .9rem }
.numbers dd { margin: 0; font-size: 1.6rem; line-height: 1.25 }
.numbers dd small { display: block; font-size: .85rem; line-height: 1.4;
  color: var(--dim) }
.figures { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)) }
.two { grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)) }
figure { margin: 0 }
figcaption { font-size: .9rem }
svg { display: block; width: 100%; height: auto; max-width: 36rem; fill: currentColor }
table { border-collapse: collapse; width: 100% }
th, td { padding: .35rem .75rem .35rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums }
th { font-weight: 600 }
th:first-child { text-align: left }
.made { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr;
  gap: .25rem 1rem; margin: .5rem 0 }
.made dd { margin: 0 }
pre { background: var(--card); border-radius: .5rem; padding: .75rem 1rem;
  margin: .25rem 0; white-space: pre-wrap; font: .9rem/1.45 ui-monospace, monospace }
@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px;
    overflow: hidden }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line) }
  th, td { display: flex; justify-content: space-between; border: 0; padding: .1rem 0 }
  td::before { content: attr(data-label); color: var(--dim) }
  .made { grid-template-columns: 1fr }
  .made dd { margin: 0 0 .5rem }
}
</style>
</head>
<body>
<header>
<h1>$title</h1>
<p class="dim">$lead</p>
</header>
<main>
$body
</main>
</body>
</html>
""")


class Number(NamedTuple):
    """A number of the headline."""

    name: str
    value: str
    more: str = ""


class Section(NamedTuple):
    """A part of the page."""

    title: str
    inner: str  # HTML


def page(title: str, lead: str, sections: Iterable[Section]) -> str:
    """The whole file."""
    body = "\n".join(
        f"<section>\n<h2>{_text(title)}</h2>\n{inner}\n</section>"
        for title, inner in sections
    )
    return _PAGE.substitute(title=_text(title), lead=_text(lead), body=body)


def _text(words: Any) -> str:
    """Words that cannot be anything else."""
    return escape(str(words))


def numbers(several: Iterable[Number]) -> str:
    """Large numbers side by side."""
    each = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}"
        f"<small>{_text(more)}</small></dd></div>\n"
        for name, value, more in several
    )
    return f'<dl class="numbers">\n{each}</dl>'


def sentences(several: Iterable[str]) -> str:
    """Sentences, one a paragraph."""
    return "\n".join(f"<p>{_text(each)}</p>" for each in several)


def figures(several: Iterable[tuple[str, str]], kind: str = "") -> str:
    """Drawings side by side, each with a caption."""
    each = "\n".join(
        f"<figure>\n{drawing}\n<figcaption>{_text(caption)}</figcaption>\n</figure>"
        for drawing, caption in several
    )
    return f'<div class="figures {kind}">\n{each}\n</div>'


def heading(title: str) -> str:
    """A heading inside a section."""
    return f"<h3>{_text(title)}</h3>"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table whose rows are blocks where the screen is narrow."""
    first, *others = map(_text, head)
    top = "".join(f'<th scope="col">{each}</th>' for each in (first, *others))
    lines = []
    for name, *cells in rows:
        told = "".join(
            f'<td data-label="{label}">{_text(cell)}</td>'
            for label, cell in zip(others, cells, strict=True)
        )
        lines.append(f'<tr><th scope="row">{_text(name)}</th>{told}</tr>')
    inner = "\n".join(lines)
    return (
        f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{inner}\n</tbody>\n</table>"
    )


def listed(entries: Mapping[str, Any]) -> str:
    """Names and what they stand for."""
    each = "\n".join(
        f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>"
        for name, value in entries.items()
    )
    return f'<dl class="made">\n{each}\n</dl>'


def commands(several: Iterable[tuple[str, str]]) -> str:
    """What one may type, each with what it does."""
    return "\n".join(
        f"<p>{_text(what)}</p>\n<pre><code>{_text(typed)}</code></pre>"
        for what, typed in several
    )


def typed(*words: Any) -> str:
    """A command as a shell takes it."""
    return shlex.join(map(str, words))
