/**
 * Crashes a gateway on order, without any hook in the product. `node --import` preloads this module into the gateway,
 * and the parent process sends orders over IPC. At the ordered point, the module records the point and kills its own
 * process with SIGKILL. Without an order it only observes.
 *
 *   K1  before the commit of an accept            K6  after the commit of a submit's answer
 *   K2  after the commit of an accept             K7  callback read and written, not committed
 *   K3  intent committed, before the first byte   K8  callback committed, 200 not sent
 *   K5  the submit's answer read, not stored      K9  200 sent
 *   K10 half of a subscription's frame written    K11 webhook leased, before its first byte
 *   K12 the webhook's answer read, not recorded
 *
 * K4 (all bytes sent, no answer yet) is triggered by the upstream, because only the upstream can detect it.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { Socket } from 'node:net';
import pg from 'pg';

const SUBMIT_PATH = '/kling/motion';

/** The point of the next crash, or null. */
let ordered = null;
/** Jobs for which this process has received the answer to the submit. */
const answered = new Set();

process.on('message', (message) => (ordered = message.order ?? null));
// The gateway must not outlive the harness.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// The channel must not keep a gateway alive that was asked to stop.
process.channel?.unref();

function reach(point, detail) {
  if (ordered !== point) return;
  appendFileSync(
    process.env.KILL_POINT_FILE,
    `${JSON.stringify({ at: Date.now(), point, pid: process.pid, detail })}\n`,
  );
  process.kill(process.pid, 'SIGKILL');
}

/** The writes of the open transaction of each connection so far. */
const transactions = new WeakMap();

const insertsInto = (table) => new RegExp(`^insert into "${table}"`, 'i');
const updatesJobs = /^update "jobs"/i;

function note(client, text, values) {
  const done = transactions.get(client);
  if (!done) return;
  if (insertsInto('jobs').test(text)) done.accept = true;
  else if (insertsInto('callbacks').test(text)) done.callback = true;
  else if (updatesJobs.test(text)) {
    if (values.includes('SUBMITTING')) done.intent = true;
    const job = values.find((value) => answered.has(value));
    if (job !== undefined) done.answerOf = job;
  }
}

const kindOf = (done) =>
  done.accept ? 'accept' : done.callback ? 'callback' : done.intent ? 'intent' : done.answerOf ? 'answer' : null;
const beforeCommit = { accept: 'K1', callback: 'K7' };
const afterCommit = { accept: 'K2', callback: 'K8', answer: 'K6' };

const query = pg.Client.prototype.query;
pg.Client.prototype.query = function (config, values, ...rest) {
  const text = typeof config === 'string' ? config : (config?.text ?? '');
  const given = Array.isArray(values) ? values : (config?.values ?? []);
  if (/^begin/i.test(text)) transactions.set(this, {});
  else if (!/^commit/i.test(text)) note(this, text.trimStart(), given);
  const result = (kind, done) => {
    if (kind) reach(beforeCommit[kind], kind);
    const sent = query.call(this, config, values, ...rest);
    if (!kind || typeof sent?.then !== 'function') return sent;
    return sent.then((value) => {
      answered.delete(done.answerOf);
      reach(afterCommit[kind], kind);
      return value;
    });
  };
  if (!/^commit/i.test(text)) return result(null);
  const done = transactions.get(this) ?? {};
  transactions.delete(this);
  return result(kindOf(done), done);
};

const jobOf = (request) => /\/callbacks\/([0-9a-f-]{36})\//.exec(String(request.body))?.[1];
const isSubmit = (request) => String(request.path).endsWith(SUBMIT_PATH);
const isWebhook = (request) => String(request.headers).includes('webhook-id');
/** Stores the job of each submit, because the client releases the body once it is sent. */
const jobs = new WeakMap();

subscribe('undici:request:create', ({ request }) => {
  if (isSubmit(request)) jobs.set(request, jobOf(request));
});
// Published when the connection is established, just before the first byte is written.
subscribe('undici:client:sendHeaders', ({ request }) => {
  if (isSubmit(request)) reach('K3', jobs.get(request));
  else if (isWebhook(request)) reach('K11', 'webhook');
});
// Published when the whole answer has been read, before it is passed to the caller.
subscribe('undici:request:trailers', ({ request }) => {
  if (isWebhook(request)) reach('K12', 'webhook');
  if (!isSubmit(request)) return;
  reach('K5', jobs.get(request));
  answered.add(jobs.get(request));
});
subscribe('http.server.response.finish', ({ request, response }) => {
  if (request.url?.startsWith('/callbacks/') && response.statusCode === 200) reach('K9', 'callback');
});

const write = Socket.prototype.write;
Socket.prototype.write = function (chunk, ...rest) {
  if (ordered === 'K10' && chunk?.length > 1 && String(chunk).includes('"type":"next"')) {
    // The head of the frame is corked together with it. Both the head and half of the frame must be on the wire.
    while (this.writableCorked > 0) this.uncork();
    // `chunk` is a string or a buffer.
    write.call(this, chunk.slice(0, chunk.length >> 1));
    reach('K10', 'frame');
  }
  return write.call(this, chunk, ...rest);
};
