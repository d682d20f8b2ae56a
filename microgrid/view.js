// The view of the graph: where on the screen the picture's corner is, and how large a point of it is there.

/** @typedef {{ left: number, top: number, scale: number }} View */

const whole = { width: picture.viewBox.baseVal.width, height: picture.viewBox.baseVal.height };
const offset = graph.transform.baseVal.consolidate()?.matrix ?? new DOMMatrix();
/** @type {View} */
const view = { left: 0, top: 0, scale: 1 }; // what is shown
let goal = { ...view }; // where it moves to
let wanted = 1; // the scale that was chosen; a step whose boxes are far apart is shown at a smaller one
let fitted = true;
let frame = { width: 1, height: 1 };

picture.setAttribute("width", String(whole.width));
picture.setAttribute("height", String(whole.height));
picture.setAttribute("role", "group");
picture.setAttribute("aria-label", "The computation graph, a link for each Value");
// Graphviz's tooltips tell the end of the backward pass. Those of the boxes are told anew, the local gradients stay.
for (const link of picture.querySelectorAll("a")) {
  const title = link.getAttribute("xlink:title") ?? "";
  const arrow = link.closest(".edge");
  if (arrow) setText(/** @type {Element} */ (within(arrow, "title")), title.split("\n")[0]);
  link.removeAttribute("xlink:title");
}
/** @type {Record<string, number>} */
const tagWidth = {}; // in parts of its size
for (const role of ["node", "operand"]) {
  const tag = graph.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "text"));
  tag.id = `${role}-tag`;
  tag.setAttribute("class", `tag ${role}-role`);
  tag.setAttribute("aria-hidden", "true");
  tag.textContent = role;
  tagWidth[role] = tag.getBBox().width / 11;
}
const widest = graph.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "text"));
widest.setAttribute("class", "number");
widest.setAttribute("font-family", boxes[0].gradText.getAttribute("font-family") ?? "");
widest.textContent = "-1.234e+308";
// All is measured before anything changes: to measure after a change costs a layout.
for (const box of boxes) {
  box.place = placeOf(/** @type {SVGGraphicsElement} */ ([...box.shape.querySelectorAll("polygon, path")].pop()));
  box.places = [box.place];
}
for (const arrow of arrows) {
  arrow.places = placesOf(/** @type {Element} */ (within(arrow.line, "path")));
  arrow.label.places = [placeOf(arrow.text)];
}
for (const arrow of arrows) {
  const [place] = arrow.label.places;
  // A longer number grows to both sides.
  arrow.text.setAttribute("text-anchor", "middle");
  arrow.text.setAttribute("x", String((place.left + place.right) / 2 - offset.e));
}

/**
 * @param {SVGGraphicsElement} element
 * @returns {Place}
 */
function placeOf(element) {
  const { x, y, width, height } = element.getBBox();
  return { left: x + offset.e, top: y + offset.f, right: x + width + offset.e, bottom: y + height + offset.f };
}

/**
 * Return where each part of a curve is. A part is a Bézier curve, which lies within its four points.
 * @param {Element} path
 */
function placesOf(path) {
  const numbers = (path.getAttribute("d")?.match(/-?[\d.]+/g) ?? []).map(Number);
  const places = [];
  for (let i = 0; i + 8 <= numbers.length; i += 6) {
    const xs = [0, 2, 4, 6].map((j) => numbers[i + j] + offset.e);
    const ys = [1, 3, 5, 7].map((j) => numbers[i + j] + offset.f);
    places.push({ left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) });
  }
  return places;
}

// At a smaller scale than legible, a box shows its name alone, as large as it can; where that is too small too, its
// colour. At a smaller scale than seen, a box is a speck.
const legible = 0.5;
const seen = 0.08;
const nameSize = { most: 40, least: 8 }; // in the picture; on the screen

