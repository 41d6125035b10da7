"""Runs studies by number: ``python benchmarks/run.py R01 R06 [--full]``."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script sees its folder only

from benchmarks import tables
from benchmarks.catalogue import every, load, modules
from benchmarks.report import RESULTS, tell
from benchmarks.study import all_cores, execute


def main(args: list[str] | None = None) -> int:
    """Exit status 0 if every criterion holds, 1 if one fails, 2 for a wrong call."""
    given = parser().parse_args(args)
    if given.list:
        for study in every():
            print(f"{study.id:<13}  {study.minutes:4g} min  {study.claim}")
        return 0
    if given.table:
        tables.renew()
        return 0
    known = modules()
    unknown = [id for id in given.ids if id not in known]
    if unknown or not given.ids:
        named = f"No study {', '.join(unknown)}" if unknown else "No study was named"
        tell(f"{named}. There are: {', '.join(known)}.")
        return 2
    studies = [load(id) for id in given.ids]
    single = [study.id for study in studies if study.one_size]
    if given.full and single:
        tell(f"There is one size of {', '.join(single)}; leave out --full.")
        return 2
    findings = [execute(study, full=given.full, results=given.out) for study in studies]
    return int(not all(c.holds for found in findings for c in found.criteria))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("ids", nargs="*", metavar="ID", help="such as R01")
    made.add_argument("--full", action="store_true", help="the published size")
    made.add_argument("--list", action="store_true", help="what there is")
    made.add_argument("--out", type=Path, default=RESULTS, help="where results go")
    made.add_argument(
        "--table", action="store_true", help="renew the tables of results in the docs"
    )
    return made


if __name__ == "__main__":
    all_cores()
    sys.exit(main())
