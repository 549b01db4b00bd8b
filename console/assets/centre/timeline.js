// The last day and the next hours under the map: which instant is shown, and how one sees that.
import {both, clock, make, moment} from "./words.js";

const PLAY_MS = 900;

export class Timeline extends EventTarget {
  #times = [];
  #now = 0;
  #playing = 0;
  #slider = make("input", {type: "range", min: "0", step: "1", id: "geser", "aria-label": "Saat yang ditampilkan (instant shown)"});
  #said = make("output", {for: "geser", class: "kapan"});
  #track = make("div", {class: "lintas", "aria-hidden": "true"}, make("span", {class: "lalu"}), make("span", {class: "nanti"}), make("small", {class: "kata-nanti", text: "PRAKIRAAN"}));
  #play = make("button", {type: "button", class: "putar", "aria-pressed": "false", on: {click: () => this.toggle()}}, "▶ Putar");
  #live = make("button", {type: "button", class: "kini", on: {click: () => this.now()}}, ...both("Sekarang", "now"));

  constructor(box) {
    super();
    const step = (by, text, label) => make("button", {type: "button", "aria-label": label, text, on: {click: () => this.step(by)}});
    box.append(
      step(-1, "−10", "Mundur 10 menit (back)"), this.#play, step(1, "+10", "Maju 10 menit (forward)"),
      make("div", {class: "geser"}, this.#track, this.#slider), this.#said, this.#live,
    );
    box.hidden = false;
    this.#slider.addEventListener("input", () => this.#choose(Number(this.#slider.value), true));
  }

  /** `times` as the server lists them; keeps the instant that is shown. */
  fill({now, times}) {
    const at = this.at;
    this.#times = times;
    this.#now = Math.max(0, times.findLastIndex((one) => one.at <= now));
    this.#slider.max = String(Math.max(0, times.length - 1));
    const share = times.length > 1 ? (100 * this.#now) / (times.length - 1) : 100;
    this.#track.children[0].style.width = `${share}%`;
    this.#track.children[1].style.width = `${100 - share}%`;
    const kept = at ? times.findIndex((one) => one.at === at) : this.#now;
    this.#choose(kept < 0 ? this.#now : kept, at !== null && kept < 0);
  }

  /** Null while we follow the present. */
  get at() { return this.chosen === null ? null : this.#times[this.chosen]?.at ?? null; }
  chosen = null;
  /** While the instant chosen last is not on the screen, playing waits. */
  busy = false;
  get kind() { return this.at === null ? "now" : this.#times[this.chosen].kind; }

  step(by) {
    const index = Math.min(this.#times.length - 1, Math.max(0, Number(this.#slider.value) + by));
    this.#choose(index, true);
  }
  now() { this.stop(); this.#choose(this.#now, true); }
  toggle() { this.#playing ? this.stop() : this.#start(); }

  #start() {
    if (Number(this.#slider.value) >= this.#times.length - 1) this.#choose(0, true);
    if (this.chosen === null) this.#choose(Math.max(0, this.#now - 36), true);
    this.#playing = setInterval(() => {
      if (Number(this.#slider.value) >= this.#times.length - 1) return this.stop();
      if (!this.busy) this.step(1);
      return undefined;
    }, PLAY_MS);
    this.#pressed(true);
  }
  stop() { clearInterval(this.#playing); this.#playing = 0; this.#pressed(false); }
  #pressed(on) {
    this.#play.setAttribute("aria-pressed", String(on));
    this.#play.textContent = on ? "❚❚ Jeda" : "▶ Putar";
  }

  #choose(index, tell) {
    const before = this.at;
    this.chosen = index === this.#now ? null : index;
    this.#slider.value = String(index);
    const one = this.#times[index];
    if (!one) return;
    const ms = Date.parse(one.at);
    const word = this.chosen === null ? "sekarang" : one.kind === "forecast" ? "PRAKIRAAN" : "yang lalu";
    this.#said.textContent = this.chosen === null ? "Sekarang" : clock(ms);
    this.#slider.setAttribute("aria-valuetext", `${moment(ms)}, ${word}`);
    this.#live.disabled = this.chosen === null;
    if (tell && before !== this.at) this.dispatchEvent(new Event("change"));
  }
}
