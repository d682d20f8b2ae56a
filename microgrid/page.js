"use strict";

// Every node, and every step of the two passes. All numbers are texts, [short, in full], computed in Python;
// nothing is computed here, and nan and inf are told like any other number.
const { nodes, steps } = JSON.parse(document.getElementById("steps").textContent);
const last = steps.length - 1;
const backwardBegins = nodes.length + 1;
const byId = (id) => document.getElementById(id);
const svg = document.querySelector("#picture svg");
const graph = svg.querySelector("g.graph");

// What the page keeps in hand of each node and edge: where it is shown, and when something happens to it.

for (const [index, node] of nodes.entries()) {
  node.index = index;
  node.computed = index + 1;
  node.received = [];
  node.box = byId(`node-${index + 1}`);
  node.dataText = textOf(node, "data");
  node.gradText = textOf(node, "grad");
  node.tooltip = node.box.querySelector("title");
  node.row = rowOf(node);
}
const edges = [];
const edgeOf = new Map();
for (const [number, step] of steps.entries()) {
  if (step.grad) nodes[step.operand].received.push({ number, grad: step.grad });
  if (step.position === undefined) continue;
  const { node, operand, position } = step;
  const edge = { line: byId(`edge-${node + 1}-${position}`), node, operand, used: number };
  edges.push(edge);
  edgeOf.set(number, edge);
}

/** Return the text in a node's box that shows its data or its grad. */
function textOf(node, which) {
  return [...byId(`a_${which}-${node.index + 1}`).querySelectorAll("text")].pop();
}

/** Add a node's row to the table. The roles say that it is a table although it is laid out as a grid. */
function rowOf(node) {
  const groupSize = 25;
  if (node.index % groupSize === 0) {
    const group = byId("rows").createTBody();
    group.setAttribute("role", "rowgroup");
    group.style.containIntrinsicHeight = `${1.9 * Math.min(groupSize, nodes.length - node.index)}rem`;
  }
  const row = byId("rows").tBodies[byId("rows").tBodies.length - 1].insertRow();
  const [name, data, grad, received] = ["th", "td", "td", "td"].map((kind) =>
    row.appendChild(document.createElement(kind)));
  row.setAttribute("role", "row");
  name.setAttribute("role", "rowheader");
  name.scope = "row";
  name.textContent = node.name;
  name.title = node.made ? `${node.name} = ${node.made}` : `${node.name}, a leaf`;
  for (const cell of [data, grad, received]) cell.setAttribute("role", "cell");
  Object.assign(node, { dataCell: data, gradCell: grad, receivedCell: received });
  row.addEventListener("click", () => go(completed(node)));
  for (const element of [row, node.box]) element.addEventListener("pointerover", () => showInFull(node));
  return row;
}

/** Return the step that completes a node's gradient. */
function completed(node) {
  return node.received[node.received.length - 1].number;
}

// Showing a step

let current = 0;

/** Show a step, whichever was shown before; a number out of range is the nearest step. */
function show(number) {
  current = Math.min(Math.max(Math.trunc(number) || 0, 0), last);
  const step = steps[current];
  keepRowInView(changing(step)); // first: to ask how far the table is scrolled is cheap before anything has changed
  for (const node of nodes) showNode(node);
  for (const edge of edges) showEdge(edge);
  showRoles(step);
  tell(step);
  byId("slider").value = current;
  byId("slider").setAttribute("aria-valuetext", `step ${current} of ${last}`);
  for (const id of ["first", "back"]) byId(id).setAttribute("aria-disabled", current === 0);
  for (const id of ["next", "last"]) byId(id).setAttribute("aria-disabled", current === last);
  keepInView(step);
  addressSoon();
}

// How far a node is at a step: not computed, computed, or so many contributions received, from 0.
const unknown = -2;
const computed = -1;

