// Plays the sampled frames of each clip with the boxes of its instances over them. Everything that
// is only to be read is in the page without this script. The report carries it inside; the app
// loads it as a module, and mounts what it puts into a page later.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const seconds = (t) => t.toFixed(2) + " s";
const REACH = 0.13; // seconds that a box may stand beyond the last sighting: one sampled frame

/** The box of a track at time t as [x0, y0, x1, y1], or null where it is out of sight. */
function boxAt(runs, t) {
  for (const run of runs) {
    if (t < run[0][0] - REACH || t > run[run.length - 1][0] + REACH) continue;
    const after = run.findIndex((point) => point[0] >= t);
    if (after === 0) return run[0].slice(1);
    if (after < 0) return run[run.length - 1].slice(1);
    const [a, b] = [run[after - 1], run[after]];
    const share = (t - a[0]) / (b[0] - a[0]);
    return [1, 2, 3, 4].map((i) => a[i] + (b[i] - a[i]) * share);
  }
  return null;
}

export class Player {
  constructor(root) {
    this.root = root;
    this.part = {};
    for (const node of root.querySelectorAll("[data-part]")) this.part[node.dataset.part] = node;
    this.playing = false;
    this.cited = null; // what the reader asked to see: frames, label, instance, button
    const { play, stage, seek, boxes, others, timeline, next, back } = this.part;
    play.addEventListener("click", () => this.toggle());
    stage.addEventListener("click", () => this.toggle());
    seek.addEventListener("input", () => { this.pause(); this.show(Number(seek.value)); });
    boxes.addEventListener("change", () => this.drawBoxes());
    this.part.sound?.addEventListener("change", ({ target }) => {
      this.part.video.muted = !target.checked;
    });
    this.toggles = [...root.querySelectorAll("[data-track]")];
    for (const one of this.toggles) one.addEventListener("change", () => this.drawBoxes());
    others.addEventListener("change", () => this.drawBoxes());
    next.addEventListener("click", () => this.showCited(this.cited.at + 1));
    back.addEventListener("click", () => this.goBack());
    timeline?.addEventListener("pointerdown", (event) => this.point(event));
  }

  /** Unpack the frames: done when the clip comes near the screen, or is asked for. */
  load() {
    if (this.data) return;
    this.data = JSON.parse(this.part.data.textContent);
    this.part.data.remove();
    this.times = this.data.frames.map((frame) => frame.t);
    this.images = this.times.map(() => null);
    this.pen = this.part.canvas.getContext("2d");
    this.setTracks(this.data.tracks);
    if (this.times.length) this.show(this.data.poster);
    this.fresh = true; // the first play starts at the beginning, not at the poster
    if (this.part.video) this.awaitVideo();
  }

  /** Play the video itself once the browser turns out to be able to; else the frames remain. */
  awaitVideo() {
    const { video, seek } = this.part;
    const begin = () => {
      const fps = this.data.fps || 25;
      const count = Math.max(1, Math.round(this.data.span * fps));
      const t = this.wanted ?? (this.index === undefined ? 0 : this.times[this.index]);
      this.video = video;
      this.times = Array.from({ length: count }, (_, index) => index / fps);
      seek.max = count - 1;
      video.addEventListener("seeked", () => { video.hidden = false; this.drawBoxes(); });
      const fresh = this.fresh;
      this.show(this.indexAt(t));
      this.fresh = fresh;
    };
    video.addEventListener("error", () => this.root.dispatchEvent(new CustomEvent("unplayable")));
    if (video.readyState >= 2) begin();
    else video.addEventListener("loadeddata", begin, { once: true });
  }

  /** Seconds from the clip's start of the frame that is shown. */
  get t() {
    return this.times?.[this.index] ?? 0;
  }

  /** Show the frame at a time. */
  seekTo(t) {
    this.load();
    this.pause();
    this.show(this.indexAt(t));
    this.wanted = t; // a video that is not there yet is shown from here
  }

  /** Use other tracks: [{id, name, hue, runs: [[[t, x0, y0, x1, y1], …], …]}, …]. */
  setTracks(tracks) {
    this.data.tracks = tracks;
    this.part.overlay.replaceChildren();
    this.makeBoxes();
  }

