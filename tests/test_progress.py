import io
import re
import sys

import pytest

from snnjax import progress
from snnjax.progress import bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal_of(monkeypatch):
    """A terminal in place of stderr; in the test itself, as pytest sets it before."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    return terminal


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_is_a_line_every_five_seconds(capsys, clock):
    with bar("encoding") as update:
        for second in range(1, 13):
            clock[0] = float(second)
            update(second, 12)
    out, err = capsys.readouterr()
    assert out == ""
    lines = ["1/12", "7/12", "12/12"]
    assert err == "".join(f"encoding  {line}\n" for line in lines)


def test_without_a_terminal_a_note_is_a_line(capsys):
    with bar("a run", note="compiling ...") as update:
        update(1, 1)
    assert capsys.readouterr().err == "a run  compiling ...\na run  1/1\n"


def test_a_word_is_for_terminals(capsys, monkeypatch):
    progress.word("reading")
    assert capsys.readouterr() == ("", "")
    terminal = terminal_of(monkeypatch)
    progress.word("reading")
    assert terminal.getvalue() == "reading\n"


def test_a_note_stands_in_place_of_the_numbers(capsys):
    with bar("a run") as update:
        update(1, 1, "epoch 1/1  loss 0.5")
    assert capsys.readouterr().err == "a run  epoch 1/1  loss 0.5\n"


@pytest.mark.parametrize(
    ("done", "total", "line"),
    [(1_500_000, 9_912_422, "1.5/9.9 MB"), (1_500_000, 0, "1.5 MB")],
)
def test_bytes_are_counted_in_megabytes(done, total, line, capsys):
    with bar("a.gz", of_bytes=True) as update:
        update(done, total)
    assert capsys.readouterr().err == f"a.gz  {line}\n"


def test_what_is_not_to_be_shown_is_not(capsys, monkeypatch):
    terminal = terminal_of(monkeypatch)
    with bar("quiet", shown=False) as update:
        update(1, 2, "a note")
    with bar("never begun"):
        pass
    assert capsys.readouterr() == ("", "")
    assert "quiet" not in terminal.getvalue()
    assert "never begun" not in terminal.getvalue()


def test_a_terminal_is_shown_a_bar(capsys, monkeypatch):
    terminal = terminal_of(monkeypatch)
    with bar("encoding") as update:
        update(1, 2)
        update(2, 2)
    assert "encoding" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    assert "━" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_a_terminal_is_shown_a_note_before_the_first_update(monkeypatch):
    terminal = terminal_of(monkeypatch)
    with bar("a run", note="compiling"):
        pass
    assert "compiling" in terminal.getvalue()


EPOCH = "epoch 12/50  loss 1.068  validation accuracy 0.903"


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("name", ["digits seed 0", "spoken-digits seed 0"])
def test_a_bar_and_a_score_fit_the_terminal(name, columns, monkeypatch):
    terminal = terminal_of(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    with bar(name, note="compiling ...") as update:
        update(12, 50, EPOCH)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert name in plain
    assert EPOCH in plain  # on one line
    assert "━" * 7 in plain
    assert max(map(len, re.split("[\r\n]+", plain))) <= columns


def test_a_note_that_nothing_followed_does_not_stay(monkeypatch):
    terminal = terminal_of(monkeypatch)
    with bar("a run", note="compiling ..."):
        before = len(terminal.getvalue())
    assert "a run" not in terminal.getvalue()[before:]
