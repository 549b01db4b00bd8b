// The map itself: base, areas by level, names. Needs WebGL2 and the vendored scripts.
import {json} from "./data.js";
import {byLevel} from "./palette.js";

/** Kinds of area and between which zooms each is shown, at a desk; measured in software rendering. */
const ZOOMS = [["province", 0, 5], ["regency", 5, 6.6], ["district", 6.6, 8.4], ["village", 8.4, 24]];
export const KINDS = ZOOMS.map(([kind]) => kind);
/** A wall has more pixels and the same eyes: at `scale` the same view is so much nearer. */
export const nearer = (scale) => Math.log2(scale);
/** From here villages have their own shapes. */
export const shapesFrom = (scale) => ZOOMS.at(-1)[1] + nearer(scale);
/** No glyph server: MapLibre draws these from the fonts of the machine. */
export const FONT = ["sans-serif"];
const BUILDING_MS = 5_000;
const LOCALE = {
  "NavigationControl.ZoomIn": "Perbesar (zoom in)", "NavigationControl.ZoomOut": "Perkecil (zoom out)",
  "AttributionControl.ToggleAttribution": "Sumber (credits)", "Map.Title": "Peta (map)",
};

export const hasWebgl2 = () => Boolean(document.createElement("canvas").getContext("webgl2"));

/** Other people's scripts; null where they were not fetched. */
export const loadScripts = () => import("/vendor/maplibre-gl.mjs").catch(() => null);

/** An empty map; `Error` where the machine or the installation cannot draw one. */
export async function openMap(lib, container, theme, options = {}) {
  if (!hasWebgl2()) throw new Error("WebGL2 tidak ada (no WebGL2)");
  if (!lib || !globalThis.pmtiles) throw new Error("skrip peta tidak ada (map scripts are missing)");
  lib.addProtocol("pmtiles", new globalThis.pmtiles.Protocol().tile);
  const map = new lib.Map({
    container, locale: LOCALE, attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false,
    maxPitch: 0, rollEnabled: false, fadeDuration: 0, renderWorldCopies: false, trackResize: true,
    minZoom: 2.5, maxZoom: 15, bounds: [94.5, -11.5, 141.5, 6.5],
    style: {version: 8, sources: {}, layers: [{id: "sea", type: "background", paint: {"background-color": theme.sea}}]},
    ...options,
  });
  map.touchZoomRotate?.disableRotation();
  map.keyboard?.disableRotation();
  await new Promise((done) => map.once("style.load", done));
  return {lib, map};
}

const LOOK_MS = 60;

/** When everything that was asked for is painted. `idle` alone is not always told. */
export async function settled(map) {
  do {
    await new Promise((done) => { map.once("render", done); map.triggerRepaint(); });
    await new Promise((done) => setTimeout(done, LOOK_MS));
  } while (!map.loaded() || map.isMoving());
}

/** Base and areas. `came(index)` is called once they are there, at once or when they were built. */
export async function addAreas(map, theme, {said, came, scale = 1}) {
  let index = await json("/centre/map/tiles/index.json");
  while (!index.ready) {
    said(`Batas desa belum ada; titik menunjukkan desa yang diperingatkan. (Village borders: ${index.building})`);
    await new Promise((done) => setTimeout(done, BUILDING_MS));
    index = await json("/centre/map/tiles/index.json").catch(() => index);
  }
  said("");
  const below = map.getLayer("warned") ? "warned" : undefined;
  if (index.outline) addLand(map, theme, index.outline, below);
  for (const [kind, from, to] of ZOOMS) if (index.layers[kind]) addKind(map, theme, kind, index.layers[kind], {from: from && from + nearer(scale), to: Math.min(24, to + nearer(scale)), below});
  came(index);
}

function addLand(map, theme, url, below) {
  map.addSource("land", {type: "geojson", data: url, tolerance: 0.2});
  map.addLayer({id: "land", type: "fill", source: "land", paint: {"fill-color": theme.land, "fill-antialias": false}}, below);
  map.addLayer({id: "coast", type: "line", source: "land", paint: {"line-color": theme.coast, "line-width": 0.7}}, below);
}

const known = (name) => ["coalesce", ["feature-state", name], 0];
const when = (test, value) => ["case", test, value, 0];

