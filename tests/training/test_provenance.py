import json
import platform

import jax

from snnjax.training import environment


def test_the_machine_is_described_in_words_that_json_can_keep():
    found = json.loads(json.dumps(environment()))
    assert found["versions"]["jax"] == jax.__version__
    assert found["versions"]["python"] == platform.python_version()
    assert found["device"].startswith(jax.devices()[0].platform)
