"""Valid calls of what puts networks on chips."""

from calls import DT, call

from snnjax import hardware

IMPERFECT = hardware.Imperfections(*4 * (0.1,), v_reset=0.1, events_in=5, events_out=5)


@call(hardware.emulated_chip)
def _(n_in=4, n=3, n_out=2):
    return {
        **{"sizes": (n_in, n, n_out), "dt": DT, "serial": 1, "mismatch": 0.2},
        **{"imperfections": IMPERFECT, "tau_mem": 6e-3, "tau_syn": 5e-3},
        **{"reset": "zero", "recurrent": (True, False), "circuits": 512, "rows": 256},
        **{"timeout": 10.0, "most_lost": 0.5},
    }
