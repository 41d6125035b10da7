"""Runs studies by number: ``python benchmarks/run.py R01 R06 [--full]``."""

import argparse
import sys
from pathlib import Path

import hidden_layer
import surrogate_shapes
from study import RESULTS, execute, tell

STUDIES = {study.id: study for study in (hidden_layer.STUDY, surrogate_shapes.STUDY)}


def main(args: list[str] | None = None) -> int:
    """Exit status 0 if every criterion holds, 1 if one fails, 2 for a wrong call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as R01")
    parser.add_argument("--full", action="store_true", help="the published size")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results go")
    given = parser.parse_args(args)
    if given.list:
        for study in STUDIES.values():
            print(f"{study.id}  {study.minutes:4g} min  {study.claim}")
        return 0
    unknown = [id for id in given.ids if id not in STUDIES]
    if unknown or not given.ids:
        named = f"No study {', '.join(unknown)}" if unknown else "No study was named"
        tell(f"{named}. There are: {', '.join(STUDIES)}.")
        return 2
    findings = [
        execute(STUDIES[id], full=given.full, results=given.out) for id in given.ids
    ]
    return int(not all(c.holds for found in findings for c in found.criteria))


if __name__ == "__main__":
    sys.exit(main())
