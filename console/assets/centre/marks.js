// Points on the map: teams, shelters, tasks, reports, quakes, outside places, areas not known.
import {TASK_SIGN} from "./icons.js";
import {FONT, nearer} from "./chart.js";
import {number, short} from "./words.js";

/** Names of places stand above what comes before this one, and below what must be seen. */
export const ABOVE_NAMES = "tasks";
/** Shelters and teams would hide the villages from afar: they come nearer in. */
export const MARKS = [
  {id: "shelters", from: 9, name: "Tempat aman", en: "shelters", sign: "S", overlap: false},
  {id: "teams", from: 8, name: "Tim Tagana", en: "teams", sign: "T", overlap: false},
  {id: "places", from: 4, name: "CCTV, radar, instansi lain", en: "outside views", sign: "◉", overlap: false},
  {id: "tasks", from: 8.2, name: "Tugas", en: "tasks", sign: "◆", overlap: false},
  {id: "alarms", from: 5, name: "Tugas dinaikkan", en: "escalated", sign: "◈", overlap: false},
  {id: "reports", from: 5, name: "Laporan warga", en: "reports", sign: "L", overlap: true},
  {id: "unknown_areas", from: 0, name: "Wilayah tidak diketahui", en: "areas not known", sign: "?", overlap: true},
  {id: "quakes", from: 0, name: "Pusat gempa", en: "epicentres", sign: "✕", overlap: true},
];

const feature = (lon, lat, properties) => ({type: "Feature", properties, geometry: {type: "Point", coordinates: [lon, lat]}});
const placed = (row) => Number.isFinite(row.lon) && Number.isFinite(row.lat);

function taskSign(task) {
  const sign = `task-${TASK_SIGN[task.state] ?? "asked"}`;
  return task.escalation ? `${sign}-escalated` : sign;
}

const tasks = (state, wanted) => (state.tasks ?? []).filter((task) => placed(task) && wanted(task)).map((task) => feature(task.lon, task.lat, {
  ...task, icon: taskSign(task), sort: -task.level,
}));

/** `sort`: the smaller finds room before the larger. */
const MAKE = {
  teams: (state) => (state.teams ?? []).map(([lon, lat, id, name, members, duty, busy]) => feature(lon, lat, {
    id, name: short(name), members, duty, busy, icon: busy ? "team-busy" : duty ? "team" : "team-off", sort: busy ? 0 : duty ? 1 : 2,
  })),
  shelters: (state) => (state.shelters ?? []).map(([lon, lat, id, name, capacity, assigned]) => feature(lon, lat, {
    id, name: short(name), capacity, assigned, icon: capacity != null && assigned >= capacity ? "shelter-full" : "shelter", sort: assigned ? 0 : 1,
  })),
  tasks: (state) => tasks(state, (task) => !task.escalation),
  alarms: (state) => tasks(state, (task) => task.escalation),
  reports: (state) => (state.reports ?? []).filter(placed).map((report) => feature(report.lon, report.lat, {
    ...report, icon: report.state === "closed" ? "report-closed" : "report", label: report.count > 1 ? number(report.count) : "", sort: -report.count,
  })),
  quakes: (state) => (state.quakes ?? []).filter(placed).map((quake) => feature(quake.lon, quake.lat, {
    ...quake, icon: "quake", label: quake.magnitude ? `M${quake.magnitude}` : "", sort: -(quake.magnitude ?? 0),
  })),
  unknown_areas: (state, middle) => (state.unknown_areas ?? []).map((area) => ({...middle(area.province_code), ...area})).filter(placed).map((area) => feature(area.lon, area.lat, {...area, icon: "area", sort: 0})),
};

export class Marks {
  #map;
  constructor(map, theme, scale = 1) {
    this.#map = map;
    for (const kind of MARKS) this.#add(kind, theme, scale);
  }

  #add({id, from, overlap}, theme, scale) {
    this.#map.addSource(id, {type: "geojson", data: {type: "FeatureCollection", features: []}});
    this.#map.addLayer({
      id, type: "symbol", source: id, minzoom: from && from + nearer(scale),
      layout: {
        "icon-image": ["get", "icon"], "icon-allow-overlap": overlap, "symbol-sort-key": ["get", "sort"],
        "text-field": ["coalesce", ["get", "label"], ""], "text-font": FONT, "text-size": 12 * scale, "text-offset": [0, 1.2],
        "text-anchor": "top", "text-optional": true, "icon-padding": 1,
      },
      paint: {"text-color": theme.ink, "text-halo-color": theme.halo, "text-halo-width": 1.5 * scale},
    });
  }

  /** `middle(code)`: where the middle of a province is, `{lon, lat}`. */
  show(state, middle) {
    for (const [id, rows] of Object.entries(MAKE)) this.#put(id, rows(state, middle));
  }

  places(rows) {
    const found = rows.filter(placed).map((row) => feature(row.lon, row.lat, {...row, name: short(row.name), icon: "place", sort: 0}));
    this.#put("places", found);
  }

  #put(id, features) {
    this.#map.getSource(id).setData({type: "FeatureCollection", features});
  }

  visible(id, shown) {
    this.#map.setLayoutProperty(id, "visibility", shown ? "visible" : "none");
  }
}
