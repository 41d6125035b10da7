"""Records other libraries, each in an environment of its own, or compares anew.

    ./run python -m tests.interop.libraries --compare
    ./run python -m tests.interop.libraries --record snntorch norse

Makes the environments that are missing. A comparison prints one line a case: spikes
that differ from those that were recorded, and the greatest differences of voltages and
gradients; it ends with 1 if one is out of bounds.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.interop.libraries import environments, recording
from tests.interop.libraries.comparison import compare, compare_pairs


def main():
    told = argparse.ArgumentParser("tests.interop.libraries", description=__doc__)
    told.formatter_class = argparse.RawDescriptionHelpFormatter
    every = [each for group in environments.GROUPS.values() for each in group]
    told.add_argument("libraries", nargs="*", metavar="LIBRARY", help=", ".join(every))
    what = told.add_mutually_exclusive_group(required=True)
    what.add_argument("--compare", action="store_true", help="with what is recorded")
    what.add_argument("--record", action="store_true", help="in place of what is")
    given = told.parse_args()
    apart = 0
    for library in given.libraries or every:
        python = environments.make(environments.group_of(library))
        if given.record:
            environments.record(python, library, recording.FOLDER)
        else:
            apart += compared(python, library)
    sys.exit(apart > 0)


def compared(python, library):
    """Prints the comparison of a library, and counts the cases out of bounds."""
    apart = 0
    with tempfile.TemporaryDirectory() as folder:
        environments.record(python, library, folder)
        cases = recording.cases(folder=folder)
        mine = [each for each in recording.cases() if each.split(".")[0] == library]
        for missing in sorted(set(mine) ^ set(cases)):
            print(f"{missing:44} is in one of both only")
            apart += 1
        for case in sorted(set(mine) & set(cases)):
            found = compare(case, folder)
            print(
                f"{case:44} {found.versions:16} spikes {found.spikes:4d}  "
                f"v {found.v:.0e}  gradients {found.gradient:.0e}"
                f"{'' if found.same else '  DIFFERS'}",
                flush=True,
            )
            apart += not found.same
        for which, differ in compare_pairs(library, Path(folder)):
            print(f"{'pairs/' + which:44} {'':16} spikes {differ:4d}", flush=True)
            apart += differ > 0
    return apart


if __name__ == "__main__":
    main()
