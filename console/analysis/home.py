"""A home, to read: what was seen, what was said, who was asked, what came back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError

from console.analysis import tables
from console.analysis.shown import Page
from kentongan.db import cycles, feed_log, make_engine
from kentongan.errors import DataError
from kentongan.settings import Settings, data_dir
from kentongan.times import iso, parse_instant, require_aware
from kentongan.types import Level, Mode

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from kentongan.hazard import HazardField
    from notify.warning import WarningBody
    from orchestration.context import CycleContext
    from orchestration.event_store import StoredEvent
    from risk.layers.layerset import LayerSet

DATABASE = "kentongan.sqlite"
PLACES = {"name": "village", "adm3_name": "district", "adm2_name": "regency"}


def open_home(
    path: Path | str, *, at: datetime | None = None, layers: str = "", database_url: str = ""
) -> Home:
    """A home as tables, fields and maps. Nothing in it is changed.

    Args:
        path: the folder that `KENTONGAN_HOME` names, or one of `scenarios/`, `simulations/` in it.
        at: "now" for questions such as which warnings hold; none: the newest cycle's instant.
        layers: folder of the layer set that it was computed with; empty: the embedded one.
        database_url: where the database is elsewhere, e.g. PostgreSQL.

    Raises:
        DataError: no home there, or one of another schema.
    """
    folder = Path(path)
    if not database_url and not (folder / DATABASE).is_file():
        raise DataError(
            f"home {folder}: no {DATABASE} in it; give the folder that KENTONGAN_HOME names"
        )
    settings = Settings(_env_file=None, home=folder, layers=layers, database_url=database_url)
    engine = make_engine(settings.resolved_database_url)
    event.listen(engine, "connect", _read_only)
    _see_schema(engine, folder)
    mode = _mode(engine)
    return Home(settings.model_copy(update={"mode": mode}), engine, at or _newest(engine, folder))


def _read_only(connection: Any, _record: object) -> None:
    """Whatever is asked, this connection changes nothing."""
    if hasattr(connection, "read_only"):
        connection.read_only = True
        return
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _see_schema(engine: Engine, folder: Path) -> None:
    from kentongan.migrate import HEAD

    try:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError:
        found = None
    if found != HEAD:
        raise DataError(
            f"home {folder}: expected a database of schema {HEAD}, found {found}; an older one is "
            "brought up by any command with KENTONGAN_HOME set to it, e.g. kentongan feeds"
        )


def _mode(engine: Engine) -> Mode:
    from kentongan.binding import bound_to

    kind = bound_to(engine)
    return Mode(kind.removesuffix("-replay")) if kind else Mode.EXERCISE


def _newest(engine: Engine, folder: Path) -> datetime:
    with engine.connect() as connection:
        found = connection.execute(select(func.max(cycles.c.at))).scalar()
        found = found or connection.execute(select(func.max(feed_log.c.polled_at))).scalar()
    if not found:
        raise DataError(f"home {folder}: nothing has run here yet; give `at` to look all the same")
    return parse_instant(found)


class Home:
    """What one installation, scenario or simulated night holds. See `open_home`."""

    def __init__(self, settings: Settings, engine: Engine, at: datetime) -> None:
        self.settings = settings
        self.at = require_aware(at)
        self._engine = engine

    def __repr__(self) -> str:
        return f"<home {self.settings.home} at {iso(self.at)}, mode {self.settings.mode}>"

    def close(self) -> None:
        self._engine.dispose()

    @property
    def layers(self) -> LayerSet:
        """Who is where: villages, people, teams, shelters."""
        from risk.layers.layerset import load_layers

        return load_layers(self.settings.layers)

    @property
    def places(self) -> pd.DataFrame:
        """Names of villages, districts and regencies by adm4_code."""
        named = self.layers.villages.set_index("adm4_code")[list(PLACES)]
        return named.rename(columns=PLACES)

    # --- what came in ---------------------------------------------------------------------

    def feeds(self) -> pd.DataFrame:
        """Each source: what it is worth at `at`, and since when it tells us nothing."""
        import pandas as pd

        from orchestration.view import feed_lines

        lines = [asdict(line) for line in feed_lines(self._engine, self.at)]
        shown = ["source_id", "title", "state", "newest", "blind_since", "detail"]
        return pd.DataFrame(lines)[shown].set_index("source_id")

    def records(self, kind: str, *, days: float = 30) -> pd.DataFrame:
        """What documents of one kind said ("quake", "bulletin", "nowcast", …), known by `at`."""
        import pandas as pd

        from ingest.known import known

        since = self.at - pd.Timedelta(days=days)
        found = known(self._engine, self.at, kinds=[kind], since=since, include_history=True)
        return pd.DataFrame([record.model_dump() for record in found])

    def documents(self, warning_id: str) -> pd.DataFrame:
        """The documents that a warning rests on: when each was received, and where from."""
        return tables.document_table(self._engine, self.body(warning_id).observations)

    def document(self, sha256: str) -> bytes:
        """A document as it was received.

        Raises:
            DataError: it is not in the archive, or was changed since.
        """
        from kentongan.store import Store, read_archived

        found = tables.document_table(self._engine, [sha256])
        if found.empty:
            raise DataError(f"document {sha256[:12]}: never received here")
        row = found.iloc[0]
        archive = Store(str(self.settings.home.resolve() / "archive"))
        return read_archived(archive, row["source_id"], row["at"].to_pydatetime(), sha256)

    # --- what it means --------------------------------------------------------------------

    def events(self) -> pd.DataFrame:
        """What is or was happening, as it is known best."""
        return tables.event_table(self._engine)

    def knowledge(self, event_id: str) -> pd.DataFrame:
        """Each change of what was known of an event, with its reason."""
        return tables.knowledge_table(self._engine, event_id)

    def field(self, event_id: str) -> xr.Dataset | gpd.GeoDataFrame:
        """Where an event is: a raster on latitude and longitude, or zones.

        Units stand in `attrs["units"]` of each variable; `hazard_level` -1 is not known. Zones
        have the columns of `kentongan.hazard.ZONES`. Both are in EPSG:4326.
        """
        field = self._field(event_id)
        if field.raster is not None:
            return field.raster.assign_attrs(crs="EPSG:4326")
        return field.zones

    def impacts(self, event_id: str, *, at_least: int | None = None) -> gpd.GeoDataFrame:
        """People of each village by level, with its polygon and names.

        `at_least=2` gives the villages at Waspada and more. The whole table has a row `unassigned`
        without a polygon: people who live in no village.
        """
        import geopandas as gpd
        import numpy as np

        from orchestration.event_store import read_impact

        table = read_impact(self._context.runs, self._stored(event_id).impact_path)
        if at_least is not None:
            table = table[table["level"] >= at_least]
        table = table.join(self.places, on="adm4_code")
        known = table["adm4_code"].isin(self.places.index).to_numpy()
        shapes = np.full(len(table), None, dtype=object)
        codes = table.loc[known, "adm4_code"]
        shapes[known] = self.layers.geometry[self.layers.index(codes)]
        found = gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")
        return found.set_index("adm4_code")

    def sums(self, event_id: str, by: str = "regency") -> pd.DataFrame:
        """The impact table summed by "province", "regency" or "district", most exposed first."""
        from orchestration.event_store import read_impact
        from risk.overlay import roll_up

        rank = {"province": 1, "regency": 2, "district": 3}
        if by not in rank:
            raise DataError(f"by {by!r}: expected one of {', '.join(rank)}")
        table = read_impact(self._context.runs, self._stored(event_id).impact_path)
        found = roll_up(table, rank[by])
        found.insert(0, by, found["code"].map(self.layers.names))
        return found.set_index("code").sort_values("exposed_people", ascending=False)

    def people_by_mmi(self, event_id: str) -> pd.DataFrame:
        """People in each whole MMI of a quake, by each line of formulas."""
        from console.analysis.quakes import people_table

        return people_table(self._noted_people(event_id))

    def people_band(self, event_id: str, line: str = "bmkg_chain") -> pd.DataFrame:
        """People at each MMI or more over the quakes that the first figures may stand for."""
        from console.analysis.quakes import band_table

        return band_table(self._noted_people(event_id), line)

    # --- what was said --------------------------------------------------------------------

    def warnings(self) -> pd.DataFrame:
        """The newest version of each warning; `in_force` says whether it holds at `at`."""
        from notify.listing import in_force

        found = tables.version_table(self._engine).groupby("warning_id").tail(1)
        holding = {listed.version.warning_id for listed in in_force(self._engine, self.at)}
        found.insert(1, "in_force", found["warning_id"].isin(holding))
        return found.set_index("warning_id")

    def versions(self, warning_id: str) -> pd.DataFrame:
        """Every version of a warning, oldest first."""
        found = tables.version_table(self._engine, warning_id).set_index("version")
        return found.drop(columns="warning_id")

    def body(self, warning_id: str, version: int | None = None) -> WarningBody:
        """All that a version says: levels, groups, texts, evidence. None: the newest.

        Raises:
            DataError: no such warning.
        """
        from notify import versions

        with self._engine.connect() as connection:
            newest = versions.newest(connection, warning_id)
            if newest is None:
                raise DataError(f"warning {warning_id!r}: none of that name; see warnings()")
            if version is None:
                return newest.body
            return versions.get(connection, warning_id, version).body

    def levels(self, warning_id: str) -> gpd.GeoDataFrame:
        """The villages of a warning with their level in words, people and polygon."""
        import numpy as np
        import pandas as pd

        body = self.body(warning_id)
        found = self.impacts(body.event_id)
        said = pd.Series(body.levels, dtype="int8")
        found = found.loc[found.index.isin(said.index)].copy()
        found["level"] = said.reindex(found.index).to_numpy()
        words = np.array([level.name.capitalize() for level in Level])
        found.insert(1, "word", words[found["level"]])
        return found.sort_values(["level", "exposed_people"], ascending=False)

    def evidence(self, warning_id: str) -> pd.Series[Any]:
        """Value, threshold and source: what the level rests on."""
        import pandas as pd

        return pd.Series(self.body(warning_id).evidence, name="evidence", dtype=object)

    def texts(self, warning_id: str, version: int | None = None) -> pd.DataFrame:
        """The SMS and push texts, one row for each regency, level and language."""
        return tables.text_table(self.body(warning_id, version))

    def cap(self, warning_id: str, version: int | None = None) -> str:
        """The CAP document as it was released.

        Raises:
            DataError: that version was never released.
        """
        from notify import versions

        with self._engine.connect() as connection:
            found = versions.alerts_of(connection, warning_id)
        chosen = [one for one in found if version is None or one.version == version]
        if not chosen:
            raise DataError(f"warning {warning_id!r}: no such version was released")
        return self._context.runs.read(chosen[-1].path).decode("utf-8")

    def messages(self, warning_id: str) -> pd.DataFrame:
        """Every message of a warning, and how many of its rows stand in which state."""
        return tables.message_table(self._engine, warning_id)

    def told(self, warning_id: str) -> pd.DataFrame:
        """How many were told: by purpose, channel and route."""
        return tables.told_table(self._engine, warning_id)

    def explain(self, warning_id: str, village: str | None = None) -> str:
        """Where the numbers of a village come from, in words (`kentongan explain`)."""
        from console.explanation import as_text
        from orchestration.explaining import explain

        return as_text(explain(self._context, warning_id, village))

    # --- who goes, what comes back --------------------------------------------------------

    def tasks(self, warning_id: str | None = None) -> pd.DataFrame:
        """Tasks of Tagana, the most urgent first."""
        return tables.task_table(self._engine, warning_id, self.places)

    def steps(self, *, warning_id: str | None = None, task_id: str | None = None) -> pd.DataFrame:
        """Each step of tasks: asked, accepted, on the way, done; and by which way it came."""
        return tables.step_table(self._engine, warning_id, task_id)

    def reports(self) -> pd.DataFrame:
        """What residents reported. Evidence: no report raises or ends a warning."""
        return tables.report_table(self._engine, self.at)

    # --- a picture of it ------------------------------------------------------------------

    def map(self, *, title: str = "", height: int = 600) -> Page:
        """The situation at `at` on one page that opens without internet."""
        from console.situation_map import page
        from orchestration.view import situation

        view = situation(self._context, self.at, title=title)
        return Page(page(view), view.title, height)

    # --- inside ---------------------------------------------------------------------------

    @cached_property
    def _context(self) -> CycleContext:
        """As a cycle has it; over an engine that cannot write."""
        from ingest.run import IngestContext
        from kentongan.decision_policy import DecisionPolicy
        from kentongan.policy import LevelPolicy, ReleasePolicy, load_policy
        from kentongan.store import Store
        from orchestration.context import CycleContext

        home, policy = self.settings.home.resolve(), data_dir() / "policy"
        archive = Store(str(home / "archive"))
        bodies = self.events()
        return CycleContext(
            settings=self.settings,
            engine=self._engine,
            archive=archive,
            runs=Store(str(home)),
            layers=self.layers,
            levels=load_policy(policy / "levels.toml", LevelPolicy),
            decision=load_policy(policy / "decision.toml", DecisionPolicy),
            release=load_policy(self.settings.resolved_policy, ReleasePolicy),
            ingest=IngestContext(self.settings, self._engine, archive),
            live=False,
            re_creation=bool(bodies["re_creation"].any()),
        )

    def _stored(self, event_id: str) -> StoredEvent:
        from orchestration.event_store import stored

        found = stored(self._engine, event_id)
        if found is None:
            raise DataError(f"event {event_id!r}: none of that name; see events()")
        return found

    def _noted_people(self, event_id: str) -> dict[str, Any]:
        from orchestration.shaking import read_people

        folder = str(Path(self._stored(event_id).impact_path).parent)
        found = read_people(self._context.runs, folder)
        if found is None:
            raise DataError(f"event {event_id!r}: no people by MMI are noted; is it a quake?")
        return found

    def _field(self, event_id: str) -> HazardField:
        from orchestration.explaining import load_field

        return load_field(self._context.runs, self._stored(event_id))
