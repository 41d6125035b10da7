"""A device in another process fails in a sentence, leaves nothing, and starts anew."""

import gc
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from test_chip import same

from snnjax.hardware import (
    Codes,
    DeviceError,
    Imperfections,
    ProcessDevice,
    Steady,
)

FAULTY = Path(__file__).with_name("faulty_chip.py")
SIZES = 16, 12, 3
WRONG = Imperfections(*4 * (0.3,), v_reset=0.15, adc_bits=None)
FAULTS = {
    "die": "ended with status 3 while running 5 steps of 4 samples",
    "killed": "ended by signal 9 while running",
    "hang": "did not answer within 0.2 s, and was ended while running",
    "mute": "closed its pipes, and was ended while running",
    "half": "ended with status 0 while running",
    "drip": "did not answer within 0.2 s",
    "flood": "answered a line of more than 65536 bytes",
    "garbage": "answered nonsense, b'.*garbage' while running",
    "nested": "answered nonsense, nested without end",
    "other": "answered another question",
    "more": "answered more than it was asked",
    "nan": "Population 1: 1 of 60 measured voltages are not finite",
    "shape": r"answered spikes of population 0 as \|u1 \(5, 4, 1\) in place of",
    "wide": "answered voltages of population 1 as <f8",
    "few": "answered 2 arrays in place of 3",
    "huge": r"answered spikes of population 0 as \|u1 \(1000000000000000,\)",
    "objects": r"answered spikes of population 0 as \|O",
    "drops": "lost .* events on the way in, more than the share of 0.2",
    "odd_notes": "noted no finite number as seconds_on_chip",
}


def faulty(fault="sound", after=0, sizes=SIZES, most_lost=0.2):
    settings = {
        **{"sizes": sizes, "recurrent": (False, False), "reset": "zero", "serial": 1},
        **{"dt": 1e-6, "tau_mem": 6e-6, "tau_syn": 6e-6, "fault": fault},
        **{"after": after, "imperfections": WRONG._asdict()},
    }
    return ProcessDevice(FAULTY, sizes, settings=settings, most_lost=most_lost)


RNG = np.random.default_rng(1)
WEIGHTS = [RNG.normal(0.2, 0.5, (16, 12)), RNG.normal(0.0, 0.5, (12, 3))]
XS = RNG.random((5, 4, 16)) < 0.3


@pytest.fixture(scope="module")
def undisturbed():
    """Seven trials of a chip that nothing happens to."""
    with faulty() as device:
        handle = device.program(WEIGHTS)
        return [device.run(handle, XS, trial=k) for k in range(7)]


