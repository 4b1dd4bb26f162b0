// The page of one caption: player, prompt, fields to correct, files to save.
import { get, post, remembered, saveFrom, tell } from "/static/api.js";
import "/static/player.js";
import { mountPrompt } from "/static/prompt.js";
import { Fields } from "/static/review_fields.js";

const part = {};
for (const node of document.querySelectorAll("main [data-part]")) part[node.dataset.part] = node;
const showPrompt = mountPrompt(part.prompt, (wanted) => get(`${part.prompt.dataset.url}?${new URLSearchParams(wanted)}`));

const showSources = () => document.body.classList.toggle("no-sources", !part.sources.checked);
part.sources.checked = remembered.get("sources", "on") === "on";
part.sources.addEventListener("change", () => {
  remembered.set("sources", part.sources.checked ? "on" : "off");
  showSources();
});
showSources();

// Corrections: the fields as inputs, in the place of the text. ------------------------------------

const url = part.edit.dataset.url;
const reading = document.querySelector(".reading");
const editor = Object.assign(document.createElement("div"), { className: "reading editor", hidden: true });
reading.after(editor);
let saving = Promise.resolve();

const send = (pointer, value, query = "") => post(url + query, { pointer, value }).catch(({ message }) => ({ error: message }));

async function save(pointer, value) {
  const answer = await send(pointer, value);
  if (answer.error) return answer.error;
  tell("");
  fields.show(answer, {});
  showPrompt();
  return "";
}

const fields = new Fields(editor, {
  check: async (pointer, value) => (await send(pointer, value, "?only_check=true")).error,
  save: (pointer, value) => {
    const done = saving.then(() => save(pointer, value));
    saving = done.catch(() => {});
    return done;
  },
});

/** Done with what is under way, the field that is typed in too; whether all of it is saved. */
async function saved() {
  if (editor.contains(document.activeElement)) document.activeElement.blur();
  await saving;
  if (editor.hidden || !fields.unsaved) return true;
  tell("a field holds what cannot be saved; correct it, or leave it with Esc", { error: true });
  return false;
}

part.edit.addEventListener("click", async () => {
  if (!editor.hidden) {
    if (await saved()) location.reload(); // the text, the boxes' names, what is in doubt
    return;
  }
  fields.show(await get(url), { fresh: true });
  [editor.hidden, reading.hidden, part.edit.textContent] = [false, true, "Done"];
  document.body.classList.add("editing");
  fields.focus();
});
addEventListener("beforeunload", (event) => {
  if (!editor.hidden && fields.unsaved) event.preventDefault();
});

for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    await saved().then((all) => all && saveFrom(button.dataset.download)).finally(() => { button.disabled = false; });
  });
}