const farNames = boxes.map(({ shape, place }) => {
  const { width, height } = /** @type {SVGTextElement} */ (within(shape, "text")).getBBox();
  const size = 15 * Math.min(0.92 * (place.right - place.left) / width, 0.8 * (place.bottom - place.top) / height);
  return { name: document.createElementNS("http://www.w3.org/2000/svg", "text"), size: Math.min(size, nameSize.most), idle: true };
});
const tooWide = boxes.flatMap(({ shape, place }) => [...shape.querySelectorAll("text")].flatMap((text, index, texts) => {
  const next = texts[index + 1];
  const end = next?.getAttribute("y") === text.getAttribute("y") ? xOf(next) : place.right - offset.e - 4;
  const room = end - xOf(text);
  return !text.closest("[id^=a_data-], [id^=a_grad-]") && text.getComputedTextLength() > room ? [{ text, room }] : [];
}));
const numberRoom = Math.min(...boxes.map(({ place, gradText }) => place.right - offset.e - 4 - xOf(gradText)));
const numberSize = Math.min(14, 14 * numberRoom / widest.getComputedTextLength());
// Graphviz measured the texts in Arial. Where the browser has a wider font, they are drawn narrower.
for (const { text, room } of tooWide) {
  text.setAttribute("textLength", String(room));
  text.setAttribute("lengthAdjust", "spacingAndGlyphs");
}
picture.style.setProperty("--number", `${numberSize}px`);
widest.remove();
for (const [index, { node, shape, place }] of boxes.entries()) {
  const { name, size } = farNames[index];
  name.textContent = node.name;
  name.setAttribute("class", "name is-idle");
  name.setAttribute("aria-hidden", "true");
  name.setAttribute("font-size", String(size));
  name.setAttribute("x", String((place.left + place.right) / 2 - offset.e));
  name.setAttribute("y", String((place.top + place.bottom) / 2 - offset.f + 0.35 * size));
  shape.append(name);
}

/** @param {Element} text */
function xOf(text) {
  return Number(text.getAttribute("x"));
}

function fittingScale() {
  return Math.min(frame.width / whole.width, frame.height / whole.height, 2.6) * 0.96;
}

function fit() {
  const scale = fittingScale();
  Object.assign(view, { left: (frame.width - whole.width * scale) / 2, top: (frame.height - whole.height * scale) / 2, scale });
  wanted = scale;
  fitted = true;
  showAtOnce();
}

/**
 * Zoom by a factor, holding still a point of the frame, by default its middle.
 * @param {number} factor
 */
function zoom(factor, x = frame.width / 2, y = frame.height / 2) {
  const scale = Math.min(Math.max(view.scale * factor, fittingScale() / 2), 8);
  Object.assign(view, zoomed(view, scale, x, y));
  wanted = scale;
  fitted = false;
  showAtOnce();
}

/**
 * @param {View} view @param {number} scale @param {number} x @param {number} y
 * @returns {View}
 */
function zoomed({ left, top, scale: before }, scale, x, y) {
  return { left: x - (x - left) * scale / before, top: y - (y - top) * scale / before, scale };
}

/**
 * Move the picture by screen pixels, its edges no further than the middle of the frame.
 * @param {number} x @param {number} y
 */
function move(x, y) {
  const [middle, centre] = [frame.width / 2, frame.height / 2];
  view.left = Math.min(Math.max(view.left + x, middle - whole.width * view.scale), middle);
  view.top = Math.min(Math.max(view.top + y, centre - whole.height * view.scale), centre);
  fitted = false;
  showAtOnce();
}

function showAtOnce() {
  goal = { ...view };
  showView();
}

let moving = 0;
let framesLeft = 0;
let time = 0;
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Move smoothly to another view, in about 300 ms; from wherever a movement that is under way has come to.
 * @param {View} next
 */
function moveTo(next) {
  goal = next;
  if (stillness.matches) Object.assign(view, goal);
  if (way() < 1e-4) return showView();
  framesLeft = 60;
  if (moving) return;
  time = performance.now();
  moving = requestAnimationFrame(moveOn);
}

/**
 * Show the next frame of a movement. However slow the machine, nothing in sight moves by more than an eighth of the
 * frame from one to the next, except where the way is so long that it would take more than a second.
 * @param {number} now
 */
function moveOn(now) {
  const left = way();
  const eased = 1 - Math.exp(-Math.max(now - time, 1) / 70);
  const part = left < 1e-3 ? 1 : Math.min(Math.max(Math.min(eased, 0.12 / left), 1 / framesLeft), 1);
  framesLeft = Math.max(1, framesLeft - 1);
  time = now;
  for (const key of /** @type {const} */ (["left", "top", "scale"])) {
    view[key] = part === 1 ? goal[key] : view[key] + part * (goal[key] - view[key]);
  }
  showView();
  moving = part === 1 ? 0 : requestAnimationFrame(moveOn);
}

/** Return how far what is in sight has to move to the goal, in parts of the frame. */
function way() {
  const end = (/** @type {number} */ x, /** @type {number} */ from, /** @type {number} */ to) =>
    Math.abs(to + (x - from) * goal.scale / view.scale - x);
  return Math.max(
    ...[0, frame.width].map((x) => end(x, view.left, goal.left) / frame.width),
    ...[0, frame.height].map((y) => end(y, view.top, goal.top) / frame.height),
  );
}

