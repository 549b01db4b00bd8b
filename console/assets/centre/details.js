// What is known of a place somebody pointed at. Everything is text; links lead to our own pages.
import {both, clock, hazard, level, level_en, make, number, short, task, taskState} from "./words.js";
import {KINDS} from "./chart.js";
import {MARKS} from "./marks.js";

const KIND_WORD = {province: "Provinsi", regency: "Kabupaten/kota", district: "Kecamatan", village: "Desa/kelurahan"};
const ROWS = {province: "provinces", regency: "regencies", district: "districts", village: "villages"};
const MOST = 12;
const REACH_PX = 8;

/** A path of ours, or an outside https link; anything else is no link. */
function link(url, text) {
  const ours = typeof url === "string" && /^\/(?!\/)/.test(url);
  const outside = typeof url === "string" && /^https?:\/\//.test(url);
  if (!ours && !outside) return document.createTextNode(text);
  return make("a", {href: url, text, ...(outside ? {rel: "noopener noreferrer", target: "_blank"} : {})});
}
/** Of areas that lie on each other the one with the highest level. */
const highest = (areas) => areas.toSorted((a, b) => (b.state.level ?? 0) - (a.state.level ?? 0))[0];
const row = (name, value) => [make("dt", {text: name}), make("dd", {}, value)];

export class Details {
  #box;
  #state = () => null;
  /** `state()` is what is shown now. */
  constructor(box, state) { this.#box = box; this.#state = state; }

  /** Look at [x, y] of the screen; true when something was there. */
  at(map, [x, y]) {
    const near = [[x - REACH_PX, y - REACH_PX], [x + REACH_PX, y + REACH_PX]];
    const marks = MARKS.map((one) => one.id).filter((id) => map.getLayer(id));
    const mark = map.queryRenderedFeatures(near, {layers: marks})[0];
    if (mark) return this.#mark(mark.layer.id, mark.properties);
    const areas = KINDS.map((kind) => `${kind}-fill`).filter((id) => map.getLayer(id));
    const area = highest(map.queryRenderedFeatures([x, y], {layers: areas}));
    if (!area) return this.close();
    return this.area(area.source, area.properties.code, area.properties.name);
  }

  close() {
    this.#box.hidden = true;
    this.#box.replaceChildren();
    return false;
  }

  #show(title, kind, ...parts) {
    const close = make("button", {type: "button", class: "tutup", "aria-label": "Tutup rincian (close)", text: "✕", on: {click: () => this.close()}});
    this.#box.replaceChildren(make("h2", {}, short(title), " ", make("small", {text: kind})), close, ...parts.flat());
    this.#box.hidden = false;
    this.#box.scrollIntoView({block: "nearest"});
    return true;
  }

  area(kind, code, name) {
    const state = this.#state();
    const found = state?.[ROWS[kind]]?.[code];
    const inside = Object.entries(state?.villages ?? {}).filter(([each]) => each === code || each.startsWith(`${code}.`));
    const sum = (index) => inside.reduce((total, [, values]) => total + Math.max(0, values[index] ?? 0), 0);
    const parts = found ? [make("p", {class: `level-${found[0]}`}, make("span", {class: "word", text: level(found[0])}), ` ${level_en(found[0])}`)] : [make("p", {text: "Tidak diperingatkan menurut yang terbaca; bukan pernyataan aman. (Not warned by what could be read.)"})];
    const facts = make("dl");
    if (inside.length) {
      facts.append(...row("Orang terpapar", number(sum(3))), ...row("Tak terjangkau 60 menit", number(sum(4))));
      if (kind !== "village") facts.append(...row("Desa diperingatkan", number(inside.length)));
      else facts.append(...row("Penduduk", number(sum(2))));
    }
    facts.append(...row("Kode", code));
    return this.#show(name ?? code, KIND_WORD[kind], parts, facts, this.#warnings(state, inside), this.#tasks(state, code));
  }

  #warnings(state, inside) {
    const numbers = [...new Set(inside.map(([, values]) => values[5]))];
    const items = numbers.map((each) => state.warnings[each]).filter(Boolean).slice(0, MOST);
    return items.length ? [make("h3", {}, ...both("Peringatan", "warnings")), make("ul", {}, ...items.map((one) => make("li", {}, link(one.url, `${level(one.level)} – ${hazard(one.hazard)}`), ` sampai ${clock(Date.parse(one.expires))}`)))] : [];
  }

  #tasks(state, code) {
    const found = (state?.tasks ?? []).filter((one) => one.adm4 === code || String(one.adm4).startsWith(`${code}.`));
    const items = found.slice(0, MOST).map((one) => make("li", {}, link(one.url, task(one.kind)), `: ${taskState(one.state)}${one.escalation ? " – dinaikkan" : ""}, ${number(one.people)} orang`));
    if (found.length > MOST) items.push(make("li", {text: `dan ${number(found.length - MOST)} lagi`}));
    return items.length ? [make("h3", {}, ...both("Tugas", "tasks")), make("ul", {}, ...items)] : [];
  }

  #mark(id, values) {
    const facts = make("dl");
    const say = (name, value) => value !== undefined && value !== null && value !== "" && value !== "null" && facts.append(...row(name, value));
    const kind = MARKS.find((one) => one.id === id);
    let title = values.name ?? values.title ?? values.label ?? kind.name;
    if (id === "teams") { say("Anggota", number(values.members)); say("Siaga", values.duty ? "ya" : "tidak"); say("Tugas", values.busy ? "sedang bertugas" : "bebas"); }
    if (id === "shelters") { say("Kapasitas", values.capacity === undefined || values.capacity === null ? "tidak diketahui" : number(values.capacity)); say("Direncanakan", number(values.assigned ?? 0)); }
    if (id === "tasks" || id === "alarms") {
      title = task(values.kind);
      say("Tugas", link(values.url, values.task_id)); say("Keadaan", taskState(values.state)); say("Orang", number(values.people));
      say("Belum tertolong", number(values.unmet)); say("Koordinator", short(values.coordinator)); if (values.escalation) say("Dinaikkan", String(values.escalation));
    }
    if (id === "reports") { title = short(values.kind); say("Laporan", link(values.url, values.id)); say("Keadaan", values.state); say("Jumlah", number(values.count)); say("Saat", clock(Date.parse(values.at))); }
    if (id === "quakes") { say("Magnitudo", values.magnitude); say("Kedalaman", values.depth_km && `${values.depth_km} km`); if (values.at) say("Saat", clock(Date.parse(values.at))); say("Peristiwa", values.url && link(values.url, "rincian")); }
    if (id === "places") say("Tautan", link(values.url, "buka (keluar dari Kentongan)"));
    if (id === "unknown_areas") say("Kata BMKG", short(values.title, 160));
    return this.#show(title, kind.name, facts);
  }
}
