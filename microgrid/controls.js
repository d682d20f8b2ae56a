// What starts the page and moves it: the address, buttons, keys, and what courses and tests may call.

// The address: #step=17, the numbers that were changed, x.data=3.1, and quiz. Browsers limit how often it may change,
// so it follows a little later.

let addressTimer = 0;
let addressKnown = location.hash; // another one was typed, and its event is on the way: it is not to be overwritten

function address() {
  const changes = boxes.filter(({ node, input }) => input && node.changed)
    .map(({ node }) => `&${encodeURIComponent(`${node.name}.data`)}=${encodeURIComponent(inFull(node.data))}`);
  return `#step=${current}${changes.join("")}${quizzing ? "&quiz" : ""}`;
}

/** The page shows something else: tell the page around this one, and soon the address. */
function changed() {
  dispatchEvent(new Event("microgrid"));
  if (location.protocol === "about:") return; // inline in a notebook, where a page has no address of its own
  addressTimer ||= setTimeout(() => {
    addressTimer = 0;
    const now = address();
    if (location.hash !== addressKnown || location.hash === now) return;
    history.replaceState(null, "", now);
    addressKnown = location.hash;
  }, 350);
}

/** Show what the address says. */
function followAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  passes.reset();
  latest = null;
  for (const [key, text] of said) {
    if (!key.endsWith(".data")) continue;
    const name = key.slice(0, -".data".length);
    const box = boxes.find(({ node, input }) => input && node.name === name);
    const number = numberOf(text);
    if (box && number !== null) passes.set(box.node.index, number);
    else notify(box ? `the address sets ${name} to "${text}", which is not a number` : `the address sets ${name}, which is not a leaf of this graph`);
  }
  answered.clear();
  quizzing = said.has("quiz");
  byId("ask").setAttribute("aria-pressed", String(quizzing));
  show(Number(said.get("step")));
}

addEventListener("hashchange", () => {
  addressKnown = location.hash;
  pause();
  followAddress();
});

// Controls

let playing = 0;

function play() {
  if (stopAfter(current) <= current) show(0);
  byId("play").classList.add("playing");
  byId("play").setAttribute("aria-label", "Pause");
  byId("sentence").setAttribute("aria-live", "off");
  later();
}

function later() {
  playing = setTimeout(() => {
    show(stopAfter(current));
    moveNumbers();
    if (stopAfter(current) <= current) pause();
    else later();
  }, 1000 / Number(inputById("speed").value));
}

function pause() {
  clearTimeout(playing);
  playing = 0;
  byId("play").classList.remove("playing");
  byId("play").setAttribute("aria-label", "Play");
  byId("sentence").setAttribute("aria-live", "polite");
}

/** @param {number} number */
function go(number) {
  pause();
  setParts(byId("verdict"), []);
  show(number);
}

/** @param {string} grain */
function stepBy(grain) {
  grainSelect.value = grain;
  findStops();
  show(current);
}

/** @type {Record<string, () => void>} */
const controls = {
  first: () => go(0),
  back: () => go(stopBefore(current)),
  play: () => (playing ? pause() : play()),
  next: () => {
    const before = current;
    go(stopAfter(current));
    if (current > before) moveNumbers();
  },
  last: () => go(stops[stops.length - 1]),
  "zoom-in": () => zoom(1.25),
  "zoom-out": () => zoom(0.8),
  fit: () => fit(),
  ask: () => quiz(!quizzing),
  filter: () => filter(!filtered),
  present: () => present(!presenting),
  table: () => byId("table").setAttribute("aria-pressed", String(document.body.classList.toggle("is-wide"))),
};
for (const [id, action] of Object.entries(controls)) byId(id).addEventListener("click", action);
slider.max = String(last);
byId("forward").style.flexGrow = String(begins);
byId("backward").style.flexGrow = String(last - begins);
byId("backward").addEventListener("click", () => go(begins));
byId("forward").addEventListener("click", () => go(0));
slider.addEventListener("input", () => {
  const wanted = slider.valueAsNumber;
  const [before, after] = [stopBefore(wanted + 1), stopAfter(wanted - 1)];
  go(wanted - before <= after - wanted ? before : after);
});
byId("marks").setAttribute("viewBox", `0 0 ${last} 1`);
within(byId("marks"), "path")?.setAttribute("d", [begins, ...[...groupAt.values()].map(({ complete }) => complete)]
  .map((number) => `M${number} 0v1`).join(""));
if (groupAt.size === boxes.length) within(grainSelect, "[value=box]")?.remove();
grainSelect.addEventListener("change", () => stepBy(grainSelect.value));

/**
 * Hide, or show again, what leads to no parameter.
 * @param {boolean} on
 */
