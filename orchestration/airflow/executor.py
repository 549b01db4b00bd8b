"""Airflow's LocalExecutor, warm and hard to kill."""

from __future__ import annotations

import logging
from importlib import import_module

from airflow.executors import local_executor

log = logging.getLogger(__name__)


STEPS = (
    "filelock",
    "ingest.known",
    "ingest.run",
    "kentongan.migrate",
    "notify.channels.recorder",
    "notify.sending.dispatch",
    "notify.firewall.gate",
    "notify.release.approval",
    "notify.life",
    "notify.sending.messages",
    "notify.sending.outbox",
    "notify.cap.public",
    "notify.tasks.store",
    "orchestration.names",
    "orchestration.releasing",
    "orchestration.steps",
    "processing.run",
    "risk.decision",
    "risk.evacuation",
    "risk.overlay",
    "risk.provinces",
    "signxml.signer",
    "xarray",
)
"""Modules that the steps import when they run."""


def warm() -> None:
    """Import the steps and load the layers, so that forked tasks find them in memory.

    Otherwise each of the five tasks between a quake and its messages imports and loads anew:
    about 2 s of processor time each.
    """
    from kentongan.settings import Settings
    from risk.layers.layerset import load_layers

    for name in STEPS:
        import_module(name)
    layers = load_layers(Settings().layers)
    # Both are read at first use and then kept.
    _ = layers.strtree, layers.names


class LocalExecutor(local_executor.LocalExecutor):
    """Named like its parent, by whose name Airflow tells local deployments from others."""

    def start(self) -> None:
        try:
            warm()
        except Exception:
            log.exception("warming the workers failed; tasks will be slower")
        super().start()

    def _read_results(self) -> None:
        """A result that cannot be unpickled loses one task, not the scheduler.

        An HTTP error of the API server travels as an exception whose unpickling raises; in
        Airflow's own loop that ends the scheduler. The lost task is found by its heartbeat.
        """
        while not self.result_queue.empty():
            try:
                key, state, _ = self.result_queue.get()
            except Exception:
                log.exception("result of a task could not be read; its heartbeat decides")
                continue
            self.change_state(key, state)
