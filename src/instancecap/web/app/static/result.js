// The page of one caption: player, prompt, files to save.
import { get, remembered, saveFrom } from "/static/api.js";
import "/static/player.js";
import { mountPrompt } from "/static/prompt.js";

const panel = document.querySelector("[data-part=prompt]");
mountPrompt(panel, (wanted) => get(`${panel.dataset.url}?${new URLSearchParams(wanted)}`));

for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    await saveFrom(button.dataset.download).finally(() => { button.disabled = false; });
  });
}

const sources = document.querySelector("[data-part=sources]");
const showSources = () => document.body.classList.toggle("no-sources", !sources.checked);
sources.checked = remembered.get("sources") === "on";
sources.addEventListener("change", () => {
  remembered.set("sources", sources.checked ? "on" : "off");
  showSources();
});
showSources();
