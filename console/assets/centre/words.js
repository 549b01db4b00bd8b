// Texts of things that only scripts show. Words of levels, hazards and states come from the server.
let table = {levels: {}, hazards: {}, tasks: {}, task_states: {}, feed_states: {}};
const block = document.getElementById("kata");
if (block) table = JSON.parse(block.textContent);

const ZONES = [[7, "WIB"], [8, "WITA"], [9, "WIT"]];
const count = new Intl.NumberFormat("id-ID");
export const number = (value) => (Number.isFinite(value) ? count.format(value) : "–");
export const level = (value) => table.levels[value]?.[0] ?? String(value);
export const level_en = (value) => table.levels[value]?.[1] ?? "";
export const hazard = (key) => table.hazards[key]?.[0] ?? String(key ?? "");
export const task = (key) => table.tasks[key]?.[0] ?? String(key ?? "");
export const taskState = (key) => table.task_states[key] ?? String(key ?? "");
/** One line of at most `most` characters: names come from strangers. */
export const short = (text, most = 80) => {
  const line = String(text ?? "").replace(/\s+/g, " ").trim();
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
};

const two = (value) => String(value).padStart(2, "0");
/** `14.35 WIB` of an instant in milliseconds. */
export function clock(ms, zone = 7, seconds = false) {
  const there = new Date(ms + zone * 3_600_000);
  const time = `${two(there.getUTCHours())}.${two(there.getUTCMinutes())}${seconds ? `.${two(there.getUTCSeconds())}` : ""}`;
  return `${time} ${ZONES.find(([hours]) => hours === zone)?.[1] ?? "UTC"}`;
}
const DAYS = ["Minggu", "Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"];
/** `Senin 21 Nov 13.28 WIB`. */
export function moment(ms, zone = 7) {
  const there = new Date(ms + zone * 3_600_000);
  return `${DAYS[there.getUTCDay()]} ${there.getUTCDate()} ${MONTHS[there.getUTCMonth()]} ${clock(ms, zone)}`;
}
/** `12 detik`, `5 menit`, `3 jam`. */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} detik`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} menit`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} jam` : `${Math.floor(seconds / 86400)} hari`;
}

/** An element with text and children; texts are never markup. */
export function make(tag, values = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (name === "text") found.textContent = value;
    else if (name === "on") for (const [kind, act] of Object.entries(value)) found.addEventListener(kind, act);
    else if (value !== undefined && value !== false) found.setAttribute(name, value === true ? "" : value);
  }
  found.append(...children.filter((child) => child != null));
  return found;
}
/** Indonesian with its English behind. */
export const both = (id, en) => [id, " ", make("small", {lang: "en", text: en})];
