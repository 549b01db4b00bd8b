// What is in force for the chosen village, and how old that knowledge is. Not known is never safe.
import { h, svg } from "./dom.js";
import { age, number, own, t } from "./texts.js";

/** Seconds since the newest data, by the server's word and this phone's clock; null: not known. */
export function dataAge(kept, now) {
  const { doc, received } = kept;
  const passed = (now - received) / 1000;
  if (doc.data.age_s === null || passed < -60) return null;
  return doc.data.age_s + Math.max(0, passed);
}

/** The server's clock: a phone's own may be a year off. */
const serverNow = ({ doc, received }, now) => Date.parse(doc.at) + Math.max(0, now - received);

/** The one word for what is shown: the server's, unless its knowledge is old by now. */
export function stateNow(kept, now) {
  const seconds = dataAge(kept, now);
  const old = seconds === null || seconds > kept.doc.old_after_s;
  if (kept.doc.state === "warned") return { state: "warned", old, seconds };
  return { state: old ? "unclear" : kept.doc.state, old, seconds };
}

export const placeName = (place) => `${place.kind} ${place.name}, Kec. ${place.district}, ${place.regency}`;

export function render(kept, { now, offline, refresh, woken }) {
  const { doc } = kept;
  const { state, old, seconds } = stateNow(kept, now);
  return [
    h("p", { class: "tempat" }, placeName(doc.place)),
    head(doc, state),
    ...doc.warnings.map((one) => warning(one, serverNow(kept, now))),
    ...doubts(doc, old, seconds),
    where(doc),
    ...around(doc),
    ...doc.ended.map(ended),
    woken ? null : h("p", {}, h("a", { class: "tombol", href: "#notifikasi" }, t("wakeMe"))),
    fresh(kept, now, offline, refresh),
  ].filter(Boolean);
}

export function missing(place, refresh) {
  return [
    h("p", { class: "tempat" }, placeName(place)),
    h("div", { class: "keadaan unclear", role: "status" }, h("h1", { tabindex: "-1" }, t("headMissing")), h("p", {}, t("missing"))),
    h("button", { type: "button", class: "kedua", onclick: refresh }, t("refresh")),
  ];
}

function head(doc, state) {
  const words = { warned: "headWarned", unclear: "headUnclear", ended: "headEnded", none: "headNone" };
  const warned = state === "warned";
  const lines = warned ? doc.warnings.map((one) => `${own(one.level_word)}: ${own(one.hazard_word)}`) : [t(words[state])];
  return h(
    "div", { class: `keadaan ${state}${warned ? ` level-${doc.level}` : ""}`, role: "status" },
    doc.exercise ? h("p", { class: "latihan" }, "LATIHAN") : null,
    h("h1", { tabindex: "-1" }, lines[0]),
    lines.slice(1).map((line) => h("p", { class: "juga" }, line)),
    warned ? null : h("p", {}, t(state === "unclear" ? "unclear" : "notSafe")),
  );
}

function warning(one, now) {
  const said = own(one.said);
  const overdue = one.overdue || Date.parse(one.expires) < now;
  return h(
    "article", { class: `kartu level-${one.level}`, id: one.id },
    h("h2", {}, said.title),
    h("p", { class: "pesan" }, said.text),
    h("h3", {}, t("what")),
    h("p", {}, said.do),
    h(
      "dl", {},
      h("dt", {}, t("since")), h("dd", {}, own(one.since)),
      h("dt", {}, t("until")), h("dd", {}, one.until ? own(one.until) : t("untilTold")),
      one.arrival ? [h("dt", {}, t("arrival")), h("dd", {}, own(one.arrival))] : null,
    ),
    overdue && one.until ? h("p", { class: "catatan" }, t("overdue")) : null,
    h("p", { class: "kecil" }, t(one.official ? "official" : "estimate")),
    h(
      "details", {},
      h("summary", {}, `${t("version", one.version)}, ${t("renewed")} ${own(one.renewed)}`),
      h("ul", {}, one.history.map((step) => h("li", {}, `${t("version", step.version)}: ${own(step.at)}`))),
      one.cap ? h("p", {}, h("a", { href: one.cap }, t("document"))) : null,
    ),
  );
}

