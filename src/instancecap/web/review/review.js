// The review: a queue of captions, one of them open, everything by keyboard too.

import { follow, get, post, remembered, tell, text } from "./api.js";
import { mount, unmount } from "./player.js";
import { ask, help, isOpen, resume, since } from "./review_dialogs.js";
import { Fields, make, told } from "./review_fields.js";
import { instanceActions } from "./review_instances.js";
import { listen } from "./review_keys.js";
import { doubt, entry, offer, standing } from "./review_progress.js";
import { replaceOverSet } from "./review_replace.js";

const part = {};
for (const node of document.querySelectorAll("[data-part]")) part[node.dataset.part] = node;

const MOST_ITEMS = 200; // entries of the queue in the page
const LOOK_AGAIN = 4000; // milliseconds after which a change by somebody else is noticed
const DONE = { accept: "accepted", reject: "rejected", skip: "skipped" };

let items = []; // of the queue, a window of it
let at = -1; // the one that is open
let open = null; // what the server told of it
let player = null;
let steps = []; // what can be undone, the latest last
let saving = Promise.resolve();
let loading = null; // the reading of the queue that is under way
const ahead = new Map(); // captions and players that are fetched before they are wanted

const me = () => part.reviewer.value.trim();
const address = (path, values) => `/review/${path}?${new URLSearchParams(values)}`;

// The queue -----------------------------------------------------------------------------------

function query() {
  const given = Object.fromEntries([...new FormData(part.filters)].filter(([, value]) => value));
  const { by, disputed, ...rest } = given;
  return { ...rest, ...(disputed ? { disputed: true } : {}), ...(by && me() ? { reviewer: me() } : {}) };
}

async function page(more = {}) {
  return get(address("queue", { ...query(), ...more }));
}

/** Read the queue, one reading after the other, so that none opens anew what another has opened. */
function load(options = {}) {
  const done = Promise.resolve(loading).catch(() => {}).then(() => readQueue(options));
  loading = done;
  return done.finally(() => { if (loading === done) loading = null; });
}

async function readQueue({ keep = false }) {
  const found = await page({ counted: true });
  const name = keep && open ? open.name : null;
  items = found.items;
  at = name ? items.findIndex((one) => one.name === name) : -1;
  part.count.textContent = found.count === 1 ? "1 caption" : `${found.count.toLocaleString("en")} captions`;
  paintQueue();
  if (at >= 0) return;
  if (!open && (await showLinked())) return;
  if (items.length) await show(0);
  else if (!keep || !open) nothing();
}

/** Open the caption that the address names, with its neighbors in the queue. */
async function showLinked() {
  const name = new URLSearchParams(location.search).get("caption");
  const linked = name && (await fetched(name).caption.catch(() => null));
  if (!linked) return false;
  [items, at] = [[linked.item], 0];
  await extend(true);
  await extend(false);
  await show(at);
  return true;
}

function nothing() {
  open = null;
  part.caption.hidden = true;
  part.empty.hidden = false;
  part.empty.textContent = part.review.dataset.job ? "Reading the captions …"
    : "No caption is like that. Take filters off, or open a folder that holds captions.";
}

function paintQueue() {
  part.items.replaceChildren(...items.map((one, index) => entry(one, index, index === at)));
  part.more.hidden = items.length < 50;
}

/** Show how a caption of the queue stands now; its place in the list stays. */
function paintItem(item) {
  const index = items.findIndex((one) => one.name === item.name);
  if (index < 0) return;
  items[index] = { ...item, place: items[index].place };
  part.items.children[index]?.replaceWith(entry(items[index], index, index === at));
}

async function extend(back) {
  if (!items.length) return 0;
  const end = back ? items[0] : items.at(-1);
  const found = (await page({ after: JSON.stringify(end.place), ...(back ? { back: true } : {}) })).items;
  const fresh = found.filter((one) => !items.some((known) => known.name === one.name));
  if (back) {
    items = [...fresh.reverse(), ...items].slice(0, MOST_ITEMS);
    at += fresh.length;
  } else {
    const drop = Math.max(0, items.length + fresh.length - MOST_ITEMS);
    items = [...items, ...fresh].slice(drop);
    at -= drop;
  }
  paintQueue();
  return fresh.length;
}

