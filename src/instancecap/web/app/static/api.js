// What every page of the app uses: requests with the token, one-line errors, jobs, the theme.

const token = document.querySelector("meta[name=token]").content;

/** A one-line message at the foot of the page; an error stays until the next one. */
export function tell(line, { error = false } = {}) {
  const toast = document.querySelector("[data-part=toast]");
  toast.textContent = line;
  toast.classList.toggle("error", error);
  clearTimeout(tell.timer);
  if (!error) tell.timer = setTimeout(() => { toast.textContent = ""; }, 4000);
}

async function answered(response) {
  const body = await response.json().catch(() => ({ error: `the server said ${response.status}` }));
  if (!response.ok) throw Object.assign(new Error(body.error ?? "not done"), { status: response.status, body });
  return body;
}

const offline = () => { throw new Error("the app does not answer; is it still running?"); };

/** The JSON at an address. */
export async function get(url) {
  return answered(await fetch(url, { headers: { accept: "application/json" } }).catch(offline));
}

/** The text at an address: HTML of our own. */
export async function text(url) {
  const response = await fetch(url).catch(offline);
  return response.ok ? response.text() : answered(response);
}

/**
 * Send JSON, or a File or Blob as it is; resolves to the JSON that comes back. With `keepalive` it is
 * sent even where the page is left.
 */
export async function post(url, body = {}, { keepalive = false } = {}) {
  const isFile = body instanceof Blob;
  const headers = { "x-instancecap-token": token, accept: "application/json" };
  if (!isFile) headers["content-type"] = "application/json";
  return answered(
    await fetch(url, { method: "POST", headers, keepalive, body: isFile ? body : JSON.stringify(body) }).catch(offline));
}

/** Upload a file as a clip; told the share that is sent. Resolves to its key and facts. */
export function upload(file, onShare = () => {}, signal = null) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("x-instancecap-token", token);
    request.responseType = "json";
    request.upload.onprogress = (event) => onShare(event.loaded / event.total);
    request.onload = () => (request.status === 200
      ? resolve(request.response)
      : reject(new Error(request.response?.error ?? `the server said ${request.status}`)));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.onerror = () => reject(new Error("the upload broke off; it may be too large"));
    request.send(file);
  });
}

/**
 * Follow a job to its end: told each event and the seconds so far. Resolves to the result; rejects
 * with the job's error. `signal` (an AbortSignal) cancels the job; so does leaving the page, where
 * its result `endsWithPage`.
 */
export async function follow(id, { onEvent = () => {}, onSeconds = () => {}, signal, endsWithPage = false } = {}) {
  const cancel = () => post(`/jobs/${id}/cancel`, {}, { keepalive: true }).catch(() => {});
  signal?.addEventListener("abort", cancel);
  if (endsWithPage) addEventListener("pagehide", cancel);
  let seen = 0;
  try {
    for (;;) {
      const status = await get(`/jobs/${id}?since=${seen}`);
      seen += status.events.length;
      status.events.forEach(onEvent);
      onSeconds(status.seconds, status.state);
      if (status.state === "done") return status.result;
      if (status.state === "failed") throw new Error(status.error);
      if (status.state === "cancelled") throw new DOMException("cancelled", "AbortError");
      await new Promise((resolve) => { setTimeout(resolve, status.seconds < 5 ? 150 : 500); });
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    removeEventListener("pagehide", cancel);
  }
}

/** Save what an address gives, under the name that it is given; errors are one line. */
export async function saveFrom(url) {
  const response = await fetch(url).catch(offline);
  if (!response.ok) await answered(response);
  const given = response.headers.get("content-disposition")?.match(/filename\*=UTF-8''(\S+)/i);
  save(given ? decodeURIComponent(given[1]) : "file", await response.blob());
}

/** Save text or a Blob as a file of that name. */
export function save(name, content, type = "application/json") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A value that this browser remembers; never a key or a password. */
export const remembered = {
  get(name, otherwise = "") { return localStorage.getItem(`instancecap.${name}`) ?? otherwise; },
  set(name, value) { localStorage.setItem(`instancecap.${name}`, value); },
};

document.querySelector("[data-action=theme]").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `instancecap_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
});
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name !== "AbortError") tell(event.reason?.message ?? "not done", { error: true });
  event.preventDefault();
});
