"""Examples in docstrings and documents run, and the names in them exist.

An example is an indented block of a docstring, or a fenced block of a document, that
is Python. Its free names and its attributes must exist, and its calls must fit what
they call. It is executed as well, unless an ellipsis stands for what was left out.
Everything public is in scope; what else it takes for given stands in ``VALUES``.
"""

import ast
import builtins
import importlib
import inspect
import pkgutil
import re
import textwrap
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contributing import FILES
from flax import nnx

import snnjax

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"),
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")),
)
MODULES = {"snnjax": snnjax} | {
    info.name: importlib.import_module(info.name)
    for info in pkgutil.walk_packages(snnjax.__path__, "snnjax.")
}
TEMPLATES = "CONTRIBUTING.md"  # its code runs where it would lie
HOMES: dict[str, list[Any]] = {}  # of every public name; what packages export is last
for exported in (False, True):
    for module in MODULES.values():
        for name, value in vars(module).items():
            own = getattr(value, "__module__", "") == module.__name__
            if name in getattr(module, "__all__", ()) or (own and not exported):
                HOMES.setdefault(name, []).append(value)
LIBRARIES = {"jax": jax, "jnp": jnp, "np": np, "nnx": nnx, "optax": optax}
SCOPE = vars(builtins) | {name: values[-1] for name, values in HOMES.items()}
SCOPE |= LIBRARIES | {"snn": snnjax, "partial": partial}
GIVEN = {"batches", "dt", "key", "label", "labels", "n", "net", "path", "state", "w"}
GIVEN |= {"optimizer", "weights", "xs"}  # where they have no values
NET = """
net = chain(input=dense(6, 5), hidden=recurrent(lif(5), dense(5, 5)), out=li(5))
weights, xs, quieter = net.init(jax.random.key(0)), jnp.ones((8, 2, 6)), lif(5)
"""
CHIP = """
net = chain(dense(256, 246), lif(246), dense(246, 10), li(10))
weights, xs = net.init(jax.random.key(0)), jnp.ones((3, 2, 256))
labels, spikes = jnp.zeros(2, int), np.ones((3, 2, 256), np.uint8)
readout = max_over_time
chip_weights = lambda weights: (weights[0].w, weights[2].w)
"""
STATE_DICT = """
net = chain(fc=dense(64, 10, bias=True))
names = {"fc.weight": "fc.w", "fc.bias": "fc.b"}
weights = net.init(jax.random.key(0))
arrays = {"fc.weight": np.ones((10, 64), "f4"), "fc.bias": np.ones(10, "f4")}
"""
SPIKES = """
params, times = LIFParams(), jnp.zeros((2, 3))
weights, w_in, w_out = jnp.ones((3, 2)), jnp.ones((3, 4)), jnp.ones((4, 2))
"""
SMALL = """
net, dt = chain(dense(4, 3), lif(3)), 1e-3
weights = net.init(jax.random.key(0))
xs, labels = np.ones((5, 8, 4), "f4"), np.arange(8) % 3
optimizer = optax.adam(1e-2)
"""
VALUES = {  # what the example of a docstring takes for given
    "snnjax.training.parallel": SMALL,
    "snnjax": "spikes = jnp.zeros((5, 2, 700))",
    "snnjax.hardware": CHIP,
    "snnjax.hardware.distort": """
net = chain(dense(6, 5), li(5))
weights, spikes = net.init(jax.random.key(0)), jnp.ones((8, 2, 6))
labels, dt = jnp.zeros(2, int), 1e-3
""",
    "snnjax.analysis.activity.layer_activity": NET,
    "snnjax.hardware.mismatch.vary": "key = jax.random.key(0)",
    "snnjax.inputs.batches": "data = None",
    "snnjax.inputs.prefetching.prefetch": """
batches, state, step = [(1,), (2,)], 0, lambda state, x: (state + x, {})
""",
    "snnjax.interop.nir": NET,
    "snnjax.interop.nir.writing.save": NET,
    "snnjax.interop.nnx.Module": "xs = jnp.zeros((5, 2, 700))",
    "snnjax.interop.weights.proposal.propose": STATE_DICT,
    "snnjax.interop.weights.taking.from_state_dict": STATE_DICT
    + 'arrays["lif.threshold"] = np.float32(0.5)',
    "snnjax.interop.weights.taking.to_state_dict": STATE_DICT,
    "snnjax.parts": NET,
    "snnjax.parts.labels": NET,
    "snnjax.plot": "spikes = np.eye(9)",
    "snnjax.saving": NET + "notes = {}\n",
    "snnjax.learning.losses": """
voltages, labels = jnp.zeros((5, 2, 3)), jnp.zeros(2, int)
""",
    "snnjax.learning.regularize": """
voltages, labels = jnp.zeros((5, 2, 3)), jnp.zeros(2, int)
spikes, dt = jnp.ones((5, 2, 9)), 1e-3
""",
    "snnjax.learning.regularize.synaptic_operations": """
net = chain(hidden=recurrent(7, 9, lif(9)), readout=dense(9, 3))
weights, spikes, dt = net.init(jax.random.key(0)), jnp.ones((5, 2, 9)), 1e-3
""",
    "snnjax.learning.online.rule": """
key, xs = jax.random.key(0), jnp.ones((20, 2, 20))
""",
    "snnjax.neurons.spike_readouts.peak_voltage": SPIKES + "loss = 0.0",
    "snnjax.networks.normalize.batch_norm": """
currents, weights = jnp.ones((5, 2, 9)), batch_norm(9).init(jax.random.key(0))
""",
    "snnjax.networks.normalize.dropout": "key = jax.random.key(0)",
    "snnjax.networks.rates.scale_to_rates": """
dt, xs = 1e-3, jax.random.bernoulli(jax.random.key(0), 0.3, (200, 8, 9))
xs = 5.0 * xs.astype(float)
net = chain(input=dense(9, 64), low=lif(64), high=recurrent(64, 64, lif(64)),
            readout=dense(64, 2), out=li(2))
weights = net.init(jax.random.key(0))
""",
}
ELSEWHERE = {"snnjax.senses.hearing": "senses/hearing/test_hearing.py"}  # executed
NO_NAMES = {"R03", "R05", "R14", "R15"}  # studies
NO_NAMES |= {"NAME", "circ", "https", "meta", "sha256sum", "user01_led", "with"}
VARIABLES = {"batches", "cell", "events", "leaky"}  # more often than modules