function addKind(map, theme, kind, layer, {from, to, below}) {
  const url = new URL(layer.url, location.href).href;
  map.addSource(kind, {type: "vector", url: `pmtiles://${url}`, promoteId: {[layer.source_layer]: "code"}});
  const common = {source: kind, "source-layer": layer.source_layer, minzoom: from, maxzoom: to};
  const unknown = ["==", known("level"), -1];
  const add = (id, type, paint) => map.addLayer({id: `${kind}-${id}`, type, ...common, paint}, below);
  add("fill", "fill", {"fill-color": byLevel(theme.levels, "rgba(0,0,0,0)"), "fill-opacity": kind === "village" ? theme.full : 0.4, "fill-antialias": false});
  add("unknown", "fill", {"fill-pattern": "unknown", "fill-opacity": when(unknown, 1), "fill-antialias": false});
  if (kind === "village") add("top", "fill", {"fill-pattern": "top", "fill-opacity": when(["==", known("level"), 4], theme.full), "fill-antialias": false});
  add("line", "line", {
    "line-color": byLevel(theme.edge, theme.border),
    "line-width": ["case", ["==", known("level"), 0], 0.4, unknown, 0.6, kind === "village" ? 0.7 : 1.1],
  });
  if (kind !== "village") return;
  add("bare", "line", {"line-color": theme.ink, "line-dasharray": [2, 1.6], "line-width": 2, "line-opacity": when([">", known("uncovered"), 0], 1)});
}

/** Names: provinces and regencies at once, districts when somebody is near.
 * Returns how to add those of villages, once their tiles are there. */
export function addNames(map, theme, names, {scale = 1, below, far}) {
  const paint = {"text-color": theme.label, "text-halo-color": theme.halo, "text-halo-width": 1.6 * scale};
  const layout = (size) => ({"text-font": FONT, "text-field": ["get", "name"], "text-size": size * scale, "text-max-width": 8, "text-padding": 4});
  const add = (kind, from, to, size, source) => map.addLayer({
    id: `${kind}-names`, type: "symbol", ...source, minzoom: from + nearer(scale), maxzoom: Math.min(24, to + nearer(scale)), layout: layout(size), paint,
  }, below);
  for (const [kind, from, to, size] of [["province", 3.6, 6, 13], ["regency", 6, 9.2, 14], ["district", 9.2, 11, 12]]) {
    map.addSource(`${kind}-names`, {type: "geojson", data: points(names[kind] ?? [])});
    add(kind, from, to, size, {source: `${kind}-names`});
  }
  const near = async () => {
    if (map.getZoom() < 9 + nearer(scale)) return;
    map.off("zoomend", near);
    map.getSource("district-names").setData(points((await far()).district ?? []));
  };
  map.on("zoomend", near);
  near();
  return (layer) => add("village", 11, 24, 12, {source: "village", "source-layer": layer});
}

const points = (rows) => ({
  type: "FeatureCollection",
  features: rows.map(([code, name, lon, lat]) => ({type: "Feature", properties: {code, name: String(name).slice(0, 60)}, geometry: {type: "Point", coordinates: [lon, lat]}})),
});

/** Rows by kind of area, as the state gives them. */
const ROWS = {province: "provinces", regency: "regencies", district: "districts", village: "villages"};
/** Where a row says how many people nobody reaches. */
const BARE = 4;

/** Tells the map each area's level; only what changed since the last time. */
export class Painter {
  #map;
  #told = {};
  constructor(map) { this.#map = map; }

  /** Areas told anew. */
  paint(state) {
    return KINDS.reduce((sum, kind) => sum + this.#kind(kind, state[ROWS[kind]] ?? {}), 0);
  }

  #kind(kind, rows) {
    const layer = this.#map.getStyle().layers.find((one) => one.id === `${kind}-fill`);
    if (!layer) return 0;
    const before = this.#told[kind] ?? new Map(), now = new Map();
    const area = (code) => ({source: kind, sourceLayer: layer["source-layer"], id: code});
    let changed = 0;
    for (const [code, row] of Object.entries(rows)) {
      const said = `${row[0]} ${row[BARE] > 0 ? 1 : 0}`;
      now.set(code, said);
      if (before.get(code) === said) continue;
      this.#map.setFeatureState(area(code), {level: row[0], uncovered: row[BARE] > 0 ? 1 : 0});
      changed += 1;
    }
    for (const code of before.keys()) {
      if (now.has(code)) continue;
      this.#map.removeFeatureState(area(code));
      changed += 1;
    }
    this.#told[kind] = now;
    return changed;
  }

  /** What was told: kind → code → "level bare". For tests and for details. */
  get told() { return this.#told; }
}
