// The live map of the command centre: puts its parts together.
import {Clock, OLD_MS, follow, json, query, state as stateOf} from "./data.js";
import {DESK} from "./palette.js";
import {Painter, addAreas, addNames, loadScripts, openMap, settled} from "./chart.js";
import {addSigns} from "./icons.js";
import {ABOVE_NAMES, Marks} from "./marks.js";
import {Inset} from "./inset.js";
import {Warned} from "./warned.js";
import {Overlays} from "./overlays.js";
import {Timeline} from "./timeline.js";
import {Panel} from "./panel.js";
import {Details} from "./details.js";
import {Legend} from "./legend.js";
import {listen} from "./keys.js";
import {age, clock, moment} from "./words.js";

const find = (id) => document.getElementById(id);
const COUNTRY = [[94.5, -11.5], [141.5, 6.5]];
const TICK_MS = 1_000;
/** Signs and names grow on large screens. */
const SCALE = Math.max(1, innerWidth / 2000);
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

const server = new Clock();
const shown = {state: null, frames: {}, points: [], names: {}, trouble: "", asked: 0, answered: 0, picked: ""};
const panel = new Panel(find("samping"), find("ringkas"));
const timeline = new Timeline(find("waktu"));
const details = new Details(find("rincian"), () => shown.state);
const parts = {map: null, painter: null, warned: null, marks: null, overlays: null, legend: null, lib: null};
globalThis.kentongan = {shown, parts, timeline, server, settled: () => settled(parts.map)};

/** Fetch state, words and frames of the instant shown; what was asked later is never overwritten. */
async function refresh() {
  const at = timeline.at, asked = ++shown.asked;
  try {
    const [state, frames, said] = await Promise.all([stateOf(at), json(`/centre/map/frames.json${query(at)}`), panel.read(at)]);
    if (asked < shown.answered || at !== timeline.at) return;
    shown.answered = asked;
    panel.put(said);
    mark(shown.picked);
    at ? server.touch() : server.hear(state.at);
    Object.assign(shown, {state, frames: frames.warnings, points: frames.villages, trouble: ""});
    draw();
  } catch (error) {
    if (asked > shown.answered) shown.trouble = String(error.message ?? error);
  }
  timeline.busy = false;
  tick();
}

/** Tell, for whoever waits for it, that an instant is on the screen. */
async function painted(at) {
  await settled(parts.map);
  document.documentElement.dataset.painted = at;
  if (document.documentElement.dataset.ready) return;
  document.documentElement.dataset.ready = "yes";
  performance.mark("map-idle");
}

function draw() {
  const {map, painter, warned, marks} = parts;
  if (!painter || !shown.state) return;
  painter.paint(shown.state);
  warned.show(shown.points, shown.state);
  marks.show(shown.state, middle);
  parts.inset?.show(shown.points, (code) => shown.state.villages[code]?.[0]);
  painted(shown.state.at);
}

/** How old what is shown is, every second, in words. */
function tick() {
  const old = server.age() > OLD_MS || Boolean(shown.trouble);
  const line = find("umur");
  line.classList.toggle("usang", old);
  document.body.classList.toggle("usang", old);
  const passed = server.heard ? age(server.age()) : "";
  const lost = server.heard ? `PETA LAMA: sambungan terputus, keadaan ${passed} yang lalu (connection lost)` : "Keadaan belum terbaca (nothing read yet)";
  line.firstElementChild.textContent = old ? lost : server.heard ? `${clock(server.now(), 7, true)} · data ${passed}` : "membaca …";
  sayInstant();
}

/** What the levels of an instant ahead rest on. */
function rainSaid() {
  const {rain_known: known, rain_issued: issued} = shown.state?.forecast ?? {};
  return known && issued ? `Hujan menurut citra ${clock(Date.parse(issued))}.` : "Hujan saat itu tidak diketahui; peringatan yang masih berlaku saja.";
}

function sayInstant() {
  const box = find("saat"), at = timeline.at;
  box.hidden = !at;
  document.body.dataset.kind = timeline.kind;
  if (!at) return;
  const when = moment(Date.parse(at));
  const text = timeline.kind === "forecast"
    ? `PRAKIRAAN ${when} – belum terjadi. ${rainSaid()} (forecast, not now)`
    : `BUKAN SEKARANG: keadaan ${when} (the past, not now)`;
  if (box.textContent !== text) box.textContent = text;
}

/** The middle of a province, as far as its name is known. */
function middle(code) {
  const row = (shown.names.province ?? []).find(([each]) => each === code);
  return row ? {lon: row[2], lat: row[3]} : {};
}

function fly(bounds) {
  if (!parts.map || !bounds) return;
  const box = [[bounds[0] - 0.02, bounds[1] - 0.02], [bounds[2] + 0.02, bounds[3] + 0.02]];
  parts.map.fitBounds(box, {padding: 40, maxZoom: 11, animate: !still, duration: 700});
}

function show(wanted) {
  const [kind, id] = [wanted.slice(0, wanted.indexOf(":")), wanted.slice(wanted.indexOf(":") + 1)];
  if (kind === "warning") { fly(shown.frames[id]); mark(id); }
  const place = kind === "province" ? middle(id) : {};
  if (place.lon !== undefined) parts.map?.jumpTo({center: [place.lon, place.lat], zoom: 6.5});
  find("peta").scrollIntoView({block: "nearest"});
}

