"""All sub-commands in one place, in the order of `kentongan --help`."""

from __future__ import annotations

import typer

from console.cli import (
    accounts,
    archive,
    audit,
    cap,
    coverage,
    deadman,
    dispatch,
    drill_check,
    explain,
    feed_server,
    feeds,
    forecast,
    inbox,
    layers,
    losses,
    overlay,
    push,
    quakes,
    quarantine,
    recipients,
    record,
    reports,
    run,
    simulate,
    sop,
    tasks,
    up,
    warnings,
    watch,
    web,
    what_if,
)

app = typer.Typer(
    help="Kentongan: from BMKG's feeds to a warned village and a Tagana task.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in (
    ("run", run.run),
    ("up", up.up),
    ("watch", watch.watch),
    ("web", web.web),
    ("explain", explain.explain),
    ("overlay", overlay.overlay),
    ("coverage", coverage.coverage),
    ("quakes", quakes.quakes),
    ("losses", losses.losses),
    ("what-if", what_if.what_if),
    ("deadman", deadman.deadman),
    ("drill-check", drill_check.drill_check),
    ("feed-server", feed_server.feed_server),
    ("record", record.record),
    ("simulate", simulate.simulate),
):
    app.command(name)(command)
for name, group in (
    ("feeds", feeds.group),
    ("forecast", forecast.group),
    ("warning", warnings.group),
    ("dispatch", dispatch.group),
    ("push", push.group),
    ("recipients", recipients.group),
    ("inbox", inbox.group),
    ("reports", reports.group),
    ("sop", sop.group),
    ("tasks", tasks.group),
    ("cap", cap.group),
    ("layers", layers.group),
    ("archive", archive.group),
    ("quarantine", quarantine.group),
    ("audit", audit.group),
    ("accounts", accounts.group),
):
    app.add_typer(group, name=name)
