"""How runs look at a prompt and in a notebook."""

from html.parser import HTMLParser

from plugin_core import Run, configure, list_runs


class Balanced(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_a_run_says_its_names_and_a_listed_one_its_state(flowtrail_record):
    with Run("exp", "r1") as run:
        assert repr(run) == "Run(experiment_name='exp', run_name='r1')"

    (listed,) = list_runs("exp")
    assert repr(listed).startswith("Run(experiment_name='exp', run_name='r1', status=completed, created=")


def test_a_notebook_shows_parameters_metrics_and_artifacts(flowtrail_record):
    with Run("exp", "r1") as run:
        run.log_parameter("depth", 3)
        run.log_metric("loss", 0.5)
        run.log_artifact("data", "s3://bucket/x", is_output=False)

    page = Balanced(run._repr_html_())
    assert page.open == []
    for shown in ("exp", "r1", "completed", "depth", "3", "loss", "0.5", "s3://bucket/x"):
        assert shown in page.text


def test_what_users_logged_is_escaped(flowtrail_record):
    with Run("exp") as run:
        run.log_parameter("<script>", "<img src=x onerror=alert(1)>")

    assert "<script>" not in run._repr_html_()
    assert "<img" not in run._repr_html_()


def test_showing_a_run_never_fails(flowtrail_record, tmp_path):
    run = Run("exp", "r1")
    (tmp_path / "file").write_text("no folder")
    configure(store=f"sqlite:///{tmp_path}/file/record.db", strict=False, flush_timeout_s=0.1)

    assert "exp" in repr(run)
    assert "flowtrail-E" in run._repr_html_()
