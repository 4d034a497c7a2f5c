"""Find a good classifier of the Wisconsin breast cancer data, recorded step by step.

python flow.py --rounds 10 --holdout-share 0.25 --seed 7
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import pandas as pd
from prefect import unmapped
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from plugin_core import load_run
from prefect_integration import tracked_flow, tracked_task

TARGET = "benign"
CANDIDATES = [
    {"model": "linear", "settings": {"alpha": 0.0001}},
    {"model": "linear", "settings": {"alpha": 0.1}},
    {"model": "forest", "settings": {"max_depth": 2}},
    {"model": "forest", "settings": {"max_depth": 6}},
    {"model": "boosting", "settings": {"learning_rate": 0.1}},
    {"model": "network", "settings": {"hidden": 16}},  # trained by train_one.py, in a process of its own
]


@tracked_task
def load_data() -> pd.DataFrame:
    """Read the table that ships with scikit-learn; the file itself is recorded as the input."""
    with resources.as_file(resources.files("sklearn.datasets.data") / "breast_cancer.csv") as source:
        load_run().log_file(source, is_output=False)
    return load_breast_cancer(as_frame=True).frame


@tracked_task
def validate(table: pd.DataFrame) -> pd.DataFrame:
    """Refuse a table with gaps or unknown classes; give the columns names without spaces."""
    if table.isna().any(axis=None) or set(table["target"]) != {0, 1}:
        raise ValueError("The table has gaps, or classes other than 0 and 1.")
    load_run().log_metric("rows", len(table))
    return table.rename(columns={"target": TARGET}).rename(columns=lambda name: name.replace(" ", "_"))


@tracked_task
def split(table: pd.DataFrame, holdout_share: float, seed: int) -> dict[str, pd.DataFrame]:
    """Hold out a share of the rows, with the same mix of classes."""
    training, holdout = train_test_split(table, test_size=holdout_share, random_state=seed, stratify=table[TARGET])
    return {"training": training, "holdout": holdout}


@tracked_task
def train_model(candidate: dict[str, Any], training: pd.DataFrame, rounds: int, seed: int) -> Any:
    """Train one candidate, with its loss after every round; return the fitted model."""
    if candidate["model"] == "network":
        return in_a_process(training, rounds, seed, **candidate["settings"])
    run = load_run()
    features, labels = training.drop(columns=TARGET), training[TARGET]
    learn = LEARNERS[candidate["model"]]
    for step, model in enumerate(learn(features, labels, rounds, seed, **candidate["settings"])):
        run.log_metric("log_loss", log_loss(labels, model.predict_proba(features)), step=step)
    return model


def linear(features: pd.DataFrame, labels: pd.Series, rounds: int, seed: int, alpha: float) -> Iterator[Any]:
    """Stochastic gradient descent: a round is one pass over the data."""
    scaler = StandardScaler().fit(features)
    classifier = SGDClassifier(loss="log_loss", alpha=alpha, random_state=seed)
    for _ in range(rounds):
        classifier.partial_fit(scaler.transform(features), labels, classes=[0, 1])
        yield make_pipeline(scaler, classifier)


def forest(features: pd.DataFrame, labels: pd.Series, rounds: int, seed: int, max_depth: int) -> Iterator[Any]:
    """A random forest that grows by five trees a round."""
    model = RandomForestClassifier(max_depth=max_depth, warm_start=True, random_state=seed)
    for trees in range(5, 5 * rounds + 1, 5):
        yield model.set_params(n_estimators=trees).fit(features, labels)


def boosting(features: pd.DataFrame, labels: pd.Series, rounds: int, seed: int, learning_rate: float) -> Iterator[Any]:
    """Gradient boosting that grows by three trees a round."""
    model = GradientBoostingClassifier(learning_rate=learning_rate, warm_start=True, random_state=seed)
    for trees in range(3, 3 * rounds + 1, 3):
        yield model.set_params(n_estimators=trees).fit(features, labels)


LEARNERS: dict[str, Callable[..., Iterator[Any]]] = {"linear": linear, "forest": forest, "boosting": boosting}


def in_a_process(training: pd.DataFrame, rounds: int, seed: int, hidden: int) -> Any:
    """Let a script of its own train the network. Nothing tells it where to log: it asks load_run()."""
    with TemporaryDirectory() as folder:
        table, model = Path(folder, "training.csv"), Path(folder, "network.joblib")
        training.to_csv(table, index=False)
        script = Path(__file__).with_name("train_one.py")
        options = [f"--rounds={rounds}", f"--seed={seed}", f"--hidden={hidden}", f"--target={TARGET}"]
        subprocess.run([sys.executable, str(script), str(table), str(model), *options], check=True)
        return joblib.load(model)


@tracked_task
def evaluate(model: Any, candidate: dict[str, Any], holdout: pd.DataFrame) -> float:
    """Judge a candidate's model by rows that it has not seen; return the area under its ROC curve."""
    del candidate  # recorded, so that the judgement says what it is of
    run = load_run()
    labels, scores = holdout[TARGET], model.predict_proba(holdout.drop(columns=TARGET))[:, 1]
    predicted = (scores > 0.5).astype(int)  # noqa: PLR2004 - more likely than not
    run.log_confusion_matrix(labels, predicted, title="confusion-matrix")
    run.log_roc_curve(labels, scores, title="roc-curve")
    run.log_precision_recall(labels, scores, positive_label=1, title="precision-recall")
    run.log_metric("accuracy", accuracy_score(labels, predicted))
    run.log_metric("roc_auc", area := float(roc_auc_score(labels, scores)))
    return area


@tracked_task
def choose(areas: list[float]) -> int:
    """The position of the best candidate; of equals the first."""
    best = max(range(len(areas)), key=areas.__getitem__)
    load_run().log_metric("best_roc_auc", areas[best])
    return best


@tracked_task
def publish(model: Any, candidate: dict[str, Any]) -> str:
    """Store the chosen model as a file of this run."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "model.joblib")
        joblib.dump(model, file)
        load_run().log_file(file)
    return candidate["model"]


@tracked_flow(name="breast-cancer")
def search(rounds: int = 10, holdout_share: float = 0.25, seed: int = 7) -> str:
    """Train every candidate, judge each on the rows held out, publish the best."""
    parts = split(validate(load_data()), holdout_share, seed)
    models = train_model.map(CANDIDATES, unmapped(parts["training"]), rounds=unmapped(rounds), seed=unmapped(seed))
    areas = evaluate.map(models, CANDIDATES, unmapped(parts["holdout"]))
    best = choose(areas.result())
    return publish(models[best], CANDIDATES[best])


def main() -> None:
    """Take the parameters from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="training rounds of every candidate")
    parser.add_argument("--holdout-share", type=float, default=0.25, help="share of the rows to judge by")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print(f"Published a {search(**vars(options))} model.")


if __name__ == "__main__":
    main()
