"""No secret that a Dagster run is given, by whichever way, is found in anything that flowtrail writes."""

import logging

import dagster as dg
import pytest

from plugin_core.tracking.engine import close_engine

PLANTED = "hunter2-9f3c7a61d0"


class Warehouse(dg.ConfigurableResource):
    token: str
    host: str = "warehouse"

    def connect(self):
        return f"{self.host}:{len(self.token)}"


class Access(dg.Config):
    password: str
    from_environment: str
    database: str = f"postgresql://reader:{PLANTED}@warehouse/db"
    table: str = "orders"


@dg.resource(config_schema={"api_key": str})
def legacy(context):
    return context.resource_config["api_key"]


@dg.op
def connect(warehouse: Warehouse, config: Access):
    return warehouse.connect()


@dg.op(required_resource_keys={"legacy"}, config_schema={"secret": dg.StringSource, "rows": int})
def query(context, connection):
    context.add_output_metadata({"dsn": f"postgresql://reader:{PLANTED}@warehouse/db", "rows": 3})
    return {"connection": connection, "password": PLANTED}


@dg.op(required_resource_keys={"legacy"})
def broken(context, rows):
    raise ConnectionError(f"cannot log in with password={context.resources.legacy}")


@dg.job
def querying():
    broken(query(connect()))


CONFIG = {
    "ops": {
        "connect": {"config": {"password": PLANTED, "from_environment": {"env": "ELSEWHERE"}}},
        "query": {"config": {"secret": {"env": "PLANTED"}, "rows": 3}},
    },
    "resources": {"legacy": {"config": {"api_key": PLANTED}}, "warehouse": {"config": {"token": PLANTED}}},
}


@pytest.mark.versions
def test_no_secret_is_written_anywhere(autologged, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("PLANTED", PLANTED)
    monkeypatch.setenv("ELSEWHERE", PLANTED)
    caplog.set_level(logging.DEBUG, logger="flowtrail")
    resources = {"warehouse": Warehouse.configure_at_launch(), "legacy": legacy}

    dg.Definitions(jobs=[querying], resources=resources).resolve_job_def("querying").execute_in_process(
        run_config=CONFIG, raise_on_error=False, tags={"token": PLANTED}
    )

    parameters = autologged.step("connect").parameters
    assert parameters["table"] == "orders"
    assert parameters["from_environment"] == "env:ELSEWHERE"
    assert parameters["password"] == "[redacted]"
    assert autologged.step("query").parameters["rows"] == 3
    assert "cannot log in" in autologged.step("broken").status_message
    close_engine()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 2
    assert not [path for path in written if PLANTED.encode() in path.read_bytes()]
    assert not [record for record in caplog.records if record.name == "flowtrail" and PLANTED in record.getMessage()]
