// An SMSC for tests, on the npm package `smpp`: it listens on 127.0.0.1 and behaves as told.
//
//   node smsc.js '{"port": 0, "log": "/tmp/accepted.jsonl", "rate": 100}'
//
// Out (stdout): one JSON object a line; the first is {"event": "listening", "port": N}.
// In (stdin): one JSON object a line, each answered by {"event": "done", "n": n, ...}:
//   {"n": 1, "set": {"rate": 50}}     change modes
//   {"n": 2, "do": "stats"}           counts since the start
//   {"n": 3, "do": "mo", "source": "628…", "text": "YA", "count": 1, …}   see mobileOriginated
//   {"n": 4, "do": "raw", "hex": "…"}  octets to every session
//   {"n": 5, "do": "drop" | "end" | "unbind" | "enquire" | "exit"}
// Every accepted submit_sm is one line of the file `log`, written before it is answered.
// The end of stdin ends the process, so that none outlives its test.
'use strict';
const fs = require('fs');
const readline = require('readline');
const smpp = require(process.env.SMPP_MODULE || 'smpp');

const modes = {
  port: 0,
  log: null,
  key: null, cert: null,        // files: speak TLS
  system_id: null, password: null, // null: any
  bind_status: 0,               // 0x0E bad password, 0x0F bad system id
  close_after_bind: false,
  rate: 0,                      // submits a second; above it throttle_status. 0: no limit
  throttle_status: 0x58,        // ESME_RTHROTTLED; 0x14 is ESME_RMSGQFUL
  refuse: {},                   // destination -> command_status
  refuse_text: {},              // part of the text -> command_status
  answer: true,                 // false: accept, never answer
  answer_delay_ms: 0,
  answer_jitter_ms: 0,          // answers out of order
  silent: false,                // half-open: read everything, answer nothing at all
  submit_id: 'decimal',         // decimal, zeros, hex, hexlow, hexzeros
  receipt_id: 'decimal',
  receipt_form: 'both',         // tlv, text, both, bare (lower case, fields missing)
  receipt_state: 'DELIVRD',
  receipt_states: {},           // destination -> state
  receipt_delay_ms: 50,         // below 0: before the submit_sm_resp
  query_state: null,            // what a query_sm is answered; null: ESME_RQUERYFAIL
  drop_receipts: 0,             // every n-th is never sent; 1: all
  double_receipts: false,
  forget_receipts: false,       // what was not acknowledged on a dead session is lost
  resend_ms: 200,               // a deliver_sm that was not taken comes again
  deliver_window: 100,
  close_after: 0,               // drop all sessions at the n-th accepted from now, unanswered
  exit_after: 0,                // die at the n-th accepted from now, unanswered
  ...JSON.parse(process.argv[2] || '{}'),
};

const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8 };
const IDS = {
  decimal: (n) => String(n),
  zeros: (n) => String(n).padStart(10, '0'),
  hex: (n) => n.toString(16).toUpperCase(),
  hexlow: (n) => n.toString(16),
  hexzeros: (n) => n.toString(16).toUpperCase().padStart(8, '0'),
};
const stats = {
  sessions: 0, binds: 0, accepted: 0, throttled: 0, refused: 0, answered: 0, max_in_flight: 0,
  receipts_queued: 0, receipts_dropped: 0, delivers_sent: 0, delivers_acked: 0, delivers_refused: 0,
  queries: 0, enquire_links: 0, unbinds: 0, nacks: 0, errors: 0, max_outstanding: 0,
};

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');
const logFile = modes.log ? fs.openSync(modes.log, 'a+') : null;
// Ids go on where an earlier process of the same log stopped.
let counter = modes.log ? fs.readFileSync(modes.log, 'utf8').split('\n').length - 1 : 0;

const sessions = new Set();
const waiting = [];   // deliver_sm not on the wire
let outstanding = 0;  // deliver_sm on the wire

// --- what we deliver ---------------------------------------------------------------------
function enqueue(item) { waiting.push(item); pump(); }

function receivers() { return [...sessions].filter((s) => s.receives); }

