import ctypes
import gc
import math
import os
from contextlib import suppress
from pathlib import Path

import compiled
import jax
import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# Each core has a worker: threads of linear algebra in all of them would wait in loops.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
# Compiling is what takes time here: machine code that is quick to write, not to run.
# XLA knows these of jax 0.10, and ends a process that names one it does not know.
QUICK = (
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_use_xnnpack=false "
    "--xla_cpu_parallel_codegen_split_count=1"
)
# Once, in workers too: what was compiled with other flags is not found again.
flags = os.environ.get("XLA_FLAGS", "")
if jax.__version_info__ < (0, 11) and QUICK not in flags:
    os.environ["XLA_FLAGS"] = f"{QUICK} {flags}"
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_disable_most_optimizations", True)
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")  # of what tests start
# Where in Python an operation stands is not kept with it, and errors keep all frames:
# to sort those of JAX out takes longer than most calls that are refused.
jax.config.update("jax_traceback_in_locations_limit", 0)
jax.config.update("jax_traceback_filtering", "off")
# Neither dtypes nor ranks are promoted silently: the library runs for users who ask
# for that.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


BORROWED = pytest.StashKey[Path]()  # where this process keeps what it compiles


def pytest_configure(config):
    """What was compiled before is read, and what is compiled is kept (``compiled.py``).

    Where nothing can be written, or files cannot be linked, all is compiled anew.
    """
    gc.set_threshold(50_000, 20, 50)  # tracing makes many objects that live for long
    if (
        config.getoption("numprocesses", None)
        and "PYTEST_XDIST_WORKER" not in os.environ
    ):
        return  # it only watches its workers
    with suppress(ImportError, OSError, RuntimeError):  # or nobody is at home
        folder = config.stash[BORROWED] = compiled.borrow()
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_sessionfinish(session):
    """Before a worker says that it is done: seconds later its controller ends it."""
    if BORROWED in session.config.stash:
        with suppress(OSError):
            compiled.give_back(session.config.stash[BORROWED])


LONG = (  # files that take ten seconds and more, the longest first
    *("test_contract", "test_numbers", "test_doctests", "test_rules", "test_calls"),
    *("test_forward_on_chips", "test_native", "test_trained_models", "test_examples"),
    *("test_command_line", "test_variants", "test_speed", "test_online", "test_job"),
    *("test_recipes", "test_layer", "test_documentation", "test_refusals"),
    *("test_own_data", "test_studies", "test_apart", "test_knobs", "test_loops"),
    *("test_how_to", "test_story", "test_convolve", "test_exported"),
)


def pytest_collection_modifyitems(items):
    """Long files begin first: at the end no worker waits while another has a long one.

    A file goes to one worker, in the order of collection (``--no-loadscope-reorder``).
    """
    order = {name: k for k, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def memory():
    """What this process holds [bytes], where the system says it."""
    held = Path("/proc/self/statm")
    pages = int(held.read_text().split()[1]) if held.exists() else math.inf
    return pages * os.sysconf("SC_PAGE_SIZE")


def room():
    """What one of all workers may hold [bytes]: of half of this machine's memory."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
    return min(6e9, pages / int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))


def return_memory():
    """Gives what is free to the system; or all later files would find no room either.

    The C library of GNU keeps it otherwise; others have no such function.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(autouse=True, scope="module")
def programs():
    """What was compiled is kept for other files, until it fills the memory.

    Garbage is looked for in what a file makes, not in all that others left.
    """
    gc.freeze()
    yield
    gc.unfreeze()
    if memory() > room():
        jax.clear_caches()
        gc.collect()
        return_memory()


@pytest.fixture
def compilations():
    """Names of all programs that are compiled, or read, from now on."""
    names = []

    def listen(event, seconds, fun_name="", **more):
        if event.endswith("backend_compile_duration"):
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.clear_event_listeners()


@pytest.fixture
def optimized():
    """Programs as users run them."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture
def promoted():
    """Dtypes and ranks promoted, as in most users' code."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def x64():
    """Double precision for one test."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture
def data_folder():
    """A folder of real data, or a skip that names it."""

    def find(name):
        folder = Path(os.environ.get("SNNJAX_DATA", "")) / name
        if "SNNJAX_DATA" not in os.environ or not folder.is_dir():
            pytest.skip(f"no data set {name}: SNNJAX_DATA does not lead to it")
        return folder

    return find


@pytest.fixture
def rng():
    return np.random.default_rng(7)
