// Elements from values. Texts go in as text, so that no name of a place can be markup.
const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export const h = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);
export const byId = (id) => document.getElementById(id);

/** Waits, then rejects: for promises that may never settle. */
export const late = (ms, word = "late") =>
  new Promise((_, reject) => setTimeout(() => reject(new Error(word)), ms));

const BUSY_MS = [1200, 3000];

/** `fetch`, asked again where many share one address and the server asks for patience. */
export async function patiently(path, options) {
  for (const wait of BUSY_MS) {
    const answer = await fetch(path, options);
    if (answer.status !== 429) return answer;
    await new Promise((done) => setTimeout(done, wait * (0.5 + Math.random())));
  }
  return fetch(path, options);
}

/** A request of ours that ends; the answer as JSON, or an error with `word` and `status`. */
export async function ask(path, body, ms = 20000) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ms);
  try {
    const answer = await patiently(path, {
      signal: stop.signal,
      credentials: "omit",
      cache: "no-store",
      ...(body === undefined
        ? {}
        : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    const value = await answer.json();
    if (!answer.ok) throw Object.assign(new Error("refused"), { word: value.error, status: answer.status });
    return value;
  } finally {
    clearTimeout(timer);
  }
}
