"""Is a handwritten digit an eight? A linear model at three learning rates, each a run of SageMaker Experiments.

Written for SageMaker: nothing in here knows of flowtrail.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.experiments import Run, load_run
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

EXPERIMENT = "find-the-eights"
EIGHT = 8


def train(rate: float, epochs: int) -> None:
    images, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images / 16, (digits == EIGHT).astype(int), random_state=0, stratify=digits
    )
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=rate, random_state=0)
    with load_run() as run:
        run.log_parameters({"rate": rate, "epochs": epochs, "images": len(train_x)})
        for epoch in range(epochs):
            model.partial_fit(train_x, train_y, classes=[0, 1])
            run.log_metric("train:loss", log_loss(train_y, model.predict_proba(train_x)), step=epoch)
            run.log_metric("test:loss", log_loss(test_y, model.predict_proba(test_x)), step=epoch)
        report(run, model, test_x, test_y)


def report(run: Run, model: SGDClassifier, test_x: np.ndarray, test_y: np.ndarray) -> None:
    scores = model.predict_proba(test_x)[:, 1]
    run.log_confusion_matrix(test_y, model.predict(test_x), title="eights")
    run.log_roc_curve(test_y, scores, title="roc")
    run.log_precision_recall(test_y, scores, title="precision-recall")
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.csv"
        np.savetxt(weights, model.coef_.reshape(8, 8), delimiter=",", fmt="%.4f")
        run.log_file(str(weights), name="weights")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    epochs = parser.parse_args().epochs
    for rate in (0.001, 0.01, 0.1):
        with Run(experiment_name=EXPERIMENT, run_name=f"rate-{rate}".replace(".", "-")):
            train(rate, epochs)

    table = ExperimentAnalytics(experiment_name=EXPERIMENT).dataframe().sort_values("test:loss - Last")
    print(table[["TrialComponentName", "rate", "train:loss - Last", "test:loss - Last"]].to_string(index=False))
