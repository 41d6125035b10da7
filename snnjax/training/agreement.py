"""What the first of several processes says, all of them hear."""

from collections.abc import Callable

import jax
import numpy as np

_FAILED, _DONE = 0, 1


def first_tells(make: Callable[[], str]) -> str:
    """A text that the first process makes, in all processes of a job.

    All call it together. Where there is one process, it is what ``make`` returns.

    Args:
        make: called in the first process alone.

    Raises:
        RuntimeError: in the others, with what the first one says, if it fails; in that
            one the error is raised as it is.
    """
    if jax.process_count() == 1:
        return make()
    text, error = "", None
    if jax.process_index() == 0:
        try:
            text = make()
        except Exception as caught:
            text, error = f"{type(caught).__name__}: {caught}", caught
    text, state = _spoken(text, _FAILED if error else _DONE)
    if error is not None:
        raise error
    if state == _FAILED:
        raise RuntimeError(f"The first process stopped: {text}")
    return text


def _spoken(text, state):
    """The text of the first process, and how it went."""
    from jax.experimental.multihost_utils import broadcast_one_to_all

    said = np.frombuffer(text.encode(), np.uint8)
    length, state = broadcast_one_to_all(np.array([len(said), state], np.int32))
    room = np.zeros(int(length), np.uint8)
    room[: len(said)] = said[: int(length)]
    heard = broadcast_one_to_all(room) if length else room
    return np.asarray(heard, np.uint8).tobytes().decode(), int(state)