function pump() {
  const targets = receivers();
  if (!targets.length || modes.silent) return;
  while (waiting.length && outstanding < modes.deliver_window) {
    deliver(targets[stats.delivers_sent % targets.length], waiting.shift());
  }
}

function deliver(session, item) {
  const token = {};
  outstanding += 1;
  stats.delivers_sent += 1;
  stats.max_outstanding = Math.max(stats.max_outstanding, outstanding);
  session.delivering.set(token, item);
  session.deliver_sm({ ...item.fields }, (answer) => {
    if (!session.delivering.delete(token)) return;
    outstanding -= 1;
    if (item.key !== undefined) {
      say({ event: 'acked', key: item.key, status: answer.command_status, at_ms: Date.now() });
    }
    if (answer.command_status === 0) stats.delivers_acked += 1;
    else {
      stats.delivers_refused += 1;
      setTimeout(() => enqueue(item), modes.resend_ms);
    }
    pump();
  });
}

function stamp(date) {
  const two = (n) => String(n).padStart(2, '0');
  return two(date.getUTCFullYear() % 100) + two(date.getUTCMonth() + 1) + two(date.getUTCDate())
    + two(date.getUTCHours()) + two(date.getUTCMinutes());
}

function receiptText(id, state, submitted) {
  if (modes.receipt_form === 'bare') return `ID:${id} Stat:${state.toLowerCase()}`;
  return `id:${id} sub:001 dlvrd:${state === 'DELIVRD' ? '001' : '000'} submit date:${stamp(submitted)} `
    + `done date:${stamp(new Date())} stat:${state} err:000 text:`;
}

function receipt(n, pdu, submitted) {
  if (modes.drop_receipts && n % modes.drop_receipts === 0) { stats.receipts_dropped += 1; return; }
  const id = IDS[modes.receipt_id](n);
  const state = modes.receipt_states[pdu.destination_addr] || modes.receipt_state;
  const text = modes.receipt_form === 'tlv' ? '' : receiptText(id, state, submitted);
  const fields = {
    source_addr: pdu.destination_addr, source_addr_ton: 1, source_addr_npi: 1,
    destination_addr: pdu.source_addr, esm_class: 4, data_coding: 0,
    short_message: Buffer.from(text, 'latin1'),
  };
  if (modes.receipt_form === 'tlv' || modes.receipt_form === 'both') {
    fields.receipted_message_id = id;
    fields.message_state = STATES[state];
  }
  for (let i = 0; i < (modes.double_receipts ? 2 : 1); i += 1) {
    stats.receipts_queued += 1;
    enqueue({ fields, receipt: true });
  }
}

// {"source", "text", "destination"?, "coding"?: 0 GSM, 3 latin 1, 8 UCS-2, "parts"?: ["…", "…"],
//  "concat"?: "udh8" | "udh16" | "sar", "ref"?, "order"?: [1, 0], "count"?, "key"?}
function mobileOriginated(order) {
  const coding = order.coding || 0;
  const octets = (text) => (coding === 8 ? smpp.encodings.UCS2.encode(text)
    : coding === 3 ? Buffer.from(text, 'latin1') : smpp.encodings.ASCII.encode(text));
  const base = {
    source_addr: order.source, source_addr_ton: 1, source_addr_npi: 1,
    destination_addr: order.destination || '1708', data_coding: coding,
  };
  const parts = order.parts || null;
  for (let i = 0; i < (order.count || 1); i += 1) {
    if (!parts) {
      const text = order.text.replace('{n}', String(i));
      const key = order.count > 1 ? undefined : order.key;
      enqueue({ key, fields: { ...base, short_message: octets(text) } });
      continue;
    }
    const ref = (order.ref || 7) + i;
    for (const p of order.order || parts.keys()) {
      const head = order.concat === 'udh16' ? [6, 8, 4, ref >> 8, ref & 255, parts.length, p + 1]
        : [5, 0, 3, ref & 255, parts.length, p + 1];
      const fields = order.concat === 'sar'
        ? { ...base, short_message: octets(parts[p]), sar_msg_ref_num: ref,
          sar_total_segments: parts.length, sar_segment_seqnum: p + 1 }
        : { ...base, esm_class: 0x40, short_message: Buffer.concat([Buffer.from(head), octets(parts[p])]) };
      enqueue({ key: order.key === undefined ? undefined : `${order.key}/${p + 1}`, fields });
    }
  }
}

