"""Nowcast warnings in BMKG's CAP 1.2 and RSS forms, with their measured habits.

The identifier carries the date and hour at which the feed was rendered, not of issue: the
same alert comes back every hour under another guid. Only the file code stays.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from xml.sax.saxutils import escape

from generator.story import MARK

from kentongan.times import MONTH_NAMES_ID

Ring = tuple[tuple[float, float], ...]
"""Closed, (latitude, longitude)."""

ZONE_NAMES = {7: "WIB", 8: "WITA", 9: "WIT"}
MONTHS_EN = tuple(calendar.month_name)[1:]
"""In the C locale, which is a script's own unless it asks for another."""
WEB = "https://nowcasting.bmkg.go.id/infografis"
SELF = "https://www.bmkg.go.id/alerts/nowcast/id/rss.xml"


@dataclass(frozen=True)
class Style:
    """What changed between BMKG's recordings of February and September 2026."""

    months: Sequence[str]
    value_name: str
    upper_case: bool


FEBRUARY_2026 = Style(MONTHS_EN, "OET", upper_case=False)
SEPTEMBER_2026 = Style(MONTH_NAMES_ID, "OET:v1.2", upper_case=True)


@dataclass(frozen=True)
class Alert:
    """Times are UTC; `offset` is the hours of the local clock in the texts."""

    code: str
    province_code: str
    province: str
    districts: tuple[str, ...]
    rings: tuple[Ring, ...]
    sent: datetime
    effective: datetime
    expires: datetime
    offset: int
    style: Style

    @property
    def zone(self) -> timezone:
        return timezone(timedelta(hours=self.offset), ZONE_NAMES[self.offset])

    @property
    def headline(self) -> str:
        return f"Hujan Lebat disertai Petir di {self.province}"

    @property
    def link(self) -> str:
        return f"https://www.bmkg.go.id/alerts/nowcast/id/{self.code}_alert.xml"

    def identifier(self, rendered: datetime) -> str:
        hour = rendered.astimezone(UTC)
        return f"2.49.0.1.360.0.{hour:%Y.%m.%d.%H}.{self.province_code}.{self.code[-3:]}"


def description(alert: Alert) -> str:
    """Four lines. The first and the last carry what a reader must find; the rest is ours."""
    names = sorted(alert.districts)
    if alert.style.upper_case:
        names = [name.upper() for name in names]
    return (
        f"Hujan lebat disertai petir akan terjadi pada {_spoken(alert, alert.effective)} "
        f"di sebagian wilayah {alert.province}, khususnya di {', '.join(names)}.\n"
        " Jalan tergenang, dahan patah dan pandangan pendek dapat terjadi.\n"
        " Berteduhlah di bangunan yang kuat, jauhi pohon, sungai dan tanah lapang.\n"
        f" Kondisi diperkirakan dapat berlangsung hingga {_spoken(alert, alert.expires)}."
    )


def cap(alert: Alert, *, rendered: datetime) -> bytes:
    """One CAP document as the feed renders it in that hour."""
    web = f"{WEB}/{alert.code[:3]}/{alert.sent.astimezone(alert.zone):%Y/%m/%d}/infografis.jpg"
    polygons = "".join(f"\n      <polygon>{_points(ring)}</polygon>" for ring in alert.rings)
    return f"""<?xml version="1.0" ?>
<?xml-stylesheet type="text/xsl" href="/cap/nowcast-cap-style.xsl"?>
<!-- {MARK} -->
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{alert.identifier(rendered)}</identifier>
  <sender>cuaca.ekstrem@bmkg.go.id</sender>
  <sent>{_stamp(alert, alert.sent)}</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>id</language>
    <category>Met</category>
    <event>Hujan Lebat dan Petir</event>
    <urgency>Immediate</urgency>
    <severity>Moderate</severity>
    <certainty>Observed</certainty>
    <eventCode>
      <valueName>{alert.style.value_name}</valueName>
      <value>OET-194</value>
    </eventCode>
    <effective>{_stamp(alert, alert.effective)}</effective>
    <expires>{_stamp(alert, alert.expires)}</expires>
    <senderName>Badan Meteorologi Klimatologi dan Geofisika</senderName>
    <headline>{escape(alert.headline)}</headline>
    <description>{escape(description(alert))}</description>
    <web>{web}</web>
    <contact>06221 196</contact>
    <area>
      <areaDesc>{escape(alert.province)}</areaDesc>{polygons}
    </area>
  </info>
</alert>
""".encode()


def rss(alerts: Sequence[Alert], *, rendered: datetime) -> bytes:
    """The list of warnings, newest first; empty = none is active."""
    built = f"{rendered:%a, %d %b %Y %H:%M:%S} +0000"
    newest_first = sorted(alerts, key=lambda a: (a.sent, a.code), reverse=True)
    items = "".join(_item(alert, rendered) for alert in newest_first)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <?xml-stylesheet type="text/xsl" href="/cap/nowcast-rss-style.xsl"?>
    <rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
        <channel>
            <title>Peringatan Dini Cuaca BMKG</title>
            <link>{SELF}</link>
            <description>Peringatan dini cuaca ({MARK})</description>
            <atom:link href="{SELF}" rel="self" type="application/rss+xml"/>
            <language>id</language>
            <copyright>public domain</copyright>
            <pubDate>{built}</pubDate>
            <lastBuildDate>{built}</lastBuildDate>
            <docs>http://blogs.law.harvard.edu/tech/rss</docs>
{items}        </channel>
    </rss>
""".encode()


def _item(alert: Alert, rendered: datetime) -> str:
    published = f"{alert.sent.astimezone(alert.zone):%a, %d %b %Y %H:%M:%S} +{alert.offset:02d}00"
    return f"""
        <item>
            <title>{escape(alert.headline)}</title>
            <link>{alert.link}</link>
            <description>{escape(description(alert))}</description>
            <author>cuaca.ekstrem@bmkg.go.id (BMKG)</author>
            <category>Met</category>
            <guid isPermaLink="false">{alert.identifier(rendered)}</guid>
            <pubDate>{published}</pubDate>
        </item>
"""


def _spoken(alert: Alert, moment: datetime) -> str:
    local = moment.astimezone(alert.zone)
    month = alert.style.months[local.month - 1]
    return f"{local.day} {month} {local:%Y, %H:%M} {ZONE_NAMES[alert.offset]}"


def _stamp(alert: Alert, moment: datetime) -> str:
    return f"{moment.astimezone(alert.zone):%Y-%m-%dT%H:%M:%S}+{alert.offset:02d}:00"


def _points(ring: Ring) -> str:
    return " ".join(f"{latitude:.3f},{longitude:.3f}" for latitude, longitude in ring)
