// The keys of the review, where nobody types into a field.

import { tell } from "./api.js";
import { isOpen } from "./review_dialogs.js";

const KEYS = { n: "next", j: "next", p: "previous", k: "previous", a: "accept", x: "reject", s: "skip",
  u: "undo", e: "edit", c: "critique", r: "recaption", b: "add", m: "merge", t: "split", d: "remove",
  "/": "search", "?": "help" };
const PAUSE = 1500; // milliseconds after which keys are no longer words meant for a field

/** `run(action)`; `toInstance(rank)` goes to an instance and tells whether there is one. */
export function listen({ run, toInstance, search }) {
  let missed = -PAUSE; // when a key went to a field that is not there, or what was typed then
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isOpen()) return;
    const typing = event.target.matches("input:not([type=checkbox], [type=range]), textarea, select");
    if (typing) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target === search)) {
        event.preventDefault(); // a browser would empty the search
        event.target.blur();
      }
      return;
    }
    if (event.timeStamp - missed < PAUSE && event.key !== "Escape") {
      missed = event.timeStamp;
    } else if (/^[1-9]$/.test(event.key)) {
      missed = toInstance(Number(event.key)) ? -PAUSE : event.timeStamp;
      if (missed > 0) tell(`there is no instance ${event.key}; nothing is typed`, { error: true });
    } else if (KEYS[event.key]) {
      missed = -PAUSE;
      run(KEYS[event.key]);
    } else {
      missed = -PAUSE;
      return;
    }
    event.preventDefault();
  });
}
