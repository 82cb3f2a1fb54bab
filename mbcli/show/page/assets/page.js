// The page: buttons, keys and texts, tied to the player and the stage.

const get = (id) => document.getElementById(id);
const SPEEDS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2];

function trouble(text) {
  get("trouble").textContent = text;
  get("trouble").hidden = false;
}

/** The video that the page carries as an element that plays it; null without one. */
function carriedVideo() {
  const data = get("video-data");
  if (!data) return null;
  const video = get("video");
  const blob = new Blob([bytesOf(data.textContent)], { type: "video/mp4" });
  data.remove();
  video.src = URL.createObjectURL(blob);
  get("film").hidden = false;
  return video;
}

function systemTheme() {
  return window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

function start() {
  const motion = new Motion(JSON.parse(get("motion").textContent));
  const video = carriedVideo();
  const stage = new Stage(motion, get("canvas"), get("labels"));
  const player = new Player(motion, video);
  player.trouble = trouble;
  if (video) get("film").style.flexGrow = motion.size[0] / motion.size[1];

  const shownPeople = () => [...stage.shown].map((who) => motion.people[who]);

  // Themes: the system's until the button has been used.
  let theme = systemTheme();
  const setTheme = (wanted) => {
    theme = wanted;
    const root = document.documentElement;
    root.dataset.theme = theme;
    const palette = paletteOf(motion, theme);
    for (const side of ["left", "right"]) root.style.setProperty(`--${side}`, palette[side]);
    const other = theme === "dark" ? "light" : "dark";
    get("theme").setAttribute("aria-label", `Switch to ${other}`);
    get("theme").title = `Switch to ${other} (d)`;
    chips.forEach(({ chip, who }) => {
      chip.style.setProperty("--own", who === null ? "currentColor" : palette.people[who]);
    });
    stage.setPalette(palette);
  };
  let chosenTheme = false;
  const switchTheme = () => {
    chosenTheme = true;
    setTheme(theme === "dark" ? "light" : "dark");
  };
  window.matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => {
    if (!chosenTheme) setTheme(systemTheme());
  });

  // People: all, or one.
  const chips = [];
  const choose = (who) => {
    stage.show(who === null ? motion.people.keys() : [who]);
    if (stage.view) stage.look(stage.view);
    chips.forEach((one) => one.chip.setAttribute("aria-pressed", String(one.who === who)));
    describe();
  };
  const addChip = (who, text, label) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.setAttribute("aria-label", label);
    const name = document.createElement("b");
    name.textContent = text;
    const sure = document.createElement("small");
    chip.append(name, sure);
    chip.addEventListener("click", () => choose(who));
    get("people").append(chip);
    chips.push({ chip, who, sure });
  };
  addChip(null, "All", "Show all people");
  motion.people.forEach((id, who) => addChip(who, String(id), `Show person ${id} only`));

  // Views.
  const viewButtons = [...get("views").querySelectorAll("button")];
  viewButtons.forEach((button) =>
    button.addEventListener("click", () => stage.look(button.dataset.view)));

  const describe = () => {
    const { around, above } = stage.place;
    const who = stage.shown.size === motion.people.length
      ? "all people" : `person ${shownPeople().join(", ")}`;
    get("canvas").setAttribute("aria-label",
      `3D view of ${who}, seen from ${around} degrees around and ${above} degrees above`);
    viewButtons.forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.view === stage.view)));
  };
  stage.changed = describe;

  // Time.
  const scrub = get("scrub");
  scrub.max = String(motion.frames - 1);
  scrub.addEventListener("input", () => {
    player.pause();
    player.seek(Number(scrub.value));
  });
  const clockText = (seconds) => `${seconds.toFixed(2)} s`;
  player.changed = () => {
    const { row } = player;
    if (row !== stage.row) stage.draw(row);
    scrub.value = String(row);
    const number = motion.numbers[row], time = clockText(motion.times[row]);
    scrub.setAttribute("aria-valuetext", `frame ${number}, ${time}`);
    get("number").textContent = String(number);
    get("time").textContent = time;
    get("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
    get("play").classList.toggle("playing", player.playing);
    speed.value = String(player.speed);
    chips.forEach(({ who, sure }) => {
      if (who === null) return;
      const text = motion.present(row, who)
        ? `${Math.round(100 * motion.meanConfidence(row, who))} %` : "absent";
      if (sure.textContent !== text) sure.textContent = text;
    });
  };
  const speed = get("speed");
  SPEEDS.forEach((value) => speed.add(new Option(`${value}×`, String(value))));
  speed.addEventListener("change", () => player.setSpeed(Number(speed.value)));
  const faster = (by) => {
    const at = SPEEDS.indexOf(player.speed) + by;
    player.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))]);
  };
  get("play").addEventListener("click", () => player.toggle());
  get("back").addEventListener("click", () => player.step(-1));
  get("on").addEventListener("click", () => player.step(1));
  get("theme").addEventListener("click", switchTheme);
  get("trails").addEventListener("change", () => stage.setTrails(get("trails").checked));
  get("follow").addEventListener("change", () => stage.setFollowing(get("follow").checked));

  // What the page is about.
  motion.metadata.forEach(([name, text]) => {
    const term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = name;
    said.textContent = text;
    get("metadata").append(term, said);
  });
  get("help").addEventListener("click", () => get("about").showModal());
  get("close").addEventListener("click", () => get("about").close());
  get("cell").textContent = `grid ${stage.cell} m`;
  if (!motion.boxes.some((box) => box !== null)) trouble("Nobody was found in this motion.");

  // Keys; those that the focused control takes itself are left to it.
  const click = (id) => () => get(id).click();
  const keys = {
    " ": () => player.toggle(),
    ArrowLeft: (event) => player.step(event.shiftKey ? -10 : -1),
    ArrowRight: (event) => player.step(event.shiftKey ? 10 : 1),
    Home: () => player.step(-motion.frames),
    End: () => player.step(motion.frames),
    "<": () => faster(-1),
    ">": () => faster(1),
    r: () => stage.look("corner"),
    f: () => stage.look("front"),
    s: () => stage.look("side"),
    t: () => stage.look("top"),
    j: () => stage.turn(-10, 0),
    l: () => stage.turn(10, 0),
    i: () => stage.turn(0, 10),
    k: () => stage.turn(0, -10),
    "+": () => stage.turn(0, 0, 1.15),
    "-": () => stage.turn(0, 0, 1 / 1.15),
    a: () => choose(null),
    0: () => choose(null),
    p: click("trails"),
    o: click("follow"),
    d: switchTheme,
    "?": click("help"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || get("about").open) return;
    const own = event.target;
    if (own instanceof HTMLSelectElement) return;
    if (event.key === " " && (own instanceof HTMLButtonElement || own.type === "checkbox")) return;
    const nth = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
    const action = nth >= 0 && nth < motion.people.length ? () => choose(nth) : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });

  setTheme(theme);
  stage.resize();
  stage.look("corner");
  choose(null);
  player.seek(Math.max(0, firstSeen(motion)));
}

/** The first row in which somebody is there; -1 if nobody ever is. */
function firstSeen(motion) {
  for (let row = 0; row < motion.frames; row++) {
    if (motion.people.some((_, who) => motion.present(row, who))) return row;
  }
  return -1;
}

try {
  start();
} catch (error) {
  trouble(`This page needs a browser with WebGL 2, and could not start: ${error.message}`);
  throw error;
}
