import io
import signal
import subprocess
import sys

import pytest

from snnjax import terminal


def test_a_line_breaks_between_words_and_after_commas_in_a_list():
    usage = "usage: snnjax [-h] {one,two,three} --all"
    assert terminal.wrapped(usage, 40) == usage
    assert terminal.wrapped(usage, 30).splitlines() == [
        "usage: snnjax [-h] {one,two,",
        "       three} --all",
    ]
    text = "a b " * 30
    assert terminal.wrapped(text, 20).split() == text.split()
    assert max(map(len, terminal.wrapped(text, 20).splitlines())) <= 20
    assert terminal.wrapped("x" * 50, 20) == "x" * 50


def test_colours_take_no_room():
    bold = "\x1b[1musage:\x1b[0m snnjax {one,two}"
    assert terminal.wrapped(bold, 23) == bold
    assert "\n" in terminal.wrapped(bold, 22)


def test_control_characters_are_spelt_out():
    assert terminal.escaped("a\x1b[31m\nb") == "a\\x1b[31m\nb"
    assert terminal.escaped("a\nb", lines=False) == "a\\nb"


def test_a_stream_that_changes_text_is_otherwise_the_stream(monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    stream = io.StringIO()
    terminal.wrapping(stream).write("usage: one two three\nx\n")
    terminal.escaping(stream).write("\x07")
    assert stream.getvalue() == "usage: one\n       two\n       three\nx\n\\x07"
    assert terminal.wrapping(stream).getvalue() == stream.getvalue()


LOST = """
import gc, os, signal, sys, time
from snnjax import terminal
signal.signal(signal.SIGINT, signal.default_int_handler)

def collected(*_):
    if not told:
        told.append(1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

told = []
with terminal.stoppable("stopped."):
    gc.callbacks.append(collected)
    gc.collect()
    time.sleep(60)
"""


def test_an_interrupt_in_a_finaliser_is_not_lost():
    done = subprocess.run(
        [sys.executable, "-c", LOST], capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (130, "\nsnnjax: stopped.\n")


CUT_OFF = """
import logging, threading, time
from snnjax import terminal

def save():
    time.sleep(0.3)
    try:
        raise RuntimeError("cannot schedule new futures after shutdown")
    except RuntimeError:
        logging.getLogger("absl").exception("not saved")

threading.Thread(target=save).start()
with terminal.stoppable("stopped."):
    raise KeyboardInterrupt
"""


def test_what_an_interrupt_cuts_off_logs_nothing_behind_the_line():
    done = subprocess.run(
        [sys.executable, "-c", CUT_OFF], capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (130, "\nsnnjax: stopped.\n")


@pytest.fixture
def heard():
    """How often Ctrl-C was heard of; who listens does so in the end as well."""
    found = []
    listen = lambda *given: found.append(given)  # noqa: E731
    before = signal.signal(signal.SIGINT, listen)
    yield found
    assert signal.signal(signal.SIGINT, before) is listen


def test_an_interrupt_is_heard_once_after_all_that_holds_it(heard):
    with terminal.held():
        with terminal.held():
            signal.raise_signal(signal.SIGINT)
            assert not heard
        assert not heard
    assert len(heard) == 1


def test_a_second_interrupt_is_heard_at_once(heard):
    with terminal.held():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert len(heard) == 1
    assert len(heard) == 2


def test_a_failure_comes_before_the_interrupt_that_it_held(heard):
    @terminal.held()
    def fails():
        signal.raise_signal(signal.SIGINT)
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fails()
    assert not heard
