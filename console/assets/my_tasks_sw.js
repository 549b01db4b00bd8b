// The newest copy of one's own task page and what it needs; shown only where the network fails.
const CACHE = "my-tasks-1";
const PARTS = ["/static/page.css", "/static/my_tasks.js", "/static/icon.svg"];
const keep = async (request) => {
  const answer = await fetch(request);
  if (answer.ok && request.method === "GET") {
    const cache = await caches.open(CACHE);
    await cache.put(request, answer.clone());
  }
  return answer;
};
self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(PARTS)));
  self.skipWaiting();
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  event.waitUntil(keep(new Request(event.data, { credentials: "same-origin" })).catch(() => undefined));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).pathname.includes("/tugas.")) return;
  event.respondWith(
    keep(request).catch(async () => {
      const found = await caches.match(request, { ignoreSearch: true });
      if (!found) return Response.error();
      if (request.mode !== "navigate") return found;
      const page = (await found.text()).replace("<html lang=\"id\">", "<html lang=\"id\" data-copy>");
      return new Response(page, { headers: found.headers });
    }),
  );
});
