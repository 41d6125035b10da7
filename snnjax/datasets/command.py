"""What ``snnjax data list | info | get | check`` prints."""

from pathlib import Path

from snnjax.datasets.catalogue import DATA_SETS, data_set, get
from snnjax.datasets.inspection import Report, check

_SHOWN = 20  # lines about files that are sound, but not read


def run(action: str, what: str, to: Path | None = None) -> int:
    """Does what was asked for and prints what came of it.

    Args:
        action: ``"list"``, ``"info"``, ``"get"`` or ``"check"``.
        what: name of a data set, or the path to check; nothing for a list.
        to: folder of all data sets, to get one into; the cache if omitted.

    Returns:
        The exit status: 1 if a file is damaged, or not what its format says.

    Raises:
        ValueError: for a name that is missing, unknown or one too many.
        OSError: if there is nothing at a path, or an address cannot be reached.
    """
    if (action == "list") == bool(what):
        wanted = "no NAME" if action == "list" else "a NAME or a PATH"
        raise ValueError(f"data {action} takes {wanted}.")
    if to is not None and action != "get":
        raise ValueError(f"data {action} takes no --to.")
    if action == "list":
        print("\n".join(f"{name:<16} {e.about}" for name, e in DATA_SETS.items()))
    elif action == "info":
        print(_description(what))
    elif action == "get":
        print(f"{what} is in {get(what, to)}")
    else:
        report = check(what)
        print(_summary(report))
        return 1 if report.bad else 0
    return 0


def _description(name):
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


def _summary(report: Report) -> str:
    lines = []
    for kind, counts in sorted(report.counts.items()):
        rest = {key: n for key, n in counts.items() if key != "files"}
        listed = ", ".join(f"{n:,.0f} {key}" for key, n in rest.items())
        lines.append(f"{counts['files']} x {kind}: {listed}")
    lines += [f"as published by {source}" for source in report.published]
    if report.others:
        lines.append(f"{report.others} of no known format, not looked at")
    lines += [f"not read: {each}" for each in report.unread[:_SHOWN]]
    if len(report.unread) > _SHOWN:
        lines.append(f"not read, as well: {len(report.unread) - _SHOWN} more")
    lines += [f"bad: {each}" for each in report.bad]
    return "\n".join(lines)
