// Types to the server, reads its replies. Every address is relative to the page, so that it works behind a
// proxy's path prefix, and has the page's token; every text from outside is set as text.
"use strict";

const SUBPROTOCOL = "batchdemo.v1+json";
// Okabe and Ito's colours, beside the batch's number, which says the same without colour.
const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"];
const MOST = 500; // replies that are kept on the page
const $ = (id) => document.getElementById(id);

let socket = null;
let lastBatch = null;
let server = null; // the last /status, and when it came
let retry = 1;

function address(path) {
  const url = new URL(path, document.baseURI);
  // All of them: a hub has one of its own under the same name.
  const tokens = new URLSearchParams(location.search).getAll("token");
  for (const token of tokens) url.searchParams.append("token", token);
  return url;
}

function socketAddress(path) {
  const url = address(path);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

function say(text) {
  if ($("state").textContent !== text) $("state").textContent = text;
}

function connect() {
  const id = $("client").value;
  if (socket) socket.onclose = socket.onmessage = null, socket.close();
  say("Connecting …");
  socket = new WebSocket(socketAddress(`ws/${encodeURIComponent(id)}`), SUBPROTOCOL);
  socket.onopen = () => { retry = 1; say(`Connected as ${id}.`); };
  socket.onmessage = (event) => show(JSON.parse(event.data));
  socket.onclose = (event) => {
    const why = event.reason || "the server does not answer";
    say(`Not connected: ${why}. Trying again in ${retry} s.`);
    const closed = socket;
    setTimeout(() => { if (socket === closed) connect(); }, retry * 1000);
    retry = Math.min(retry * 2, 15);
  };
}

function cell(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

function show(said) {
  const item = document.createElement("li");
  if (said.type === "refusal") {
    const again = said.retry_after === undefined ? "" : `; try again in ${said.retry_after.toFixed(1)} s`;
    const why = `${said.reason}${again}`;
    item.append(cell("text refused", said.text), cell("how", why));
  } else {
    if (said.batch !== lastBatch) item.className = "first";
    lastBatch = said.batch;
    item.dataset.batch = said.batch;
    item.style.setProperty("--stripe", COLOURS[(said.batch - 1) % COLOURS.length]);
    const how = `batch ${said.batch}, place ${said.position}, by ${said.reason}, waited ${said.waiting_time.toFixed(2)} s`;
    item.append(cell("text", said.text), cell("how", how));
  }
  $("empty").hidden = true;
  const list = $("replies");
  list.append(item);
  while (list.children.length > MOST) list.firstChild.remove();
  item.scrollIntoView({ block: "nearest" });
}

// "1-18" is eighteen messages, as a class wants to see them; anything else is one.
function messages(text) {
  const range = /^\s*(\d{1,9})\s*-\s*(\d{1,9})\s*$/.exec(text);
  if (!range) return [text];
  const [first, last] = [Number(range[1]), Number(range[2])];
  if (last < first || last - first >= 1000) return [text];
  return Array.from({ length: last - first + 1 }, (_, at) => String(first + at));
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!socket || socket.readyState !== WebSocket.OPEN) return say("Not connected yet: nothing was sent.");
  const texts = messages($("text").value);
  for (const text of texts) socket.send(text);
  say(`Sent ${texts.length === 1 ? "1 message" : `${texts.length} messages`}.`);
  $("text").value = "";
  $("text").focus();
});

$("client").addEventListener("change", () => { if ($("client").checkValidity()) connect(); });

async function ask() {
  try {
    const answer = await fetch(address("status"), { cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    server = { ...(await answer.json()), at: performance.now() };
    $("waiting").textContent = server.waiting;
    $("batches").textContent = server.batches;
    const ticks = server.interval !== null;
    const many = server.max_batch_size === 1 ? "1 request" : `up to ${server.max_batch_size} requests`;
    const when = ticks ? `${many} every ${server.interval} s` : `in batches: ${server.policy}`;
    $("policy").textContent = `This server answers ${when}, in the order in which they came.`;
    $("until").textContent = ticks ? "until the next tick" : "until it looks again by itself";
    $("tick").hidden = !ticks;
  } catch {
    server = null;
  }
  // Soon after the next tick, when the queue has changed; but no more than five times a second.
  const wait = server ? Math.min(1000, Math.max(200, (server.next_tick_in ?? 1) * 1000 + 30)) : 1000;
  setTimeout(ask, wait);
}

function tick() {
  if (server && server.interval === null) {
    const left = server.next_tick_in === null ? null : server.next_tick_in - (performance.now() - server.at) / 1000;
    $("next").textContent = left === null ? "–" : `${Math.max(0, left).toFixed(1)} s`;
  } else if (server) {
    const passed = (performance.now() - server.at) / 1000;
    const left = server.next_tick_in - passed;
    const next = ((left % server.interval) + server.interval) % server.interval;
    $("next").textContent = `${next.toFixed(1)} s`;
    $("tick").value = 1 - next / server.interval;
  } else {
    $("next").textContent = "–";
    $("tick").removeAttribute("value");
  }
  requestAnimationFrame(tick);
}

$("client").value = String(Date.now() % 1_000_000_000);
connect();
ask();
tick();
