// Warned villages where they are, at any zoom, and how many people nobody reaches in each regency.
import {FONT, nearer, shapesFrom} from "./chart.js";
import {number} from "./words.js";

const BARE = 4;
const EMPTY = {type: "FeatureCollection", features: []};
const point = (lon, lat, properties) => ({type: "Feature", properties, geometry: {type: "Point", coordinates: [lon, lat]}});

export class Warned {
  #map;
  constructor(map, theme, scale = 1) {
    this.#map = map;
    const level = ["get", "level"];
    const colour = ["match", level, ...[-1, 1, 2, 3, 4].flatMap((each) => [each, theme.levels[each]]), theme.border];
    const edge = ["match", level, ...[-1, 1, 2, 3, 4].flatMap((each) => [each, theme.edge[each]]), theme.ink];
    map.addSource("warned", {type: "geojson", data: EMPTY, maxzoom: 10, buffer: 16});
    map.addLayer({
      id: "warned", type: "circle", source: "warned", maxzoom: shapesFrom(scale), layout: {"circle-sort-key": level},
      paint: {
        "circle-color": colour, "circle-stroke-color": edge, "circle-stroke-width": 0.5 * scale,
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 3 + nearer(scale), 1.6 * scale, 6 + nearer(scale), 2.4 * scale, shapesFrom(scale), 4.5 * scale],
      },
    });
    map.addSource("bare", {type: "geojson", data: EMPTY});
    map.addLayer({
      id: "bare", type: "symbol", source: "bare",
      layout: {
        "icon-image": "bare", "icon-text-fit": "both", "icon-text-fit-padding": [2, 5, 2, 5], "text-field": ["get", "text"], "text-font": FONT,
        "text-size": 13 * scale, "symbol-sort-key": ["-", 0, ["get", "people"]], "text-padding": 3, "text-variable-anchor": ["center", "top", "bottom", "left", "right"],
      },
      paint: {"text-color": "#111111"},
    });
  }

  /** `points`: rows of code, longitude, latitude of warned villages. */
  show(points, state) {
    const features = [], bare = new Map();
    for (const [code, lon, lat] of points ?? []) {
      const row = state.villages[code];
      if (!row) continue;
      features.push(point(lon, lat, {code, level: row[0]}));
      if (row[BARE] > 0) this.#add(bare, code.slice(0, 5), lon, lat, row[BARE]);
    }
    this.#map.getSource("warned").setData({type: "FeatureCollection", features});
    this.#map.getSource("bare").setData({type: "FeatureCollection", features: [...bare.values()].map(({people, x, y}) => point(x / people, y / people, {people, text: `! ${number(people)}`}))});
  }

  #add(bare, regency, lon, lat, people) {
    const sum = bare.get(regency) ?? {people: 0, x: 0, y: 0};
    bare.set(regency, {people: sum.people + people, x: sum.x + people * lon, y: sum.y + people * lat});
  }
}