  makeBoxes() {
    this.boxes = this.data.tracks.map((track) => {
      const box = document.createElement("div");
      const name = document.createElement("span");
      box.className = track.hue === null ? "box other" : "box";
      if (track.hue !== null) box.style.setProperty("--hue", `var(--hue-${track.hue})`);
      name.textContent = track.name;
      box.append(name);
      this.part.overlay.append(box);
      return box;
    });
  }

  image(index) {
    if (!this.images[index]) {
      const image = new Image();
      image.src = this.data.frames[index].url;
      this.images[index] = image;
    }
    return this.images[index];
  }

  show(index) {
    this.wanted = null;
    this.fresh = false;
    if (!this.times.length) return;
    this.index = Math.max(0, Math.min(this.times.length - 1, index));
    if (this.video) {
      // The middle of the frame: a rounded time must not show the one before.
      this.video.currentTime = this.data.offset + this.t + 0.5 / (this.data.fps || 25);
    } else {
      this.draw(this.index);
    }
    this.tellTime();
  }

  draw(wanted) {
    this.image(wanted).decode().then(() => {
      if (wanted !== this.index || this.video) return; // another one was asked for meanwhile
      this.pen.drawImage(this.image(wanted), 0, 0);
      this.part.canvas.hidden = false;
      this.drawBoxes();
    }, () => {});
    if (wanted + 1 < this.images.length) this.image(wanted + 1);
  }

  tellTime() {
    const t = this.t;
    this.part.seek.value = this.index;
    this.part.seek.setAttribute("aria-valuetext",
      `${seconds(t)}, frame ${this.index + 1} of ${this.times.length}`);
    this.part.clock.textContent = `${t.toFixed(2)} / ${seconds(this.data.span)}`;
    this.part.timeline?.style.setProperty("--at", t / this.data.span);
  }

  /** Boxes belong to the frame that is seen, not to the clock: a stale box would look wrong. */
  drawBoxes() {
    if (this.index === undefined) return;
    const t = this.t;
    const off = new Set(this.toggles.filter((one) => !one.checked).map((one) => Number(one.dataset.track)));
    this.data.tracks.forEach((track, i) => {
      const box = this.boxes[i];
      const wanted = this.part.boxes.checked && !off.has(track.id)
        && (track.hue !== null || this.part.others.checked);
      const place = wanted ? boxAt(track.runs, t) : null;
      box.hidden = !place;
      if (!place) return;
      const [x0, y0, x1, y1] = place;
      box.style.left = 100 * x0 + "%";
      box.style.top = 100 * y0 + "%";
      box.style.width = 100 * (x1 - x0) + "%";
      box.style.height = 100 * (y1 - y0) + "%";
      box.classList.toggle("inside", y0 < 0.09);
      box.classList.toggle("leftward", x0 > 0.7);
      const meant = this.cited?.instance;
      box.classList.toggle("dim", meant !== undefined && meant !== track.id);
    });
  }

  toggle() {
    if (this.playing) this.pause(); else this.play();
  }

