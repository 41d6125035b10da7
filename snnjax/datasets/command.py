"""What ``snnjax data list | info | get | check`` prints."""

import importlib.util

from snnjax.datasets.catalogue import DATA_SETS, data_set
from snnjax.datasets.inspection import Report
from snnjax.datasets.places import candidates, folders
from snnjax.datasets.published import DataSet

_SHOWN = 20  # lines about files that are read, and about those that are not


def listing() -> str:
    """The data sets there are, a line for each: its size, and whether it is here."""
    lines = [
        f"{name:<16} {_size(each):>9}  {'here' if is_here(each) else '':<4}  "
        f"{each.about}"
        for name, each in DATA_SETS.items()
    ]
    looked = ", ".join(map(str, folders()))
    told = "Another folder is named by SNNJAX_DATA, or by --data for a training."
    return "\n".join([*lines, f"here: in {looked}. {told}"])


def is_here(chosen: DataSet) -> bool:
    """Whether something of a data set lies where its loader looks."""
    marks = chosen.marks or tuple(file.name for file in chosen.files)
    if not marks:
        return importlib.util.find_spec("sklearn") is not None
    held = candidates(chosen.name, homes=chosen.homes)
    return any(True for at in held for mark in marks for _ in at.glob(mark))


def _size(chosen):
    """Of what would be downloaded, if it was published."""
    sizes = [file.size for file in chosen.files]
    if not all(sizes):
        return "?"
    return f"{sum(sizes) / 1e6:.1f} MB" if sizes else ""


def description(name: str) -> str:
    """What is known of a data set.

    Raises:
        ValueError: for a name that there is not.
    """
    chosen = data_set(name)
    lines = [
        f"{name}: {chosen.about}",
        f"parts    {chosen.parts}",
        f"home     {chosen.home}",
        f"licence  {chosen.licence}",
        f"cite     {chosen.cite}",
    ]
    for file in chosen.files:
        size = f"{file.size / 1e6:.1f} MB" if file.size else "size not published"
        contents = "contents are compared" if file.contents[1] else ""
        checksum = file.checksum or contents or "no checksum published"
        lines += [f"file     {file.name}, {size}, {checksum}", f"         {file.url}"]
    return "\n".join(lines)


def _count(n):
    """A number, with three digits if it is small and not whole, as of seconds."""
    return f"{n:,.0f}" if n == round(n) or n >= 100 else f"{n:.3g}"


def summary(report: Report, *, each: bool = False) -> str:
    """What was found in files, one kind of files a line, and what is damaged.

    Args:
        report: of the files.
        each: whether a line is shown for every file, however many there are.
    """
    every = len(report.told) + len(report.unread) + len(report.odd)
    shown = every if each else _SHOWN
    lines = []
    for kind, counts in sorted(report.counts.items()):
        rest = {key: n for key, n in counts.items() if key != "files"}
        listed = ", ".join(f"{_count(n)} {key}" for key, n in rest.items())
        lines.append(f"{counts['files']:g} x {kind}: {listed}")
    lines += [f"  {told}" for told in report.told[:shown]]
    if len(report.told) > shown:
        lines.append(f"  … of {len(report.told)} files in all; --each shows them")
    lines += [f"as published by {source}" for source in report.published]
    if report.others:
        lines.append(f"{report.others} of no known format, not looked at")
    lines += [f"not read: {told}" for told in report.unread[:shown]]
    if len(report.unread) > shown:
        more = len(report.unread) - shown
        lines.append(f"not read, as well: {more} more; --each shows them")
    lines += [f"odd: {told}" for told in report.odd[:shown]]
    if len(report.odd) > shown:
        lines.append(f"odd, as well: {len(report.odd) - shown} more; --each shows them")
    lines += [f"bad: {told}" for told in report.bad]
    return "\n".join(lines) or "no files"