function doubts(doc, old, seconds) {
  const said = doc.doubts.map(own);
  if (old) said.push(seconds === null ? t("unknownAge") : t("oldData", age(seconds)));
  if (!said.length) return [];
  return [h("section", { class: "catatan" }, h("h2", {}, t("doubts")), h("ul", {}, said.map((text) => h("li", {}, text))))];
}

function where(doc) {
  const list = doc.points.map((point) => {
    const km = number(point.km);
    const way = point.direction ? t("away", km, own(point.direction)) : t("here", km);
    const notes = [point.made_up ? t("madeUp") : "", point.shaken ? t("shaken") : ""].filter(Boolean).join("; ");
    return h(
      "li", {}, h("strong", {}, point.name), h("br"), `${way}, ${t("walk", point.minutes)}`,
      notes ? h("span", { class: "kecil" }, ` (${notes})`) : null,
    );
  });
  return h(
    "section", {},
    h("h2", {}, t("where")),
    doc.coast ? h("p", { class: "catatan" }, t("uphill")) : null,
    list.length ? h("ol", { class: "tempat-daftar" }, list) : h("p", { class: "catatan" }, t("noPoint")),
    doc.sketch ? picture(doc.sketch) : null,
    list.length ? h("p", { class: "kecil" }, t("straight")) : null,
  );
}

function picture(sketch) {
  const [x, y] = sketch.here;
  const { width, height } = sketch;
  return svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("sketch"), class: "sketsa" },
    sketch.places.map(([px, py]) => svg("line", { x1: x, y1: y, x2: px, y2: py, class: "garis" })),
    sketch.places.map(([px, py], index) => [
      svg("rect", { x: px - 9, y: py - 9, width: 18, height: 18, class: "kotak" }),
      svg("text", { x: px, y: py + 5, class: "nomor" }, String(index + 1)),
    ]),
    svg("circle", { cx: x, cy: y, r: 8, class: "sini" }),
    svg("text", { x: x + 12, y: y - 8 }, t("you")),
    svg("line", { x1: 10, y1: height - 8, x2: 10 + sketch.bar, y2: height - 8, class: "skala" }),
    svg("text", { x: 10, y: height - 13 }, `${number(sketch.km)} km`),
    svg("path", { d: `M${width - 18} 30 l0 -20 m-5 7 l5 -7 l5 7`, class: "skala" }),
    svg("text", { x: width - 23, y: 44 }, t("north")),
  );
}

function around(doc) {
  if (!doc.nearby.length) return [];
  const lines = doc.nearby.map((one) => {
    const said = t(one.where === "district" ? "nearDistrict" : "nearRegency", one.villages, own(one.level_word), own(one.hazard_word).toLowerCase());
    return h("li", { class: `level-${one.level}` }, said);
  });
  return [h("section", {}, h("h2", {}, t("nearby")), h("ul", { class: "sekitar" }, lines))];
}

function ended(one) {
  const said = own(one.said);
  return h(
    "article", { class: "kartu selesai" },
    h("h2", {}, said.title),
    h("p", {}, said.text, " ", t("endedAt", own(one.ended))),
    said.do ? h("p", {}, said.do) : null,
  );
}

function fresh(kept, now, offline, refresh) {
  const { doc, received } = kept;
  const passed = Math.max(0, (now - received) / 1000);
  return h(
    "section", { class: "umur" },
    offline ? h("p", { class: "catatan", role: "status" }, t("offline")) : null,
    h("p", {}, t("checkedAt", own(doc.checked), age(passed)), doc.data.at ? ` ${t("dataAt", own(doc.data.said))}` : ""),
    h("button", { type: "button", class: "kedua", onclick: refresh }, t("refresh")),
    h("p", { class: "kecil" }, own(doc.credit)),
  );
}
