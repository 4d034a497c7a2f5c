"""scikit-learn estimators: parameters, identity of the state, a pickle marked untrusted."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 3)), RNG.integers(0, 2, 60)


class Remote(BaseEstimator):
    def __init__(self, url="", api_key=None, helper=None):
        self.url, self.api_key, self.helper = url, api_key, helper


def test_a_model_is_described_with_its_parameters(artifact) -> None:
    found = artifact(make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(X, Y))

    assert found.type == "Model"
    assert found.parameters["logisticregression.C"] == 0.5
    assert found.properties["type"] == "sklearn.pipeline.Pipeline"
    assert found.properties["fitted"] == "true"
    assert artifact(LogisticRegression()).properties["fitted"] == "false"


def test_a_pickle_is_stored_and_marked(artifact) -> None:
    model = LogisticRegression().fit(X, Y)

    found = artifact(model)
    assert found.properties["untrusted"] == "pickle"
    assert found.payload.suffix == ".pkl"
    assert np.array_equal(pickle.loads(found.payload.write()).coef_, model.coef_)


@pytest.mark.parametrize(
    "make",
    [
        LogisticRegression,
        lambda: RandomForestClassifier(20, random_state=0),
        lambda: GradientBoostingClassifier(n_estimators=5, random_state=0),
        lambda: HistGradientBoostingClassifier(max_iter=5, random_state=0),
        lambda: KNeighborsClassifier(algorithm="kd_tree"),
        SVC,
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_the_same_training_gives_the_same_identity_and_another_does_not(artifact, make) -> None:
    identity = artifact(make().fit(X, Y), level="meta").identity

    assert identity.startswith("sha256:")
    assert artifact(make().fit(X.copy(), Y.copy()), level="meta").identity == identity
    assert artifact(make().fit(X + RNG.random(X.shape), Y), level="meta").identity != identity


def test_identity_is_the_same_in_another_process(artifact) -> None:
    code = (
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from plugin_core.capture.values import describe, Limits\n"
        "from plugin_core.redaction import Redactor\n"
        "x, y = [[i, i % 3] for i in range(30)], [i % 2 for i in range(30)]\n"
        "model = RandomForestClassifier(5, random_state=0).fit(x, y)\n"
        "print(describe('x', model, limits=Limits(budget_s=5), redactor=Redactor()).artifacts[0].identity)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    model = RandomForestClassifier(5, random_state=0).fit([[i, i % 3] for i in range(30)], [i % 2 for i in range(30)])
    assert out.stdout.strip() == artifact(model).identity


def test_an_unknown_object_in_the_state_leaves_the_pickle_as_identity(artifact) -> None:
    found = artifact(Remote(helper=Exception("state")))

    assert found.identity.startswith("sha256:")
    assert artifact(Remote(helper=Exception("state")), level="meta").identity is None


def test_a_model_that_cannot_be_pickled_is_described(artifact) -> None:
    found = artifact(Remote(url="http://x", helper=(i for i in ())))

    assert found.payload is None
    assert found.parameters["url"] == "http://x"


def test_a_model_with_a_secret_is_not_stored(artifact) -> None:
    found = artifact(Remote(api_key="canary-5ecret"))

    assert found.parameters["api_key"] == "[redacted]"
    assert (found.payload, found.identity, found.properties["payload"]) == (None, None, "withheld")
