"""Other libraries do today what was recorded of them, where they are installed."""

import pytest

from tests.interop.libraries import comparison, environments, recording

EVERY = [library for group in environments.GROUPS.values() for library in group]


@pytest.mark.slow
@pytest.mark.parametrize("library", EVERY)
def test_a_library_does_today_what_was_recorded(library, tmp_path):
    group = environments.group_of(library)
    python = environments.made(group)
    if python is None:
        pytest.skip("no environment: ./run python -m tests.interop.libraries --compare")
    environments.record(python, library, tmp_path)
    cases = [each for each in recording.cases() if each.split(".")[0] == library]
    assert recording.cases(folder=tmp_path) == cases
    for case in cases:
        found = comparison.compare(case, tmp_path)
        assert found.same, found
    apart = dict(comparison.compare_pairs(library, tmp_path))
    assert apart == dict.fromkeys(apart, 0)


def test_every_recorded_library_has_an_environment():
    recorded = {each.split(".")[0] for each in recording.cases()}
    assert recorded == set(EVERY)


def test_an_unknown_library_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"'brian'.*snntorch, norse"):
        environments.group_of("brian")
