// A small Indonesia in the corner: where the large map is, and where else something is warned.
import {json} from "./data.js";

const WEST = 94.5, EAST = 141.5, SOUTH = -11.5, NORTH = 6.5;
const LEAST_PX = 10;

export class Inset {
  #canvas;
  #theme;
  #land = [];
  #dots = [];
  #view = null;

  constructor(canvas, theme) { this.#canvas = canvas; this.#theme = theme; }

  async load(url) {
    const found = await json(url);
    const shapes = found.features.map((one) => one.geometry);
    this.#land = shapes.flatMap((one) => (one.type === "Polygon" ? [one.coordinates] : one.coordinates)).map((polygon) => polygon[0]);
    this.draw();
  }

  /** Rows of code, longitude, latitude; `levelOf(code)`. The highest is drawn last. */
  show(points, levelOf) {
    this.#dots = (points ?? []).map(([code, lon, lat]) => [lon, lat, levelOf(code)]).filter((one) => one[2]).sort((a, b) => a[2] - b[2]);
    this.draw();
  }

  follow(map) {
    const look = () => { const box = map.getBounds(); this.#view = [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()]; this.draw(); };
    map.on("moveend", look);
    look();
  }

  draw() {
    const ratio = devicePixelRatio || 1, width = this.#canvas.clientWidth, height = this.#canvas.clientHeight;
    if (!width) return;
    this.#canvas.width = width * ratio;
    this.#canvas.height = height * ratio;
    const pen = this.#canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.fillStyle = this.#theme.sea;
    pen.fillRect(0, 0, width, height);
    const x = (lon) => ((lon - WEST) / (EAST - WEST)) * width, y = (lat) => ((NORTH - lat) / (NORTH - SOUTH)) * height;
    pen.fillStyle = this.#theme.coast;
    pen.beginPath();
    for (const ring of this.#land) ring.forEach(([lon, lat], each) => (each ? pen.lineTo(x(lon), y(lat)) : pen.moveTo(x(lon), y(lat))));
    pen.fill();
    const size = Math.max(3, width / 90);
    for (const [lon, lat, level] of this.#dots) {
      pen.fillStyle = this.#theme.levels[level] ?? this.#theme.ink;
      pen.fillRect(x(lon) - size / 2, y(lat) - size / 2, size, size);
    }
    if (this.#view) this.#frame(pen, x, y);
  }

  #frame(pen, x, y) {
    const [west, south, east, north] = this.#view;
    const wide = Math.max(LEAST_PX, x(east) - x(west)), high = Math.max(LEAST_PX, y(south) - y(north));
    const left = (x(west) + x(east)) / 2 - wide / 2, top = (y(south) + y(north)) / 2 - high / 2;
    for (const [colour, line] of [[this.#theme.halo, 5], [this.#theme.ink, 2.5]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = line;
      pen.strokeRect(left, top, wide, high);
    }
  }
}
