// The view of the graph: which point of the picture is in the middle, and how large a point of it is on the screen.

const whole = { width: picture.viewBox.baseVal.width, height: picture.viewBox.baseVal.height };
const offset = graph.transform.baseVal.consolidate()?.matrix ?? new DOMMatrix();
const view = { x: whole.width / 2, y: whole.height / 2, scale: 1, wanted: 1, fitted: true };
// wanted is the scale that was chosen; a step whose nodes are far apart is shown at a smaller one
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
for (const role of ["node", "operand"]) {
  const tag = graph.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "text"));
  tag.id = `${role}-tag`;
  tag.setAttribute("class", `tag ${role}-role`);
  tag.setAttribute("aria-hidden", "true");
}
for (const box of boxes) {
  box.place = placeOf(box.shape);
  box.places = [box.place];
}
for (const arrow of arrows) {
  arrow.places = placesOf(/** @type {Element} */ (within(arrow.line, "path")));
  const place = placeOf(arrow.text);
  arrow.label.places = [place];
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

const readable = 0.62; // at a smaller scale the texts in the boxes are too small to read with ease
const legible = 0.4; // at a smaller scale they are not drawn

function fittingScale() {
  return Math.min(frame.width / whole.width, frame.height / whole.height, 2.6) * 0.96;
}

function fit() {
  Object.assign(view, { x: whole.width / 2, y: whole.height / 2, scale: fittingScale(), fitted: true });
  showView();
}

/**
 * Zoom by a factor, holding still a point of the frame, by default its middle.
 * @param {number} factor
 */
function zoom(factor, x = frame.width / 2, y = frame.height / 2) {
  const scale = Math.min(Math.max(view.scale * factor, fittingScale() / 2), 8);
  view.x += (x - frame.width / 2) * (1 / view.scale - 1 / scale);
  view.y += (y - frame.height / 2) * (1 / view.scale - 1 / scale);
  Object.assign(view, { scale, wanted: scale, fitted: false });
  showView();
}

/**
 * Move the picture by screen pixels.
 * @param {number} x @param {number} y
 */
function move(x, y) {
  view.x = Math.min(Math.max(view.x - x / view.scale, 0), whole.width);
  view.y = Math.min(Math.max(view.y - y / view.scale, 0), whole.height);
  view.fitted = false;
  showView();
}

function showView() {
  const [x, y] = [frame.width / 2 - view.x * view.scale, frame.height / 2 - view.y * view.scale];
  byId("picture").style.transform = `translate(${x}px, ${y}px) scale(${view.scale})`;
  picture.classList.toggle("is-far", view.scale < legible);
  placeTags();
  const [width, height] = [0.52 * frame.width / view.scale, 0.52 * frame.height / view.scale];
  const seen = { left: view.x - width, top: view.y - height, right: view.x + width, bottom: view.y + height };
  for (const box of boxes) if (setAway(box, box.shape, seen)) drawBox(box);
  for (const arrow of arrows) {
    if (setAway(arrow, arrow.line, seen)) showArrow(arrow);
    setAway(arrow.label, arrow.text, seen);
  }
}

/**
 * Take what is out of view, nearly all of a large graph, out of the layout; return whether it has come back.
 * @param {{ places: Place[], away: boolean }} part @param {Element} element @param {Place} seen
 */
function setAway(part, element, seen) {
  const away = !part.places.some((place) =>
    place.right > seen.left && place.left < seen.right && place.bottom > seen.top && place.top < seen.bottom);
  if (away === part.away) return false;
  part.away = away;
  element.classList.toggle("is-away", away);
  return !away;
}

let rowHeight = 1;
let tableHeight = 1;

new ResizeObserver(([entry]) => {
  rowHeight = within(byId("rows"), "thead")?.getBoundingClientRect().height ?? 1;
  tableHeight = entry.contentRect.height;
  keepRowInView(changing());
}).observe(byId("values"));

new ResizeObserver(([entry]) => {
  const first = frame.width === 1;
  frame = entry.contentRect;
  if (first && fittingScale() < readable) {
    const scale = 0.9 * parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    Object.assign(view, { scale, wanted: scale, fitted: false });
  }
  if (view.fitted) fit();
  else showView();
  keepInView();
}).observe(byId("graph"));

/** Move the view, where that is needed, so that what plays a role is on it; zoom out where that is far apart. */
function keepInView() {
  const { nodes, operands } = scene();
  const changed = changing().place;
  const place = [...nodes, ...operands].map((box) => box.place).reduce(around, changed);
  const scale = Math.min(
    (frame.width - 2 * margin) / (place.right - place.left),
    (frame.height - 2 * margin) / (place.bottom - place.top),
  );
  if (scale >= legible) keepPlaceInView(place, Math.min(scale, view.wanted));
  else keepPlaceInView(changed, view.wanted);
}

const margin = 30; // screen pixels

/** @param {Place} place @param {number} scale */
function keepPlaceInView(place, scale) {
  if (view.fitted) return;
  const halfWidth = (frame.width / 2 - margin) / scale;
  const halfHeight = (frame.height / 2 - margin) / scale;
  const seen = place.left >= view.x - halfWidth && place.right <= view.x + halfWidth &&
    place.top >= view.y - halfHeight && place.bottom <= view.y + halfHeight;
  if (seen && scale === view.scale) return;
  if (!seen) Object.assign(view, { x: (place.left + place.right) / 2, y: (place.top + place.bottom) / 2 });
  view.scale = scale;
  showView();
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
  const [mark] = currentMarks();
  const list = byId("lines");
  if (mark && lines.length) scrollIntoReach(list, mark[1] * list.scrollHeight / lines.length, list.scrollHeight / lines.length, list.clientHeight);
}

/** @param {Element} element @param {number} top @param {number} size @param {number} height */
function scrollIntoReach(element, top, size, height) {
  const { scrollTop } = element;
  if (top < scrollTop || top + size > scrollTop + height) element.scrollTop = top - height / 2;
}

/** Write the roles above the boxes that play them; beside them where the boxes are too small to be seen. */
function placeTags() {
  const { nodes, operands } = scene();
  const far = view.scale < legible;
  const size = far ? 13 / view.scale : 11;
  for (const [role, playing] of /** @type {[string, Box[]][]} */ ([["node", nodes], ["operand", operands]])) {
    const tag = svgById(`${role}-tag`);
    tag.classList.toggle("is-idle", playing.length !== 1);
    if (playing.length !== 1) continue;
    const { left, top, right, bottom } = playing[0].place;
    const [x, y] = !far ? [left, top - 6] : [role === "node" ? right : left, (top + bottom) / 2 + size / 3];
    tag.style.fontSize = `${size}px`;
    tag.style.textAnchor = far && role === "operand" ? "end" : "start";
    tag.textContent = !far ? role : role === "node" ? "● node" : "operand ●";
    tag.setAttribute("x", String(x - offset.e));
    tag.setAttribute("y", String(y - offset.f));
  }
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