let scaleShown = NaN;

function showView() {
  const { left, top, scale } = view;
  byId("picture").style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  if (scale !== scaleShown) showScale();
  const [width, height] = [frame.width / scale, frame.height / scale];
  const [x, y] = [-left / scale, -top / scale];
  const inSight = { left: x - 0.02 * width, top: y - 0.02 * height, right: x + 1.02 * width, bottom: y + 1.02 * height };
  for (const box of boxes) if (setAway(box, box.shape, inSight)) drawBox(box);
  for (const arrow of arrows) {
    if (setAway(arrow, arrow.line, inSight)) showArrow(arrow);
    setAway(arrow.label, arrow.text, inSight);
  }
}

/** Show of each box what can be read at this scale. */
function showScale() {
  scaleShown = view.scale;
  const far = view.scale < legible;
  picture.classList.toggle("is-far", far);
  // Lines keep their width on the screen, about: a finer measure would style a large graph anew at every frame.
  picture.style.setProperty("--pixel", far ? `${2 ** (Math.round(-2 * Math.log2(view.scale)) / 2)}px` : "1px");
  for (const farName of farNames) {
    const idle = !far || farName.size * view.scale < nameSize.least;
    if (idle === farName.idle) continue;
    farName.idle = idle;
    farName.name.classList.toggle("is-idle", idle);
  }
  placeTags();
}

/**
 * Take what is out of view, nearly all of a large graph, out of the layout; return whether it has come back.
 * @param {{ places: Place[], away: boolean }} part @param {Element} element @param {Place} inSight
 */
function setAway(part, element, inSight) {
  const away = !part.places.some((place) => overlap(place, inSight));
  if (away === part.away) return false;
  part.away = away;
  element.classList.toggle("is-away", away);
  return !away;
}

const longest = Math.max(...boxes.map(({ node }) => node.name.length));
byId("side").style.setProperty("--names", `${0.55 * Math.min(longest, 24) + 4.5}rem`); // and " operand"

let rowHeight = 1;
let tableHeight = 1;

new ResizeObserver(([entry]) => {
  rowHeight = within(byId("rows"), "thead")?.getBoundingClientRect().height ?? 1;
  tableHeight = entry.contentRect.height;
  keepRowInView(changing());
}).observe(byId("values"));

new ResizeObserver(([entry]) => {
  frame = entry.contentRect;
  if (fitted) fit();
  else showAtOnce();
  keepInView();
}).observe(byId("graph"));

const margin = 24; // screen pixels

/** Move the view, only where that is needed, so that what plays a role is in sight; zoom out only where it is far apart. */
function keepInView() {
  const { nodes, operands, arrows } = scene();
  if (!nodes.length && !operands.length) return;
  if (fitted) {
    if (view.scale >= seen) return;
    wanted = 0.9 * parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; // the boxes are specks
    fitted = false;
  }
  const changed = changing().place;
  const place = [...[...nodes, ...operands].map((box) => box.place), ...arrows.flatMap(({ places, label }) => [...places, ...label.places])]
    .reduce(around, changed);
  const scale = Math.min(
    (frame.width - 2 * margin) / (place.right - place.left),
    (frame.height - 2 * margin) / (place.bottom - place.top),
  );
  if (scale >= Math.min(seen, wanted)) keepPlaceInView(place, Math.min(scale, wanted));
  else keepPlaceInView(changed, wanted);
}

/**
 * Move the view by the least distance that brings a place into sight.
 * @param {Place} place
 */
function keepPlaceInView(place, scale = goal.scale) {
  if (fitted) return;
  const { left, top } = zoomed(goal, scale, frame.width / 2, frame.height / 2);
  moveTo({
    left: left + missing(left + place.left * scale, left + place.right * scale, frame.width),
    top: top + missing(top + place.top * scale, top + place.bottom * scale, frame.height),
    scale,
  });
}

/**
 * Return by how much what lies between two points has to move into a frame.
 * @param {number} start @param {number} end @param {number} size
 */
function missing(start, end, size) {
  if (end - start > size - 2 * margin) return (size - start - end) / 2;
  return Math.max(margin - start, 0) + Math.min(size - margin - end, 0);
}

/** @param {Place} a @param {Place} b */
function overlap(a, b) {
  return a.right > b.left && a.left < b.right && a.bottom > b.top && a.top < b.bottom;
}

