"""Pickles of spikes: refused, with the reason and the way round.

A pickle is a program; reading one runs it, whatever it does. So those of Neo, Brian 2,
PyNN or numpy are not read here, and it is said how to write the same data otherwise.
"""

import pickletools

from snnjax.datasets.guard.checked import HoldsError

_AGAIN = (  # what stands in the pickle, who wrote it, and how to write it otherwise
    (
        b"brian2",
        "Brian 2",
        "numpy.savetxt('spikes.csv', numpy.c_[monitor.t, monitor.i], delimiter=',', "
        "header='t,i', comments='')",
    ),
    (
        b"neo.",
        "Neo or PyNN",
        "neo.io.NixIO('spikes.nix', 'ow').write_block(block), or in the session that "
        "holds them snnjax.datasets.from_neo(block)",
    ),
    (b"numpy", "numpy", "numpy.savez('spikes.npz', times=times, units=units)"),
)
_LOOKED_AT = 4096  # bytes of a begin
_FIRST = (b"c", b"(", b"]", b"}")  # a name, a mark, a list, a dictionary
_MEMO = ("PUT", "BINPUT")
_ANY = "numpy.savez('spikes.npz', times=times, units=units)"


def is_pickle(begin: bytes | bytearray) -> bool:
    """Whether bytes begin as a pickle does, of any protocol; nothing of it is run."""
    if len(begin) > 1 and begin[0] == 0x80 and begin[1] in range(2, 6):
        return True
    if begin[:1] not in _FIRST:
        return False
    try:  # protocols 0 and 1 have no sign, but keep what they make first as number 0
        for instruction, number, _ in pickletools.genops(begin[:_LOOKED_AT]):
            if instruction.name in _MEMO:
                return number == 0
    except Exception:  # what is no pickle fails in many ways
        return False
    return False


def check_no_pickle(raw: bytes | bytearray) -> None:
    """Refuses a pickle.

    Raises:
        HoldsError: saying why, and how to write the same data otherwise.
    """
    if is_pickle(raw):
        raise HoldsError(f"a pickle{_told(raw)}")


def _told(raw):
    who, again = next(
        ((f" of {who}", again) for sign, who, again in _AGAIN if sign in raw),
        ("", _ANY),
    )
    return (
        f"{who}, a program that runs when it is opened and so is never read here. "
        f"Where it came from, open it and write: {again}"
    )
