// Hazard fields under the villages: pictures and zones, as the server lists them for an instant.
import {json, query} from "./data.js";

export class Overlays {
  #map;
  #shown = new Map();
  #wanted = {image: false, zones: true};
  list = [];

  constructor(map) { this.#map = map; }

  /** The layer that stays above pictures. */
  get #below() { return this.#map.getLayer("province-fill") ? "province-fill" : "warned"; }

  async load(at) {
    this.list = await json(`/centre/map/hazards.json${query(at)}`).catch(() => []);
    this.#draw();
    return this.list;
  }

  visible(kind, shown) {
    this.#wanted[kind] = shown;
    this.#draw();
  }

  #draw() {
    const wanted = new Map(this.list.filter((one) => this.#wanted[one.kind]).map((one) => [one.url, one]));
    for (const [url, id] of this.#shown) if (!wanted.has(url)) this.#drop(url, id);
    for (const [url, one] of wanted) if (!this.#shown.has(url)) this.#add(url, one);
  }

  #drop(url, id) {
    for (const layer of [id, `${id}-line`]) if (this.#map.getLayer(layer)) this.#map.removeLayer(layer);
    this.#map.removeSource(id);
    this.#shown.delete(url);
  }

  #add(url, one) {
    const id = `hazard-${this.#shown.size}-${url.length}-${Math.random().toString(36).slice(2, 8)}`;
    this.#shown.set(url, id);
    if (one.kind === "image") return this.#image(id, one);
    this.#map.addSource(id, {type: "geojson", data: url});
    this.#map.addLayer({id, type: "fill", source: id, paint: {"fill-pattern": "zone", "fill-opacity": 0.45}}, this.#below);
    this.#map.addLayer({id: `${id}-line`, type: "line", source: id, paint: {"line-color": "#6a1b9a", "line-width": ["interpolate", ["linear"], ["zoom"], 5, 0.5, 9, 2.5]}}, "warned");
    return undefined;
  }

  #image(id, one) {
    const [west, south, east, north] = one.bounds;
    const coordinates = [[west, north], [east, north], [east, south], [west, south]];
    this.#map.addSource(id, {type: "image", url: one.url, coordinates});
    this.#map.addLayer({id, type: "raster", source: id, paint: {"raster-opacity": 0.7, "raster-fade-duration": 0, "raster-resampling": "nearest"}}, this.#below);
  }
}