function mark(id) {
  shown.picked = id;
  for (const item of document.querySelectorAll("[data-warning]")) item.classList.toggle("dipilih", item.dataset.warning === id);
}

/** The first look: whatever is warned, or the country. */
function firstLook() {
  const unknown = (shown.state?.unknown_areas ?? []).map((area) => middle(area.province_code)).filter((one) => one.lon !== undefined);
  const boxes = [...Object.values(shown.frames), ...unknown.map(({lon, lat}) => [lon - 1, lat - 1, lon + 1, lat + 1])];
  const edge = (index, pick) => pick(...boxes.map((box) => box[index]));
  const bounds = boxes.length ? [[edge(0, Math.min), edge(1, Math.min)], [edge(2, Math.max), edge(3, Math.max)]] : COUNTRY;
  return {bounds, fitBoundsOptions: {padding: 40, maxZoom: 10}};
}

async function start() {
  follow(refresh);
  setInterval(tick, TICK_MS);
  const first = refresh();
  json("/centre/map/times.json").then((times) => timeline.fill(times)).catch(() => { find("waktu").hidden = true; });
  const names = json("/centre/map/labels.json").catch(() => ({}));
  const scripts = loadScripts();
  await first;
  shown.names = await names;
  try {
    Object.assign(parts, await openMap(await scripts, find("peta"), DESK, firstLook()));
  } catch (error) {
    return without(error);
  }
  return dress();
}

async function dress() {
  const {map, lib} = parts;
  map.addControl(new lib.NavigationControl({showCompass: false}), "top-right");
  map.addControl(new lib.ScaleControl({maxWidth: 120}), "bottom-left");
  map.addControl(new lib.AttributionControl({compact: true, customAttribution: "Sumber data: BMKG · garis pantai: Natural Earth"}), "bottom-right");
  document.body.classList.add("berpeta");
  addSigns(map, DESK, SCALE);
  const note = (text) => { find("bidang").dataset.note = text; if (text) draw(); };
  parts.legend = new Legend(find("lapis"), find("keterangan"), parts);
  parts.warned = new Warned(map, DESK, SCALE);
  parts.painter = new Painter(map);
  parts.marks = new Marks(map, DESK, SCALE);
  const addVillages = addNames(map, DESK, shown.names, {scale: SCALE, below: ABOVE_NAMES, far: () => json("/centre/map/labels.json?kind=district")});
  parts.overlays = new Overlays(map);
  parts.legend.ready();
  pointing(map);
  const came = (index) => { addVillages(index.layers.village.source_layer); inset(map, index.outline); draw(); };
  addAreas(map, DESK, {said: note, came, scale: SCALE}).catch((error) => { note(`Batas desa tidak terbaca: ${error.message}`); draw(); });
  json("/centre/map/places.json").then((rows) => parts.marks.places(rows)).catch(() => {});
  parts.overlays.load(null).then(() => parts.legend.hazards());
}

function inset(map, outline) {
  if (!outline) return;
  parts.inset = new Inset(find("sisipan"), DESK);
  parts.inset.load(outline).catch(() => {});
  parts.inset.follow(map);
}

function pointing(map) {
  map.on("click", (event) => details.at(map, [event.point.x, event.point.y]));
  map.getCanvas().addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const canvas = map.getCanvas();
    details.at(map, [canvas.clientWidth / 2, canvas.clientHeight / 2]);
  });
}

function without(error) {
  document.body.classList.add("tanpa");
  document.querySelector("#tanpa-peta [data-why]").textContent = error.message;
  document.documentElement.dataset.ready = "no-map";
}

timeline.addEventListener("change", () => {
  timeline.busy = true;
  refresh();
  parts.overlays?.load(timeline.at).then(() => parts.legend?.hazards());
});
// Every ten minutes there is a new instant; the slider grows with it.
setInterval(() => json("/centre/map/times.json").then((times) => timeline.fill(times)).catch(() => {}), 300_000);

panel.onFly(show);
const help = listen(find("tombol"), [
  ["1 2 3 4 5 6 7 8 9", "ke peringatan ke-n", "to the nth warning", (key) => panel.warnings[key - 1] && show(`warning:${panel.warnings[key - 1]}`)],
  ["0", "seluruh Indonesia", "the country", () => parts.map?.fitBounds(COUNTRY, {animate: false})],
  ["m", "fokus ke peta", "focus the map", () => parts.map?.getCanvas().focus()],
  ["d", "fokus ke daftar", "focus the list", () => find("samping").focus()],
  ["t", "ke tabel", "to the tables", () => { location.hash = ""; location.hash = "#tabel"; find("tabel").focus(); }],
  [", [", "mundur 10 menit", "back 10 minutes", () => timeline.step(-1)],
  [". ]", "maju 10 menit", "forward 10 minutes", () => timeline.step(1)],
  ["n", "sekarang", "now", () => timeline.now()],
  ["p", "putar atau jeda", "play or pause", () => timeline.toggle()],
  ["h", "gambar bahaya", "hazard pictures", () => parts.legend?.toggle("image")],
  ["l", "lapisan", "layers", () => parts.legend?.open()],
  ["f", "layar penuh", "full screen", () => (document.fullscreenElement ? document.exitFullscreen() : find("bidang").requestFullscreen())],
  ["w", "layar dinding", "wall screen", () => { location.href = "/centre/wall"; }],
  ["Escape", "tutup rincian", "close details", () => details.close()],
]);
find("bantuan").hidden = false;
find("bantuan").addEventListener("click", help);
start();
