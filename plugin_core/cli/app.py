"""The command line's table of contents: which commands there are, and nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from plugin_core.cli import (
    audit,
    config,
    doctor,
    get,
    import_,
    journal,
    keys,
    lineage,
    ls,
    reconcile,
    recover,
    run,
    serve,
    show,
)

app = typer.Typer(
    name="flowtrail",
    help="Records what pipelines do: look at runs, their data, and where it came from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_config = typer.Typer(help="What is set, and where.", no_args_is_help=True)
_keys = typer.Typer(help="Who may ask a server of this record.", no_args_is_help=True)
_audit = typer.Typer(help="Whether a server's audit is as it was written.", no_args_is_help=True)
_journal = typer.Typer(help="What journals' files hold, and whether they are whole.", no_args_is_help=True)

app.command("run", context_settings=run.OPTIONS)(run.run)
app.command("ls")(ls.ls)
app.command("show")(show.show)
app.command("lineage")(lineage.lineage)
app.command("get")(get.get)
app.command("serve")(serve.serve)
app.command("import")(import_.import_runs)
app.command("recover")(recover.recover)
app.command("reconcile")(reconcile.reconcile)
app.command("doctor")(doctor.doctor)
_config.command("show")(config.show)
_journal.command("verify")(journal.verify)
_journal.command("cat")(journal.cat)
app.add_typer(_journal, name="journal")
_audit.command("verify")(audit.verify)
app.add_typer(_audit, name="audit")
_keys.command("create")(keys.create)
_keys.command("list")(keys.list_keys)
_keys.command("revoke")(keys.revoke)
app.add_typer(_keys, name="keys")
app.add_typer(_config, name="config")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"flowtrail {version('flowtrail')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
