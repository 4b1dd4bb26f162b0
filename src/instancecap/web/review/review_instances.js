// What is done to the instances of the open caption, and fields that are written anew.

import { follow, post, tell } from "./api.js";
import { ask, choice, draw, field } from "./review_dialogs.js";
import { make, shown, valueAt } from "./review_fields.js";

/**
 * Actions by name. `opened()` is the caption, `player()` its player or null, `saved()` waits for what
 * is under way, `save(edit)` resolves to whether it was done.
 */
export function instanceActions({ opened, player, fields, saved, save }) {
  async function job(promise) {
    const { job: id } = await promise;
    return follow(id, { endsWithPage: true, onEvent: ({ stage }) => tell(`${stage} …`) });
  }

  async function recaption(pointer) {
    if (!pointer) return tell("go into a field first");
    await saved();
    const { name } = opened();
    try {
      const { value, by } = await job(post("/review/recaption", { name, pointer }));
      if (opened()?.name !== name) return;
      const now = valueAt(opened().caption, pointer);
      if (JSON.stringify(now) === JSON.stringify(value)) return tell("it says the same again");
      const parts = [make("p", { class: "was" }, "now: ", make("del", { dir: "auto" }, shown(now) || "empty")),
        make("p", { dir: "auto" }, shown(value)), make("p", { class: "origin" }, `${by.source}, ${by.support}`)];
      const reply = await ask("Written anew", parts, [["take", "Take it"]]);
      if (reply) await save({ kind: "take", pointer, value, by });
    } catch (fault) {
      tell(fault.message, { error: true });
    }
  }

  const names = () => opened().caption.instances.map((one) => [String(one.id), `#${one.id} ${one.name || one.class}`]);
  const chosen = () => String(fields.instance ?? opened().caption.instances[0]?.id);

  async function add() {
    await saved();
    if (!player()) return tell("without the clip there is nothing to draw on");
    player().pause();
    const { name } = opened();
    const t = player().t;
    const box = await draw(player().root.querySelector(".frame"));
    if (!box) return;
    const which = choice("instance", "It is", [["", "a new instance"], ...names()], "");
    const nouns = [field("class", "Class, a noun: dog", { required: true, autofocus: true, maxlength: 80 }),
      field("name", "Name, as the sentences call it: the small dog", { maxlength: 200 })];
    const known = () => which.querySelector("select").value;
    which.addEventListener("input", () => {
      for (const one of nouns) one.hidden = Boolean(known());
      nouns[0].querySelector("input").required = !known();
    });
    const reply = await ask("What is in the box?", [which, ...nouns], [["add", "Follow it"]]);
    if (!reply) return;
    try {
      const { track, spans } = await job(post("/review/track", { name, t, box }));
      if (opened()?.name !== name) return tell("another caption is open; nothing was added");
      const done = reply.instance ? await save({ kind: "extend", instance: Number(reply.instance), track })
        : await save({ kind: "add", class: reply.class.trim(), name: reply.name.trim(), track });
      const told = spans.map((times) => times.map((one) => one.toFixed(1)).join("–")).join(", ");
      if (done) tell(`seen at ${told} s of ${player().data.span.toFixed(1)} s; if it is there longer, draw a box there, too`);
    } catch (fault) {
      tell(fault.message, { error: true });
    }
  }

  /** Ask what becomes of the sentences that name an instance; `given` is false where nobody wants to. */
  async function sentencesOf(id, answers) {
    const sentences = Object.values(opened().mentions[id]).flat();
    if (!sentences.length) return { given: true, cut: false };
    const reply = await ask("These sentences name it", [make("ul", {}, ...sentences.map((one) => make("li", { dir: "auto" }, one)))], answers);
    return { given: Boolean(reply), cut: reply?.action === "cut" };
  }

  async function merge() {
    await saved();
    const all = names();
    if (all.length < 2) return tell("there are no two instances");
    const keep = chosen();
    const other = all.find(([id]) => id !== keep)[0];
    const reply = await ask("These two are one", [choice("keep", "Keep", all, keep),
      choice("gone", "and merge into it", all, other)], [["merge", "Merge"]]);
    if (!reply) return;
    if (reply.keep === reply.gone) return tell("choose two instances", { error: true });
    const { given, cut } = await sentencesOf(reply.gone, [["keep", "Keep them, with the name that stays"], ["cut", "Remove them"]]);
    if (given) await save({ kind: "merge", keep: Number(reply.keep), gone: Number(reply.gone), cut_sentences: cut });
  }

  async function split() {
    await saved();
    if (!opened().caption.instances.length) return tell("there is no instance");
    const t = player()?.t ?? 0;
    const reply = await ask("From then on it is another one", [choice("instance", "Instance", names(), chosen()),
      field("t", "From, seconds", { type: "number", min: 0, step: "any", value: t.toFixed(2) }),
      field("name", "Name of the new one", { maxlength: 200, autofocus: true })], [["split", "Split"]]);
    if (!reply) return;
    await save({ kind: "split", instance: Number(reply.instance), t: Number(reply.t), name: reply.name.trim() });
  }

  async function remove() {
    await saved();
    if (!opened().caption.instances.length) return tell("there is no instance");
    const first = await ask("Remove an instance", [choice("instance", "Instance", names(), chosen())], [["remove", "Remove"]]);
    if (!first) return;
    const { given, cut } = await sentencesOf(first.instance, [["cut", "Remove them too"], ["keep", "Keep them"]]);
    if (!given) return;
    await save({ kind: "remove", instance: Number(first.instance), cut_sentences: cut });
  }

  return { add, merge, split, remove, recaption };
}