async function go(by) {
  await saved();
  if (at + by < 0 && !(await extend(true))) return tell("this is the first one");
  if (at + by >= items.length && !(await extend(false))) return tell("this is the last one");
  await show(at + by);
}

function fetched(name) {
  if (!ahead.has(name)) {
    const caption = get(address("caption", { name }));
    const html = caption.then(({ clip, version }) => (clip ? text(address("player", { name, version })) : ""));
    html.catch(() => {});
    caption.catch(() => {});
    ahead.set(name, { caption, html });
    if (ahead.size > 4) ahead.delete(ahead.keys().next().value);
  }
  return ahead.get(name);
}

async function show(index) {
  at = index;
  const { name, error } = items[at];
  history.replaceState(null, "", `/review?caption=${encodeURIComponent(name)}`);
  for (const node of part.items.querySelectorAll("button")) {
    node.toggleAttribute("aria-current", Number(node.dataset.index) === at);
    if (Number(node.dataset.index) === at) node.scrollIntoView({ block: "nearest" });
  }
  if (error) return unreadable(name, error);
  const began = performance.now();
  const mine = fetched(name);
  let data;
  try {
    data = await mine.caption;
  } catch (fault) {
    return unreadable(name, fault.message);
  }
  if (items[at]?.name !== name) return; // already on to another one
  accept(data, { fresh: true });
  putPlayer(mine.html, name);
  performance.measure("next caption", { start: began, end: performance.now() });
  if (items[at + 1] && !items[at + 1].error) fetched(items[at + 1].name);
  ahead.delete(name);
}

function unreadable(name, line) {
  open = null;
  part.caption.hidden = true;
  part.empty.hidden = false;
  part.empty.replaceChildren(make("strong", { dir: "auto" }, name), ` — ${line}`);
}

/** Put a player in place of the one before; that one stays until the new one is there. */
async function putPlayer(html, name, { keeps = false } = {}) {
  const note = (line) => {
    unmount(part.player);
    player = null;
    part.player.replaceChildren(make("p", { class: "empty" }, line));
  };
  if (!keeps || !player) note(open.clip ? "Reading the clip …" : open.trouble);
  try {
    const found = await html;
    if (open?.name !== name || !found) return;
    const t = keeps && player ? player.t : null;
    const drawing = keeps && part.player.querySelector(".sheet"); // goes on over the new player
    unmount(part.player);
    const template = document.createElement("template");
    template.innerHTML = found; // of our own template, which escapes what it is given
    part.player.replaceChildren(template.content);
    [player] = mount(part.player);
    player.root.addEventListener("unplayable", () => {
      if (open?.name === name) putPlayer(text(address("player", { name, version: open.version, frames: true })), name, { keeps: true });
    });
    if (t !== null) player.seekTo(t);
    if (drawing) resume(drawing, player.root.querySelector(".frame"));
  } catch (fault) {
    if (open?.name === name) note(fault.message);
  }
}

// The caption that is open ---------------------------------------------------------------------

function accept(data, { fresh = false } = {}) {
  const tracks = (one) => JSON.stringify(one?.caption.instances.map(({ id, track }) => [id, track]));
  const moved = !fresh && tracks(open) !== tracks(data);
  open = data;
  part.caption.hidden = false;
  part.empty.hidden = true;
  part.name.textContent = data.name;
  paintItem(data.item);
  fields.show(data, { fresh });
  const claims = data.caption.claims.filter((one) => ["disputed", "contradicted"].includes(one.support));
  part.doubts.replaceChildren(...claims.map(doubt));
  if (document.activeElement !== part.critique) part.critique.value = data.critiques[me()] ?? "";
  const others = Object.entries(data.critiques).filter(([who]) => who !== me());
  part.others.replaceChildren(...others.map(([who, line]) => make("span", { dir: "auto" }, `${who || "somebody"}: ${line}`)));
  part.history.replaceChildren(...data.changes.map((one) =>
    make("li", { dir: "auto" }, `${one.time.slice(0, 16).replace("T", " ")} ${one.reviewer || "somebody"}: ${told(one.edit)}`)));
  paintVerdict();
  if (moved && data.clip) {
    const frames = player && !player.data.video ? { frames: true } : {};
    putPlayer(text(address("player", { name: data.name, version: data.version, ...frames })), data.name, { keeps: true });
  }
}

