// Works without a network, and shows what a push says. VERSION and SHELL stand above, by the server.
const CACHE = `kentongan-shell-${VERSION}`;
const KEPT = "kentongan-kept";
const BIG = "kentongan-big";
const LONGEST = { title: 120, body: 800, tag: 120 };
const URGENT_FROM = 3;

const keptAt = (name) => `/app/kept/${name}`;
async function get(name) {
  const found = await (await caches.open(KEPT)).match(keptAt(name));
  return found ? found.json().catch(() => null) : null;
}
async function put(name, value) {
  const body = new Response(JSON.stringify(value), { headers: { "Content-Type": "application/json" } });
  await (await caches.open(KEPT)).put(keptAt(name), body);
}

// the shell

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const shell = await caches.open(CACHE);
      await shell.addAll(SHELL.map((path) => new Request(path, { cache: "reload" })));
      await refresh();
      await self.skipWaiting();
    })(),
  );
});
self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith("kentongan-shell-") && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin || !url.pathname.startsWith("/app/")) return;
  if (SHELL.includes(url.pathname)) event.respondWith(fromShell(request, url.pathname));
  else if (url.pathname === "/app/points.bin" || url.pathname === "/app/names.txt") event.respondWith(once(request));
  else if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => fromShell(request, "/app/")));
});
async function fromShell(request, path) {
  return (await (await caches.open(CACHE)).match(path)) ?? fetch(request);
}
/** Large files that change with the layer set alone: the newest of each is kept. */
async function once(request) {
  const big = await caches.open(BIG);
  const known = await big.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) {
    await big.delete(request, { ignoreSearch: true });
    await big.put(request, answer.clone());
  }
  return answer;
}

/** The newest status of the chosen village, for when there is no network. */
async function refresh() {
  try {
    const choice = await get("choice");
    if (!choice?.place) return;
    const answer = await fetch(`/app/status/${choice.place.code}.json`, { cache: "no-store", credentials: "omit" });
    if (!answer.ok) return;
    await put("status", { doc: await answer.json(), received: Date.now() });
    for (const client of await self.clients.matchAll({ type: "window" })) client.postMessage({ status: true });
  } catch {
    // no network: the page says how old its copy is
  }
}

// push: title, body, tag, warning_id, version, level (0: ended), status (Actual, Exercise, Test)

const text = (value, most) => (typeof value === "string" ? value.slice(0, most).trim() : "");
function read(event) {
  try {
    const found = event.data?.json();
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {}; // not ours or cut off: something is shown all the same
  }
}
function notice(said) {
  const mark = { Exercise: "LATIHAN. ", Test: "TES. " }[said.status] ?? "";
  const title = text(said.title, LONGEST.title) || "Kentongan: ada kabar peringatan";
  const level = Number.isInteger(said.level) && said.level >= 0 && said.level <= 4 ? said.level : null;
  const urgent = level === null || level >= URGENT_FROM;
  return {
    title: mark && !title.startsWith(mark.trim()) ? mark + title : title,
    options: {
      body: text(said.body, LONGEST.body) || "Buka aplikasi untuk keadaan desa Anda. Bila ada tanda bahaya, jauhi bahaya sekarang.",
      tag: text(said.tag, LONGEST.tag) || text(said.warning_id, LONGEST.tag) || "kentongan",
      renotify: true,
      requireInteraction: urgent,
      vibrate: urgent ? [600, 200, 600, 200, 600, 200, 1200] : [300, 150, 300],
      icon: "/app/static/icon-192.png",
      badge: "/app/static/badge-96.png",
      lang: "id",
      timestamp: Date.now(),
      data: {
        warning_id: text(said.warning_id, LONGEST.tag),
        version: Number.isInteger(said.version) ? said.version : null,
        level,
      },
    },
  };
}
/** An older message of a warning that overtook nobody: the newer one stays what is seen. */
async function isLate({ warning_id: id, version }) {
  if (!id || version === null) return false;
  const seen = (await get("seen")) ?? {};
  if (seen[id] > version) return true;
  const newest = Object.entries({ ...seen, [id]: version }).slice(-50);
  await put("seen", Object.fromEntries(newest));
  return false;
}
self.addEventListener("push", (event) => {
  event.waitUntil(
    (async () => {
      const { title, options } = notice(read(event));
      const late = await isLate(options.data).catch(() => false);
      const [shown] = late ? await self.registration.getNotifications({ tag: options.tag }) : [];
      const quiet = { renotify: false, silent: true, vibrate: undefined, requireInteraction: false };
      if (shown) await self.registration.showNotification(shown.title, { ...options, ...quiet, body: shown.body, data: shown.data, requireInteraction: shown.requireInteraction });
      else if (late) await self.registration.showNotification("Pesan lama", { ...options, ...quiet, body: "Ada pesan yang lebih baru. Buka aplikasi untuk keadaan sekarang." });
      else await self.registration.showNotification(title, options);
      await refresh();
    })(),
  );
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    (async () => {
      const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      const open = pages.find((client) => new URL(client.url).pathname.startsWith("/app/"));
      if (!open) return void (await self.clients.openWindow("/app/#keadaan"));
      await open.focus().catch(() => undefined);
      open.postMessage({ open: true });
    })(),
  );
});
self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(
    (async () => {
      const kept = await get("push");
      if (!kept) return;
      const key = event.oldSubscription?.options?.applicationServerKey ?? kept.key;
      const found = event.newSubscription ?? (await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
      await put("push", { ...kept, endpoint: found.endpoint, waits: true });
      const body = JSON.stringify({
        subscription: found.toJSON(), area: kept.area, language: kept.language, agreed: true,
        text_version: kept.text_version, old: kept.told ?? event.oldSubscription?.endpoint ?? "",
      });
      const answer = await fetch("/app/push", { method: "POST", headers: { "Content-Type": "application/json" }, credentials: "omit", body });
      if (answer.ok) await put("push", { ...kept, endpoint: found.endpoint, told: found.endpoint, waits: false });
    })(),
  );
});

// reports that wait for a network

self.addEventListener("sync", (event) => {
  if (event.tag === "lapor") event.waitUntil(sendReports());
});
async function sendReports() {
  const kept = await caches.open(KEPT);
  for (const request of await kept.keys()) {
    const path = new URL(request.url).pathname;
    if (!path.startsWith(keptAt("lapor/"))) continue;
    const report = await (await kept.match(request)).json();
    const body = JSON.stringify({ ...report, once: path.slice(keptAt("lapor/").length) });
    const answer = await fetch("/app/lapor", { method: "POST", headers: { "Content-Type": "application/json" }, credentials: "omit", body });
    if (answer.status === 201) await put("lapor-last", { page: (await answer.json()).page });
    if (answer.status === 201 || answer.status === 400 || answer.status === 422) await kept.delete(request);
    else throw new Error("again");
  }
}
