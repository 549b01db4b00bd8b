// What the server knows, and how old our copy of it is. Nothing here touches the page.

/** Without a change we ask again after so long: a stream that died quietly must not freeze a map. */
export const AGAIN_MS = 30_000;
/** A copy older than this is called old, loudly. Two missed askings. */
export const OLD_MS = 70_000;
/** Changes come in groups: a cycle that releases also plans tasks. */
const GATHER_MS = 120;
const GIVE_UP_MS = 20_000;
const KINDS = ["warnings", "approvals", "tasks", "reports", "feeds", "rain", "dispatch"];

/** JSON of a path of ours. Throws with the path and status when there is none. */
export async function json(path) {
  const answer = await fetch(path, {signal: AbortSignal.timeout(GIVE_UP_MS), credentials: "same-origin", redirect: "error"});
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** HTML of a path of ours, as a document that runs nothing. */
export async function html(path) {
  const answer = await fetch(path, {signal: AbortSignal.timeout(GIVE_UP_MS), credentials: "same-origin", redirect: "error"});
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

export const query = (at) => (at ? `?at=${encodeURIComponent(at)}` : "");

/** Levels of areas: most of a document, and seldom what changed. */
const LEVELS = ["villages", "districts", "regencies", "provinces"];
let kept = null;

/** The map's document of an instant; of the present, levels that we have are not sent again. */
export async function state(at) {
  if (at) return json(`/centre/map/state.json${query(at)}`);
  const known = kept ? `?have=${encodeURIComponent(kept.areas)}` : "";
  let found = await json(`/centre/map/state.json${known}`);
  if (found.villages === undefined && found.areas !== kept?.areas) found = await json("/centre/map/state.json");
  if (found.villages === undefined) for (const name of LEVELS) found[name] = kept[name];
  kept = found;
  return found;
}

/** The server's clock, as far as we know it: pages of a re-creation are not in our own time. */
export class Clock {
  #offset = 0;
  #heard = 0;
  /** A live answer of this moment said that it is `iso`. */
  hear(iso) {
    const now = Date.now();
    this.#offset = Date.parse(iso) - now;
    this.#heard = now;
  }
  /** It answered, of another moment. */
  touch() { if (this.#heard) this.#heard = Date.now(); }
  get heard() { return this.#heard > 0; }
  now() { return Date.now() + this.#offset; }
  /** Milliseconds since the server last told us anything; by the wall clock, so sleep counts. */
  age() { return this.#heard ? Math.max(0, Date.now() - this.#heard) : Infinity; }
}

/** Call `refresh` when something changed, when nothing was heard for a while, and when we wake up. */
export function follow(refresh) {
  let timer = 0;
  const soon = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      await refresh();
      soon(AGAIN_MS);
    }, wait);
  };
  for (const kind of KINDS) document.addEventListener(`kentongan:${kind}`, () => soon(GATHER_MS));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(0); });
  addEventListener("online", () => soon(0));
  soon(AGAIN_MS);
}