/** Show a node's numbers as they are at the current step; what is shown already is not touched. */
function showNode(node) {
  const stage = stageOf(node);
  if (stage !== node.stage) {
    node.stage = stage;
    node.state = stateOf(node);
    node.dataNow = stage === unknown ? ["", "not computed yet"] : node.data;
    node.gradNow = stage < 0 ? ["", "not computed yet"] : stage === 0 ? ["0", "0.0"] : node.received[stage - 1].grad;
    node.dataCell.textContent = node.dataNow[0];
    node.gradCell.textContent = node.gradNow[0];
    node.receivedCell.textContent = stage < 0 ? "" : `${stage} of ${node.received.length}`;
    setState(node.row, node.state);
  }
  if (!node.away) showBox(node);
}

function stageOf(node) {
  if (current < node.computed) return unknown;
  if (current < backwardBegins) return computed;
  const first = node.received.findIndex((one) => one.number > current);
  return first === -1 ? node.received.length : first;
}

function stateOf({ stage, received }) {
  if (stage === unknown) return "is-unknown";
  if (stage === 0) return "is-waiting";
  return stage === computed || stage === received.length ? "is-done" : "is-receiving";
}

function showBox(node) {
  if (node.shown === node.stage) return;
  node.shown = node.stage;
  node.dataText.textContent = node.dataNow[0];
  node.gradText.textContent = node.gradNow[0];
  setState(node.box, node.state);
  const known = [node.name, node.stage === unknown ? "not computed yet" : `data ${node.dataNow[0]}`];
  if (node.stage >= 0) known.push(`grad ${node.gradNow[0]}, ${node.receivedCell.textContent} contributions`);
  node.box.setAttribute("aria-label", known.join(", "));
}

/** Put a node's numbers in full into the tooltips of its box and its row. */
function showInFull(node) {
  node.dataCell.title = node.dataNow[1];
  node.gradCell.title = node.gradNow[1];
  node.tooltip.textContent = `${node.name}\ndata ${node.dataNow[1]}\ngrad ${node.gradNow[1]}`;
}

/** Show an edge as used or waiting in the pass of the current step. */
function showEdge(edge) {
  if (edge.away) return;
  const known = current >= nodes[edge.node].computed; // its node, and so its local gradient
  const used = current < backwardBegins || current >= edge.used;
  const state = !known ? "is-unknown" : used ? "is-done" : "is-waiting";
  if (state === edge.state) return;
  edge.state = state;
  setState(edge.line, state);
}

function setState(element, state) {
  element.classList.remove("is-unknown", "is-waiting", "is-receiving", "is-done");
  element.classList.add(state);
}

let marked = [];

/** Mark the elements that play a role in a step: its node, its operand or operands, and the edge between. */
function showRoles(step) {
  for (const [element, role] of marked) element.classList.remove(role);
  byId("rows").querySelector("[aria-current]")?.removeAttribute("aria-current");
  marked = [];
  if (step.node != null) {
    const node = nodes[step.node];
    marked.push([node.box, "is-node"], [node.row, "is-node"]);
  }
  if (step.operand != null) {
    const operand = nodes[step.operand];
    marked.push([operand.box, "is-operand"], [operand.row, "is-operand"]);
  }
  if (step.position !== undefined) marked.push([edgeOf.get(current).line, "is-local_grad"]);
  for (const edge of step.pass === "forward" ? edges.filter((one) => one.node === step.node) : []) {
    marked.push([edge.line, "is-local_grad"], [nodes[edge.operand].box, "is-operand"]);
  }
  for (const [element, role] of marked) element.classList.add(role);
  for (const index of [step.node, step.operand]) if (index != null) showBox(nodes[index]);
  placeTags();
  if (current > 0) changing(step).row.setAttribute("aria-current", "step");
}

/** Return the node whose number a step changes; at the start, the one that is next. */
function changing(step) {
  return nodes[step.operand ?? step.node ?? 0];
}

