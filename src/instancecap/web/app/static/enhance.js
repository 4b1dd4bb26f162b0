// A short prompt becomes a caption that can be edited, and the prompt of one model.
import { follow, post, remembered, save, tell, upload } from "/static/api.js";

const part = {};
for (const node of document.querySelectorAll("main [data-part]")) part[node.dataset.part] = node;
const form = part.form.elements;
let picture = "", edited = false, shown = null, manner = null, running = null;

const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

// Settings, as this browser remembers them. -------------------------------------------------------

const settings = ["target", "asks", "mode", "url", "model"];
for (const name of settings) {
  const field = form[name], value = remembered.get(`enhance.${name}`, field.value);
  if (field.tagName !== "SELECT" || [...field.options].some((one) => one.value === value)) {
    field.value = value;
  }
}
const showAsking = () => { part.asking.hidden = !form.asks.value; };
showAsking();
part.form.addEventListener("change", (event) => {
  if (settings.includes(event.target.name)) {
    remembered.set(`enhance.${event.target.name}`, event.target.value);
  }
  showAsking();
  if (event.target.name === "target" && shown) revise({});
});

// The first frame. --------------------------------------------------------------------------------

function showPicture(key, name) {
  picture = key;
  part["picture-name"].textContent = `First frame: ${name}`;
  part["no-picture"].hidden = !key;
}
part.picture.addEventListener("change", async () => {
  const [file] = part.picture.files;
  if (!file) return;
  part.picture.value = "";
  const { key, name } = await upload(file);
  showPicture(key, name);
});
part["no-picture"].addEventListener("click", () => showPicture("", "none"));

// Asking, and the stages as they come. ------------------------------------------------------------

part.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (running) {
    tell("One prompt at a time: cancel the other one first.", { error: true });
    return;
  }
  running = new AbortController();
  manner = { target: form.target.value, mode: form.mode.value, has_picture: Boolean(picture) };
  tell("");
  part.stages.replaceChildren();
  part.result.hidden = true;
  part.progress.hidden = false;
  try {
    const { job } = await post("/enhance", {
      ...manner, prompt: form.prompt.value, picture, asks: Boolean(form.asks.value),
      url: form.asks.value ? form.url.value : "", model: form.asks.value ? form.model.value : "",
    });
    const facts = await follow(job, {
      endsWithPage: true,
      signal: running.signal,
      onEvent: ({ stage, about, text }) => {
        part.stage.textContent = stage;
        if (about) part.stages.append(make("li", {}, make("strong", { textContent: about }), " ",
          make("span", { textContent: text, dir: "auto" })));
      },
      onSeconds: (seconds, state) => {
        if (state === "waiting") part.stage.textContent = "waiting for a free worker";
        part.seconds.textContent = `${seconds.toFixed(0)} s`;
      },
    });
    show(facts);
    showFields(facts.groups);
    edited = false;
    part.result.hidden = false;
    part.result.scrollIntoView({ block: "nearest" });
  } catch (error) {
    if (error.name === "AbortError") tell("Cancelled.");
    else tell(error.message, { error: true });
  } finally {
    running = null;
    part.progress.hidden = !part.stages.children.length;
    part.cancel.hidden = true;
    part.stage.textContent = "answered";
  }
});
part.cancel.addEventListener("click", () => running?.abort());
new MutationObserver(() => { part.cancel.hidden = !running; })
  .observe(part.progress, { attributeFilter: ["hidden"] });

// What came of it. --------------------------------------------------------------------------------

const pieces = (list) => list.map(([text, state]) => (state
  ? make("mark", { className: state, textContent: text }) : text));

