"""What a device may show, and how it is refused."""

import numpy as np
import pytest

from snnjax.hardware import DeviceError, Recording, Steady, checked
from snnjax.seen import Seen

SHAPES = [(3, 2, 4), (3, 2, 1)]


def recording(notes=(), **changed):
    """A sound recording of two populations, the first with changed fields."""
    known = np.ones((3, 1, 4), bool)
    hidden = Seen(spikes=np.zeros(SHAPES[0]), v=np.zeros(SHAPES[0]), known=known)
    out = Seen(v=np.zeros(SHAPES[1], np.float32))
    return Recording((hidden._replace(**changed), out), dict(notes))


def odd(value, at=(0, 0, 0)):
    x = np.zeros(SHAPES[0])
    x[at] = value
    return x


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"spikes": None},
        {"spikes": np.ones(SHAPES[0], bool)},
        {"v": None, "known": None},
        {"known": None},
        {"v": odd(np.nan), "known": odd(1) == 0},
    ],
)
def test_a_sound_recording_passes_as_it_is(changed):
    sound = recording(**changed)
    assert checked(sound, SHAPES) is sound


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        (r"spikes came as float64 \(2, 2, 4\) in place of", {"spikes": odd(0)[:2]}),
        ("spikes came as complex", {"spikes": odd(0) * 1j}),
        ("spikes came as list", {"spikes": [0, 1]}),
        ("1 of 24 spikes are neither 0 nor 1", {"spikes": odd(0.5)}),
        ("1 of 24 spikes are neither 0 nor 1", {"spikes": odd(np.nan)}),
        ("1 of 24 measured voltages are not finite", {"v": odd(np.nan)}),
        ("1 of 24 measured voltages are not finite", {"v": odd(-np.inf)}),
        (r"voltages came as float64 \(3, 2, 3\)", {"v": odd(0)[..., :3]}),
        ("voltages came as int64", {"v": odd(0).astype(np.int64)}),
        ("what is known of voltages", {"known": np.ones(3, bool)}),
        ("what is known of voltages", {"known": odd(1)}),
        ("voltages are known that were not sent", {"v": None}),
    ],
)
def test_what_was_not_asked_for_is_refused_by_its_population(told, changed):
    with pytest.raises(DeviceError, match=f"^Population 0: {told}.*[.]$"):
        checked(recording(**changed), SHAPES)


def test_too_few_populations_and_nothing_measured_are_refused():
    with pytest.raises(DeviceError, match="recorded 2 populations, not 1"):
        checked(recording(), SHAPES[:1])
    nothing = Recording((Seen(), Seen()), {})
    with pytest.raises(DeviceError, match="measured nothing"):
        checked(nothing, SHAPES)


def test_events_may_be_lost_up_to_a_share():
    notes = {"events_in": 100, "lost_in": 20, "events_out": 50, "lost_out": 5}
    checked(recording(notes), SHAPES, most_lost=0.2)
    with pytest.raises(DeviceError, match="lost 20 of 100 events on the way in"):
        checked(recording(notes), SHAPES, most_lost=0.19)
    with pytest.raises(DeviceError, match="lost 5 of 50 events on the way out"):
        checked(recording(notes | {"lost_in": 0}), SHAPES, most_lost=0.05)
    with pytest.raises(ValueError, match="most_lost"):
        checked(recording(), SHAPES, most_lost=1.1)


class Fragile:
    """A device that counts its calls and fails at some."""

    def __init__(self, fails):
        self.fails, self.closed = fails, False

    def program(self, weights):
        if self.fails == "program":
            raise DeviceError("It cannot be programmed.", "stack")
        return sum(w.sum() for w in weights)

    def run(self, handle, spikes, *, trial=None):
        if self.fails == "run":
            raise DeviceError("It cannot run.")
        if self.fails == "ours":
            raise ValueError("spikes")
        return handle, spikes, trial

    def close(self):
        self.closed = True


def steady(*fails, tries=3):
    made = [Fragile(each) for each in fails]
    return Steady(iter(made).__next__, tries=tries), made


def test_a_steady_device_passes_on_what_it_is_given():
    device, made = steady("")
    handle = device.program([np.ones(3)])
    assert device.run(handle, "spikes", trial=7) == (3.0, "spikes", 7)
    device.close()
    assert made[0].closed
    assert device.restarts == 0


@pytest.mark.parametrize("fails", ["program", "run"])
def test_a_steady_device_programs_a_new_one_and_closes_the_old(fails):
    device, made = steady(fails, fails, "")
    handle = device.program([np.ones(3)])
    assert device.run(handle, "spikes")[0] == 3.0
    assert [each.closed for each in made] == [True, True, False]
    assert device.restarts == 2


def test_a_steady_device_gives_up_and_may_be_asked_again():
    device, _ = steady(*3 * ["program"], "")
    with pytest.raises(DeviceError, match=r"Gave up after 3 tries: It cannot") as told:
        device.program([np.ones(3)])
    assert told.value.stderr == "stack"
    assert device.program([np.ones(3)]) is not None


def test_a_steady_device_tries_nothing_again_that_is_our_own_error():
    device, made = steady("ours")
    with pytest.raises(ValueError, match="spikes"):
        device.run(device.program([np.ones(3)]), "spikes")
    assert not made[0].closed


def test_weights_changed_afterwards_are_not_what_was_programmed():
    device, _ = steady("run", "")
    weights = np.ones(3)
    handle = device.program([weights])
    weights[:] = 7.0
    assert device.run(handle, "spikes")[0] == 3.0


@pytest.mark.parametrize(
    ("name", "given"), [("make", (3,)), ("tries", (dict, 0)), ("tries", (dict, 1.5))]
)
def test_a_steady_device_that_cannot_be_is_refused(name, given):
    with pytest.raises(ValueError, match=name):
        Steady(*given)
