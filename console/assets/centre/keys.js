// Keys of the map, told by `?`. Single letters can be switched off: voice control types letters.
import {both, make} from "./words.js";

const OFF = "kentongan-tombol";

/** `keys`: rows of [keys, Indonesian, English, act]. Returns how to open the help. */
export function listen(dialog, keys) {
  const find = (pressed) => keys.find(([names]) => names.split(" ").includes(pressed));
  const off = () => localStorage.getItem(OFF) === "mati";
  const open = () => { fill(dialog, keys, off); dialog.showModal(); };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.target.closest("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
    if (event.key === "?") { event.preventDefault(); open(); return; }
    const found = off() ? null : find(event.key);
    if (!found || (event.key === " " && event.target.closest("button, a, input, summary"))) return;
    event.preventDefault();
    found[3](event.key);
  });
  return open;
}

function fill(dialog, keys, off) {
  const rows = keys.map(([names, id, en]) => make("tr", {}, make("td", {}, ...names.split(" ").map((name) => make("kbd", {text: name || "spasi"}))), make("td", {}, ...both(id, en))));
  const check = make("input", {type: "checkbox", id: "tombol-hidup", checked: !off(), on: {change: (event) => (event.target.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "mati"))}});
  dialog.replaceChildren(
    make("h2", {id: "judul-tombol"}, ...both("Tombol", "keys")),
    make("table", {}, make("tbody", {}, ...rows)),
    make("p", {}, ...both("Di peta: panah menggeser, + dan − memperbesar dan memperkecil, Enter merinci tempat di tengah.", "On the map: arrows pan, + and − zoom, Enter describes the middle.")),
    make("p", {}, check, " ", make("label", {for: "tombol-hidup"}, ...both("Tombol satu huruf hidup", "single-letter keys are on"))),
    make("button", {type: "button", autofocus: true, on: {click: () => dialog.close()}}, ...both("Tutup", "close")),
  );
}