/** Tell a step in mathematics, in names and in numbers, and in English. */
function tell(step) {
  byId("pass").textContent = step.title;
  byId("tally").textContent = step.tally;
  byId("count").textContent = `${current} of ${last}`;
  byId("names").replaceChildren(...step.names.map(partOf));
  byId("numbers").replaceChildren(...(step.numbers.length ? [["= ", ""], ...step.numbers] : []).map(partOf));
  byId("sentence").textContent = step.sentence;
}

function partOf([text, role]) {
  const part = document.createElement("span");
  if (role) part.className = `${role}-role`;
  part.textContent = text;
  return part;
}

// The step panel is as high as the longest step needs: else the graph below would jump.

function reserve() {
  const lengthOf = ({ names, numbers, sentence }) =>
    [...names, ...numbers].reduce((sum, [text]) => sum + text.length, 0) + sentence.length;
  const panel = byId("step");
  panel.style.minHeight = "";
  tell(steps.reduce((a, b) => (lengthOf(b) > lengthOf(a) ? b : a)));
  panel.style.minHeight = `${Math.min(panel.offsetHeight, innerHeight / 3)}px`;
  tell(steps[current]);
}

// The address: #step=17. Browsers limit how often it may change, so it follows a little later.

let addressTimer = 0;
let addressKnown = location.hash; // another one was typed, and its event is on the way: it is not to be overwritten

function addressSoon() {
  if (location.protocol === "about:") return; // inline in a notebook, where a page has no address of its own
  addressTimer ||= setTimeout(() => {
    addressTimer = 0;
    if (location.hash !== addressKnown || location.hash === `#step=${current}`) return;
    history.replaceState(null, "", `#step=${current}`);
    addressKnown = location.hash;
  }, 350);
}

