import numpy as np
import pytest

from snnjax.training import epoch_rows


@pytest.mark.parametrize(("n", "batch"), [(10, 3), (9, 3), (5, 5), (7, 1), (5, 3)])
def test_every_sample_comes_and_all_batches_have_one_shape(n, batch):
    rows = epoch_rows(0, 0, n, batch)
    assert {r.shape for r in rows} == {(batch,)}
    assert len(rows) == -(-n // batch)
    assert set(np.concatenate(rows)) == set(range(n))


def test_order_is_made_of_seed_and_epoch():
    order = lambda *se: np.concatenate(epoch_rows(*se, 100, 10)).tolist()  # noqa: E731
    assert order(3, 4) == order(3, 4)
    assert len({str(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_sizes_of_batches_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="6 is larger than the n = 5 samples"):
        epoch_rows(0, 0, 5, 6)
    with pytest.raises(ValueError, match="batch must be at least 1"):
        epoch_rows(0, 0, 5, 0)
