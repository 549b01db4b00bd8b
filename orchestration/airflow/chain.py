"""The steps from records to sent messages, as tasks: overlay, decide, release, dispatch.

A step that failed keeps nobody from being warned of what is known already.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import chain, task, task_group

from orchestration.airflow.live import now


@task(trigger_rule="all_done")
def overlay() -> dict[str, Any]:
    from orchestration.steps import overlay_step

    return overlay_step(now())


@task(trigger_rule="all_done")
def decide() -> dict[str, Any]:
    from orchestration.steps import decide_step

    return decide_step(now())


@task(trigger_rule="all_done")
def release() -> dict[str, Any]:
    from orchestration.steps import release_step

    return release_step(now())


@task(trigger_rule="all_done")
def dispatch() -> dict[str, Any]:
    from orchestration.steps import dispatch_step

    return dispatch_step(now())


@task_group(group_id="respond")
def respond() -> None:
    overlay() >> decide() >> release() >> dispatch()


@task(trigger_rule="one_failed", retries=0)
def failed() -> None:
    """Skipped when all is well; otherwise it fails the run.

    Airflow judges a run by its last tasks, and ours run whatever failed before them.
    """
    from airflow.sdk.exceptions import AirflowFailException

    raise AirflowFailException("a task of this run failed; its log says why")


def in_a_row(*parts: Any) -> None:
    """One after the other; the run fails if any task of theirs failed."""
    chain(*parts)
    end = failed()
    for part in parts:
        for one in getattr(part, "children", {"": part}).values():
            one >> end
