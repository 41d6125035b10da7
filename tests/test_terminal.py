import io

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
