// Questions of the review: one dialog, filled anew for each; and the box that is drawn on the player.

import { make, told } from "./review_fields.js";

const dialog = document.querySelector("[data-part=dialog]");
let answer = null, reply = null;

dialog.addEventListener("close", () => {
  const [tell, told] = [answer, reply];
  answer = reply = null;
  tell?.(told); // at last: who hears it may ask the next question
});
dialog.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(event.target));
  reply = { ...given, action: event.submitter?.value ?? "" };
  dialog.close();
});

/**
 * Ask; resolves to what the form says and the button's value, or to null where nobody wants to. The
 * first button has the focus, or, with `leaves`, the one that does nothing.
 */
export function ask(title, parts, buttons, { leaves = false } = {}) {
  const actions = buttons.map(([value, text], rank) =>
    make("button", { type: "submit", value, class: rank ? "" : "primary" }, text));
  const typed = parts.some((one) => one.querySelector?.("[autofocus]"));
  if (!typed && !leaves && actions.length) actions[0].autofocus = true;
  const leave = make("button", { type: "button", autofocus: leaves }, buttons.length ? "Leave it" : "Close");
  leave.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(make("form", {}, make("h2", { id: "dialog-name" }, title), ...parts,
    make("p", { class: "actions" }, ...actions, leave)));
  dialog.showModal();
  return new Promise((resolve) => { answer = resolve; });
}

/** What others did, for a question about it. */
export function since(changes) {
  const lines = changes.map((one) => make("li", { dir: "auto" }, `${one.reviewer || "somebody"}: ${told(one.edit)}`));
  if (!lines.length) lines.push(make("li", {}, "another program wrote it"));
  return [make("p", {}, "Since you opened it:"), make("ul", {}, ...lines)];
}

export const isOpen = () => dialog.open;

export function field(name, text, attributes = {}) {
  return make("label", {}, make("span", {}, text),
    make("input", { name, autocomplete: "off", dir: "auto", ...attributes }));
}

export function choice(name, text, options, chosen) {
  return make("label", {}, make("span", {}, text), make("select", { name },
    ...options.map(([value, shown]) => make("option", { value, selected: value === chosen }, shown))));
}

const STEP = 0.02, FINE = 0.004; // of the picture, by an arrow key

const HOW_TO_DRAW = "Drag a box. Or arrow keys move this one, with Shift they size it, with Alt in small steps; Enter takes it, Escape leaves";

/** Put the sheet of a drawing on a frame: its own, or that of a player in place of the one before. */
export function resume(sheet, frame) {
  frame.append(sheet);
  sheet.focus();
}

/**
 * Let a box be drawn on the frame that the player shows, by pointer or arrow keys. Resolves to
 * [x0, y0, x1, y1] in 0..1, or to null.
 */
export function draw(frame) {
  const box = make("div", { class: "drawn" });
  const sheet = make("div", { class: "sheet", tabindex: 0, role: "application",
    "aria-label": HOW_TO_DRAW }, box, make("p", {}, HOW_TO_DRAW));
  let place = [0.35, 0.35, 0.65, 0.65], start = null;
  const paint = () => {
    const [x0, y0, x1, y1] = place;
    box.style.cssText = `left:${100 * x0}%;top:${100 * y0}%;width:${100 * (x1 - x0)}%;height:${100 * (y1 - y0)}%`;
  };
  const at = (event) => {
    const { left, top, width, height } = sheet.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height]
      .map((value) => Math.min(1, Math.max(0, value)));
  };
  const moved = (key, grows, step) => {
    const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key];
    const [x0, y0, x1, y1] = place;
    const next = grows ? [x0, y0, x1 + dx, y1 + dy] : [x0 + dx, y0 + dy, x1 + dx, y1 + dy];
    const fits = next.every((value) => value >= 0 && value <= 1) && next[2] - next[0] >= FINE && next[3] - next[1] >= FINE;
    if (fits) place = next;
    paint();
  };
  paint();
  resume(sheet, frame);
  return new Promise((resolve) => {
    const end = (result) => { sheet.remove(); resolve(result); };
    sheet.addEventListener("click", (event) => event.stopPropagation());
    sheet.addEventListener("pointerdown", (event) => {
      sheet.setPointerCapture(event.pointerId);
      start = at(event);
    });
    sheet.addEventListener("pointermove", (event) => {
      if (!start) return;
      const now = at(event);
      place = [Math.min(start[0], now[0]), Math.min(start[1], now[1]),
        Math.max(start[0], now[0]), Math.max(start[1], now[1])];
      paint();
    });
    sheet.addEventListener("pointerup", () => {
      const isBox = start && place[2] - place[0] > 0.01 && place[3] - place[1] > 0.01;
      start = null;
      if (isBox) end(place);
    });
    sheet.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key.startsWith("Arrow")) moved(event.key, event.shiftKey, event.altKey ? FINE : STEP);
      else if (event.key === "Enter") end(place);
      else if (event.key === "Escape") end(null);
      else return;
      event.preventDefault();
    });
  });
}

const KEYS = [["n / p", "next, previous caption"], ["a / x / s", "accept, reject, skip, and go on"],
  ["e", "edit: the first field, or the one you were in"], ["1 … 9", "go to an instance"],
  ["Enter / Esc", "in a field: save it, leave it as it was"],
  ["r", "write the field anew with the captioner"], ["u", "undo the last step"],
  ["b", "add an instance by a box on the picture"], ["m / d", "merge, remove the instance you were in"],
  ["t", "split that instance at the time shown"], ["c", "say what is wrong, in a line"],
  ["space, ← →", "play, one frame"], ["/", "search"], ["?", "these keys"]];

export function help() {
  const rows = KEYS.map(([keys, text]) => make("div", {}, make("dt", {}, make("kbd", {}, keys)), make("dd", {}, text)));
  return ask("Keys", [make("dl", { class: "keys-list" }, ...rows)], []);
}
