// The fields of a caption as inputs: each is saved when it is left, and checked while it is typed.

const LABELS = {
  global_description: "Description", dense_description: "Paragraph", class: "Class",
  "position/text": "Path", "position/start": "Starts at", "position/end": "Ends at",
  "position/enters": "Enters later", "position/leaves": "Leaves", is_main: "Main", count: "Count",
  "camera/shot_type": "Shot size", "camera/shot_angle": "Angle", "camera/shot_position": "Seen from",
};
const INSTANCE = ["name", "class", "appearance", "action", "expression", "position/text", "colors",
  "category", "position/start", "position/end", "count", "is_main", "position/enters",
  "position/leaves"];
const SCENE = ["global_description", "background", "lighting", "place", "time_of_day", "style"];
const CAMERA = ["description", "motion", "speed", "stability", "shot_type", "shot_angle",
  "shot_position"];
const CHECK_AFTER = 200; // milliseconds of rest in typing

const words = JSON.parse(document.querySelector("[data-part=vocabularies]").textContent);

/** A node with attributes and children; text is never markup. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const last = (pointer) => pointer.slice(pointer.lastIndexOf("/") + 1);

function label(pointer) {
  const ending = Object.keys(LABELS).find((one) => pointer.endsWith(`/${one}`));
  const word = last(pointer).replaceAll("_", " ");
  return ending ? LABELS[ending] : word[0].toUpperCase() + word.slice(1);
}

/** The value at a pointer; after /instances/ stands an id. */
export function valueAt(caption, pointer) {
  let value = caption, before = "";
  for (const step of pointer.split("/").slice(1)) {
    value = before === "instances" ? value.find((one) => one.id === Number(step)) : value[step];
    before = step;
  }
  return value;
}

export const shown = (value) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

/** A button that moves the player to the first of the frames of what is said at a pointer. */
export function show(said, frames, pointer) {
  const [instance] = pointer.match(/(?<=^\/instances\/)\d+/) ?? [];
  const times = frames.map((t) => t.toFixed(1));
  const span = times.length > 1 ? `${times[0]}–${times.at(-1)} s` : `${times[0]} s`;
  return make("button", { type: "button", class: "show quiet", "data-label": said,
    "data-frames": JSON.stringify(frames), "data-instance": instance ?? null,
    "aria-label": `Show ${said} in the player` }, span);
}