function show(facts) {
  shown = facts;
  part.for.textContent = manner.target ? `for ${manner.target}` : "";
  part.said.replaceChildren(...pieces(facts.said));
  part.asked.replaceChildren(...pieces(facts.asked));
  part["negative-row"].hidden = !facts.negative_prompt;
  part.negative.textContent = facts.negative_prompt;
  part.missing.replaceChildren(...facts.missing.map((line) => make("li", { textContent: line, dir: "auto" })));
  part.notes.replaceChildren(...facts.notes.map((line) => make("li", { textContent: line, dir: "auto" })));
  part.legend.hidden = !facts.missing.length;
  part.problem.hidden = !facts.problem;
  part.problem.textContent = facts.problem;
  part["meter-row"].hidden = !facts.meter;
  if (facts.meter) {
    const { tokens, budget, limit, counter } = facts.meter;
    Object.assign(part.meter, { max: limit, high: budget, value: tokens });
    part.tokens.textContent = `${tokens} tokens (${limit} at most; ${counter})`;
  }
  for (const group of facts.groups) {
    for (const { pointer, source } of group.fields) {
      const origin = part.groups.querySelector(`[data-origin="${CSS.escape(pointer)}"]`);
      if (origin) origin.textContent = source;
    }
  }
}

function input(field) {
  if (field.several && field.words.length) {
    const some = make("select", { multiple: true, size: 4 });
    some.append(...field.words.map((word) => new Option(word, word, false, field.value.includes(word))));
    return [some, () => [...some.selectedOptions].map((one) => one.value)];
  }
  if (field.words.length) {
    const one = make("select");
    one.append(...["", ...field.words].map((word) => new Option(word || "not known", word, false, word === field.value)));
    return [one, () => one.value];
  }
  if (typeof field.value === "number") {
    const number = make("input", { type: "number", min: 1, value: field.value });
    return [number, () => number.valueAsNumber || 1];
  }
  const text = make("textarea", { rows: 1, dir: "auto", value: field.several ? field.value.join(", ") : field.value });
  const list = () => text.value.split(",").map((one) => one.trim()).filter(Boolean);
  return [text, () => (field.several ? list() : text.value.trim())];
}

function showFields(groups) {
  part.groups.replaceChildren(...groups.map((group, index) => {
    const fields = (some) => some.map((field) => {
      const [control, value] = input(field);
      const origin = make("small", { textContent: field.source });
      origin.dataset.origin = field.pointer;
      control.addEventListener("change", () => revise({ pointer: field.pointer, value: value() }, control));
      return make("label", {}, make("span", {}, field.name, " ", origin), control);
    });
    const box = (some) => make("div", { className: "fields" }, ...fields(some));
    const isEmpty = ({ value }) => !(Array.isArray(value) ? value.length : value);
    const filled = group.fields.filter((one) => !isEmpty(one)), empty = group.fields.filter(isEmpty);
    const more = empty.length
      ? [make("details", {}, make("summary", { textContent: `${empty.length} that say nothing` }), box(empty))] : [];
    return make("details", { open: index < 4 },
      make("summary", { textContent: group.title, dir: "auto" }), box(filled), ...more);
  }));
}

let last = 0;
async function revise(change, control = null) {
  const mine = ++last;
  manner = { ...manner, target: form.target.value };
  try {
    const facts = await post("/enhance/revision", { ...manner, caption: shown.caption, ...change });
    control?.setCustomValidity("");
    control?.removeAttribute("aria-invalid");
    if (change.pointer) edited = true;
    if (mine === last) show(facts);
    tell("");
  } catch (error) {
    control?.setCustomValidity(error.message);
    control?.setAttribute("aria-invalid", "true");
    tell(error.message, { error: true });
  }
}

part.copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(shown.prompt);
    tell("Copied.");
  } catch {
    getSelection().selectAllChildren(part.said);
    tell("Selected; copy it with the keyboard.");
  }
});
addEventListener("beforeunload", (event) => { if (edited) event.preventDefault(); });
part.save.addEventListener("click", () => { edited = false; save("caption.json", `${JSON.stringify(shown.caption, null, 2)}\n`); });
