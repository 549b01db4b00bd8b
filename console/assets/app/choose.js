// Choosing a village: by name, by list, or by the phone's position. Always the person's own tap.
import { ask, byId, h } from "./dom.js";
import { nearest } from "./position.js";
import { number, t } from "./texts.js";

const PAUSE_MS = 250;
const LEVELS = ["province", "regency", "district", "village"];

export function chooser({ chosen, config }) {
  const form = byId("cari");
  const input = byId("q");
  const results = byId("hasil");
  const said = byId("hasil-kata");
  let turn = 0;
  let timer = 0;

  const show = (text, items = []) => {
    said.textContent = text;
    results.replaceChildren(...items);
  };
  const item = (place, note = "") =>
    h(
      "li", {},
      h(
        "button", { type: "button", class: "pilihan", onclick: () => chosen(place) },
        h("strong", {}, `${place.kind ? `${place.kind} ` : ""}${place.name}`), h("br"),
        `Kec. ${place.district}, ${place.regency}, ${place.province}`, note ? h("span", { class: "kecil" }, ` · ${note}`) : null,
      ),
    );

  async function search() {
    const asked = input.value.trim();
    const mine = (turn += 1);
    if (asked.length < 2) return show("");
    try {
      const found = await ask(`/app/places?q=${encodeURIComponent(asked)}`);
      if (mine !== turn) return;
      const count = found.places.length;
      const words = count === 1 ? t("foundOne") : count ? t("found", count) + (found.more ? ` ${t("more", found.more)}` : "") : t("foundNone");
      show(words, found.places.map((place) => item(place)));
    } catch (error) {
      if (mine === turn) show(t(error.word === "too-often" ? "busy" : "failed"));
    }
  }
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });

  byId("posisi").addEventListener("click", async () => {
    turn += 1;
    show(t("positionBusy"));
    try {
      const found = await nearest((await config())?.layers ?? "");
      show(t("positionAsk"), [
        ...found.map((place) => item({ kind: "", ...place }, t("awayKm", number(Math.round(place.km * 10) / 10)))),
        h("li", {}, h("button", { type: "button", class: "pilihan", onclick: () => (show(""), input.focus()) }, t("positionNone"))),
      ]);
      results.querySelector("button")?.focus();
    } catch (error) {
      show(t(error.word ?? "failed"));
    }
  });

  list(chosen);
  return {
    clear: () => show(""),
    /** Villages that a link names, for the person to choose or leave. */
    offer: (found) => show(t("foundOne"), found.map((place) => item(place))),
  };
}

/** Province, regency, district, village: four lists, each filled by the one above. */
function list(chosen) {
  const selects = LEVELS.map((name) => byId(`pilih-${name}`));
  const said = byId("daftar-kata");

  async function fill(depth, code) {
    selects.slice(depth).forEach((select) => {
      select.replaceChildren(h("option", { value: "" }, t("pick")));
      select.disabled = true;
    });
    said.textContent = "";
    try {
      const { areas } = await ask(`/app/areas?di=${code}`);
      selects[depth].append(...areas.map((area) => h("option", { value: area.code }, area.name)));
      selects[depth].disabled = false;
    } catch {
      said.textContent = t("failed");
    }
  }
  selects.forEach((select, depth) =>
    select.addEventListener("change", () => {
      if (!select.value) return;
      if (depth < 3) return fill(depth + 1, select.value);
      const name = (index) => selects[index].selectedOptions[0].textContent;
      return chosen({ code: select.value, kind: "", name: name(3), district: name(2), regency: name(1), province: name(0) });
    }),
  );
  byId("daftar-buka").addEventListener("toggle", (event) => {
    if (event.target.open && selects[0].options.length < 2) fill(0, "");
  });
}
