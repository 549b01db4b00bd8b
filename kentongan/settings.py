"""The only reader of the environment. Made once at the command or the DAG, then passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kentongan.feed_hosts import is_bmkg, is_this_machine
from kentongan.types import Mode


def _is_feed_address(name: str) -> bool:
    return name.startswith("bmkg_") and name.endswith("_url")


def data_dir() -> Path:
    """The folder `data/`: in a checkout beside the packages, in a wheel inside this one."""
    checkout = Path(__file__).parents[1] / "data"
    return checkout if checkout.is_dir() else Path(__file__).parent / "_data"


class Settings(BaseSettings):
    """Environment variables `KENTONGAN_…` or `.env`; every field has a working default."""

    model_config = SettingsConfigDict(
        env_prefix="KENTONGAN_", env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Path("var")
    """Archive, runs, database, generated files."""
    mode: Mode = Mode.EXERCISE
    database_url: str = ""
    """Empty: SQLite in `home`."""
    layers: str = ""
    """Folder of a compiled layer set; empty: the embedded one."""
    layers_plan: Path | None = None
    """`layers.toml` from which the DAG `layers` makes `home`/layers/current anew each month."""
    tiles: Path | None = None
    """Folder of the live map's tiles, which several homes may share; none: `home`/tiles."""
    policy: Path | None = None
    """Release policy; none: `data/policy/<mode>.toml`."""
    test_numbers: tuple[str, ...] = ()
    """The only numbers besides the recorder that test mode may reach."""
    cap_sender: str = "kentongan@example.invalid"
    """Who stands in CAP as sender: an address that is unique in the world."""
    cap_sender_name: str = "Kentongan, memakai data BMKG"
    cap_contact: str = "kentongan@example.invalid"
    public_url: str = "https://kentongan.example.invalid"
    """Where the public reads more about a warning; stands in every alert."""
    log_level: str = "INFO"

    cap_key: Path | None = None
    """PEM file of the key that signs CAP (EC P-256 or RSA); without it alerts go out unsigned."""
    cap_certificate: Path | None = None
    """PEM file of its certificate, which readers pin."""
    audit_key: Path | None = None
    """PEM file of the Ed25519 key that signs heads of the audit chain; none: one is made in
    `home`/keys."""
    audit_copies: tuple[str, ...] = ()
    """Where else signed heads go: files (on another host's disk), or `syslog://host:port` (UDP)."""
    secrets_key: Path | None = None
    """File of the key that seals secrets in the database; none: one is made in `home`/keys."""
    routes: Path | None = None
    """TOML file of the routes to phones; none: no real route exists, in no mode."""
    dispatch_policy: Path | None = None
    """What sending may cost, and when a route is given up; none: `data/policy/dispatch.toml`."""
    sms_number: str = Field(default="", pattern=r"^(\+?[0-9][0-9 -]{2,19})?$")
    """Number to which people send SMS (a two-way route brings them in); none: sign-ups on the web
    wait until an operator has called."""
    places: Path | None = None
    """List of views from outside for the map (TOML or CSV); none: `data/places.toml`."""
    sop: Path | None = None
    """Folder of checklists; none: `data/sop`."""

    vs30: Path | None = None
    """Vs30 map merged of BMKG's grids (`python -m processing.gmm.vs30`); none: the fallback."""

    bmkg_data_url: str = "https://data.bmkg.go.id"
    bmkg_www_url: str = "https://www.bmkg.go.id"
    bmkg_api_url: str = "https://api.bmkg.go.id"
    bmkg_inatews_url: str = "https://bmkg-content-inatews.storage.googleapis.com"
    bmkg_satellite_url: str = "https://inderaja.bmkg.go.id"

    trusted_feed_hosts: tuple[str, ...] = ()
    """Hosts of mirrors of BMKG's feeds that the operator vouches for: an alert that rests on any
    other host than BMKG's is never Actual."""

    sources: tuple[str, ...] = ()
    """Ids of the feeds to poll; empty: every one that needs no setting or has what it needs."""
    bmkg_radar_key: SecretStr = SecretStr("")
    """Issued by BMKG; without it the radar archive is not polled."""
    bmkg_radars: tuple[Annotated[str, Field(pattern="^[A-Z]{3,4}$")], ...] = ("JAK",)
    """Radars to ask the archive for: ids of three or four letters, as BMKG writes them."""
    shakemap_url: str = ""
    """Folder or address where BMKG's `grid.xml` files appear."""
    rain_rate_url: str = ""
    """Folder or mirror of NOAA's Enterprise Rain Rate (`RRQPE-INST-GLB-*.nc`)."""
    gsmap_url: str = ""
    """Folder or mirror of JAXA's GSMaP as NetCDF (`gsmap_*.nc`)."""
    himawari_b13_url: str = ""
    """Folder or address of band 13 as NetCDF (BMKG's `H08_B13_Indonesia_*.nc`)."""
    himawari_ptree_url: str = ""
    """Folder or address of JAXA P-Tree's NetCDF files."""
    himawari_hsd_url: str = ""
    """Folder or address of Himawari standard data (needs the extra `satpy`)."""
    alarm_urls: tuple[str, ...] = ()
    """Where `kentongan deadman` raises an alarm, as Apprise addresses."""
    monitor_url: str = ""
    """Outside monitor that `kentongan deadman` pings while all is well."""

    deadman_policy: Path | None = None
    """When `kentongan deadman` raises an alarm; none: `data/policy/deadman.toml`."""

    http_timeout_s: float = 10.0
    http_max_bytes: int = 20_000_000
    """No document of BMKG's on record is above 3 MB."""
    http_contact: str = ""
    """Address or e-mail that our User-Agent names, so that BMKG can reach the operator."""
    forecast_requests_per_cycle: int = Field(default=40, ge=0)
    """A cycle a minute. BMKG allows 60 requests a minute and address for forecast and nowcast, and
    does not say whether it counts them together: 20 stay for the warnings."""
    forecast_aliases: Path | None = None
    """Codes of older decrees (CSV); none: the file that comes with Kentongan."""
    web_host: str = "127.0.0.1"
    web_port: int = 8080
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses of reverse proxies in front of the web application, whose `X-Forwarded-For` and
    `X-Forwarded-Proto` are believed."""
    session_idle_min: int = Field(default=480, ge=5, le=1440)
    """Minutes without a request after which a session ends. A shift: nobody should look for their
    phone in the minute in which a warning comes, and every act asks for a code anyhow. NIST SP
    800-63B-4 advises 60 where screens stand open to others."""
    session_hours: int = Field(default=24, ge=1, le=168)
    """Hours after which a session ends in any case (NIST SP 800-63B-4, AAL2: 24)."""
    oidc_issuer: str = ""
    """Address of an OpenID provider, by which people may sign in; empty: none."""
    oidc_client_id: str = ""
    oidc_client_secret: Path | None = None
    """File with the client's secret; none: a public client, by PKCE alone."""
    oidc_title: str = Field(default="akun instansi", max_length=60)
    """What stands on the button: whose account it is."""

    @field_validator("home", mode="before")
    @classmethod
    def _named(cls, home: object) -> object:
        """An empty value would be the folder in which somebody happens to stand."""
        if home == "":
            raise ValueError("expected a folder, e.g. /var/lib/kentongan")
        return home

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home.resolve() / 'kentongan.sqlite'}"

    @property
    def resolved_policy(self) -> Path:
        return self.policy or data_dir() / "policy" / f"{self.mode}.toml"

    @property
    def tiles_folder(self) -> Path:
        return self.tiles or self.home.resolve() / "tiles"

    @property
    def feeds_are_local(self) -> bool:
        """Whether any feed may be a recording, a scenario or a test: a BMKG address that is not
        BMKG's, or a server on this machine. A folder where real frames arrive is none."""
        names = [name for name in type(self).model_fields if _is_feed_address(name)]
        if not all(is_bmkg(getattr(self, name), self.trusted_feed_hosts) for name in names):
            return True
        frames = (self.himawari_b13_url, self.himawari_ptree_url, self.himawari_hsd_url)
        others = (self.shakemap_url, self.rain_rate_url, self.gsmap_url, *frames)
        return any(is_this_machine(url) for url in others if url)

    def with_feed_server(self, base_url: str, **changes: object) -> Settings:
        """The same settings with every BMKG address led to one local feed server."""
        bases = {name: base_url for name in type(self).model_fields if _is_feed_address(name)}
        return self.model_copy(update={**bases, **changes})
