// The app's frame: which view is shown, for which village, in which language.
import { chooser } from "./choose.js";
import { ask, byId, h } from "./dom.js";
import * as push from "./push.js";
import * as report from "./report.js";
import { missing, render } from "./status.js";
import * as store from "./store.js";
import { language, speak, t } from "./texts.js";

const EVERY_MS = 60000;
const VIEWS = ["keadaan", "desa", "lapor", "notifikasi"];
let choice = { place: null, language: "id" };
let kept = null;
let settings = null;
let offline = false;
let fetching = null;
let woken = null; // what the server was told of this browser; null: it is not woken

const keepChoice = () => store.put("choice", choice);

async function config() {
  try {
    settings = await ask("/app/config.json");
    await store.put("config", settings);
  } catch {
    settings = settings ?? (await store.get("config"));
  }
  return settings;
}

// what is in force

async function refresh() {
  if (!choice.place) return;
  const { code } = choice.place;
  fetching ??= ask(`/app/status/${code}.json`).finally(() => (fetching = null));
  try {
    const doc = await fetching;
    if (doc.place.code !== choice.place.code) return void refresh();
    kept = { doc, received: Date.now() };
    offline = false;
    choice.place = { ...choice.place, ...doc.place };
    await Promise.all([store.put("status", kept), keepChoice()]);
  } catch {
    offline = true;
  }
  draw();
}

function draw() {
  const there = byId("keadaan-isi");
  const open = [...there.querySelectorAll("details[open]")].map((one) => one.closest("article")?.id);
  if (!choice.place) return;
  const mine = kept && kept.doc.place.code === choice.place.code;
  const again = async () => {
    await refresh();
    scrollTo(0, 0);
  };
  const look = { now: Date.now(), offline, refresh: again, woken: Boolean(woken) };
  const wait = !mine && !offline;
  there.replaceChildren(
    ...(mine ? render(kept, look) : wait ? [h("p", { role: "status" }, t("headLoading"))] : missing(choice.place, again)),
  );
  for (const id of open) byId(id)?.querySelector("details")?.setAttribute("open", "");
  byId("latihan").hidden = !(kept?.doc.exercise || (settings && settings.mode !== "actual"));
  document.title = mine && kept.doc.state === "warned" ? `(!) ${kept.doc.warnings[0].said.id.title}` : "Kentongan";
}

// views

