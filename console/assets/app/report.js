// Reports: kept in the phone first, then sent until the server has heard them, each once.
import { ask } from "./dom.js";
import { get, names, put, remove } from "./store.js";

const PREFIX = "lapor/";

const once = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/** Keep a report and try to send it: `{page}`, `{waits: true}` or `{word}` of what is wrong. */
export async function tell(report) {
  const name = PREFIX + once();
  await put(name, report);
  return send(name);
}

async function send(name) {
  const report = await get(name);
  if (!report) return {};
  try {
    const answer = await ask("/app/lapor", { ...report, once: name.slice(PREFIX.length) });
    await remove(name);
    await put("lapor-last", { page: answer.page });
    return answer;
  } catch (error) {
    const wrong = error.status >= 400 && error.status < 500 && error.status !== 429 && error.status !== 403;
    if (wrong) await remove(name);
    return wrong ? { word: error.word } : { waits: true, word: error.word };
  }
}

export const waiting = async () => (await names(PREFIX)).length;

/** Send what waits; how many still do. */
export async function sendAll() {
  for (const name of await names(PREFIX)) await send(name);
  return waiting();
}