function stepInAddress() {
  return Number(location.hash.match(/^#step=(.*)$/)?.[1]);
}

addEventListener("hashchange", () => {
  addressKnown = location.hash;
  pause();
  show(stepInAddress());
});

// Controls

let playing = 0;

function play() {
  if (current === last) show(0);
  byId("play").classList.add("playing");
  byId("play").setAttribute("aria-label", "Pause");
  byId("sentence").setAttribute("aria-live", "off");
  later();
}

function later() {
  playing = setTimeout(() => {
    show(current + 1);
    if (current === last) pause();
    else later();
  }, 1000 / byId("speed").value);
}

function pause() {
  clearTimeout(playing);
  playing = 0;
  byId("play").classList.remove("playing");
  byId("play").setAttribute("aria-label", "Play");
  byId("sentence").setAttribute("aria-live", "polite");
}

function go(number) {
  pause();
  show(number);
}

const controls = {
  first: () => go(0),
  back: () => go(current - 1),
  play: () => (playing ? pause() : play()),
  next: () => go(current + 1),
  last: () => go(last),
  "zoom-in": () => zoom(1.25),
  "zoom-out": () => zoom(0.8),
  fit: () => fit(),
};
for (const [id, action] of Object.entries(controls)) byId(id).addEventListener("click", action);
byId("slider").max = last;
byId("forward").style.flexGrow = backwardBegins;
byId("backward").style.flexGrow = steps.length - backwardBegins;
byId("slider").addEventListener("input", () => go(byId("slider").valueAsNumber));

const keys = {
  ArrowRight: controls.next,
  ArrowLeft: controls.back,
  Home: controls.first,
  End: controls.last,
  " ": controls.play,
  "+": controls["zoom-in"],
  "=": controls["zoom-in"],
  "-": controls["zoom-out"],
  0: controls.fit,
  Escape: () => byId("help").removeAttribute("open"),
  "Shift ArrowRight": () => move(-60, 0),
  "Shift ArrowLeft": () => move(60, 0),
  "Shift ArrowDown": () => move(0, -60),
  "Shift ArrowUp": () => move(0, 60),
};
addEventListener("keydown", (event) => {
  const { target } = event;
  const key = event.shiftKey && event.key.startsWith("Arrow") ? `Shift ${event.key}` : event.key;
  const ownKey = target.matches("select") || (key === " " && target.matches("button, summary"));
  if (event.ctrlKey || event.altKey || event.metaKey || ownKey || !keys[key]) return;
  event.preventDefault();
  keys[key]();
});

// The boxes: one stop on the way of the Tab key, from which the arrows up and down lead to the others.

for (const node of nodes) {
  node.box.setAttribute("role", "link");
  node.box.setAttribute("tabindex", node.index === 0 ? "0" : "-1");
  node.box.addEventListener("click", () => dragged || go(completed(node)));
  node.box.addEventListener("focus", () => {
    svg.querySelector('[tabindex="0"]').setAttribute("tabindex", "-1");
    node.box.setAttribute("tabindex", "0");
    keepPlaceInView(node.place, view.scale);
  });
  node.box.addEventListener("keydown", (event) => {
    const neighbour = { ArrowUp: node.index - 1, ArrowDown: node.index + 1 }[event.key];
    if (event.key === "Enter") go(completed(node));
    else if (event.shiftKey || neighbour === undefined) return;
    else if (nodes[neighbour]) {
      keepPlaceInView(nodes[neighbour].place, view.scale);
      nodes[neighbour].box.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  });
}
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("controls").focus();
});

// The view of the graph: which point of the picture is in the middle, and how large a point of it is on the screen.

const whole = { width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height };
const origin = graph.transform.baseVal.consolidate().matrix;
const view = { x: whole.width / 2, y: whole.height / 2, scale: 1, fitted: true };
view.wanted = view.scale; // the scale that was chosen; a step whose nodes are far apart is shown at a smaller one
let frame = { width: 1, height: 1 };

svg.setAttribute("width", whole.width);
svg.setAttribute("height", whole.height);
svg.setAttribute("role", "group");
svg.setAttribute("aria-label", "The computation graph, a link for each Value");
for (const link of svg.querySelectorAll("a")) {
  // Graphviz's tooltips tell the end of the backward pass. Those of the boxes are told anew, the edges' local gradients stay.
  const edge = link.closest(".edge");
  if (edge) edge.querySelector("title").textContent = (link.getAttribute("xlink:title") ?? "").split("\n")[0];
  link.removeAttribute("xlink:title");
}
for (const role of ["node", "operand"]) {
  const tag = graph.appendChild(document.createElementNS(svg.namespaceURI, "text"));
  tag.id = `${role}-tag`;
  tag.setAttribute("class", `tag ${role}-role`);
  tag.setAttribute("aria-hidden", "true");
}
for (const node of nodes) {
  node.place = placeOf(node.box);
  node.places = [node.place];
}
for (const edge of edges) {
  edge.places = placesOf(edge.line.querySelector("path"));
  edge.text = edge.line.querySelector("text");
  edge.label = { places: [placeOf(edge.text)] };
}

function placeOf(element) {
  const { x, y, width, height } = element.getBBox();
  return { left: x + origin.e, top: y + origin.f, right: x + width + origin.e, bottom: y + height + origin.f };
}

/** Return where each part of a curve is. A part is a Bézier curve, which lies within its four points. */
function placesOf(path) {
  const numbers = path.getAttribute("d").match(/-?[\d.]+/g).map(Number);
  const places = [];
  for (let i = 0; i + 8 <= numbers.length; i += 6) {
    const xs = [0, 2, 4, 6].map((j) => numbers[i + j] + origin.e);
    const ys = [1, 3, 5, 7].map((j) => numbers[i + j] + origin.f);
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

/** Zoom by a factor, holding still a point of the frame, by default its middle. */
function zoom(factor, x = frame.width / 2, y = frame.height / 2) {
  const scale = Math.min(Math.max(view.scale * factor, fittingScale() / 2), 8);
  view.x += (x - frame.width / 2) * (1 / view.scale - 1 / scale);
  view.y += (y - frame.height / 2) * (1 / view.scale - 1 / scale);
  Object.assign(view, { scale, wanted: scale, fitted: false });
  showView();
}

/** Move the picture by screen pixels. */
function move(x, y) {
  view.x = Math.min(Math.max(view.x - x / view.scale, 0), whole.width);
  view.y = Math.min(Math.max(view.y - y / view.scale, 0), whole.height);
  view.fitted = false;
  showView();
}

function showView() {
  const [x, y] = [frame.width / 2 - view.x * view.scale, frame.height / 2 - view.y * view.scale];
  byId("picture").style.transform = `translate(${x}px, ${y}px) scale(${view.scale})`;
  svg.classList.toggle("is-far", view.scale < legible);
  placeTags();
  const [width, height] = [0.52 * frame.width / view.scale, 0.52 * frame.height / view.scale];
  const seen = { left: view.x - width, top: view.y - height, right: view.x + width, bottom: view.y + height };
  for (const node of nodes) if (setAway(node, node.box, seen)) showBox(node);
  for (const edge of edges) {
    if (setAway(edge, edge.line, seen)) showEdge(edge);
    setAway(edge.label, edge.text, seen);
  }
}

/** Take what is out of view, nearly all of a large graph, out of the layout; return whether it has come back. */
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
  rowHeight = byId("rows").tHead.getBoundingClientRect().height;
  tableHeight = entry.contentRect.height;
  keepRowInView(changing(steps[current]));
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
  keepInView(steps[current]);
}).observe(byId("graph"));

/** Move the view, where that is needed, so that the nodes of a step are on it; zoom out where they are far apart. */
function keepInView(step) {
  const involved = [step.node, step.operand].filter((index) => index != null).map((index) => nodes[index]);
  const changed = changing(step);
  const place = [changed, ...involved].map((node) => node.place).reduce(around);
  const scale = Math.min(
    (frame.width - 2 * margin) / (place.right - place.left),
    (frame.height - 2 * margin) / (place.bottom - place.top),
  );
  if (scale >= legible) keepPlaceInView(place, Math.min(scale, view.wanted));
  else keepPlaceInView(changed.place, view.wanted);
}

const margin = 30; // screen pixels

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

function around(a, b) {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/** Scroll the table, where that is needed, so that a node's row is on it. All rows are of one height. */
function keepRowInView(node) {
  const table = byId("values");
  const top = node.index * rowHeight;
  const height = tableHeight - rowHeight;
  const { scrollTop } = table;
  if (top < scrollTop || top + rowHeight > scrollTop + height) table.scrollTop = top - height / 2;
}

/** Write the roles above the boxes that play them; beside them where the boxes are too small to be seen. */
function placeTags() {
  const far = view.scale < legible;
  const size = far ? 13 / view.scale : 11;
  for (const role of ["node", "operand"]) {
    const node = nodes[steps[current][role] ?? -1];
    const tag = byId(`${role}-tag`);
    tag.classList.toggle("is-idle", !node);
    if (!node) continue;
    const { left, top, right, bottom } = node.place;
    const [x, y] = !far ? [left, top - 6] : [role === "node" ? right : left, (top + bottom) / 2 + size / 3];
    tag.style.fontSize = `${size}px`;
    tag.style.textAnchor = far && role === "operand" ? "end" : "start";
    tag.textContent = !far ? role : role === "node" ? "● node" : "operand ●";
    tag.setAttribute("x", x - origin.e);
    tag.setAttribute("y", y - origin.f);
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

const pointers = new Map();
let dragged = false;

surface.addEventListener("pointerdown", (event) => {
  if (event.target.closest("#zoom")) return;
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
for (const kind of ["pointerup", "pointercancel"]) {
  surface.addEventListener(kind, (event) => pointers.delete(event.pointerId));
}

/** Return the distance between two fingers and the middle between them. */
function spread() {
  if (pointers.size !== 2) return null;
  const [a, b] = pointers.values();
  return { distance: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

reserve();
show(stepInAddress());
addEventListener("resize", reserve);
