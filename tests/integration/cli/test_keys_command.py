"""`flowtrail keys`: made, listed and revoked; the secret is seen once."""

import re
from pathlib import Path

import pytest


def test_a_key_is_printed_once_as_the_variables_of_awss_clients(flowtrail, folder: Path) -> None:
    made = flowtrail("keys", "create", "--role", "put", "--label", "pods", "--expires", "90d")
    listed = flowtrail("keys", "list")

    key, secret = re.fullmatch(r"AWS_ACCESS_KEY_ID=(\S{20})\nAWS_SECRET_ACCESS_KEY=(\S{40})\n", made.out).groups()
    assert "not shown again" in made.err
    assert key in listed.out
    assert secret not in listed.out + listed.err
    assert re.search(r"put +default +good .* pods", listed.out)


def test_a_revoked_key_stays_in_the_list_as_history(flowtrail, folder: Path) -> None:
    made = flowtrail("keys", "create", "--json").json
    assert flowtrail("keys", "revoke", made["id"]).status == 0

    (key,) = flowtrail("keys", "list", "--json").json
    assert (key["id"], key["state"], key["role"]) == (made["id"], "revoked", "writer")
    assert "secret" not in key


@pytest.mark.parametrize("option", [("--expires", "soon"), ("--tenant", "../other"), ("--role", "owner")])
def test_what_cannot_be_is_refused_and_makes_no_key(flowtrail, folder: Path, option: tuple[str, str]) -> None:
    assert flowtrail("keys", "create", *option).status == 2
    assert flowtrail("keys", "list", "--json").json == []


def test_a_tenants_key_needs_a_place_for_the_tenant(flowtrail, folder: Path) -> None:
    from plugin_core import configure

    assert flowtrail("keys", "create", "--tenant", "team-a", "--json").json["tenant"] == "team-a"
    configure(tenant_store="sqlite:////no/place/for/a/name.db")
    refused = flowtrail("keys", "create", "--tenant", "team-a")
    assert refused.status == 2
    assert "{tenant}" in refused.err


def test_revoking_a_key_that_is_not_there_is_told(flowtrail, folder: Path) -> None:
    assert flowtrail("keys", "revoke", "FTNOBODY").status == 1
