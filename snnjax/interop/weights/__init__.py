"""Weights that another library trained, by name, and the way back.

    arrays = read_state_dict("net.safetensors")
    print(propose(net, arrays, layout="torch"))  # what could go where: look at it
    weights = from_state_dict(net, arrays, names, layout="torch", leave_out=[…])
    write_state_dict("back.safetensors", to_state_dict(net, weights, names, …))

Names are given, layouts are stated, nothing is told from shapes: every array of theirs
is used, checked as a constant or left out by name, and every one of ours is filled.
"""

from snnjax.interop.weights.proposal import Proposal, propose
from snnjax.interop.weights.state_dicts import read_state_dict, write_state_dict
from snnjax.interop.weights.taking import from_state_dict, to_state_dict

__all__ = [
    "Proposal",
    "from_state_dict",
    "propose",
    "read_state_dict",
    "to_state_dict",
    "write_state_dict",
]
