// The wall: the same map without controls, one event after the other, read from five metres.
import {Clock, OLD_MS, follow, html, json, state as stateOf} from "./data.js";
import {WALL} from "./palette.js";
import {Painter, addAreas, addNames, loadScripts, openMap, settled} from "./chart.js";
import {addSigns} from "./icons.js";
import {ABOVE_NAMES, Marks} from "./marks.js";
import {Inset} from "./inset.js";
import {Warned} from "./warned.js";
import {age, clock} from "./words.js";

const COUNTRY = [[94.5, -11.5], [141.5, 6.5]];
/** Long enough to read five figures and look at a map. */
const TURN_MS = 15_000;
const TICK_MS = 1_000;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const find = (id) => document.getElementById(id);

const server = new Clock();
const shown = {state: null, frames: {}, points: [], names: {}, trouble: "", turn: 0, id: ""};
const parts = {};
globalThis.kentongan = {shown, parts, server, turn, settled: () => settled(parts.map)};

const slides = () => [...document.querySelectorAll("#slides .slide")];

async function refresh() {
  try {
    const [state, frames, words] = await Promise.all([stateOf(null), json("/centre/map/frames.json"), html("/centre/wall/slides")]);
    server.hear(state.at);
    Object.assign(shown, {state, frames: frames.warnings, points: frames.villages, trouble: ""});
    find("slides").replaceChildren(...words.body.childNodes);
    const kept = slides().findIndex((one) => one.dataset.warning === shown.id);
    show(kept < 0 ? 0 : kept, kept < 0);
    draw();
  } catch (error) {
    shown.trouble = String(error.message ?? error);
  }
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
  if (!parts.painter || !shown.state) return;
  parts.painter.paint(shown.state);
  parts.warned.show(shown.points, shown.state);
  parts.marks.show(shown.state, middle);
  parts.inset?.show(shown.points, (code) => shown.state.villages[code]?.[0]);
  painted(shown.state.at);
}

function middle(code) {
  const row = (shown.names.province ?? []).find(([each]) => each === code);
  return row ? {lon: row[2], lat: row[3]} : {};
}

/** Slide `index` in front, and the map where it is. */
function show(index, look = true) {
  const all = slides();
  if (!all.length) return;
  shown.turn = index % all.length;
  all.forEach((one, each) => { one.hidden = each !== shown.turn; });
  shown.id = all[shown.turn].dataset.warning ?? "";
  for (const row of document.querySelectorAll("[data-of]")) row.classList.toggle("kini", row.dataset.of === shown.id);
  if (look) lookAt(shown.frames[shown.id]);
}

function view(box) {
  const bounds = box ? [[box[0] - 0.05, box[1] - 0.05], [box[2] + 0.05, box[3] + 0.05]] : COUNTRY;
  return {bounds, fitBoundsOptions: {padding: innerWidth / 40, maxZoom: 12.5}};
}

function lookAt(box) {
  const {bounds, fitBoundsOptions} = view(box);
  parts.map?.fitBounds(bounds, {...fitBoundsOptions, animate: !still, duration: 1500});
}

function turn() { show(shown.turn + 1); }

function tick() {
  const now = server.now(), old = server.age() > OLD_MS || Boolean(shown.trouble);
  document.body.classList.toggle("lama", old);
  const box = find("usang");
  box.hidden = !old;
  if (old) box.textContent = server.heard ? `LAYAR LAMA: sambungan terputus – keadaan ${age(server.age())} yang lalu` : "Keadaan belum terbaca";
  if (!server.heard) return;
  for (const [index, zone] of [7, 8, 9].entries()) find("jam").children[index].firstElementChild.textContent = clock(now, zone).slice(0, 5);
  find("umur").textContent = `Data ${age(server.age())} · ${clock(now, 7, true)}`;
}

/** A wall must not go dark; where the browser allows it, it is asked to stay awake. */
async function stayAwake() {
  try {
    parts.awake = await navigator.wakeLock?.request("screen");
  } catch {
    document.body.dataset.awake = "no";
  }
}

async function start() {
  follow(refresh);
  setInterval(tick, TICK_MS);
  setInterval(turn, TURN_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) stayAwake(); });
  stayAwake();
  const first = refresh();
  const names = json("/centre/map/labels.json").catch(() => ({}));
  const scripts = loadScripts();
  await first;
  shown.names = await names;
  try {
    Object.assign(parts, await openMap(await scripts, find("peta"), WALL, {interactive: false, ...view(shown.frames[shown.id])}));
  } catch (error) {
    document.body.classList.add("tanpa");
    document.documentElement.dataset.ready = "no-map";
    return;
  }
  dress();
}

function dress() {
  const {map} = parts, scale = Math.max(1, innerWidth / 1200);
  const note = (text) => { find("peta").dataset.note = text; if (text) draw(); };
  addSigns(map, WALL, scale);
  parts.warned = new Warned(map, WALL, scale);
  parts.painter = new Painter(map);
  parts.marks = new Marks(map, WALL, scale);
  const addVillages = addNames(map, WALL, shown.names, {scale, below: ABOVE_NAMES, far: () => json("/centre/map/labels.json?kind=district")});
  for (const id of ["teams", "shelters", "places", "tasks"]) parts.marks.visible(id, false);
  const came = (index) => { addVillages(index.layers.village.source_layer); inset(index.outline); draw(); };
  addAreas(map, WALL, {said: note, came, scale}).catch((error) => { note(error.message); draw(); });
}

function inset(outline) {
  parts.inset = new Inset(find("sisipan"), WALL);
  parts.inset.load(outline).catch(() => {});
  parts.inset.follow(parts.map);
}

addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight" || event.key === " ") turn();
  if (event.key === "ArrowLeft") show(shown.turn + slides().length - 1);
  if (event.key === "f") document.documentElement.requestFullscreen();
  if (event.key === "Escape" && !document.fullscreenElement) location.href = "/centre/map";
});
start();