function show(name, move = true) {
  const wanted = choice.place || name !== "keadaan" ? name : "desa";
  for (const view of VIEWS) byId(view).hidden = view !== wanted;
  for (const link of document.querySelectorAll("#tab a")) {
    if (link.hash === `#${wanted}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (wanted === "keadaan") draw();
  if (wanted === "notifikasi") drawAlarm();
  if (wanted === "lapor") drawReports();
  if (move) byId(wanted).querySelector("h1")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}
const route = (move = true) => {
  const name = location.hash.slice(1).split("=")[0];
  show(VIEWS.includes(name) ? name : "keadaan", move);
};

async function chosen(place) {
  choice.place = place;
  kept = null;
  await keepChoice();
  places.clear();
  location.hash = "#keadaan";
  route();
  await refresh();
  const state = await push.mend(await config(), choice);
  if (state) alarm = state;
}

// notifications

let alarm = "";
async function drawAlarm(word = alarm) {
  alarm = word;
  const there = byId("notifikasi-isi");
  const own = settings ?? (await config());
  const on = (woken = await store.get("push"));
  const state = word || (on && (on.waits ? "alarmLater" : "alarmOn")) || push.obstacle(own);
  const bySms = h("p", {}, h("a", { href: "/daftar", class: "tombol" }, t("sms")));
  const consent = own?.consent[language()] ?? own?.consent.id;
  const failed = ["alarmLate", "alarmDenied", "alarmNone", "alarmIos", "alarmRefused", "alarmLost"].includes(state);
  const busy = state === "alarmWait";
  const mayAsk = !on && !busy && !["alarmDenied", "alarmNone", "alarmIos"].includes(state);
  there.replaceChildren(
    ...[
      h("p", {}, t("alarmWhy")),
      h("p", { role: "status", class: failed ? "catatan" : "" }, state === "alarmOn" ? t("alarmOn", choice.place?.name ?? "") : state ? t(state) : t("alarmOff")),
      failed ? bySms : null,
      mayAsk && !choice.place ? h("p", {}, h("a", { href: "#desa" }, t("alarmPlace"))) : null,
      mayAsk && choice.place && consent ? h("h2", {}, t("consent")) : null,
      mayAsk && choice.place && consent ? h("p", { id: "setuju-teks" }, consent.text, " ", h("span", { class: "kecil" }, `(${consent.version})`)) : null,
      mayAsk && choice.place && consent ? h("button", { type: "button", class: "utama", id: "setuju", onclick: agree }, t("agree")) : null,
      on && !busy ? h("button", { type: "button", class: "kedua", onclick: stop }, t("stop")) : null,
      failed || on ? null : h("p", { class: "kecil" }, h("a", { href: "/daftar" }, t("sms"))),
      h("p", { class: "kecil" }, t("alarmNote")),
    ].filter(Boolean),
  );
}
async function agree() {
  drawAlarm("alarmWait");
  try {
    drawAlarm(await push.begin(await config(), choice, drawAlarm));
  } catch {
    drawAlarm("alarmNone");
  }
  navigator.storage?.persist?.();
}
async function stop() {
  try {
    await push.end();
    drawAlarm("");
  } catch {
    drawAlarm("failed");
  }
}

// reports

async function drawReports() {
  const count = await report.waiting();
  const last = await store.get("lapor-last");
  byId("lapor-tunggu").textContent = count ? t("reportWaiting", count) : "";
  byId("lapor-akhir").replaceChildren(...(last ? [h("a", { href: last.page }, t("reportPage"))] : []));
}
async function sendReport(event) {
  event.preventDefault();
  const form = byId("lapor-form");
  const said = byId("lapor-kata");
  const fields = new FormData(form);
  const text = fields.get("text").trim();
  if (!text) return void (said.textContent = t("reportEmpty"));
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const found = await report.tell({ text, place: fields.get("place"), number: fields.get("number"), trap: fields.get("trap") });
    const wrong = { empty: "reportEmpty", number: "reportNumberWrong" }[found.word];
    if (found.page) said.replaceChildren(t("reportSent"), " ", h("a", { href: found.page }, t("reportPage")));
    else said.textContent = t(wrong ?? (found.word === "too-often" ? "reportOften" : "reportKept"));
    if (found.page || found.waits) form.reset();
    if (found.waits) (await navigator.serviceWorker?.getRegistration("/app/"))?.sync?.register("lapor").catch(() => undefined);
  } finally {
    button.disabled = false;
  }
  await drawReports();
}

// the frame

function label() {
  speak(choice.language);
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  byId("q").placeholder = "Citeureup Dayeuhkolot";
}
function frame() {
  document.documentElement.classList.add("js");
  byId("bahasa").addEventListener("click", () => {
    choice.language = language() === "id" ? "en" : "id";
    keepChoice();
    label();
    route(false);
  });
  byId("lapor-form").addEventListener("submit", sendReport);
  addEventListener("hashchange", () => route());
  addEventListener("online", wake);
  addEventListener("offline", () => ((offline = true), draw()));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
  setInterval(() => document.visibilityState === "visible" && wake(), EVERY_MS);
  navigator.serviceWorker?.addEventListener("message", (event) => {
    if (event.data?.open) location.hash = "#keadaan";
    wake();
  });
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    byId("pasang").hidden = false;
    byId("pasang").onclick = () => event.prompt();
  });
}
async function wake() {
  await refresh();
  const count = await report.sendAll();
  if (!byId("lapor").hidden) drawReports();
  return count;
}

const places = chooser({ chosen, config });
frame();
choice = { ...choice, ...(await store.get("choice")) };
const wanted = new URLSearchParams(location.search).get("desa");
let offered = [];
if (wanted && wanted !== choice.place?.code && /^\d\d\.\d\d\.\d\d\.\d{4}$/.test(wanted)) {
  const found = await ask(`/app/places?q=${wanted}`).catch(() => ({ places: [] }));
  // Whose village it is decides which warnings wake this phone: a link alone never changes it.
  if (choice.place) offered = found.places;
  else if (found.places.length === 1) [choice.place] = found.places;
  await keepChoice();
}
kept = await store.get("status");
woken = await store.get("push");
settings = await store.get("config");
label();
if (offered.length) {
  history.replaceState(null, "", "/app/#desa");
  places.offer(offered);
}
route(false);
document.documentElement.dataset.ready = "yes";
const registered = navigator.serviceWorker?.register("/app/sw.js", { scope: "/app/" }).catch(() => undefined);
await Promise.all([refresh(), config(), report.sendAll(), registered]);
draw();
if (choice.place && settings) alarm = await push.mend(settings, choice).catch(() => "");
if (!byId("notifikasi").hidden) drawAlarm();
