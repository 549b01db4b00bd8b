// The words beside the map: made by the server, put in place here without losing one's place.
import {html, query} from "./data.js";

const PATH = "/centre/map/panel";

export class Panel {
  #side;
  #sum;
  constructor(side, sum) { this.#side = side; this.#sum = sum; this.#ready(); }

  /** The words of an instant. */
  read(at) { return html(PATH + query(at)); }

  /** Put them there; where somebody reads stays where it is. */
  put(found) {
    const side = found.querySelector("[data-part=samping]"), sum = found.querySelector("[data-part=ringkas]");
    if (!side || !sum) throw new Error(`${PATH}: not the words of the map`);
    const focus = this.#focus(), top = this.#side.scrollTop;
    this.#sum.replaceChildren(...sum.childNodes);
    this.#side.querySelector("[data-part=samping]").replaceWith(side);
    this.#ready();
    this.#side.scrollTop = top;
    focus?.();
  }

  #ready() {
    for (const button of this.#side.querySelectorAll("[data-fly]")) button.hidden = false;
  }

  /** Gives the same link or button the focus again, if it is still there. */
  #focus() {
    const held = document.activeElement;
    if (!held || !this.#side.contains(held)) return undefined;
    const name = ["data-fly", "href", "id"].find((one) => held.hasAttribute(one));
    const value = name && held.getAttribute(name);
    return () => [...this.#side.querySelectorAll(`[${name}]`)].find((one) => one.getAttribute(name) === value)?.focus({preventScroll: true});
  }

  /** Ids of warnings in the order of urgency. */
  get warnings() {
    return [...this.#side.querySelectorAll("[data-warning]")].map((one) => one.dataset.warning);
  }

  /** Call with "warning:ID" or "province:CODE" when somebody wants to see it. */
  onFly(act) {
    this.#side.addEventListener("click", (event) => {
      const wanted = event.target.closest("[data-fly]")?.dataset.fly;
      const item = !event.target.closest("a, button") && event.target.closest("[data-warning]");
      if (wanted) act(wanted);
      else if (item) act(`warning:${item.dataset.warning}`);
    });
  }
}
