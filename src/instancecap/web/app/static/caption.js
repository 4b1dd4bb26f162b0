// The page that takes a clip and follows the job.
import { follow, get, post, remembered, tell, upload } from "/static/api.js";

const part = {};
for (const node of document.querySelectorAll("main [data-part]")) part[node.dataset.part] = node;
const settings = part.settings.elements;

// Settings, as this browser remembers them. -------------------------------------------------------

for (const field of settings) {
  const value = remembered.get(`caption.${field.name}`, field.value);
  if (field.tagName !== "SELECT" || [...field.options].some((one) => one.value === value)) {
    field.value = value;
  }
}
const showAsking = () => { part.asking.hidden = settings.captioner.value !== "mllm"; };
part.settings.addEventListener("input", (event) => {
  remembered.set(`caption.${event.target.name}`, event.target.value);
  showAsking();
});
part.settings.addEventListener("submit", (event) => event.preventDefault());
showAsking();

function choice() {
  const most = settings.max_instances.value;
  return {
    captioner: settings.captioner.value, mode: settings.mode.value, url: settings.url.value,
    model: settings.model.value, max_instances: most === "" ? null : Number(most),
  };
}

// A clip, and what becomes of it. -----------------------------------------------------------------

let running = null;
const RUNNING = "instancecap.caption.running";

/** Show how it goes while `work` does it; one at a time. */
async function attempt(name, work) {
  if (running) {
    tell("One clip at a time: cancel the other one first.", { error: true });
    return;
  }
  running = new AbortController();
  tell("");
  part.what.textContent = name;
  part.progress.hidden = false;
  part.progress.scrollIntoView({ block: "nearest" });
  try {
    await work(running.signal);
  } catch (error) {
    if (error.name === "AbortError") tell(`Cancelled: ${name}`);
    else tell(error.message, { error: true });
    part.progress.hidden = true;
  } finally {
    running = null;
  }
}

function show(stage, share = null) {
  part.stage.textContent = stage;
  if (share === null) part.share.removeAttribute("value");
  else part.share.value = share;
}

async function caption(clip, signal) {
  const { job, page } = await post("/captions", { ...clip, ...choice() });
  sessionStorage.setItem(RUNNING, JSON.stringify({ job, page, name: part.what.textContent }));
  await arrive({ job, page }, signal);
}

/** Follow a job to its page. */
async function arrive({ job, page }, signal) {
  await follow(job, {
    signal,
    onEvent: ({ stage, share }) => show(stage, share),
    onSeconds: (seconds, state) => {
      if (state === "waiting") show("waiting for a worker");
      part.seconds.textContent = `${seconds.toFixed(0)} s`;
    },
  });
  location.assign(page);
}

// A clip that was under way when the page was left.
const left = JSON.parse(sessionStorage.getItem(RUNNING) ?? "null");
if (left) {
  get(`/jobs/${left.job}`).then(({ state }) => {
    if (["waiting", "running"].includes(state)) attempt(left.name, (signal) => arrive(left, signal));
  }, () => sessionStorage.removeItem(RUNNING)); // the app was started anew
}

function take(file) {
  const most = Number(part.drop.dataset.most);
  if (file.size > most) {
    tell(`${file.name}: too large: at most ${most / 1e6} MB are taken`, { error: true });
    return null;
  }
  return attempt(file.name, async (signal) => {
    show("sending the file", 0);
    const { key } = await upload(file, (share) => show("sending the file", share), signal);
    await caption({ key }, signal);
  });
}

part.cancel.addEventListener("click", () => running?.abort());
part.file.addEventListener("change", () => {
  if (part.file.files.length) take(part.file.files[0]);
  part.file.value = "";
});
part["path-form"]?.elements.path.addEventListener("invalid", () => tell("Type or choose the path of a clip first.", { error: true }));
part["path-form"]?.addEventListener("submit", (event) => {
  event.preventDefault();
  const path = event.target.elements.path.value;
  attempt(path, (signal) => caption({ path }, signal));
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => {
    const { key } = button.dataset;
    attempt(button.textContent.trim(), (signal) => caption({ key }, signal));
  });
}

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    part.drop.classList.toggle("over", kind === "dragover");
    const file = kind === "drop" && event.dataTransfer.files[0];
    if (file) take(file);
  });
}
