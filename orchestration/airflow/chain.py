"""The steps after polling, as tasks: overlay, decide, release, dispatch, map.

A poll that failed keeps nobody from being warned of what is known already, and a message
that could not be sent does not keep the map from being drawn.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import task, task_group

from orchestration.airflow.live import now


@task(trigger_rule="all_done")
def overlay() -> dict[str, Any]:
    from orchestration.steps import overlay_step

    return overlay_step(now())


@task
def decide() -> dict[str, Any]:
    from orchestration.steps import decide_step

    return decide_step(now())


@task
def release() -> dict[str, Any]:
    from orchestration.steps import release_step

    return release_step(now())


@task
def dispatch() -> dict[str, Any]:
    from orchestration.steps import dispatch_step

    return dispatch_step(now())


@task(task_id="map", trigger_rule="all_done")
def draw() -> dict[str, Any]:
    from orchestration.steps import map_step

    return map_step(now())


@task_group(group_id="respond")
def respond() -> None:
    overlay() >> decide() >> release() >> dispatch() >> draw()