// --- what we take ------------------------------------------------------------------------
const bucket = { tokens: 0, at: 0 };

function overRate() {
  if (!modes.rate) return false;
  const now = Date.now();
  bucket.tokens = Math.min(modes.rate / 10 + 1, bucket.tokens + ((now - bucket.at) / 1000) * modes.rate);
  bucket.at = now;
  if (bucket.tokens < 1) return true;
  bucket.tokens -= 1;
  return false;
}

function concatOf(message) {
  for (const element of message.udh || []) {
    if (element[0] === 0) return { ref: element[2], total: element[3], part: element[4] };
    if (element[0] === 8) return { ref: element.readUInt16BE(2), total: element[4], part: element[5] };
  }
  return null;
}

function wordsOf(pdu) {
  const whole = pdu.message_payload || pdu.short_message || {};
  const text = Buffer.isBuffer(whole.message) ? whole.message.toString('latin1') : whole.message || '';
  return { text, concat: concatOf(whole) };
}

function refusal(pdu, text) {
  if (modes.refuse[pdu.destination_addr]) return modes.refuse[pdu.destination_addr];
  const found = Object.keys(modes.refuse_text).find((piece) => text.includes(piece));
  return found ? modes.refuse_text[found] : 0;
}

function answer(session, pdu, options) {
  const send = () => {
    session.in_flight -= 1;
    stats.answered += 1;
    session.send(pdu.response(options));
  };
  const wait = modes.answer_delay_ms + Math.random() * modes.answer_jitter_ms;
  if (wait > 0) setTimeout(send, wait); else send();
}

function record(session, pdu, n, words, raw) {
  if (logFile === null) return;
  fs.writeSync(logFile, JSON.stringify({
    id: n, at_ms: Date.now(), session: session.number, sequence: pdu.sequence_number,
    destination: pdu.destination_addr, dest_ton: pdu.dest_addr_ton, dest_npi: pdu.dest_addr_npi,
    source: pdu.source_addr, source_ton: pdu.source_addr_ton, source_npi: pdu.source_addr_npi,
    text: words.text, concat: words.concat, coding: pdu.data_coding, esm_class: pdu.esm_class,
    octets: raw.octets, validity: raw.validity, priority: pdu.priority_flag,
    registered: pdu.registered_delivery, reference: pdu.user_message_reference,
    in_flight: session.in_flight,
  }) + '\n');
}

function submitted(session, pdu, raw) {
  session.in_flight += 1;
  stats.max_in_flight = Math.max(stats.max_in_flight, session.in_flight);
  if (modes.silent) return;
  const words = wordsOf(pdu);
  const refused = refusal(pdu, words.text);
  if (refused) { stats.refused += 1; answer(session, pdu, { command_status: refused }); return; }
  if (overRate()) {
    stats.throttled += 1;
    answer(session, pdu, { command_status: modes.throttle_status });
    return;
  }
  const n = ++counter;
  stats.accepted += 1;
  record(session, pdu, n, words, raw);
  if (modes.exit_after && --modes.exit_after === 0) process.exit(9);
  if (modes.close_after && --modes.close_after === 0) {
    sessions.forEach((one) => one.destroy());
    return;
  }
  const wants = pdu.registered_delivery & 1;
  const at = new Date();
  if (wants && modes.receipt_delay_ms < 0) receipt(n, pdu, at);
  if (modes.answer) answer(session, pdu, { message_id: IDS[modes.submit_id](n) });
  if (wants && modes.receipt_delay_ms >= 0) {
    setTimeout(() => receipt(n, pdu, at), modes.answer_delay_ms + modes.receipt_delay_ms);
  }
}