/** A field in words: Name of #0. */
export function called(pointer) {
  const [, list, number] = pointer.match(/^\/(instances|segments|shots|texts)\/(\d+)\//) ?? [];
  if (!list) return label(pointer);
  return list === "instances" ? `${label(pointer)} of #${number}`
    : `${label(pointer)} of ${list.slice(0, -1)} ${Number(number) + 1}`;
}

/** An edit in a line of words. */
export function told(edit) {
  if (edit.kind === "set" || edit.kind === "take") return `${called(edit.pointer)} → ${shown(edit.value).slice(0, 80) || "empty"}`;
  if (edit.kind === "merge") return `#${edit.gone} is #${edit.keep}`;
  if (edit.kind === "add") return `added ${edit.class}`;
  if (edit.kind === "extend") return `followed #${edit.instance} from one more box`;
  return `${edit.kind} #${edit.instance}`;
}

function input(pointer, value, id) {
  const kind = last(pointer);
  const common = { id, "data-pointer": pointer };
  if (typeof value === "boolean") return make("input", { ...common, type: "checkbox" });
  if (kind === "count") return make("input", { ...common, type: "number", min: 1 });
  if (words[kind] && !Array.isArray(value)) {
    const options = ["", ...words[kind].filter((one) => one !== "unknown")].map((one) =>
      make("option", { value: one }, one.replaceAll("_", " ") || "not known"));
    return make("select", common, ...options);
  }
  if (Array.isArray(value) && words[kind]) {
    return make("select", { ...common, multiple: true, size: 4 },
      ...words[kind].map((one) => make("option", { value: one }, one.replaceAll("_", " "))));
  }
  if (Array.isArray(value)) return make("input", { ...common, type: "text", dir: "auto", title: "parted by commas" });
  const long = !["name", "class", "subcategory"].includes(kind);
  return long ? make("textarea", { ...common, rows: 1, dir: "auto" })
    : make("input", { ...common, type: "text", dir: "auto" });
}

function put(node, value) {
  if (node.type === "checkbox") node.checked = value;
  else if (node.multiple) for (const one of node.options) one.selected = value.includes(one.value);
  else {
    // Captions say in two ways that something is not known; the choice is one.
    if (node.tagName === "SELECT" && ["", "unknown"].includes(value)) node.options[0].value = value;
    node.value = shown(value);
  }
  node.dataset.saved = JSON.stringify(value);
}

function read(node) {
  const saved = JSON.parse(node.dataset.saved);
  if (node.type === "checkbox") return node.checked;
  if (node.type === "number") return Number(node.value);
  if (node.multiple) return [...node.selectedOptions].map((one) => one.value);
  if (Array.isArray(saved)) return node.value.split(",").map((one) => one.trim()).filter(Boolean);
  return node.value;
}

/** Builds the inputs of a caption into `root`, and keeps them in step with it. */
export class Fields {
  /**
   * `on.save(pointer, value)`, `on.check(pointer, value)` → a fault or ""; `on.recaption(pointer)`
   * where `on.writer` can write a field anew; `on.keys` where digits go to the instances.
   */
  constructor(root, on) {
    Object.assign(this, { root, on, nodes: new Map(), heads: new Map(), focused: "" });
    root.addEventListener("focusin", (event) => {
      const { pointer } = event.target.dataset;
      if (pointer) this.focused = pointer;
    });
    root.addEventListener("input", (event) => this.check(event.target));
    root.addEventListener("change", (event) => this.save(event.target));
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-recaption]");
      if (button) on.recaption(button.dataset.recaption);
    });
  }

  show(data, { fresh }) {
    const { caption } = data;
    const shape = JSON.stringify([caption.instances.map((one) => one.id), caption.segments.length,
      caption.texts.length, caption.shots.length, "dense_description" in caption]);
    if (fresh || shape !== this.shape) this.build(caption);
    this.shape = shape;
    this.root.classList.toggle("no-clip", !data.clip);
    for (const one of caption.instances) this.heads.get(one.id).textContent = one.name || one.class;
    for (const [pointer, { node, origin, was }] of this.nodes) {
      const value = valueAt(caption, pointer);
      const isTyping = node === document.activeElement && JSON.stringify(read(node)) !== node.dataset.saved;
      if (!isTyping) {
        put(node, value);
        this.fault(node, "");
      }
      origin.replaceChildren(...this.origin(pointer, data, node.id));
      const before = data.before[pointer];
      was.hidden = !(pointer in data.before);
      was.replaceChildren(make("span", {}, "before: "), make("del", { dir: "auto" }, shown(before) || "empty"));
    }
  }

  build(caption) {
    const focused = this.root.contains(document.activeElement) ? this.focused : "";
    this.nodes.clear();
    this.heads.clear();
    const sections = [this.section("Scene", "", SCENE
      .concat("dense_description" in caption ? ["dense_description"] : [])
      .map((one) => `/${one}`), caption)];
    caption.instances.forEach((one, rank) => {
      const own = `/instances/${one.id}`;
      const section = this.section(one.name || one.class, `#${one.id}`,
        INSTANCE.map((field) => `${own}/${field}`), caption);
      section.dataset.instance = one.id;
      this.heads.set(one.id, section.querySelector("h3 span"));
      section.classList.add("card");
      section.style.setProperty("--hue", `var(--hue-${this.hue(caption, one.id)})`);
      const key = this.on.keys ? [make("kbd", { title: "key" }, String(rank + 1)), " "] : [];
      section.querySelector("h3").prepend(...key, make("i", { class: "chip", "aria-hidden": "true" }));
      sections.push(section);
    });
    sections.push(this.section("Camera", "", CAMERA.map((one) => `/camera/${one}`), caption));
    const lists = [["segments", "What happens when", ["description"], (one) => `${one.start.toFixed(1)}–${one.end.toFixed(1)} s`],
      ["shots", "Shots", ["shot_type", "motion"], (one) => `${one.start.toFixed(1)}–${one.end.toFixed(1)} s`],
      ["texts", "Writing", ["text"], (one) => `${one.t.toFixed(1)} s`]];
    for (const [name, title, fields, when] of lists) {
      if (!caption[name].length) continue;
      const section = make("section", {}, make("h3", {}, title));
      caption[name].forEach((one, index) => {
        section.append(make("h4", {}, when(one)),
          ...fields.map((field) => this.field(`/${name}/${index}/${field}`, caption)));
      });
      sections.push(section);
    }
    this.root.replaceChildren(...sections);
    if (focused) this.focus(focused);
  }

  hue(caption, id) {
    return caption.instances.map((one) => one.id).sort((a, b) => a - b).indexOf(id) % 7;
  }

  section(title, number, pointers, caption) {
    const head = make("h3", {}, make("span", { dir: "auto" }, title), ` ${number}`);
    return make("section", {}, head, ...pointers.map((one) => this.field(one, caption)));
  }

  field(pointer, caption) {
    const id = `f${pointer.replaceAll("/", "-")}`;
    const node = input(pointer, valueAt(caption, pointer), id);
    const origin = make("p", { class: "origin" });
    const was = make("p", { class: "was", hidden: true });
    const asks = this.on.recaption && node.type !== "checkbox" && !/^\/(segments|texts|shots)/.test(pointer);
    const anew = !asks ? "" : make("button", { type: "button", class: "quiet anew", tabindex: -1,
      "data-recaption": pointer, "aria-label": `Write ${label(pointer)} anew`,
      title: `by ${this.on.writer}` }, "anew");
    const fault = make("p", { class: "fault", id: `${id}-fault`, role: "alert" });
    node.setAttribute("aria-describedby", fault.id);
    put(node, valueAt(caption, pointer));
    this.nodes.set(pointer, { node, origin, was, fault });
    return make("div", { class: node.type === "checkbox" ? "field tick" : "field" },
      make("label", { for: id }, label(pointer)), node, anew, origin, was, fault);
  }

  origin(pointer, data) {
    const known = data.caption.provenance[pointer];
    const parts = [];
    if (known) {
      const sure = known.source === "human" ? "" : ` ${Math.round(100 * known.confidence)}%`;
      const when = known.at ? ` ${known.at.slice(0, 16).replace("T", " ")}` : "";
      parts.push(make("span", { class: `support ${known.support}` }, known.support), " ",
        make("span", { dir: "auto" }, `${known.source}${sure}${when}`));
    }
    return known?.frames.length ? [...parts, " ", show(label(pointer), known.frames, pointer)] : parts;
  }

  fault(node, line) {
    const { fault } = this.nodes.get(node.dataset.pointer);
    fault.textContent = line;
    node.toggleAttribute("aria-invalid", Boolean(line));
  }

  check(node) {
    const { pointer } = node.dataset;
    if (!pointer) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const value = read(node);
      const line = await this.on.check(pointer, value);
      if (JSON.stringify(read(node)) === JSON.stringify(value) && this.nodes.get(pointer)?.node === node) {
        this.fault(node, line);
      }
    }, CHECK_AFTER);
  }

  async save(node) {
    const { pointer, saved } = node.dataset;
    if (!pointer || JSON.stringify(read(node)) === saved) return;
    clearTimeout(this.timer);
    const line = await this.on.save(pointer, read(node));
    if (line && this.nodes.get(pointer)?.node === node) this.fault(node, `Not saved: ${line}`);
  }

  key(event) {
    const node = event.target;
    if (!node.dataset.pointer) return;
    if (event.key === "Enter" && !event.shiftKey && node.matches("textarea, input")) {
      event.preventDefault();
      node.blur();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      put(node, JSON.parse(node.dataset.saved));
      this.fault(node, "");
      node.blur();
    }
  }

  focus(pointer = "") {
    const entry = this.nodes.get(pointer) ?? this.nodes.values().next().value;
    entry?.node.focus();
    if (entry?.node.select) entry.node.select();
  }

  /** Whether something is typed that is not saved yet. */
  get unsaved() {
    return [...this.nodes.values()].some(({ node }) => JSON.stringify(read(node)) !== node.dataset.saved);
  }

  /** The id of the instance whose card holds, or last held, the focus. */
  get instance() {
    const found = this.focused.match(/^\/instances\/(\d+)/);
    return found && this.root.querySelector(`[data-instance="${found[1]}"]`) ? Number(found[1]) : null;
  }
}