/**
 * @param {Place} a @param {Place} b
 * @returns {Place}
 */
function around(a, b) {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/**
 * Scroll the table, where that is needed, so that a node's row is on it. All rows are of one height.
 * @param {Box} box
 */
function keepRowInView(box) {
  scrollIntoReach(byId("values"), boxes.filter(isSeen).indexOf(box) * rowHeight, rowHeight, tableHeight - rowHeight);
}

/** Scroll the program, where that is needed, so that the marked line is on it. All lines are of one height. */
function keepLineInView() {
  const [mark] = marksAt(positions[current]);
  const list = byId("lines");
  if (mark && lines.length) scrollIntoReach(list, mark[1] * list.scrollHeight / lines.length, list.scrollHeight / lines.length, list.clientHeight);
}

/** @param {Element} element @param {number} top @param {number} size @param {number} height */
function scrollIntoReach(element, top, size, height) {
  const { scrollTop } = element;
  if (top < scrollTop || top + size > scrollTop + height) element.scrollTop = top - height / 2;
}

/** Write the roles beside the boxes that play them, where they cover nothing: mostly above, where there is always room. */
function placeTags() {
  const { nodes, operands } = scene();
  const far = view.scale < legible;
  const size = far ? 12 / view.scale : 11;
  const taken = boxes.map(({ place }) => place);
  if (!far) taken.push(...arrows.flatMap(({ label }) => label.places));
  for (const [role, playing] of /** @type {[string, Box[]][]} */ ([["node", nodes], ["operand", operands]])) {
    const tag = svgById(`${role}-tag`);
    const room = playing.length === 1 ? roomBeside(playing[0].place, tagWidth[role] * size, 1.2 * size, taken) : undefined;
    tag.classList.toggle("is-idle", !room);
    if (!room) continue;
    taken.push(room);
    tag.style.fontSize = `${size}px`;
    tag.setAttribute("x", String(room.left - offset.e));
    tag.setAttribute("y", String(room.bottom - 0.27 * size - offset.f));
  }
}

/**
 * Return a place of this size beside a box that overlaps nothing of what is taken.
 * @param {Place} box @param {number} width @param {number} height @param {Place[]} taken
 */
function roomBeside({ left, top, right, bottom }, width, height, taken) {
  const gap = 3;
  const middle = (top + bottom - height) / 2;
  return [[left, top - gap - height], [left, bottom + gap], [right + gap, middle], [left - gap - width, middle]]
    .map(([x, y]) => ({ left: x, top: y, right: x + width, bottom: y + height }))
    .find((room) => !taken.some((place) => overlap(place, room)));
}

// Wheel, drag and pinch

const surface = byId("graph");

surface.addEventListener("wheel", (event) => {
  event.preventDefault();
  const place = surface.getBoundingClientRect();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015));
  zoom(factor, event.clientX - place.left, event.clientY - place.top);
}, { passive: false });

/** @type {Map<number, { x: number, y: number, startX: number, startY: number }>} */
const pointers = new Map();
let dragged = false;

surface.addEventListener("pointerdown", (event) => {
  if (/** @type {Element} */ (event.target).closest("#zoom")) return;
  if (pointers.size === 0) dragged = false;
  const { clientX: x, clientY: y } = event;
  pointers.set(event.pointerId, { x, y, startX: x, startY: y });
});
surface.addEventListener("pointermove", (event) => {
  if (event.buttons === 0) pointers.delete(event.pointerId); // let go outside of the page
  const pointer = pointers.get(event.pointerId);
  if (!pointer) return;
  const before = spread();
  const [x, y] = [event.clientX - pointer.x, event.clientY - pointer.y];
  dragged ||= Math.hypot(event.clientX - pointer.startX, event.clientY - pointer.startY) > 5;
  if (!dragged) return;
  surface.setPointerCapture(event.pointerId);
  Object.assign(pointer, { x: event.clientX, y: event.clientY });
  move(x / pointers.size, y / pointers.size);
  const after = spread();
  if (before && after) {
    const place = surface.getBoundingClientRect();
    zoom(after.distance / before.distance, after.x - place.left, after.y - place.top);
  }
});
for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) {
  surface.addEventListener(kind, (event) => pointers.delete(event.pointerId));
}

/** Return the distance between two fingers and the middle between them. */
function spread() {
  if (pointers.size !== 2) return null;
  const [a, b] = pointers.values();
  return { distance: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
