"use strict";
// Keeps the answers in this browser, and gives them back as a file.
(() => {
  const place = `scores ${document.body.dataset.page}`;
  const rater = document.getElementById("rater"), progress = document.getElementById("progress");
  const items = [...document.querySelectorAll("[data-key]")];

  // The frames of a video stand in the page once, however many items show them.
  const videos = JSON.parse(document.getElementById("videos").textContent);
  for (const place of document.querySelectorAll("[data-video]"))
    for (const [t, url] of videos[place.dataset.video]) {
      const figure = document.createElement("figure"), image = new Image();
      image.src = url;
      image.alt = `Frame at ${t} s`;
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Larger, or smaller again";
      button.append(image);
      button.addEventListener("click", () => figure.classList.toggle("large"));
      figure.append(button, `${t} s`);
      place.append(figure);
    }

  const collect = () => {
    const scores = {}, remarks = {};
    for (const item of items) {
      const found = {};
      for (const field of item.querySelectorAll("[data-question]")) {
        const chosen = field.querySelector("input:checked");
        if (chosen) found[field.dataset.question] = chosen.value;
      }
      if (Object.keys(found).length) scores[item.dataset.key] = found;
      const text = item.querySelector("[data-remarks]").value.trim();
      if (text) remarks[item.dataset.key] = text;
    }
    return { schema: "instancecap.scores/1", rater: rater.value.trim(), scores, remarks };
  };

  const tell = () => {
    const fields = document.querySelectorAll("[data-question]").length;
    const done = document.querySelectorAll("[data-question] input:checked").length;
    progress.textContent = `${done} of ${fields} answered`;
  };

  const restore = (kept) => {
    rater.value = kept.rater || "";
    for (const item of items) {
      const scores = kept.scores[item.dataset.key] || {};
      for (const field of item.querySelectorAll("[data-question]"))
        for (const input of field.querySelectorAll("input"))
          input.checked = input.value === scores[field.dataset.question];
      item.querySelector("[data-remarks]").value = kept.remarks[item.dataset.key] || "";
    }
  };

  try {
    const kept = localStorage.getItem(place);
    if (kept) restore(JSON.parse(kept));
  } catch { /* a browser that keeps nothing for local files */ }
  tell();
  document.addEventListener("input", () => {
    tell();
    try { localStorage.setItem(place, JSON.stringify(collect())); } catch { /* as above */ }
  });
  document.getElementById("save").addEventListener("click", () => {
    const answers = collect();
    if (!answers.rater) {
      // Two files without a name would overwrite each other.
      progress.textContent = "Write your name first.";
      rater.focus();
      return;
    }
    const file = new Blob([JSON.stringify(answers, null, 1)], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `scores-${(answers.rater || "rater").replace(/[^\w-]+/g, "_")}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
})();
