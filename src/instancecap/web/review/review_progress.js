// The queue's entries and filters, how far the review is, and how far people agree.

import { get } from "./api.js";
import { called, make, show } from "./review_fields.js";

const progress = document.querySelector("[data-part=progress]");
const filters = document.querySelector("[data-part=filters]");

/** An entry of the queue; its button opens the caption at this place of the list. */
export function entry(one, index, isOpen) {
  const button = make("button", { type: "button", "data-index": index, "aria-current": isOpen ? "true" : null },
    make("strong", { dir: "auto" }, one.name),
    make("span", { class: "about", dir: "auto" }, one.error || one.classes.join(", ") || "no instance"));
  const [rank] = one.place;
  if (rank < 0) button.append(make("span", { class: "support disputed" }, `${-rank} disputed`));
  const given = Object.entries(one.verdicts);
  button.append(...given.map(([who, state]) =>
    make("span", { class: `mark ${state}`, dir: "auto" }, given.length > 1 ? `${state} by ${who || "somebody"}` : state)));
  if (one.edited) button.append(make("span", { class: "mark edited" }, "edited"));
  return make("li", {}, button);
}

/** A claim that is disputed, with buttons to its field and to the frames that speak against it. */
export function doubt(one) {
  const button = make("button", { type: "button", class: "quiet", "data-go": one.field }, called(one.field));
  return make("li", {}, make("span", { class: `support ${one.support}` }, one.support), " ",
    make("q", { dir: "auto" }, one.says), ` ${Math.round(100 * one.confidence)}% `, button, ...(one.frames.length ? [" ", show(one.says, one.frames, one.field)] : []));
}

let counting = 0;
export function standing() {
  clearTimeout(counting);
  counting = setTimeout(async () => {
    const told = await get("/review/progress");
    const judged = told.captions - told.open - told.unreadable;
    const parts = [`${judged.toLocaleString("en")} of ${told.captions.toLocaleString("en")} judged: `
      + `${told.accepted} accepted, ${told.rejected} rejected, ${told.skipped} skipped; ${told.edited} edited.`];
    const people = Object.entries(told.reviewers).filter(([who]) => who);
    if (people.length > 1) parts.push(` ${people.map(([who, count]) => `${who} ${count}`).join(", ")}.`);
    if (told.judged_twice) {
      const alpha = told.agreement === null ? "" : `, alpha ${told.agreement.toFixed(2)}`;
      parts.push(` Agree on ${told.same} of ${told.judged_twice}${alpha}.`);
    }
    if (told.unwritten) parts.push(` Kept here, not in the table yet: ${told.unwritten}`);
    progress.textContent = parts.join("");
  }, 300);
}

export async function offer() {
  const found = await get("/review/choices");
  filters.querySelector("[data-part=folders]").hidden = found.folders.length < 2;
  for (const [name, key] of [["folder", "folders"], ["flag", "flags"], ["class_", "classes"], ["camera", "camera"]]) {
    const select = filters.elements[name];
    const { value } = select;
    select.replaceChildren(select.options[0],
      ...found[key].map((one) => make("option", { value: one }, one.replaceAll("_", " "))));
    select.value = value;
  }
}
