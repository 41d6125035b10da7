"""Every preset keeps what every cell promises (minutes: run with ``-m slow``)."""

import inspect

import pytest
import test_contract as contract
from test_library import required

from snnjax.interop.presets import described, from_library, supported
from snnjax.surrogate import SuperSpike

CHECKS = {
    name: test
    for name, test in vars(contract).items()
    if name.startswith("test_")
    and any(
        mark.name == "parametrize" and len(mark.args[1]) == len(contract.CELLS)
        for mark in getattr(test, "pytestmark", ())
    )
}


NATIVE = {"norse.LIFRecurrent", "norse.LSNNRecurrent"}  # their own connection


def made(name):
    fires = not described(name).surrogate.startswith("none")
    surrogate = {"surrogate": SuperSpike(2.0)} if fires else {}
    return from_library(name, contract.N, **required(name), **surrogate)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("preset", supported())
def test_every_preset_keeps_the_contract(preset, check, request, monkeypatch):
    if preset in NATIVE and "exported" in check:
        pytest.skip("a native product is not exported")
    monkeypatch.setitem(contract.CELLS, preset, made(preset))
    wanted = [*inspect.signature(CHECKS[check]).parameters]
    given = {each: request.getfixturevalue(each) for each in wanted if each != "name"}
    CHECKS[check](name=preset, **given)


def test_the_checks_of_the_contract_are_found():
    assert len(CHECKS) >= 12
