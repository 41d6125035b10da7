import pytest

from snnjax.datasets.places import candidates, find


def test_a_set_is_looked_for_in_a_path_or_else_in_two_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "snnjax"
    monkeypatch.setenv("SNNJAX_DATA", "data")
    assert [str(each) for each in candidates("a", None, ("b",))] == [
        *("data/a", "data/b", f"{cache}/a", f"{cache}/b")
    ]
    assert [str(each) for each in candidates("a", "here", ("b",))] == [
        *("here/a", "here/b", "here")
    ]
    monkeypatch.setenv("SNNJAX_DATA", "")
    assert [str(each) for each in candidates("a")] == [f"{cache}/a"]
    (cache / "b").mkdir(parents=True)
    (cache / "b" / "2.txt").write_bytes(b"")
    found = find("a", "letters", ["1.txt", "2.txt"], homes=("b",))
    assert found == cache / "b" / "2.txt"
    with pytest.raises(
        FileNotFoundError,
        match=r"No letters \(1\.txt\) in here\. .*get a'.*SNNJAX_DATA",
    ):
        find("a", "letters", ["1.txt"], "here")
