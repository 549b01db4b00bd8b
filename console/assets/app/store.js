// What the app keeps in the phone: small values by name, in the Cache API, which the service worker
// reads too. Nothing of it is sent anywhere by this module.
const CACHE = "kentongan-kept";
const PREFIX = "/app/kept/";
const open = () => caches.open(CACHE);

export const works = "caches" in globalThis;

export async function put(name, value) {
  if (!works) return localStorage.setItem(PREFIX + name, JSON.stringify(value));
  const body = new Response(JSON.stringify(value), { headers: { "Content-Type": "application/json" } });
  await (await open()).put(PREFIX + name, body);
}

export async function get(name) {
  try {
    if (!works) return JSON.parse(localStorage.getItem(PREFIX + name));
    const found = await (await open()).match(PREFIX + name);
    return found ? await found.json() : null;
  } catch {
    return null; // unreadable is the same as never kept
  }
}

export async function remove(name) {
  if (!works) return localStorage.removeItem(PREFIX + name);
  await (await open()).delete(PREFIX + name);
}

/** Names that begin so. */
export async function names(beginning) {
  const found = works
    ? (await (await open()).keys()).map((request) => decodeURIComponent(new URL(request.url).pathname))
    : Object.keys(localStorage);
  return found.filter((path) => path.startsWith(PREFIX + beginning)).map((path) => path.slice(PREFIX.length));
}
