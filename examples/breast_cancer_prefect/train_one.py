"""Train a small neural network, in a process that knows nothing of the flow that started it.

python train_one.py training.csv model.joblib --rounds 10
"""

import argparse

import joblib
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from plugin_core import load_run


def main() -> None:
    """Log the loss of every round to the run that load_run() finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", help="CSV file to learn from")
    parser.add_argument("model", help="file to write the model to")
    parser.add_argument("--target", default="benign", help="column to predict")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()

    table = pd.read_csv(options.table)
    features, labels = table.drop(columns=options.target), table[options.target]
    scaler = StandardScaler().fit(features)
    network = MLPClassifier((options.hidden,), learning_rate_init=0.01, random_state=options.seed)
    run = load_run()
    run.log_parameter("trained_in", "train_one.py")
    for step in range(options.rounds):
        network.partial_fit(scaler.transform(features), labels, classes=[0, 1])
        probabilities = network.predict_proba(scaler.transform(features))
        run.log_metric("log_loss", log_loss(labels, probabilities), step=step)
    joblib.dump(make_pipeline(scaler, network), options.model)


if __name__ == "__main__":
    main()