function paintVerdict() {
  const given = Object.entries(open.verdicts);
  part.verdict.replaceChildren(...given.map(([who, state]) =>
    make("span", { class: `mark ${state}`, dir: "auto" }, who && who !== me() ? `${state} by ${who}` : state)));
}

/** Done with all that is under way: the field that is being typed in, too. */
async function saved() {
  if (part.caption.contains(document.activeElement)) document.activeElement.blur();
  await saving;
}

async function send(name, version, edit) {
  const answer = await post("/review/save", { name, version, reviewer: me(), edit });
  if (answer.conflict) return settle(answer, edit);
  if (answer.error) return answer.error;
  accept(answer);
  standing();
  steps.push({ kind: "edit", name });
  return "";
}

/** Save an edit; resolves to a fault, or "". */
function save(edit) {
  const run = async () => {
    if (!open) return "";
    return send(open.name, open.version, edit).catch((fault) => fault.message);
  };
  const done = saving.then(run);
  saving = done.catch(() => {});
  return done;
}

/** Somebody else came first: show what they did, and ask. */
async function settle({ now, changes }, edit) {
  accept(now);
  const parts = [...since(changes), make("p", {}, "Yours: "), make("p", { dir: "auto" }, told(edit))];
  const reply = await ask("Somebody changed this caption", parts, [["mine", "Save mine on top"]], { leaves: true });
  return reply ? send(now.name, now.version, edit) : "";
}

const saveOrTell = async (edit) => {
  const fault = await save(edit);
  if (fault) tell(fault, { error: true });
  return !fault;
};

const fields = new Fields(part.fields, {
  save: (pointer, value) => save({ kind: "set", pointer, value }),
  check: async (pointer, value) => {
    if (!open) return "";
    const edit = { kind: "set", pointer, value };
    const answer = await post("/review/check", { name: open.name, version: open.version, edit }).catch(({ message }) => ({ error: message }));
    return answer.error;
  },
  recaption: (pointer) => instances.recaption(pointer),
  writer: part.review.dataset.writer,
  keys: true,
});

// What the keys and buttons do -----------------------------------------------------------------

async function judge(name, verdict) {
  const { verdicts } = await post("/review/judge", { name, verdict, reviewer: me() });
  const item = items.find((one) => one.name === name);
  if (item) paintItem({ ...item, verdicts });
  if (open?.name === name) {
    open.verdicts = verdicts;
    paintVerdict();
  }
  standing();
}

async function conclude(what) {
  await saved();
  if (!open) return;
  const { name } = open;
  steps.push({ kind: "judge", name, before: open.verdicts[me()] ?? "open" });
  const isLast = at + 1 >= items.length;
  await Promise.all([judge(name, DONE[what]), isLast ? extend(false) : null]);
  tell(`${DONE[what]}: ${name}`);
  if (at + 1 < items.length) await show(at + 1);
}

async function undo() {
  await saved();
  const step = steps.pop() ?? (open && { kind: "edit", name: open.name });
  if (!step) return;
  if (step.name !== open?.name) {
    const index = items.findIndex((one) => one.name === step.name);
    if (index < 0) return tell(`${step.name} is not in this queue any more`);
    await show(index);
  }
  if (step.kind === "judge") {
    await judge(step.name, step.before);
    return tell(`${step.name} is ${step.before} again`);
  }
  const answer = await post("/review/undo", { name: open.name, version: open.version, reviewer: me() });
  if (answer.error) return tell(answer.error, { error: true });
  accept(answer.now ?? answer);
  standing();
  if (answer.conflict) await ask("Nothing is undone: somebody changed this caption", since(answer.changes), []);
  else tell("undone");
}