class Example(NamedTuple):
    where: str  # what has the docstring
    code: str
    scope: dict[str, Any]

    def tree(self):
        return ast.parse(self.code)

    def given(self):
        return bound(ast.parse(VALUES.get(self.where, "")))

    def runs_here(self):
        return not has_ellipsis(self.tree()) and self.where not in ELSEWHERE


def has_ellipsis(tree):
    constants = (n for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return any(constant.value is ... for constant in constants)


@cache
def docstrings():
    """Of every docstring: whose, text, scope, and variables of the function itself."""
    found = []
    for name, module in MODULES.items():
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                where = f"{name}.{getattr(node, 'name', '')}".rstrip(".")
                text = ast.get_docstring(node) or ""
                own = bound(node) if isinstance(node, ast.FunctionDef) else set()
                found.append((where, text, SCOPE | vars(module), own))
    return found


def without(scope, names):
    return {name: value for name, value in scope.items() if name not in names}


def indented(text):
    """Runs of indented lines that come after an empty line."""
    pattern = r"(?:^|\n[ ]*\n)((?:    .*\n(?:[ ]*\n(?=    ))*)+)"
    return [textwrap.dedent(block) for block in re.findall(pattern, text + "\n")]


def fenced(document):
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.S)


for page in (
    "docs/explanation/learning-online.md",
    "docs/how-to/coming-from/brainpy.md",
):
    VALUES[page] = fenced(page)[0]  # the others go on from it
for library in ("snntorch", "norse", "spikingjelly", "spyx"):
    page = f"docs/how-to/coming-from/{library}.md"  # run by interop/test_coming_from.py
    VALUES[page] = "\n".join(fenced(page))
page = "docs/how-to/trained-models.md"  # run by models/test_trained_page.py
VALUES[page] = "\n".join(fenced(page))


def quoted(document):
    """What stands in quotes of code."""
    text = re.sub(r"```.*?```", "", (ROOT / document).read_text(), flags=re.S)
    return re.findall(r"`([^`]+)`", text)


def python(text):
    """Code with … as an ellipsis, or None if it is no Python."""
    code = text.replace("…", "...").strip()
    try:
        ast.parse(code)
    except SyntaxError:
        return None
    return code


@cache
def examples():
    found = [
        Example(where, code, scope)
        for where, text, scope, _ in docstrings()
        for code in map(python, indented(text))
        if code is not None
    ]
    return found + [
        Example(name, code, SCOPE)
        for name in DOCUMENTS
        if name != TEMPLATES
        for code in fenced(name)
    ]


def bound(tree):
    """Names that code itself gives a value, imports aside."""
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def free(tree):
    """Names that code takes from elsewhere."""
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - bound(tree)


def imported(tree):
    """What the imports of code give names to; fails where they fail."""
    names: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node), names)
    return names


def resolve(node, scope):
    """What a dotted name stands for, if it is known; fails if its owner lacks it."""
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    owner = resolve(node.value, scope) if isinstance(node, ast.Attribute) else None
    if not isinstance(owner, ModuleType | type):
        return None
    assert hasattr(owner, node.attr), f"{ast.unparse(node)} does not exist"
    return getattr(owner, node.attr)


def check_names(tree, scope, *, whole=True):
    """Attributes exist, and calls fit what they call, or one of equal name."""
    for node in ast.walk(tree):
        function = resolve(getattr(node, "func", node), scope)
        ours = str(getattr(function, "__module__", "")).startswith("snnjax")
        if isinstance(node, ast.Call) and ours:
            homes = HOMES.get(getattr(node.func, "id", ""), ())
            candidates = homes if function in homes else [function]
            misfits = [misfit(node, each, whole) for each in candidates]
            assert None in misfits, misfits


