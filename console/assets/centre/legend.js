// Which layers are shown, and what their colours mean.
import {both, hazard, level, level_en, make, short} from "./words.js";
import {MARKS} from "./marks.js";

const LEVELS = [4, 3, 2, 1, -1];
const KINDS = [["image", "Gambar bahaya", "hazard pictures"], ["zones", "Zona bahaya", "hazard zones"]];

export class Legend {
  #layers;
  #key;
  #parts;
  constructor(layers, key, parts) {
    this.#layers = layers;
    this.#key = key;
    this.#parts = parts;
  }

  /** Build both boxes, once the marks and overlays are there. */
  ready() {
    const start = matchMedia("(min-width: 100rem)").matches;
    const marks = MARKS.map((one) => this.#switch(`lapis-${one.id}`, [make("b", {class: "tanda", "aria-hidden": "true", text: one.sign}), " ", ...both(one.name, one.en)], true, (on) => this.#parts.marks.visible(one.id, on)));
    const fields = KINDS.map(([kind, id, en]) => this.#switch(`lapis-${kind}`, both(id, en), kind === "zones", (on) => { this.#parts.overlays.visible(kind, on); this.hazards(); }));
    this.#layers.replaceChildren(make("details", {}, make("summary", {}, ...both("Lapisan", "layers")), ...marks, ...fields));
    this.#layers.hidden = false;
    this.#key.replaceChildren(make("details", {open: start}, make("summary", {}, ...both("Keterangan", "legend")), make("ul", {}, ...LEVELS.map(item),
      make("li", {}, make("i", {class: "tak", "aria-hidden": "true"}), ...both("ada yang tak terjangkau Tagana 60 menit", "someone is not covered")),
      make("li", {}, make("i", {class: "jumlah", "aria-hidden": "true", text: "! 9"}), ...both("berapa orang di kabupaten itu", "how many in the regency")),
      make("li", {class: "quiet"}, ...both("Provinsi sampai kecamatan: tingkat tertinggi di dalamnya.", "Larger areas: the highest level inside.")),
      make("li", {class: "bahaya"}))));
    this.#key.hidden = false;
    this.hazards();
  }

  #switch(id, text, on, act) {
    const check = make("input", {type: "checkbox", id, checked: on, on: {change: (event) => act(event.target.checked)}});
    return make("p", {}, check, make("label", {for: id}, ...text));
  }

  toggle(kind) {
    const check = this.#layers.querySelector(`#lapis-${kind}`);
    if (check) check.click();
  }

  open() {
    const box = this.#layers.querySelector("details");
    if (!box) return;
    box.open = !box.open;
    if (box.open) box.querySelector("input")?.focus();
  }

  /** The keys of the pictures that are shown, with unit and source. */
  hazards() {
    const box = this.#key.querySelector(".bahaya");
    if (!box) return;
    const shown = (this.#parts.overlays?.list ?? []).filter((one) => this.#layers.querySelector(`#lapis-${one.kind}`)?.checked);
    box.replaceChildren(...shown.slice(0, 4).map(field));
  }
}

const item = (value) => make("li", {}, make("i", {class: `level-${value}`, "aria-hidden": "true"}), `${level(value)} `, make("small", {lang: "en", text: level_en(value)}));

function field(one) {
  const steps = (Array.isArray(one.legend) ? one.legend : []).map((step) => {
    const swatch = make("i", {"aria-hidden": "true"});
    swatch.style.background = typeof step.color === "string" ? step.color : "";
    return make("span", {class: "langkah"}, swatch, short(step.word ?? step.value, 30));
  });
  const ahead = one.kind_of_time === "forecast" ? " – PRAKIRAAN" : "";
  return make("div", {}, make("b", {text: `${hazard(one.hazard)}${one.unit ? ` (${one.unit})` : ""}${ahead} `}), ...steps, make("small", {text: short(one.credit ?? one.source, 80)}));
}
