// Which villages are nearest to this phone. The position is used here and nowhere else: this module
// sends nothing but the same two requests for everybody, and hands back names and codes.
import { patiently } from "./dom.js";

const MAGIC = 0x3147544b; // "KTG1", little-endian
const PER_DEGREE = 1000;
const NEAREST = 5;
const FAR_KM = 60; // further from every village than this is not in Indonesia
const KM_PER_DEGREE = 111.195;
const SEARCH_MS = 30000;

/** The nearest villages: `{code, name, district, regency, km}`; an error with `word` where none. */
export async function nearest(version) {
  const [here, points, names] = await Promise.all([whereAmI(), load("points.bin", version), load("names.txt", version)]);
  const found = closest(new DataView(await points.arrayBuffer()), here.coords.longitude, here.coords.latitude);
  if (!found.length || found[0].km > FAR_KM) throw Object.assign(new Error("far"), { word: "positionFar" });
  return named(await names.text(), found);
}

const whereAmI = () =>
  new Promise((resolve, reject) => {
    if (!navigator.geolocation) return reject(Object.assign(new Error("none"), { word: "positionFailed" }));
    navigator.geolocation.getCurrentPosition(
      resolve,
      (error) => reject(Object.assign(new Error("no position"), { word: error.code === 1 ? "positionDenied" : "positionFailed" })),
      { enableHighAccuracy: true, timeout: SEARCH_MS, maximumAge: 300000 },
    );
  });

async function load(name, version) {
  const answer = await patiently(`/app/${name}?v=${encodeURIComponent(version)}`, { credentials: "omit" });
  if (!answer.ok) throw Object.assign(new Error(name), { word: "failed" });
  return answer;
}

export function closest(view, longitude, latitude) {
  if (view.byteLength < 8 || view.getUint32(0, true) !== MAGIC) throw Object.assign(new Error("points"), { word: "failed" });
  const count = view.getUint32(4, true);
  const squeeze = Math.cos((latitude * Math.PI) / 180);
  const best = [];
  let x = 0;
  let y = 0;
  for (let row = 0; row < count; row += 1) {
    x += view.getInt32(8 + 4 * row, true);
    y += view.getInt32(8 + 4 * (count + row), true);
    const east = (x / PER_DEGREE - longitude) * squeeze;
    const north = y / PER_DEGREE - latitude;
    const far = east * east + north * north;
    if (best.length < NEAREST || far < best[best.length - 1].far) {
      best.push({ row, far });
      best.sort((a, b) => a.far - b.far);
      if (best.length > NEAREST) best.pop();
    }
  }
  return best.map(({ row, far }) => ({ row, km: Math.sqrt(far) * KM_PER_DEGREE }));
}

export function named(text, found) {
  const wanted = new Map(found.map((one) => [one.row, one]));
  const area = ["", "", ""];
  const codes = ["", "", ""];
  let row = -1;
  let last = 0;
  for (const line of text.split("\n")) {
    const depth = line.charCodeAt(0) - 1;
    if (depth >= 0 && depth < 3) {
      codes[depth] = (depth ? `${codes[depth - 1]}.` : "") + line.slice(1, 3);
      area[depth] = line.slice(4);
      last = 0;
      continue;
    }
    const tab = line.indexOf("\t");
    last = tab ? Number(line.slice(0, tab)) : last + 1;
    row += 1;
    const one = wanted.get(row);
    if (!one) continue;
    one.code = `${codes[2]}.${String(last).padStart(4, "0")}`;
    [one.name, one.district, one.regency, one.province] = [line.slice(tab + 1), area[2], area[1], area[0]];
  }
  return found.filter((one) => one.code);
}
