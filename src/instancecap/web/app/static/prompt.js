// The panel that shows a caption as a prompt for one model, with its token meter.
import { remembered, tell } from "/static/api.js";

/**
 * Put a panel to work. `ask({target, task, length})` resolves to what the server says of the
 * prompt; call the function that is returned when the caption has changed.
 */
export function mountPrompt(root, ask) {
  const part = {};
  for (const node of root.querySelectorAll("[data-part]")) part[node.dataset.part] = node;
  const fields = [...part["prompt-form"].querySelectorAll("select")];
  for (const field of fields) {
    const value = remembered.get(`prompt.${field.name}`, field.value);
    if ([...field.options].some((one) => one.value === value)) field.value = value;
  }
  let last = 0;
  async function update() {
    const mine = ++last;
    let facts;
    try {
      facts = await ask(Object.fromEntries(fields.map((one) => [one.name, one.value])));
    } catch (error) {
      facts = { text: "", tokens: 0, budget: 1, limit: 1, counter: "", dropped: [], warnings: [error.message] };
    }
    if (mine !== last) return;
    part["prompt-text"].textContent = facts.text;
    part.meter.max = facts.limit;
    part.meter.high = facts.budget;
    part.meter.value = facts.tokens;
    const soft = facts.budget < facts.limit ? `${facts.budget} kept within, ` : "";
    part.tokens.textContent = facts.text
      ? `${facts.tokens} tokens (${soft}${facts.limit} at most; ${facts.counter})` : "";
    const notes = facts.dropped.length
      ? [`Left out for the budget: ${facts.dropped.join(", ")}`, ...facts.warnings] : facts.warnings;
    part["prompt-notes"].replaceChildren(...notes.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }
  part["prompt-form"].addEventListener("submit", (event) => event.preventDefault());
  part["prompt-form"].addEventListener("change", (event) => {
    remembered.set(`prompt.${event.target.name}`, event.target.value);
    update();
  });
  part["copy-prompt"].addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(part["prompt-text"].textContent);
      tell("Copied.");
    } catch {
      getSelection().selectAllChildren(part["prompt-text"]);
      tell("Selected; copy it with the keyboard.");
    }
  });
  update();
  return update;
}
