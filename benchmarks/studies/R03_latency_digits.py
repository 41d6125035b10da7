"""R03: handwritten digits as latencies, beside logistic regression on the pixels."""

from benchmarks.criterion import at_most
from benchmarks.studies.shared.recorded_tasks import Size, accuracy, train
from benchmarks.study import Finding, Study
from snnjax import tasks
from snnjax.datasets import digits
from snnjax.tasks.digits import light


def logistic_regression() -> float:
    """Test accuracy of a linear classifier of the pixels; penalty by validation."""
    from sklearn.linear_model import LogisticRegression

    parts = {split: digits(split) for split in ("train", "validation", "test")}
    data = {split: (light(part.x), part.labels) for split, part in parts.items()}
    fits = [
        LogisticRegression(C=c, max_iter=5000).fit(*data["train"])
        for c in (0.01, 0.1, 1.0, 10.0, 100.0)
    ]
    best = max(fits, key=lambda fit: fit.score(*data["validation"]))
    return float(best.score(*data["test"]))


def run(full: bool, size: Size = Size()) -> Finding:
    del full
    found = train(tasks.digits_task, "digits.png", size)
    found["logistic_regression_test_accuracy"] = round(logistic_regression(), 4)
    behind = 100 * (found["logistic_regression_test_accuracy"] - found["test_accuracy"])
    name = "points behind logistic regression on the pixels"
    return Finding(found, [accuracy(found, 0.95), at_most(name, behind, 3)])


STUDY = Study(
    id="R03",
    claim="Latency-coded handwritten digits are learned by one hidden layer.",
    source="Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595",
    minutes=1.5,
    run=run,
    one_size=True,
)
