"""Valid calls of what takes weights of other libraries over."""

import numpy as np
from calls import KEY, call, signal

import snnjax as snn
from snnjax.interop import weights

NAMES = {"fc.weight": "fc.w", "fc.bias": "fc.b"}


def net(n):
    return snn.chain(
        fc=snn.dense(n, 2, bias=True),
        lif=snn.lif(2, snn.LIFParams(threshold=0.5)),
        out=snn.dense(2, 2),
    )


def arrays(n):
    return {
        "fc.weight": np.asarray(signal(2, n)),
        "fc.bias": np.asarray(signal(2)),
        "lif.threshold": np.float32(0.5),
        "steps": np.array(3),
    }


@call(
    weights.from_state_dict,
    named={"network": "cell", "start": "weights"},
    free={"dtype None": "theirs"},
)
def _(n=3):
    return {
        **{"network": net(n), "arrays": arrays(n), "names": NAMES, "layout": "torch"},
        **{"constants": {"lif.threshold": "lif.params.threshold"}, "keep": ["out.w"]},
        **{"leave_out": ["steps"], "start": net(n).init(KEY), "dtype": "float32"},
        "flattened": {},
    }


@call(weights.to_state_dict, named={"network": "cell"})
def _(n=3):
    return {
        **{"network": net(n), "weights": net(n).init(KEY), "names": NAMES},
        **{"layout": "torch", "leave_out": ["out.w"], "flattened": {}},
    }


@call(weights.propose, named={"network": "cell"}, use=lambda proposal: proposal.names)
def _(n=3):
    return {"network": net(n), "arrays": arrays(n), "layout": "torch"}
