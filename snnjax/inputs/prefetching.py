"""The next batches come to the device while a step runs on this one."""

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import jax

from snnjax import check

_END = object()
_SETTINGS: dict[str, Callable[[Any], AbstractContextManager[Any]]] = {
    "jax_enable_x64": jax.enable_x64,  # what numbers are made of
    "jax_default_device": jax.default_device,
    "jax_default_prng_impl": jax.default_prng_impl,
    "jax_threefry_partitionable": jax.threefry_partitionable,
    "jax_default_matmul_precision": jax.default_matmul_precision,
}


def prefetch(
    batches: Iterable[Any], size: int = 2, *, device: Any = None
) -> "Prefetcher":
    """Reads batches in a thread, and brings them to the device, before they are needed.

        for batch in prefetch(batches):
            state, metrics = step(state, *batch)

    At most ``size`` batches wait. An error of the reader is raised in its turn, after
    the batches before it. The thread ends with the batches, at an error, by ``close``
    (or leaving a ``with``), or when nothing holds the iterator any more. What numbers
    are made of where ``prefetch`` is called, as by ``with jax.enable_x64(True)``, holds
    in the thread as well: double precision, device, keys and what they draw, and the
    precision of products.

    Args:
        batches: pytrees of arrays; an iterator with ``get_state`` and ``set_state``,
            as of a ``Stream``, can still be resumed.
        size: how many may wait.
        device: a device or sharding; jax's own choice if omitted. Arrays that are
            divided among processes stay where they are then.

    Returns:
        An iterator over the same batches in the same order.

    Raises:
        ValueError: for a size below one, or batches that are none.
    """
    check.whole("size", size)
    if not isinstance(batches, Iterable) or isinstance(batches, str):
        raise ValueError(f"batches must be iterable, got {check.told(batches)}.")
    return Prefetcher(batches, size, device)


class Prefetcher:
    """What ``prefetch`` returns; its state is that of the batches it has given out."""

    def __init__(self, batches: Iterable[Any], size: int, device: Any):
        self._batches: Any = iter(batches)
        self._size, self._device = size, device
        self._state = _state(self._batches)
        self._waiting: deque[Future] = deque()
        self._set = {name: getattr(jax.config, name) for name in _SETTINGS}
        self._reader = ThreadPoolExecutor(1, "snnjax-prefetch")
        weakref.finalize(self, self._reader.shutdown, wait=False, cancel_futures=True)
        self._fill()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __enter__(self) -> "Prefetcher":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __next__(self) -> Any:
        if not self._waiting:
            raise StopIteration
        try:
            batch, state = self._waiting[0].result()
        except BaseException:
            self.close()
            raise
        if batch is _END:
            self.close()
            raise StopIteration
        self._waiting.popleft()
        self._state = state
        self._fill()
        return batch

    def get_state(self) -> Any:
        """How far the batches that were given out go; those that wait do not count.

        Raises:
            TypeError: if the batches have no state.
        """
        if self._state is None:
            raise TypeError(f"{type(self._batches).__name__} has no get_state.")
        return self._state

    def set_state(self, state: Any) -> None:
        """Goes to where a state was taken; what waits is read anew.

        Raises:
            RuntimeError: if the thread has ended.
        """
        self._empty()
        self._submit(self._batches.set_state, state).result()
        self._state = state
        self._fill()

    def close(self) -> None:
        """Ends the thread, once it has read what it is reading; nothing is left."""
        self._empty()
        self._reader.shutdown()
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()

    def _submit(self, function, *args):
        return self._reader.submit(_as_set, self._set, function, *args)

    def _empty(self):
        for batch in self._waiting:
            batch.cancel()
        self._waiting.clear()

    def _fill(self):
        while len(self._waiting) < self._size:
            batch = self._submit(_read, self._batches, self._device)
            self._waiting.append(batch)


def _as_set(settings, function, *args):
    """Settings of a with-block are those of its thread: another does not have them."""
    with ExitStack() as held:
        for name, value in settings.items():
            held.enter_context(_SETTINGS[name](value))
        return function(*args)


def _read(batches, device):
    """The next batch on the device, and the state after it; runs in the thread."""
    batch = next(batches, _END)
    if batch is not _END:
        batch = jax.tree.map(lambda leaf: _brought(leaf, device), batch)
    return batch, _state(batches)


def _brought(leaf, device):
    """On the device; what is divided among processes lies on theirs already."""
    divided = isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
    return leaf if divided and device is None else jax.device_put(leaf, device)


def _state(batches):
    get = getattr(batches, "get_state", None)
    return None if get is None else get()
