import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.errors import InvalidValueError
from plugin_core.model import names

ENTITY = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}")


@given(st.text(), st.integers(12, 120))
def test_a_slug_is_always_a_valid_name_within_its_length(text, length):
    slug = names.slug(text, max_length=length)

    assert ENTITY.fullmatch(slug)
    assert len(slug) <= length
    assert slug == slug.lower()


@given(st.text(), st.text())
def test_texts_that_differ_in_more_than_case_and_separators_have_different_slugs(one, other):
    def folded(text):
        return list(re.sub(r"[ _\-./:\t\n]+", "-", text).strip("-").lower())

    if folded(one) != folded(other):
        assert names.slug(one) != names.slug(other)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Breast cancer search", "breast-cancer-search"),
        ("train_model", "train-model"),
        ("  a..b//c ", "a-b-c"),
        ("Train!", "train-af0b610591"),
        ("训练", "a29c0de140"),
    ],
)
def test_slugs_can_be_read(text, slug):
    assert names.slug(text) == slug


def test_a_lone_surrogate_in_a_name_does_no_harm():
    assert ENTITY.fullmatch(names.slug("a\ud800b"))


@given(st.text(min_size=1, max_size=200), st.uuids(), st.integers(1, 999))
def test_every_derived_name_fits_sagemakers_limits(text, id, attempt):
    experiment = names.slug(text)
    run = names.step_run_name(text, str(id), attempt=attempt)

    for name in (
        names.component_name(experiment, run),
        names.execution_trial_name(experiment, str(id)),
        names.run_group_name(experiment),
    ):
        assert ENTITY.fullmatch(name), name
    assert len(run) <= names.RUN_NAME_MAX


def test_the_end_of_a_uuid_can_be_recognised_in_a_name():
    assert names.step_run_name("train", "0199c1de-aaaa-7bbb-8ccc-0123456789AB") == "train-0123456789ab"
    assert names.step_run_name("train", "0199c1de-aaaa-7bbb-8ccc-0123456789AB", attempt=2) == "train-0123456789ab-a2"


def test_time_ordered_ids_of_one_moment_give_different_names():
    ids = [f"0199c1de-aaaa-7bbb-8ccc-{i:012x}" for i in range(100)]

    assert len({names.step_run_name("t", i) for i in ids}) == 100


@pytest.mark.parametrize(("key", "says"), [("", "1 to 320"), ("k" * 321, "not 321"), ("a\0b", "NUL"), (b"k", "bytes")])
def test_keys_beyond_the_limits_are_refused_with_the_limit(key, says):
    with pytest.raises(InvalidValueError, match=says):
        names.check_key("parameter name", key, names.PARAMETER_NAME_MAX)


def test_a_refused_name_comes_with_a_valid_suggestion():
    with pytest.raises(InvalidValueError, match="'my-experiment'"):
        names.check_entity_name("experiment name", "my experiment")


def test_arns_have_sagemakers_form_in_lower_case():
    assert names.arn("experiment", "MyExp") == "arn:aws:sagemaker:local:000000000000:experiment/myexp"
    assert set(names.arn("artifact", "x").split(":")[4]) <= set(string.digits)


@pytest.mark.parametrize(
    "component", ["a", "search-train", "A" * 63, "a" * 64, "x" * 120, "a--b", "under_score", "ü", "-", "größe " * 20]
)
def test_a_component_has_a_name_as_a_job_that_sagemaker_takes(component):
    slug = names.job_slug(component)

    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", slug)
    assert len(slug) <= 63
    assert slug == names.job_slug(component.upper()) == names.job_slug(slug)


def test_components_that_differ_have_different_names_as_jobs():
    components = ["a-b", "a--b", "a_b", "a.b", "b", *("x" * 100 + str(i) for i in range(50))]

    assert len({names.job_slug(component) for component in components}) == len(components)
