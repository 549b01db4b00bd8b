// Keeps open pages fresh; what it does for a page is told in console/web/live/__init__.py.
// One connection serves all tabs of a browser: the tab that holds the lock listens, and tells the
// others. Without locks (no https) every tab listens for itself.

const STREAM = "/centre/stream";
const SIGN_IN = "/masuk";
const KINDS = ["warnings", "approvals", "tasks", "reports", "dispatch", "feeds", "sop", "audit", "rain"];
/** The server speaks each 15 s; two words missed, and the connection counts as lost. */
const SILENCE_MS = 40_000;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 20_000];
/** Away for longer, everything is read again, whatever the server remembers. */
const LONG_MS = 60_000;
/** Changes come in groups, and many viewers must not ask in the same instant. */
const GATHER_MS = 150;
const SPREAD_MS = 350;
const GIVE_UP_MS = 20_000;
const EDITED_AGAIN_MS = 2_000;
const ZONES = {"-420": ["Asia/Jakarta", "WIB"], "-480": ["Asia/Makassar", "WITA"], "-540": ["Asia/Jayapura", "WIT"]};

const clockOf = (at) => {
  const [zone, name] = ZONES[String(new Date().getTimezoneOffset())] ?? ZONES["-420"];
  const text = new Intl.DateTimeFormat("id-ID", {timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23"}).format(at);
  return `${text.replace(":", ".")} ${name}`;
};

// --- what the page says of the connection --------------------------------------------------

/** state: "joining", "ok", "lost", "database" or "signed-out"; since: milliseconds of Date. */
const connection = {state: "joining", since: Date.now()};

function say(state, since = Date.now()) {
  if (connection.state === state) return;
  connection.state = state;
  connection.since = since;
  for (const out of document.querySelectorAll("[data-connection]")) {
    out.dataset.state = state;
    out.replaceChildren(...words(state, since));
  }
  document.dispatchEvent(new CustomEvent("kentongan:connection", {detail: {...connection}}));
}

function words(state, since) {
  if (state === "ok") return ["Tersambung"];
  if (state === "joining") return ["Menyambung …"];
  if (state === "database") return [`Basis data tidak terbaca sejak ${clockOf(since)}, data mungkin lama`];
  if (state === "lost") return [`Terputus sejak ${clockOf(since)}, data mungkin lama`];
  const link = document.createElement("a");
  link.href = `${SIGN_IN}?ke=${encodeURIComponent(location.pathname)}`;
  link.textContent = "masuk lagi";
  return ["Sesi Anda sudah berakhir: ", link];
}

// --- parts of the page ---------------------------------------------------------------------

const dirty = new Set();
let timer = 0;

const sections = () => [...document.querySelectorAll("[data-live][data-from]")];

function changed(kinds, detail) {
  for (const section of sections()) {
    const wanted = section.dataset.live.split(/\s+/);
    if (wanted.some((kind) => kinds.includes(kind))) dirty.add(section);
  }
  for (const kind of kinds) document.dispatchEvent(new CustomEvent(`kentongan:${kind}`, {detail}));
  later(GATHER_MS + Math.random() * SPREAD_MS);
}

function later(wait) {
  if (timer || !dirty.size || document.hidden) return;
  timer = setTimeout(async () => {
    timer = 0;
    const some = [...dirty];
    dirty.clear();
    await Promise.all(some.map(renew));
    later(EDITED_AGAIN_MS);
  }, wait);
}

async function renew(section) {
  if (!section.isConnected) return;
  if (edited(section)) {
    section.dataset.stale = "edited";
    dirty.add(section);
    return;
  }
  try {
    const answer = await fetch(section.dataset.from, {
      signal: AbortSignal.timeout(GIVE_UP_MS), credentials: "same-origin", redirect: "manual", cache: "no-store",
    });
    if (answer.type === "opaqueredirect" || answer.status === 401) return say("signed-out");
    if (!answer.ok) throw new Error(`${section.dataset.from}: ${answer.status}`);
    const text = await answer.text();
    if (edited(section)) { dirty.add(section); return; }
    replace(section, text);
    delete section.dataset.stale;
  } catch {
    // The stream says whether we are connected; this part stays marked, and is asked for again.
    section.dataset.stale = "failed";
    dirty.add(section);
  }
}

const WRITTEN = "input, textarea, select";

/** Whether somebody writes in it: what is typed must never vanish under the fingers. */
function edited(section) {
  const active = document.activeElement;
  if (active && section.contains(active) && active.matches(WRITTEN)) return true;
  if (section.querySelector("dialog[open]")) return true;
  return [...section.querySelectorAll(WRITTEN)].some((field) => {
    if (field.type === "hidden" || field.type === "submit" || field.type === "button") return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") {
      const chosen = [...field.options];
      return chosen.some((o) => o.defaultSelected) && chosen.some((o) => o.selected !== o.defaultSelected);
    }
    return field.value !== field.defaultValue;
  });
}

const told = new WeakMap();

function replace(section, text) {
  if (told.get(section) === text) return;
  told.set(section, text);
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  const own = [...fresh.querySelectorAll("[data-live][data-from]")].find((s) => s.dataset.from === section.dataset.from);
  const children = [...(own ?? fresh).childNodes].map((node) => document.adoptNode(node));
  const where = remembered(section);
  section.replaceChildren(...children);
  where();
}

/** Focus, open details and scrolled boxes, found again by what names them. */
function remembered(section) {
  const active = section.contains(document.activeElement) ? pathOf(section, document.activeElement) : null;
  const open = [...section.querySelectorAll("details")].map((d) => [pathOf(section, d), d.open]);
  const scrolled = [...section.querySelectorAll("*")].filter((e) => e.scrollTop || e.scrollLeft)
    .map((e) => [pathOf(section, e), e.scrollTop, e.scrollLeft]);
  const [x, y] = [scrollX, scrollY];
  return () => {
    for (const [path, was] of open) { const e = find(section, path); if (e) e.open = was; }
    for (const [path, top, left] of scrolled) { const e = find(section, path); if (e) e.scrollTo(left, top); }
    const focus = active && find(section, active);
    if (focus) focus.focus({preventScroll: true});
    scrollTo(x, y);
  };
}

/** By id, by address, else by place. */
function pathOf(section, element) {
  if (element.id) return {by: "id", value: element.id};
  const address = element.getAttribute("href") ?? element.getAttribute("action");
  if (address) return {by: "address", tag: element.tagName, value: address};
  const steps = [];
  for (let e = element; e !== section; e = e.parentElement) steps.unshift([...e.parentElement.children].indexOf(e));
  return {by: "steps", tag: element.tagName, value: steps};
}

function find(section, path) {
  if (path.by === "id") return [...section.querySelectorAll("[id]")].find((e) => e.id === path.value);
  if (path.by === "address") {
    return [...section.getElementsByTagName(path.tag)].find((e) => (e.getAttribute("href") ?? e.getAttribute("action")) === path.value);
  }
  const found = path.value.reduce((e, step) => e?.children[step], section);
  return found?.tagName === path.tag ? found : undefined;
}

// --- the stream ------------------------------------------------------------------------------

/** What one tab heard, done in every tab. */
function hear(message) {
  if (message.kind === "state") return say(message.state, message.since);
  if (message.kind === "reset") return changed(KINDS, message.detail);
  if (KINDS.includes(message.kind)) changed([message.kind], message.detail);
}

class Listener {
  #source = null;
  #failures = 0;
  #watchdog = 0;
  #last = "";
  #lost = 0;
  #database = true;

  constructor(tell) { this.tell = tell; }

  open() {
    const asked = this.#last ? `last=${encodeURIComponent(this.#last)}` : `age=${Math.ceil(performance.now() / 1000)}`;
    const source = new EventSource(`${STREAM}?${asked}`);
    this.#source = source;
    source.addEventListener("open", () => this.#opened());
    source.addEventListener("error", () => this.#failed());
    source.addEventListener("alive", () => this.#alive());
    source.addEventListener("signed-out", () => this.#ended());
    source.addEventListener("database", (event) => this.#tables(event));
    for (const kind of [...KINDS, "reset"]) source.addEventListener(kind, (event) => this.#heard(kind, event));
    this.#alive();
  }

  close() {
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  /** Somebody else's newest event: where to go on should this tab become the one that listens. */
  at(id) { this.#last = id || this.#last; }

  #opened() {
    this.#failures = 0;
    this.#alive();
    const away = this.#lost ? Date.now() - this.#lost : 0;
    this.#lost = 0;
    this.tell({kind: "state", state: this.#database ? "ok" : "database", since: Date.now()});
    if (away > LONG_MS) this.tell({kind: "reset", detail: {away}});
  }

  #alive() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#failed(), SILENCE_MS);
  }

  #heard(kind, event) {
    this.#alive();
    this.#last = event.lastEventId || this.#last;
    let detail = {};
    try { detail = JSON.parse(event.data); } catch { /* the kind says enough */ }
    this.tell({kind, detail, id: this.#last});
  }

  #tables(event) {
    this.#alive();
    this.#database = JSON.parse(event.data).ok === true;
    this.tell({kind: "state", state: this.#database ? "ok" : "database", since: Date.now()});
    if (this.#database) this.tell({kind: "reset", detail: {}});
  }

  #ended() {
    this.close();
    this.tell({kind: "state", state: "signed-out", since: Date.now()});
  }

  async #failed() {
    this.close();
    this.#lost ||= Date.now();
    this.tell({kind: "state", state: "lost", since: this.#lost});
    const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
    await new Promise((done) => setTimeout(done, wait * (0.75 + Math.random() / 2)));
    if (await this.#signedOut()) return this.#ended();
    if (!this.#source) this.open();
  }

  /** A stream that was refused does not say why. */
  async #signedOut() {
    try {
      const answer = await fetch(STREAM, {method: "HEAD", redirect: "manual", credentials: "same-origin", signal: AbortSignal.timeout(GIVE_UP_MS)});
      return answer.type === "opaqueredirect" || answer.status === 401;
    } catch { return false; }
  }
}

function begin() {
  for (const out of document.querySelectorAll("[data-connection]")) out.replaceChildren(...words("joining", Date.now()));
  if (!navigator.locks || !globalThis.BroadcastChannel) {
    new Listener(hear).open();
    return;
  }
  const channel = new BroadcastChannel("kentongan-live");
  let leads = false, state = null;
  const listener = new Listener((message) => {
    if (message.kind === "state") state = message;
    hear(message);
    channel.postMessage(message);
  });
  channel.addEventListener("message", ({data}) => {
    if (data.kind === "hello") { if (leads && state) channel.postMessage(state); return; }
    if (leads) return;
    listener.at(data.id);
    hear(data);
  });
  channel.postMessage({kind: "hello"});
  navigator.locks.request("kentongan-stream", () => {
    leads = true;
    listener.open();
    // Held until this tab closes; then another one takes over where the last event was.
    return new Promise(() => {});
  });
}

document.addEventListener("visibilitychange", () => later(0));
document.addEventListener("focusout", () => later(EDITED_AGAIN_MS));
addEventListener("pageshow", (event) => { if (event.persisted) changed(KINDS, {}); });
begin();