const instances = instanceActions({ opened: () => open, player: () => player, fields, saved, save: saveOrTell });

const actions = {
  next: () => go(1), previous: () => go(-1), undo, help, ...instances,
  accept: () => conclude("accept"), reject: () => conclude("reject"), skip: () => conclude("skip"),
  edit: () => fields.focus(fields.focused), critique: () => part.critique.focus(),
  recaption: () => instances.recaption(fields.focused),
  search: () => { document.querySelector(".filters").open = true; part.search.focus(); },
  replace: async () => { await saved(); await replaceOverSet({ me, query, again: () => load({ keep: true }) }); if (open) await refreshOpen(); },
};
const NEEDS_CAPTION = new Set(["accept", "reject", "skip", "edit", "critique", "recaption", "add", "merge", "split", "remove"]);

function run(action) {
  if (NEEDS_CAPTION.has(action) && !open) return;
  Promise.resolve(actions[action]()).catch((fault) => tell(fault.message, { error: true }));
}

listen({
  run,
  search: part.search,
  toInstance: (rank) => {
    const card = open?.caption.instances[rank - 1];
    if (card) fields.focus(`/instances/${card.id}/name`);
    return Boolean(card);
  },
});

document.addEventListener("click", (event) => {
  const { target } = event;
  const action = target.closest("[data-do]")?.dataset.do;
  if (action) run(action);
  const to = target.closest("[data-go]")?.dataset.go;
  if (to) fields.focus([...fields.nodes.keys()].find((one) => one.startsWith(to)));
  const index = target.closest("[data-index]")?.dataset.index;
  if (index) saved().then(() => show(Number(index)));
});

part.more.addEventListener("click", () => extend(false));
part.critique.addEventListener("change", async () => {
  const { name } = open;
  const { critiques } = await post("/review/critique", { name, text: part.critique.value, reviewer: me() });
  if (open?.name === name) open.critiques = critiques;
  tell("kept as a training pair");
});
part.critique.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); part.critique.blur(); }
});
part.filters.addEventListener("submit", (event) => event.preventDefault());
let waiting = 0;
part.filters.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => saved().then(() => load()), 250);
});
addEventListener("beforeunload", (event) => {
  const said = open?.critiques[me()] ?? "";
  if (open && (fields.unsaved || part.critique.value !== said)) event.preventDefault();
});
part.reviewer.addEventListener("change", () => {
  remembered.set("reviewer", me());
  steps = [];
  if (open) accept(open);
});

async function refreshOpen() {
  if (!open) return;
  const { name, version } = open;
  const data = await get(address("caption", { name }));
  if (open?.name === name && open.version === version && data.version !== version) {
    accept(data);
    return data;
  }
}

/** Notice what somebody else does to the caption that is open. */
setInterval(async () => {
  if (!open || document.hidden || isOpen() || part.fields.contains(document.activeElement)) return;
  const { name, version } = open;
  const now = await get(address("version", { name })).catch(() => null);
  if (!now || open?.name !== name || open.version !== version || now.version === version) return;
  const data = await refreshOpen();
  const latest = data?.changes.at(-1);
  if (data) tell(`changed by ${latest?.reviewer || "somebody else"}`);
}, LOOK_AGAIN);

part.reviewer.value = remembered.get("reviewer");
load({ keep: true }).then(standing);
offer();
const { job: building } = part.review.dataset;
follow(building, { onEvent: ({ count }) => { part.count.textContent = `reading captions: ${count.toLocaleString("en")}`; if (!open && !loading) load({ keep: true }); } })
  .then(() => { part.review.dataset.job = ""; return Promise.all([load({ keep: true }), offer()]); })
  .then(standing, (fault) => tell(fault.message, { error: true }));