def gone(pid):
    """Whether a process has ended and its status was taken: a zombie is not gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def open_files():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_told_in_a_sentence_and_the_same_call_again_gives_the_same(
    fault, undisturbed, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = open_files()
    with faulty(fault, after=1) as device:
        handle = device.program(WEIGHTS)
        assert same(device.run(handle, XS, trial=0), undisturbed[0])
        device.timeout, pid = 0.2 if "0.2 s" in FAULTS[fault] else 60.0, device.pid
        with pytest.raises(DeviceError, match=FAULTS[fault]) as failed:
            device.run(handle, XS, trial=1)
        told = str(failed.value)
        assert told.endswith(".")
        assert "\n" not in told
        if fault not in ("nan", "drops", "odd_notes"):  # it answered in good form
            assert gone(pid)
        assert ("magic smoke" in failed.value.stderr) == (fault == "die")
        device.timeout = 60.0
        device.close()
        assert same(device.run(handle, XS, trial=1), undisturbed[1])
    assert gone(pid)
    assert device.pid is None
    assert open_files() == before
    assert not [*tmp_path.iterdir()]


def test_a_failed_device_is_started_anew_and_programmed_by_the_next_call(undisturbed):
    with faulty("die", after=2) as device:
        handle = device.program(WEIGHTS)
        for k in (0, 1, 2, 2, 3):
            if device.pid is None or k != 2:
                assert same(device.run(handle, XS, trial=k), undisturbed[k])
            else:
                with pytest.raises(DeviceError):
                    device.run(handle, XS, trial=k)


def test_a_device_that_does_not_listen_is_ended():
    with faulty("deaf", sizes=(160, 240, 3)) as device:
        many = [np.zeros((160, 240)), np.zeros((240, 3))]  # more than a pipe holds
        device.program(many)
        device.timeout, pid = 0.2, device.pid
        with pytest.raises(DeviceError, match=r"did not listen .* being programmed"):
            device.program(many)
        assert gone(pid)


def test_steady_devices_that_die_again_and_again_give_the_same_bits(undisturbed):
    with Steady(lambda: faulty("die", after=2)) as device:
        handle = device.program(WEIGHTS)
        for k, expected in enumerate(undisturbed):
            assert same(device.run(handle, XS, trial=k), expected)
    assert device.restarts == 3


def test_steady_gives_up_with_the_last_reason():
    with Steady(lambda: faulty("die"), tries=2) as device:
        handle = device.program(WEIGHTS)
        with pytest.raises(DeviceError, match=r"^Gave up after 2 tries: .* status 3"):
            device.run(handle, XS, trial=0)
        assert device.restarts == 1


def test_what_is_wrong_with_a_call_is_no_failure_of_the_device():
    with faulty() as device:
        handle = device.program(WEIGHTS)
        for odd in (XS[..., :3], XS + 1, XS[0, 0], "spikes", None, XS * np.nan):
            with pytest.raises(ValueError, match="spikes"):
                device.run(handle, odd)
        for odd in (WEIGHTS[:1], WEIGHTS[::-1], [w * 1e300 for w in WEIGHTS], None):
            with pytest.raises(ValueError, match="weights"):
                device.program(odd)
        for odd in (-1, 2**31, 1.5, "x"):
            with pytest.raises(ValueError, match="trial"):
                device.run(handle, XS, trial=odd)
        with pytest.raises(ValueError, match="handle"):
            device.run(WEIGHTS, XS)
        assert device.run(handle, XS).notes["events_in"] == XS.sum()


def test_a_handle_stays_good_when_another_is_programmed(undisturbed):
    with faulty() as device:
        handle = device.program(WEIGHTS)
        device.program([0 * w for w in WEIGHTS])
        assert same(device.run(handle, XS, trial=3), undisturbed[3])


def test_threads_that_share_a_device_each_get_their_own(undisturbed):
    silent = [0 * w for w in WEIGHTS]
    with faulty() as device, ThreadPoolExecutor(4) as pool:
        handles = [device.program(WEIGHTS), device.program(silent)]
        runs = [(handles[k % 2], k % 7) for k in range(28)]
        found = pool.map(lambda run: device.run(run[0], XS, trial=run[1]), runs)
        for (handle, trial), recording in zip(runs, found, strict=True):
            same_as_alone = same(recording, undisturbed[trial])
            assert same_as_alone == (handle is handles[0])


NONSENSE = [
    *("", "3", "null", "[]", "{}", '"text"', "{" * 999, '{"number": 1}', "\x00"),
    '{"number": 1, "notes": [], "arrays": []}',
    '{"number": 1, "notes": {}, "arrays": null}',
    '{"number": 1, "notes": {}, "arrays": [["|u1"]]}',
    '{"number": 1, "notes": {}, "arrays": [["|u1", 3]]}',
    '{"number": 1, "notes": {}, "arrays": [["|u1", [3]]]}',
    '{"number": 1, "notes": {"a": "b"}, "arrays": []}',
    '{"number": 1, "notes": {"a": [1]}, "arrays": []}',
    '{"number": 1, "notes": {"a": 1%s}, "arrays": []}' % ("0" * 400),
    '{"number": 1, "notes": {"a": 1%s}, "arrays": []}' % ("0" * 9000),
    '{"number": "1", "notes": {}, "arrays": []}',
    '{"number": 2, "notes": {}, "arrays": []}',
]


@pytest.mark.parametrize("line", NONSENSE, ids=lambda line: line[:60])
def test_an_answer_that_is_no_answer_is_told(line, tmp_path):
    program = tmp_path / "parrot.py"
    program.write_text(f"import os; os.write(1, {line.encode()!r} + b'\\n'); input()")
    device = ProcessDevice(program, SIZES)
    with pytest.raises(DeviceError, match=r"answered .* while starting[.]$"):
        device.program(WEIGHTS)
    assert device.pid is None


def test_an_interrupted_wait_leaves_no_process_and_no_stale_answer(undisturbed):
    def interrupt(*_):
        raise KeyboardInterrupt

    with faulty("hang", after=1) as device:
        handle = device.program(WEIGHTS)
        device.run(handle, XS, trial=0)
        pid, before = device.pid, signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                device.run(handle, XS, trial=1)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert gone(pid)
        assert same(device.run(handle, XS, trial=1), undisturbed[1])


def test_a_device_that_nobody_holds_is_ended():
    device = faulty()
    device.program(WEIGHTS)
    pid = device.pid
    del device
    gc.collect()
    assert gone(pid)


def test_a_device_that_is_never_asked_has_no_process():
    assert faulty().pid is None


def test_the_environment_of_a_device_is_clean(monkeypatch, tmp_path):
    program = tmp_path / "tell.py"
    program.write_text("import os, sys; sys.exit(', '.join(sorted(os.environ)))")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with pytest.raises(DeviceError, match="ended with status 1") as failed:
        ProcessDevice(program, SIZES).program(WEIGHTS)
    assert "OMP_NUM_THREADS" in failed.value.stderr
    assert "SECRET_TOKEN" not in failed.value.stderr


def test_only_the_end_of_a_long_complaint_is_kept(tmp_path):
    program = tmp_path / "complain.py"
    program.write_text("import sys; sys.stderr.write('x' * 10**6 + 'end'); sys.exit(2)")
    with pytest.raises(DeviceError, match="status 2 while starting") as failed:
        ProcessDevice(program, SIZES).program(WEIGHTS)
    assert failed.value.stderr.endswith("xend")
    assert len(failed.value.stderr) <= 4096
    assert "xend" in failed.value.__notes__[0]


def test_codes_stand_for_voltages_of_their_range():
    codes = np.array([0, 1, 7, 255], np.uint8)
    np.testing.assert_allclose(Codes(3, -1.0, 2.5).volts(codes), [-1, -0.5, 2.5, 2.5])


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("program", {"program": "no/such/file.py"}),
        ("program", {"program": None}),
        ("sizes", {"sizes": (3,)}),
        ("sizes", {"sizes": (3, 0)}),
        ("sizes", {"sizes": 3}),
        ("recurrent", {"recurrent": (True,)}),
        ("recurrent", {"recurrent": (False, True)}),
        ("recurrent", {"recurrent": (1, 0)}),
        ("settings", {"settings": 3}),
        ("settings", {"settings": {"a": np.ones(3)}}),
        ("settings", {"settings": {"a": np.nan}}),
        ("codes", {"codes": 8}),
        ("codes", {"codes": Codes(9, 0.0, 1.0)}),
        ("codes", {"codes": Codes(8, 1.0, 1.0)}),
        ("timeout", {"timeout": 0.0}),
        ("most_lost", {"most_lost": 1.5}),
    ],
)
def test_a_device_that_cannot_be_is_refused(name, odd):
    with pytest.raises(ValueError, match=name):
        ProcessDevice(**{"program": FAULTY, "sizes": SIZES, **odd})
