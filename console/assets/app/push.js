// Being woken by a warning. The push service of a browser may never answer (closed networks,
// phones without Google's services): whoever waits is offered SMS after a quarter of a minute.
import { ask, late } from "./dom.js";
import { get, put } from "./store.js";

export const WAIT_MS = 15000;

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/").padEnd(Math.ceil(text.length / 4) * 4, "=")), (c) => c.charCodeAt(0));

export const isIos = () => /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
export const isInstalled = () => matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;

/** Why this browser cannot be woken, as a text of the app; empty: it can. */
export function obstacle(config) {
  const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!able) return isIos() && !isInstalled() ? "alarmIos" : "alarmNone";
  if (config && !config.key) return "alarmNone";
  return Notification.permission === "denied" ? "alarmDenied" : "";
}

/** Begin. `done(word)` is called again if the service answers after all. */
export async function begin(config, choice, done) {
  const found = obstacle(config);
  if (found) return found;
  if ((await Notification.requestPermission()) !== "granted") return "alarmDenied";
  const made = subscription(config.key);
  try {
    await Promise.race([made, late(WAIT_MS)]);
  } catch (error) {
    made.then(() => register(config, choice).then(done), () => undefined);
    return error.message === "late" ? "alarmLate" : "alarmNone";
  }
  return register(config, choice);
}

async function subscription(key) {
  const worker = await navigator.serviceWorker.ready;
  const old = await worker.pushManager.getSubscription();
  if (old && !same(old.options.applicationServerKey, bytes(key))) await old.unsubscribe();
  return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
}

const same = (buffer, wanted) => {
  if (!buffer) return false;
  const have = new Uint8Array(buffer);
  return have.length === wanted.length && have.every((value, index) => value === wanted[index]);
};

/** Tell the server which browser wants which village; kept to be told again until it heard. */
export async function register(config, choice) {
  const worker = await navigator.serviceWorker.ready;
  const found = await worker.pushManager.getSubscription();
  if (!found) return "alarmLost";
  const before = await get("push");
  const said = { area: choice.place.code, language: choice.language, endpoint: found.endpoint };
  const wish = { ...said, text_version: config.consent[choice.language].version, key: config.key };
  await put("push", { ...wish, told: before?.told ?? null, waits: true });
  try {
    await ask("/app/push", {
      subscription: found.toJSON(), area: wish.area, language: wish.language, agreed: true,
      text_version: wish.text_version, old: before?.told && before.told !== found.endpoint ? before.told : "",
    });
  } catch (error) {
    return error.status && error.status < 500 && error.status !== 429 ? "alarmRefused" : "alarmLater";
  }
  await put("push", { ...wish, told: found.endpoint, waits: false });
  return "alarmOn";
}

/** On each start: a subscription that was lost, changed or not told yet. */
export async function mend(config, choice) {
  const kept = await get("push");
  if (!kept || obstacle(config)) return kept ? obstacle(config) : "";
  if (Notification.permission !== "granted") return "alarmLost";
  const worker = await navigator.serviceWorker.ready;
  const found = await worker.pushManager.getSubscription();
  if (!found) return begin(config, choice, () => undefined);
  const asked = kept.area !== choice.place.code || kept.language !== choice.language || kept.waits;
  return asked || found.endpoint !== kept.told ? register(config, choice) : "alarmOn";
}

export async function end() {
  const kept = await get("push");
  await put("push", null);
  const worker = "serviceWorker" in navigator ? await navigator.serviceWorker.getRegistration("/app/") : null;
  const found = await worker?.pushManager?.getSubscription();
  await found?.unsubscribe();
  const endpoint = kept?.told ?? found?.endpoint;
  if (endpoint) await ask("/app/push/leave", { endpoint });
}
