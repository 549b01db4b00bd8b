"""The situation as one HTML file that opens without internet and can call nobody.

folium makes the map with Leaflet alone; everything is put into the file. The file's own
Content-Security-Policy names its scripts by hash, so no text from outside can ever run.
What comes from outside never passes through folium: its elements are templates, and a
village named `{{ … }}` would be evaluated there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from console.map_data import banners, drawing, main_zone, panel
from console.map_shapes import drawable
from console.templating import ASSETS, render
from kentongan.view import SituationView


def situation_map(view: SituationView, path: Path) -> Path:
    """Write the map, whole or not at all; the same view gives the same bytes."""
    html = page(view)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(html, encoding="utf-8", newline="\n")
    part.replace(path)
    return path


def page(view: SituationView) -> str:
    """The whole page as text."""
    shapes = drawable(view.villages)
    html = skeleton()
    html = re.sub(r'<meta name="viewport".*?/>', "", html, count=1, flags=re.DOTALL)
    html = html.replace("<html>", '<html lang="id">', 1)
    html = html.replace("</head>", f"<style>{_asset('map.css')}</style>\n</head>", 1)
    html = html.replace("</html>", f"<script>{_asset('map.js')}</script>\n</html>", 1)
    html = html.replace("<body>", f"<body>\n{_head(view)}", 1)
    html = html.replace("</body>", f"{_panel(view, shapes)}</body>", 1)
    html = inline(html)
    meta = render("map_meta.html", policy=content_policy(html), title=view.title)
    return html.replace("<head>", f"<head>\n{meta}", 1)


def _head(view: SituationView) -> str:
    return render("map_head.html", view=view, zone=main_zone(view), banners=banners(view))


def _panel(view: SituationView, shapes: Any) -> str:
    values = panel(view, merged=len(shapes) < len(view.villages))
    text = render("map_panel.html", view=view, **values)
    data = block_json(drawing(view, shapes))
    return f'{text}\n<script type="application/json" id="situation">{data}</script>\n'


def content_policy(html: str) -> str:
    """A policy that lets exactly the scripts and styles of this page work, and no request."""
    scripts = " ".join(_hashes(html, "script"))
    styles = " ".join(_hashes(html, "style"))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashes(html: str, tag: str) -> list[str]:
    bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() for b in bodies]
    return [f"'sha256-{digest}'" for digest in digests]


def skeleton() -> str:
    """folium's page with an empty map named `map_situation`; nothing of ours in it."""
    import folium

    class OfflineMap(folium.Map):
        default_js = [("leaflet", "leaflet.js")]  # noqa: RUF012 as folium types it
        default_css = [("leaflet_css", "leaflet.css")]  # noqa: RUF012

    chart = OfflineMap(
        location=[-2.5, 118.0], zoom_start=5, tiles=None, prefer_canvas=True, zoom_snap=0.25
    )
    chart._id = "situation"
    html: str = chart.get_root().render()
    return html


def inline(html: str) -> str:
    """The page with each script and style sheet in place of its address.

    Raises:
        KeyError: a file that is not vendored.
    """
    html = re.sub(
        r'<script src="([^"]+)"></script>',
        lambda m: f"<script>{_script(_vendor()[m[1]])}</script>",
        html,
    )
    return re.sub(
        r'<link rel="stylesheet" href="([^"]+)"\s*/?>',
        lambda m: f"<style>{_style(_vendor()[m[1]])}</style>",
        html,
    )


def _vendor() -> dict[str, Path]:
    from xstatic.pkg import leaflet

    folder = Path(leaflet.BASE_DIR)
    return {name: folder / name for name in ("leaflet.js", "leaflet.css")}


def _script(path: Path) -> str:
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    text = re.sub(r"//# sourceMappingURL=.*", "", text)
    return text.replace("</script", "<\\/script")


def _style(path: Path) -> str:
    def embedded(match: re.Match[str]) -> str:
        file = path.parent / match[1]
        if not file.is_file():
            return "none"
        return f"url(data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()})"

    return re.sub(r"url\(['\"]?([^'\")#]+)['\"]?\)", embedded, path.read_text(encoding="utf-8"))


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def block_json(data: dict[str, Any]) -> str:
    """JSON that cannot end its own block, whatever a name contains."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