function filter(on) {
  filtered = on;
  byId("filter").setAttribute("aria-pressed", String(on));
  for (const box of boxes) {
    for (const element of [box.shape, box.row]) element.classList.toggle("is-filtered", !isSeen(box));
  }
  for (const { line, operand } of arrows) line.classList.toggle("is-filtered", !isSeen(operand));
  within(picture, '[tabindex="0"]')?.setAttribute("tabindex", "-1");
  boxes.find(isSeen)?.shape.setAttribute("tabindex", "0");
  findStops();
  show(current);
}

byId("filter").hidden = boxes.every(({ trained }) => trained);

/** @type {Record<string, () => void>} */
const keys = {
  ArrowRight: controls.next,
  ArrowLeft: controls.back,
  Home: controls.first,
  End: controls.last,
  b: () => go(begins),
  g: () => {
    const grains = [...grainSelect.options].map(({ value }) => value);
    stepBy(grains[(grains.indexOf(grainSelect.value) + 1) % grains.length]);
  },
  q: controls.ask,
  f: controls.present,
  t: controls.table,
  w: () => ask(boxes.find(({ shape }) => shape === /** @type {unknown} */ (document.activeElement)) ?? changing()),
  " ": controls.play,
  "+": controls["zoom-in"],
  "=": controls["zoom-in"],
  "-": controls["zoom-out"],
  0: controls.fit,
  Escape: () => {
    byId("help").removeAttribute("open");
    stopAsking();
  },
  "Shift ArrowRight": () => move(-60, 0),
  "Shift ArrowLeft": () => move(60, 0),
  "Shift ArrowDown": () => move(0, -60),
  "Shift ArrowUp": () => move(0, 60),
};
addEventListener("keydown", (event) => {
  const target = /** @type {Element} */ (event.target);
  const key = event.shiftKey && event.key.startsWith("Arrow") ? `Shift ${event.key}` : event.key;
  const ownKey = target.matches("select") || (key === " " && !presenting && target.matches("button, summary"));
  const action = (presenting && remoteKeys[key]) || keys[key];
  if (event.ctrlKey || event.altKey || event.metaKey || ownKey || !action) return;
  event.preventDefault();
  action();
});

// The boxes: one stop on the way of the Tab key, from which the arrows up and down lead to the others.

for (const [index, box] of boxes.entries()) {
  const { shape } = box;
  shape.setAttribute("role", "link");
  shape.setAttribute("tabindex", index === 0 ? "0" : "-1");
  shape.addEventListener("click", () => dragged || go(box.complete));
  shape.addEventListener("focus", () => {
    within(picture, '[tabindex="0"]')?.setAttribute("tabindex", "-1");
    shape.setAttribute("tabindex", "0");
    keepPlaceInView(box.place);
  });
  shape.addEventListener("keydown", (event) => {
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Enter") go(box.complete);
    else if (event.shiftKey || !way) return;
    const seen = boxes.filter(isSeen);
    const neighbour = way && seen[seen.indexOf(box) + way];
    if (neighbour) {
      shape.setAttribute("tabindex", "-1");
      neighbour.shape.setAttribute("tabindex", "0"); // which shows it where it is out of view
      neighbour.shape.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  });
}
within(document, ".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  byId("controls").focus();
});

// For courses and tests, from a console or from the page around this one.

Object.assign(globalThis, {
  microgrid: {
    /**
     * Change the number of a leaf.
     * @param {string} name @param {number} number
     */
    set(name, number) {
      const box = boxes.find(({ node, input }) => input && node.name === name);
      if (!box) throw new RangeError(`this graph has no leaf called ${name}`);
      if (typeof number !== "number") throw new TypeError(`the data of ${name} is a number, such as 3.1`);
      change(box, number);
    },
    /** Put all numbers back. */
    reset: putBack,
    /**
     * Go to a step, as #step=17 does.
     * @param {number} number
     */
    go,
    /** The step that is shown. */
    get step() {
      return current;
    },
    /** What the address says of what is shown, or soon will. */
    get address() {
      return address();
    },
    /** The numbers of the leaves as they are now. */
    get leaves() {
      return Object.fromEntries(leaves.map(({ node }) => [node.name, node.data]));
    },
    /** Return the parts of the listed program that the step marks, each as role, number of the line, start and end. */
    marks() {
      const listing = listings[listed];
      return listing ? marksAt(positions[current]).map(([role, line, start, end]) => [role, listing.lines[line][0], start, end]) : [];
    },
    /**
     * List these programs in place of those that the page came with, as after an edit that left the graph as it was.
     * @param {Listing[]} programs
     */
    list(programs) {
      listings.splice(0, listings.length, ...programs);
      list(0);
      showLines();
    },
    /** Return data and grad of each Value as of the step that is shown; null what is not computed yet. */
    values() {
      return Object.fromEntries(boxes.map(({ node, stage, grad }) =>
        [node.name, { data: stage === UNKNOWN ? null : node.data, grad: stage < 0 ? null : grad }]));
    },
  },
});

findStops();
list(0);
followAddress();
reserve();
addEventListener("resize", reserve);
