"""What there is one of, there is no second one of: read from the sources."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1] / "snnjax"
MODULES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}
MODES = {"w", "wb", "x", "xb", "a", "ab", "r+b", "w+b", "wt"}
WRITERS = {"write_text", "write_bytes", "savefig", "rename", "replace"}
# Files that no reader waits for: a download that goes on, what is set aside, what lies
# in a folder that is not there yet, a picture in memory, what a process hands over.
NOT_ATOMIC = {
    "datasets/fetch.py": {"part"},
    "training/folder.py": {"path"},
    "datasets/guard/apart_child.py": {"os"},
    "datasets/containers/archives.py": {"folder", "outer", "target"},
    "plot/page.py": {"written"},
    "tasks/drawings.py": {"written"},
}
# Programs of JAX functions that dissolve in those of a caller (inline=True) or are
# known by the function that makes a step; and what holds no array of a caller.
COMPILED = {"loops.py", "training/in_the_loop.py"}
KEPT = {
    "loops.py": {"_program"},
    "kernels/build.py": {"load"},
    "saving/public.py": {"by_name", "_names"},
    "plot/page.py": {"_shown_in_notebooks"},
    "hardware/chip.py": {"quantiles"},
    "neurons/checks.py": {"like"},
    "kept.py": {"_FOUND"},  # shapes and truth values, as long as a cell lives
    "datasets/guard/apart.py": {"_idle"},  # readers apart, which wait for a next file
    "files.py": {"_held"},  # locks of this process
    "interop/presets/registry.py": {"PRESETS"},  # made once, on import
}
EMPTY = r"\{\}|\[\]|([a-z]+\.)*(\w*(dict|Dict|Dictionary)|list|set|deque)\(\)"


def names(node):
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def called(node):
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def atomic_names(tree):
    """Names of what lies within ``with atomic(path) as new``, and what opens it."""
    found = set()
    for node in ast.walk(tree):
        for item in node.items if isinstance(node, ast.With) else ():
            call, bound = item.context_expr, item.optional_vars
            if isinstance(call, ast.Call) and bound is not None:
                within = any(names(each) & found for each in call.args)
                if called(call) == "atomic" or within:
                    found |= names(bound)
    return found


def writes(tree):
    """Calls that write a file or move one."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        of = getattr(node.func, "value", None)
        ours = isinstance(of, ast.Name) and of.id == "files"
        moved = called(node) in ("rename", "replace")
        if called(node) in WRITERS and of is not None and not ours:
            if not moved or (len(node.args) == 1 and not node.keywords):
                yield node
        elif called(node) in ("open", "File", "ZipFile", "fdopen"):
            given = [each for arg in node.args for each in ast.walk(arg)]
            if any(getattr(each, "value", None) in MODES for each in given):
                yield node
        elif "tempfile" in names(node.func):
            yield node


def test_files_are_written_by_one_function():
    for name, path in MODULES.items():
        if name == "files.py":
            continue
        tree = ast.parse(path.read_text())
        fine = atomic_names(tree) | NOT_ATOMIC.get(name, set())
        odd = [ast.unparse(node) for node in writes(tree) if not names(node) & fine]
        assert not odd, f"{name}: {odd}; see snnjax.files.atomic"


def test_progress_is_shown_by_one_function():
    shown = {"rich", "tqdm", "progressbar"}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            used = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            used += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if shown & {each.split(".")[0] for each in used}:
                assert name == "progress.py", f"{name}; see snnjax.progress.bar"


def test_there_is_one_cache_folder():
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            asked = getattr(node, "attr", "") in ("home", "expanduser", "gettempdir")
            named = getattr(node, "value", None) in ("XDG_CACHE_HOME", ".cache")
            if named or (asked and "chosen" not in ast.unparse(node)):
                assert name == "files.py", f"{name}; see snnjax.files.cache_folder"


def decorated(tree):
    """Decorators of functions, and what is compiled while a module is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from ((node.name, each) for each in node.decorator_list)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.Expr):
            yield from (("", n) for n in ast.walk(node) if isinstance(n, ast.Call))


def filled_later(tree):
    """Names of containers that a module makes without content."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            made = ast.unparse(node.value)
            if re.fullmatch(EMPTY, made):
                yield ast.unparse(getattr(node, "target", None) or node.targets[0])


def test_nothing_is_compiled_or_cached_behind_the_callers_back():
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text())
        for function, node in decorated(tree):
            text = ast.unparse(node)
            if "jit" in text and not text.startswith("exportable"):
                fine = "inline=True" in text or name in COMPILED
                assert fine, f"{name}: {function} {text}"
            if text.split("(")[0].split(".")[-1] in ("cache", "lru_cache"):
                assert function in KEPT.get(name, set()), f"{name}: {function} {text}"
        for kept in filled_later(tree):
            assert kept in KEPT.get(name, set()), f"{name}: {kept}"