// The package turns times and texts into objects while it reads; the tests want what was sent.
const raws = new WeakMap();
const timeFilter = smpp.filters.time.decode;
smpp.filters.time.decode = function decode(value) {
  raws.set(this, { ...(raws.get(this) || {}), validity: value || (raws.get(this) || {}).validity });
  return value ? timeFilter.call(this, value) : value;
};
const textFilter = smpp.filters.message.decode;
smpp.filters.message.decode = function decode(value, skip) {
  if (Buffer.isBuffer(value) && value.length) raws.set(this, { ...(raws.get(this) || {}), octets: value.toString('hex') });
  return textFilter.call(this, value, skip);
};

function bound(session, pdu, receives) {
  const wrong = (modes.system_id && pdu.system_id !== modes.system_id && 0x0F)
    || (modes.password && pdu.password !== modes.password && 0x0E);
  const status = modes.bind_status || wrong || 0;
  if (modes.silent) return;
  say({ event: 'bind', session: session.number, system_id: pdu.system_id, status,
    interface_version: pdu.interface_version, system_type: pdu.system_type });
  if (status) { session.send(pdu.response({ command_status: status })); return; }
  session.send(pdu.response({ system_id: 'testsmsc' }));
  stats.binds += 1;
  if (modes.close_after_bind) { session.destroy(); return; }
  session.receives = receives;
  pump();
}

function gone(session) {
  if (!sessions.delete(session)) return;
  for (const item of session.delivering.values()) {
    outstanding -= 1;
    if (!(modes.forget_receipts && item.receipt)) waiting.push(item);
  }
  session.delivering.clear();
  say({ event: 'closed', session: session.number });
  pump();
}

function opened(session) {
  Object.assign(session, { number: ++stats.sessions, in_flight: 0, receives: false, delivering: new Map() });
  sessions.add(session);
  session.on('error', () => { stats.errors += 1; session.destroy(); });
  session.on('close', () => gone(session));
  session.on('bind_transceiver', (pdu) => bound(session, pdu, true));
  session.on('bind_receiver', (pdu) => bound(session, pdu, true));
  session.on('bind_transmitter', (pdu) => bound(session, pdu, false));
  session.on('submit_sm', (pdu) => submitted(session, pdu, raws.get(pdu) || {}));
  session.on('generic_nack', () => { stats.nacks += 1; });
  session.on('query_sm', (pdu) => {
    stats.queries += 1;
    if (modes.silent) return;
    session.send(pdu.response(modes.query_state
      ? { message_id: pdu.message_id, message_state: STATES[modes.query_state] }
      : { command_status: 0x67 }));
  });
  session.on('enquire_link', (pdu) => {
    stats.enquire_links += 1;
    if (!modes.silent) session.send(pdu.response());
  });
  session.on('enquire_link_resp', () => say({ event: 'enquire_link_resp', session: session.number }));
  session.on('unbind_resp', () => say({ event: 'unbind_resp', session: session.number }));
  session.on('unbind', (pdu) => {
    stats.unbinds += 1;
    if (modes.silent) return;
    session.receives = false;
    session.send(pdu.response());
    session.close();
  });
}

// --- control -----------------------------------------------------------------------------
const ACTS = {
  stats: () => ({ ...stats, waiting: waiting.length, outstanding, open: sessions.size }),
  mo: (order) => mobileOriginated(order),
  raw: (order) => sessions.forEach((s) => s.socket.write(Buffer.from(order.hex, 'hex'))),
  drop: () => sessions.forEach((s) => s.destroy()),
  end: () => sessions.forEach((s) => s.close()),
  unbind: () => sessions.forEach((s) => { s.receives = false; s.unbind(); }),
  enquire: () => sessions.forEach((s) => s.enquire_link()),
  exit: () => process.exit(0),
};

function ordered(line) {
  const order = JSON.parse(line);
  if (order.set) Object.assign(modes, order.set);
  const found = order.do ? ACTS[order.do](order) : undefined;
  pump();
  say({ event: 'done', n: order.n, found: found || null });
}

const tls = modes.key ? { key: fs.readFileSync(modes.key), cert: fs.readFileSync(modes.cert) } : {};
const server = smpp.createServer(tls, opened);
server.on('tlsClientError', () => { stats.errors += 1; });
server.listen(modes.port, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));
readline.createInterface({ input: process.stdin })
  .on('line', ordered)
  .on('close', () => process.exit(0));