def misfit(call, function, whole):
    """Why a call does not fit a signature, or None."""
    given = [a for a in call.args if not isinstance(a, ast.Starred)]
    shown = [a for a in given if not has_ellipsis(a)]
    named = {k.arg: None for k in call.keywords if k.arg}
    partly = len(shown) + len(named) < len(call.args) + len(call.keywords)
    signature = inspect.signature(function)
    bind = signature.bind_partial if partly or not whole else signature.bind
    try:
        bind(*shown, **named)
    except TypeError as error:
        return f"{ast.unparse(call)}: {error}; it is {function.__name__}{signature}"
    return None


def test_examples_are_found():
    run = {example.where for example in examples() if example.runs_here()}
    assert len(run) >= 15
    assert set(VALUES) <= run
    for name, test in ELSEWHERE.items():
        assert name in {example.where for example in examples()}
        assert "exec(" in (ROOT / "tests" / test).read_text()


def failures(check, examples):
    """What went wrong with each, by where it stands."""
    for example in examples:
        try:
            check(example)
        except Exception as error:
            yield f"{example.where}: {type(error).__name__}: {error}"


def check_example(example):
    tree, given = example.tree(), example.given()
    scope = example.scope | imported(tree)
    unknown = free(tree) - set(scope) - given
    if not example.runs_here():
        unknown -= GIVEN
    assert not unknown, f"{unknown}: misspelt, or to be given values in VALUES"
    check_names(tree, without(scope, given | bound(tree)))


def test_names_and_calls_of_every_example_exist():
    wrong = list(failures(check_example, examples()))
    assert not wrong, "\n".join(wrong)


def test_every_example_runs(tmp_path_factory, monkeypatch):
    def run(example):
        monkeypatch.chdir(tmp_path_factory.mktemp("example"))
        names = dict(example.scope)
        exec(VALUES.get(example.where, ""), names)
        exec(example.code, names)

    here = [e for e in examples() if e.runs_here() and e.where not in DOCUMENTS]
    wrong = list(failures(run, here))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("name", "number", "test"),
    [("README.md", 2, "test_packaging.py"), (TEMPLATES, 10, "test_contributing.py")],
)
def test_the_examples_of_a_document_are_run_elsewhere(name, number, test):
    assert len(fenced(name)) == number
    assert name in (ROOT / "tests" / test).read_text()


def words():
    """All that is called anything in the code."""
    known = set(SCOPE) | set(dir(jax)) | {name.split(".")[-1] for name in MODULES}
    tops = ("snnjax", "benchmarks", "tests")
    known |= {Path(path).name for path in FILES}
    codes = list(FILES.values())
    for file in (file for top in tops for file in ROOT.glob(f"{top}/**/*.*")):
        known |= {file.name, file.stem}
        if file.suffix == ".py" and file != Path(__file__):
            codes.append(file.read_text())
    named = {}  # fields of each kind of node
    for code in codes:
        for node in ast.walk(ast.parse(code)):
            kind = type(node)
            if kind not in named:
                fields = {"id", "attr", "arg", "name", "value"} & {*kind._fields}
                named[kind] = sorted(fields)
            for field in named[kind]:
                part = getattr(node, field)
                if isinstance(part, str):
                    known.add(part)
    return known


def complaint(code, scope, known):
    """What is wrong with a piece of quoted code, or None."""
    name = re.fullmatch(r"[a-zA-Z]\w*(\.py)?", code, re.ASCII)
    if name:
        return None if code in known else f"there is no {code}"
    if re.fullmatch(r"\w+/[\w/]+\.py", code):
        found = code in FILES or (ROOT / code).exists()
        return None if found else f"there is no file {code}"
    if re.search(r"\.(cc|part|parts|json|mat|md)$|\bNAME\b", code):
        return None
    tree = ast.parse(python(" ".join(code.split())) or "")
    try:
        check_names(tree, scope, whole=False)
    except AssertionError as error:
        return str(error)
    return None


def test_quoted_code_speaks_of_what_there_is():
    modules = {name.split(".")[-1]: module for name, module in MODULES.items()}
    texts = []
    for where, text, scope, own in docstrings():
        codes = re.findall(r"``([^`]+)``", text)
        if codes:
            left_out = {*VARIABLES} | (own - {where.split(".")[-1]})
            held = without(modules | scope, left_out)
            texts += [(where, code, held) for code in codes]
    held = without(modules | SCOPE, VARIABLES)
    texts += [(n, code, held) for n in DOCUMENTS for code in quoted(n)]
    known, wrong = words() | NO_NAMES, []
    for where, code, scope in texts:
        found = complaint(code, scope, known)
        if found:
            wrong.append(f"{where}: {found}")
    assert not wrong, "\n".join(wrong)
