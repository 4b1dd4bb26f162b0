// Find and replace over the set: what would change is shown before anything does.

import { follow, get, post, tell } from "./api.js";
import { ask, field } from "./review_dialogs.js";
import { called, make, shown } from "./review_fields.js";

const tick = (name, text, checked) => make("label", { class: "tick" },
  make("input", { type: "checkbox", name, checked }), ` ${text}`);

/** `me()` is the reviewer, `query()` the filters of the queue; `again()` reads the queue anew. */
export async function replaceOverSet({ me, query, again }) {
  async function takeBack(batch) {
    const { undone, left } = await post("/review/replace/undo", { batch });
    await again();
    tell(left.length ? `${undone} changes taken back; ${left.length} were edited since and stay` : `${undone} changes taken back`);
  }

  const { last } = await get("/review/replace/last");
  const back = make("button", { type: "submit", value: "back", formnovalidate: true },
    last ? `Take back the last one: ${last.fields} fields, by ${last.reviewer || "somebody"}` : "");
  const reply = await ask("Find and replace", [
    field("find", "Find", { required: true, maxlength: 500, autofocus: true }),
    field("replace", "Replace with", { maxlength: 500 }),
    field("fields", "Only in these fields, parted by commas", { placeholder: "all: name, appearance, background …" }),
    tick("match_case", "upper and lower case as written", false),
    tick("filtered", "only captions of the present filter", false),
    make("button", { type: "submit", value: "look", class: "sr", tabindex: -1 }, "Show what changes"), // for Enter
    ...(last ? [make("p", {}, back)] : []),
  ], [["look", "Show what changes"]]);
  if (!reply) return;
  if (reply.action === "back") return takeBack(last.batch);
  const asked = { find: reply.find, replace: reply.replace,
    match_case: Boolean(reply.match_case), query: reply.filtered ? query() : {}, reviewer: me(),
    fields: reply.fields.split(",").map((one) => one.trim()).filter(Boolean) };
  const seen = await post("/review/replace/preview", asked);
  if (!seen.fields) return tell("nothing would change");
  const rows = seen.shown.map((one) => make("tr", {}, make("td", { dir: "auto" }, one.name),
    make("td", {}, called(one.pointer)), make("td", { dir: "auto" }, make("del", {}, shown(one.before))),
    make("td", { dir: "auto" }, shown(one.after))));
  const head = make("tr", {}, ...["Caption", "Field", "Before", "After"].map((one) => make("th", { scope: "col" }, one)));
  const more = seen.fields > seen.shown.length ? [make("p", {}, `and ${seen.fields - seen.shown.length} more fields`)] : [];
  const sure = await ask(`${seen.fields} fields of ${seen.captions} captions would change`,
    [make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Changes" },
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))), ...more],
    [["replace", "Replace in all of them"]]);
  if (!sure) return;
  const { job } = await post("/review/replace", asked);
  const done = await follow(job, { onEvent: ({ share }) => tell(`replacing: ${Math.round(100 * share)}%`) });
  await again();
  tell(`${done.fields} fields are changed`);
  const failed = Object.entries(done.failed).map(([name, line]) => make("li", { dir: "auto" }, `${name}: ${line}`));
  const after = await ask(`${done.fields} fields of ${done.captions} captions are changed`,
    failed.length ? [make("p", {}, "Not changed:"), make("ul", {}, ...failed)] : [],
    [["undo", "Take it all back"]], { leaves: true });
  if (after) await takeBack(done.batch);
}