  play() {
    this.load();
    const last = this.times.length - 1;
    if (last <= 0) return;
    for (const other of players) if (other !== this) other.pause();
    if (this.fresh || this.index >= last) this.show(0);
    this.setPlaying(true);
    if (this.video) this.video.play().catch(() => this.pause());
    const offset = this.t - performance.now() / 1000;
    const now = () => (this.video
      ? this.video.currentTime - this.data.offset
      : performance.now() / 1000 + offset);
    const tick = () => {
      if (!this.playing) return;
      const t = now();
      let index = this.index;
      while (index < last && this.times[index + 1] <= t) index += 1;
      if (index !== this.index) {
        this.index = index;
        if (this.video) this.drawBoxes();
        else this.draw(index);
        this.tellTime();
      }
      if (this.video?.ended || t >= Math.max(this.data.span, this.times[last])) this.pause();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    if (this.playing) this.setPlaying(false);
    this.video?.pause();
  }

  setPlaying(playing) {
    this.playing = playing;
    this.part.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.root.classList.toggle("playing", playing);
  }

  step(by) {
    this.load();
    this.pause();
    this.show(this.index + by);
  }

  indexAt(t) {
    let best = 0;
    this.times.forEach((time, i) => {
      if (Math.abs(time - t) < Math.abs(this.times[best] - t)) best = i;
    });
    return best;
  }

  point(event) {
    const body = this.part.timeline.querySelector(".row-body").getBoundingClientRect();
    const share = (event.clientX - body.left) / body.width;
    if (share < 0 || share > 1) return;
    this.pause();
    this.show(this.indexAt(share * this.data.span));
  }

  /** Show what a field of the caption was read from. */
  cite(button) {
    this.load();
    const { frames, label, instance } = button.dataset;
    this.cited = { frames: JSON.parse(frames), label, button,
      instance: instance === undefined ? undefined : Number(instance) };
    this.part.showing.hidden = false;
    this.part.next.hidden = this.cited.frames.length < 2;
    this.part.marks?.replaceChildren(...this.cited.frames.map((t) => {
      const mark = document.createElement("i");
      mark.style.setProperty("--at", t / this.data.span);
      return mark;
    }));
    this.showCited(0);
    const { top, bottom } = this.part.stage.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) {
      this.root.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "start" });
    }
  }

  showCited(at) {
    const { frames, label } = this.cited;
    this.cited.at = at % frames.length;
    this.pause();
    this.show(this.indexAt(frames[this.cited.at]));
    const which = frames.length > 1 ? `, frame ${this.cited.at + 1} of ${frames.length}` : "";
    this.part.said.textContent = `${label} — ${seconds(frames[this.cited.at])}${which}`;
  }

  goBack() {
    const { button } = this.cited;
    this.cited = null;
    this.part.showing.hidden = true;
    this.part.marks?.replaceChildren();
    this.drawBoxes();
    button.focus({ preventScroll: true });
    button.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "nearest" });
  }

  get onScreen() {
    const { top, bottom } = this.part.stage.getBoundingClientRect();
    return top < innerHeight - 40 && bottom > 40;
  }
}

const players = [];
const playerOf = new Map();
const watcher = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (isIntersecting) {
      playerOf.get(target).load();
      watcher.unobserve(target);
    }
  }
}, { rootMargin: "400px" });

/** Put the players below a node to work; returns them. */
export function mount(root) {
  for (const node of root.querySelectorAll("[data-style]")) node.style.cssText = node.dataset.style;
  const found = [...root.querySelectorAll("[data-player]")].map((node) => {
    const player = new Player(node);
    players.push(player);
    playerOf.set(node, player);
    playerOf.set(node.closest(".clip"), player);
    watcher.observe(node);
    return player;
  });
  found[0]?.load();
  return found;
}

/** Forget the players below a node that is about to go. */
export function unmount(root) {
  for (const player of players.filter((one) => root.contains(one.root))) {
    player.pause();
    watcher.unobserve(player.root);
    players.splice(players.indexOf(player), 1);
    playerOf.delete(player.root);
    playerOf.delete(player.root.closest(".clip"));
  }
}

document.addEventListener("click", (event) => {
  const show = event.target.closest(".show");
  if (show) playerOf.get(show.closest(".clip"))?.cite(show);
  const copy = event.target.closest("[data-part=copy]");
  if (copy) copyJson(copy.closest("details"));
});

async function copyJson(details) {
  const code = details.querySelector("code");
  let done = true;
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    done = document.execCommand("copy");
  }
  details.querySelector("[data-part=copied]").textContent =
    done ? "Copied." : "Selected; copy it with the keyboard.";
}

// Space and the arrow keys work on the player that has the focus, or, where nothing has it, on
// the first one on the screen. Controls keep their own keys.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const focused = event.target;
  if (focused.closest("a, summary, pre, .scroll, dialog, select, textarea")) return;
  if (focused.matches("input:not([type=range], [type=checkbox])")) return;
  const inPlayer = focused.closest("[data-player]");
  if (!inPlayer && focused.closest("button")) return;
  const player = inPlayer ? playerOf.get(inPlayer) : players.find((each) => each.onScreen);
  if (!player) return;
  const isSlider = focused.matches("input[type=range]");
  if (event.key === " " && !focused.closest("button, input[type=checkbox]")) player.toggle();
  else if (event.key === "ArrowLeft" && !isSlider) player.step(-1);
  else if (event.key === "ArrowRight" && !isSlider) player.step(1);
  else return;
  event.preventDefault();
});

mount(document);
