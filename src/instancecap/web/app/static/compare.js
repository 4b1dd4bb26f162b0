// Two captions of one clip side by side, and a vote that is kept at once.
import { get, post, remembered, tell, text } from "/static/api.js";
import { mount, unmount } from "/static/player.js";

const part = {};
for (const node of document.querySelectorAll("main [data-part]")) part[node.dataset.part] = node;
const form = part.form?.elements;
let shown = null, asked = null;

const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

function showClip(facts) {
  const isNew = shown?.key !== facts.key;
  shown = facts;
  part.place.textContent = `Clip ${facts.at + 1} of ${facts.count}, ${facts.done} voted`;
  part.back.disabled = facts.at === 0;
  part.next.disabled = facts.at + 1 === facts.count;
  part.clip.textContent = facts.clip;
  for (const side of [0, 1]) {
    part[`name${side}`].textContent = facts.names[side];
    part[`text${side}`].textContent = facts.texts[side];
  }
  for (const button of part.vote.children) {
    button.setAttribute("aria-pressed", String(button.dataset.choice === facts.choice));
  }
  part.command.textContent = facts.command;
  if (!isNew) return;
  part.remark.value = facts.remark;
  part.rows.replaceChildren(
    make("thead", {}, make("tr", {}, make("td"), ...facts.names.map((name) => make("th", { scope: "col", textContent: name, dir: "auto" })))),
    make("tbody", {}, ...facts.rows.map(([name, ...values]) => make("tr", { className: values[0] === values[1] ? "same" : "" },
      make("th", { scope: "row", textContent: name }),
      ...values.map((value) => make("td", { textContent: value, dir: "auto" }))))));
  showPlayers(facts.key);
}

/** Put the players of a clip in place, each with the boxes of one caption. */
async function showPlayers(key) {
  await Promise.all([0, 1].map(async (side) => {
    const place = part[`player${side}`];
    const put = async (frames) => {
      const html = await text(`/compare/player?${new URLSearchParams({ ...asked, key, side, frames })}`);
      if (shown.key !== key) return null;
      unmount(place);
      const template = document.createElement("template");
      template.innerHTML = html; // of our own template, which escapes what it is given
      place.replaceChildren(template.content);
      return mount(place)[0];
    };
    place.style.minHeight = `${place.offsetHeight}px`; // or the page would jump to its top
    unmount(place);
    place.replaceChildren(make("p", { className: "empty", textContent: "Reading the clip …" }));
    try {
      const player = await put(false);
      player?.root.addEventListener("unplayable", () => put(true));
      if (shown.key === key) place.style.minHeight = "";
    } catch (error) {
      if (shown.key === key) place.replaceChildren(make("p", { className: "empty", textContent: error.message }));
    }
  }));
}

async function go(at) {
  const query = new URLSearchParams({ ...asked, ...(at === null ? {} : { at }) });
  const facts = await get(`/compare/clip?${query}`);
  part.duel.hidden = false;
  showClip(facts);
  const list = part["left-out"];
  list.hidden = !facts.left_out_count;
  list.querySelector("summary").textContent = `${facts.left_out_count} not shown`;
  list.querySelector("ul").replaceChildren(...facts.left_out.map((line) => make("li", { textContent: line, dir: "auto" })));
}

async function vote(choice) {
  const facts = await post("/compare/votes", {
    ...asked, at: shown.at, key: shown.key, remark: part.remark.value, choice,
  });
  showClip(facts);
}

async function choose(choice) {
  const again = choice === shown.choice;
  await vote(again ? "" : choice);
  if (!again && shown.at + 1 < shown.count) await go(shown.at + 1);
}

if (form) {
  for (const name of ["first", "second", "rater"]) form[name].value = remembered.get(`compare.${name}`);
  part.form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const name of ["first", "second", "rater"]) remembered.set(`compare.${name}`, form[name].value);
    asked = {
      first: form.first.value.trim(), second: form.second.value.trim(), rater: form.rater.value.trim(),
      seed: form.seed.valueAsNumber || 0, hidden: form.hidden.checked,
    };
    shown = null;
    tell("");
    part.duel.hidden = true;
    const button = part.form.querySelector("button");
    Object.assign(button, { disabled: true, textContent: "Reading both …" });
    try {
      await go(null);
    } finally {
      Object.assign(button, { disabled: false, textContent: "Compare" });
    }
    part.vote.firstElementChild.focus();
  });
  part.back.addEventListener("click", () => go(shown.at - 1));
  part.next.addEventListener("click", () => go(shown.at + 1));
  part.remark.addEventListener("change", () => vote(shown.choice));
  for (const button of part.vote.children) button.addEventListener("click", () => choose(button.dataset.choice));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=range], [type=checkbox]), textarea, select");
    if (part.duel.hidden || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if ("123".includes(key)) part.vote.children[Number(key) - 1].click();
    else if (key === "p") part.back.click();
    else if (key === "n") part.next.click();
    else return;
    event.preventDefault();
  });
}
