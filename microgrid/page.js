// What the page shows. Its numbers and its sentences are those of passes.js; every text is set as text.

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Place */
/** @typedef {[role: string, line: number, start: number, end: number]} Mark */
/** @typedef {{ title: string, lines: [number, string][], marks: [node: number, position: number | null, marks: Mark[]][] }} Listing */

/**
 * One position of the page: nothing computed, the leaves given, a result computed, root.grad = 1, or a Step taken.
 * @typedef {{ kind: "start" | "leaves" | "computed" | "begins" | "step", node?: PassNode, step?: PassStep }} Position
 */

const content = JSON.parse(byId("content").textContent ?? "");
const passes = new Passes(content);
/** @type {string[]} */
const groups = content.groups; // the boxes of a folded drawing: what each box of the page belongs to
/** @type {Listing[]} */
const listings = content.listings;
const root = passes.nodes[passes.nodes.length - 1];
const results = passes.nodes.filter((node) => node.operands.length > 0);
const begins = results.length + 2;
const last = begins + passes.steps.length;
/** @type {Position[]} */
const positions = [
  { kind: "start" },
  { kind: "leaves" },
  ...results.map((node) => /** @type {Position} */ ({ kind: "computed", node })),
  { kind: "begins" },
  ...passes.steps.map((step) => /** @type {Position} */ ({ kind: "step", step })),
];

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id */
function inputById(id) {
  return /** @type {HTMLInputElement} */ (document.getElementById(id));
}

/** @param {string} id */
function svgById(id) {
  return /** @type {SVGGraphicsElement} */ (/** @type {unknown} */ (document.getElementById(id)));
}

/**
 * @template {Element} E
 * @param {ParentNode} parent
 * @param {string} selector
 */
function within(parent, selector) {
  return /** @type {E} */ (parent.querySelector(selector));
}

/** @param {string} name @param {Record<string, string | number>} [attributes] */
function svgElement(name, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  return element;
}

const slider = inputById("slider");
const picture = /** @type {SVGSVGElement} */ (within(document, "#picture svg"));
const graph = /** @type {SVGGElement} */ (within(picture, "g.graph"));

// The boxes: what is shown of each node, where, and when something happens to it.

class Box {
  /** @param {PassNode} node */
  constructor(node) {
    const id = content.nodes[node.index].box;
    this.node = node;
    this.group = /** @type {number} */ (content.nodes[node.index].group);
    this.trained = /** @type {boolean} */ (content.nodes[node.index].trained);
    this.computed = node.operands.length ? 2 + results.indexOf(node) : 1;
    /** @type {number[]} */
    this.received = node === root ? [begins] : []; // the positions at which it receives
    this.shape = svgById(`node-${id}`);
    this.dataText = numberIn(`a_data-${id}`);
    this.gradText = numberIn(`a_grad-${id}`);
    this.tooltip = within(this.shape, "title");
    this.place = /** @type {Place} */ ({});
    this.places = [this.place];
    this.away = false;
    this.stage = NaN;
    this.data = NaN;
    this.grad = NaN;
    this.state = "";
    this.drawn = ["", "", ""]; // what the picture shows of data, grad and state
    this.row = document.createElement("tr");
    this.nameCell = this.row.appendChild(document.createElement("th"));
    this.dataCell = this.row.appendChild(document.createElement("td"));
    this.gradCell = this.row.appendChild(document.createElement("td"));
    this.receivedCell = this.row.appendChild(document.createElement("td"));
    /** @type {HTMLInputElement | null} */
    this.input = node.op ? null : document.createElement("input");
  }

  /** The position that completes its gradient. */
  get complete() {
    return this.received[this.received.length - 1];
  }
}

/** @param {string} id */
function numberIn(id) {
  return [...svgById(id).querySelectorAll("text")].pop() ?? document.createElementNS(picture.namespaceURI, "text");
}

const boxes = passes.nodes.filter((node) => content.nodes[node.index].box).map((node) => new Box(node));
const leaves = boxes.filter((box) => box.computed === 1);
/** @type {Map<PassNode, Box>} */
const boxOf = new Map(boxes.map((box) => [box.node, box]));

/** @param {number} index */
function boxAt(index) {
  return /** @type {Box} */ (boxOf.get(passes.nodes[index]));
}

class Arrow {
  /** @param {PassStep} step @param {number} position */
  constructor(step, position) {
    this.step = step;
    this.used = position;
    this.node = boxAt(step.node);
    this.operand = boxAt(step.operand);
    this.line = svgById(`edge-${content.nodes[step.node].box}-${step.position}`);
    this.text = /** @type {SVGTextElement} */ (within(this.line, "text"));
    this.tooltip = within(this.line, "title");
    /** @type {Place[]} */
    this.places = [];
    this.away = false;
    this.label = { places: /** @type {Place[]} */ ([]), away: false };
    this.localGrad = step.localGrad;
    this.state = "";
  }
}

const arrows = passes.steps.map((step, index) => new Arrow(step, begins + 1 + index));
for (const arrow of arrows) arrow.operand.received.push(arrow.used);
/** @type {Map<Box, Arrow[]>} */
const arrowsTo = new Map(boxes.map((box) => [box, []]));
/** @type {Map<Box, Arrow[]>} */
const arrowsFrom = new Map(boxes.map((box) => [box, []]));
for (const arrow of arrows) {
  arrowsTo.get(arrow.node)?.push(arrow);
  arrowsFrom.get(arrow.operand)?.push(arrow);
}

/** @type {Map<number, { boxes: Box[], computed: number, complete: number }>} */
const groupAt = new Map();
for (const box of boxes) {
  const group = groupAt.get(box.group) ?? { boxes: [], computed: 0, complete: 0 };
  group.boxes.push(box);
  group.computed = Math.max(group.computed, box.computed);
  group.complete = Math.max(group.complete, box.complete);
  groupAt.set(box.group, group);
}

// The table of all Values. The roles say that it is a table although it is laid out as a grid.

for (const [index, box] of boxes.entries()) {
  const groupSize = 25;
  const table = /** @type {HTMLTableElement} */ (byId("rows"));
  if (index % groupSize === 0) {
    const body = table.createTBody();
    body.setAttribute("role", "rowgroup");
    body.style.setProperty("contain-intrinsic-height", `calc(${Math.min(groupSize, boxes.length - index)} * var(--row))`);
  }
  const { node, row, nameCell, dataCell, gradCell, receivedCell, input } = box;
  table.tBodies[table.tBodies.length - 1].append(row);
  row.setAttribute("role", "row");
  nameCell.setAttribute("role", "rowheader");
  nameCell.textContent = node.name;
  nameCell.title = node.operands.length ? `${node.name} = ${textOf(passes.expression(node, false))}` : `${node.name}, a leaf`;
  for (const cell of [dataCell, gradCell, receivedCell]) cell.setAttribute("role", "cell");
  row.addEventListener("click", ({ target }) => target === input || (target === gradCell ? ask(box) : go(box.complete)));
  for (const element of [row, box.shape]) element.addEventListener("pointerover", () => showInFull(box));
  if (input) {
    dataCell.append(input);
    input.spellcheck = false;
    input.setAttribute("aria-label", `data of ${node.name}`);
  }
}

// Showing a position

let current = 0;
let known = 0; // the position of which the numbers are shown: an earlier one while the quiz asks for that of the current

/**
 * Show a position, whichever was shown before; a number out of range is the nearest one.
 * @param {number} number
 */
function show(number) {
  current = Math.min(Math.max(Math.trunc(number) || 0, 0), last);
  keepRowInView(changing()); // first: to ask how far the table is scrolled is cheap before anything has changed
  keepLineInView();
  showNumbers();
  showRoles();
  showLines();
  slider.value = String(current);
  slider.setAttribute("aria-valuetext", `step ${current} of ${last}`);
  setText(byId("count"), `${current} of ${last}`);
  for (const id of ["first", "back"]) byId(id).setAttribute("aria-disabled", String(current === 0));
  for (const id of ["next", "last"]) byId(id).setAttribute("aria-disabled", String(stopAfter(current) <= current));
  keepInView();
  changed();
}

/** Show the numbers as they are at the current position; what is shown already is not touched. */
function showNumbers() {
  known = isHidden() ? stopBefore(current) : current;
  for (const box of boxes) showBox(box);
  for (const arrow of arrows) showArrow(arrow);
  tell();
}

// How far a node is: not computed, computed, or so many contributions received, from 0.
const UNKNOWN = -2;
const COMPUTED = -1;

/** @param {Box} box */
function showBox(box) {
  const { node, received } = box;
  const stage = stageOf(box);
  const grad = gradAt(box, stage);
  if (stage !== box.stage || !Object.is(node.data, box.data) || !Object.is(grad, box.grad)) {
    Object.assign(box, { stage, data: node.data, grad, state: stateOf(stage, received.length) });
    const [data, gradNow] = textsOf(box);
    if (!box.input) setText(box.dataCell, data);
    else if (box.input !== document.activeElement || box.input.dataset.typing !== "yes") box.input.value = data;
    box.dataCell.classList.toggle("is-failed", stage !== UNKNOWN && node.failure !== "");
    box.input?.toggleAttribute("disabled", stage === UNKNOWN);
    box.row.classList.toggle("is-changed", node.changed && !node.operands.length);
    setText(box.gradCell, gradNow);
    setText(box.receivedCell, stage < 0 ? "" : `${stage} of ${received.length}`);
    setState(box.row, box.state);
    if (box.dataCell.title) showInFull(box); // the pointer may still be on it
  }
  if (!box.away) drawBox(box);
}

/** @param {Box} box */
function stageOf(box, position = known) {
  if (position < box.computed) return UNKNOWN;
  if (position < begins) return COMPUTED;
  const first = box.received.findIndex((one) => one > position);
  return first === -1 ? box.received.length : first;
}

/** @param {Box} box @param {number} stage */
function gradAt({ node, received }, stage) {
  return stage < 1 ? 0 : node === root ? 1 : passes.steps[received[stage - 1] - begins - 1].after;
}

/** @param {number} stage @param {number} uses */
function stateOf(stage, uses) {
  if (stage === UNKNOWN) return "is-unknown";
  if (stage === 0) return "is-waiting";
  return stage === COMPUTED || stage === uses ? "is-done" : "is-receiving";
}

/** @type {Record<string, string>} */
const failures = {
  ValueError: "no real number",
  ZeroDivisionError: "division by zero",
  OverflowError: "too large",
};

/**
 * Return what is shown of a box's data and grad.
 * @param {Box} box
 */
function textsOf({ node, stage, grad }) {
  const data = node.failure ? failures[node.failure] : short(node.data);
  return [stage === UNKNOWN ? "" : data, stage < 0 ? "" : short(grad)];
}

/** @param {Box} box */
function drawBox(box) {
  const [data, grad] = textsOf(box);
  const { node, stage, state, drawn } = box;
  if (drawn[0] === data && drawn[1] === grad && drawn[2] === `${state}${stage}`) return;
  box.drawn = [data, grad, `${state}${stage}`];
  setText(box.dataText, data);
  setText(box.gradText, grad);
  box.dataText.classList.toggle("is-failed", stage !== UNKNOWN && node.failure !== "");
  setState(box.shape, state);
  const label = [node.name, stage === UNKNOWN ? "not computed yet" : `data ${data}`];
  if (stage >= 0) label.push(`grad ${grad}, ${stage} of ${box.received.length} contributions`);
  box.shape.setAttribute("aria-label", label.join(", "));
}

/**
 * Put a node's numbers in full into the tooltips of its box and its row.
 * @param {Box} box
 */
function showInFull({ node, stage, grad, dataCell, gradCell, tooltip }) {
  dataCell.title = stage === UNKNOWN ? "not computed yet" : node.failure ? raised(node) : inFull(node.data);
  gradCell.title = stage < 0 ? "not computed yet" : inFull(grad);
  tooltip.textContent = `${node.name}\ndata ${dataCell.title}\ngrad ${gradCell.title}`;
}

/** @param {PassNode} node */
function raised(node) {
  return `${textOf(passes.expression(node, false))}: Python raises ${node.failure} here`;
}

/** @param {number} number */
function inFull(number) {
  if (Number.isFinite(number)) return Object.is(number, -0) ? "-0" : String(number);
  return short(number);
}

/**
 * Show an arrow as used or waiting in the pass at hand, and its local gradient.
 * @param {Arrow} arrow
 */
function showArrow(arrow) {
  if (arrow.away) return;
  const { step, line } = arrow;
  if (!Object.is(step.localGrad, arrow.localGrad)) {
    arrow.localGrad = step.localGrad;
    setText(arrow.text, short(step.localGrad));
    setText(arrow.tooltip, `${passes.localGradName(step)} = ${inFull(step.localGrad)}`);
  }
  const used = current < begins || current >= arrow.used;
  const state = known < arrow.node.computed ? "is-unknown" : used ? "is-done" : "is-waiting";
  if (state === arrow.state) return;
  arrow.state = state;
  setState(line, state);
}

/** @param {Element} element @param {string} state */
function setState(element, state) {
  element.classList.remove("is-unknown", "is-waiting", "is-receiving", "is-done");
  element.classList.add(state);
}

/** @param {Element} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {Element} element @param {Part[]} parts */
function setParts(element, parts) {
  const key = JSON.stringify(parts);
  const shown = /** @type {Element & { parts?: string }} */ (element);
  if (shown.parts === key) return;
  shown.parts = key;
  element.replaceChildren(...parts.map(([text, role]) => {
    const part = document.createElement("span");
    if (role) part.className = `${role}-role`;
    part.textContent = text;
    return part;
  }));
}

/** @param {Part[]} parts */
function textOf(parts) {
  return parts.map(([text]) => text).join("");
}

// What a step is: a use of an operand, a node with all its contributions, or a box of a folded drawing with all of
// them. All three are the same positions; the larger steps stop at fewer of them.

const grainSelect = /** @type {HTMLSelectElement} */ (/** @type {unknown} */ (byId("grain")));
let filtered = false;
/** @type {number[]} */
let stops = [];

/** @param {Box} box */
function isSeen(box) {
  return box.trained || !filtered;
}

/** Find the positions at which the steps stop. */
function findStops() {
  const grain = grainSelect.value;
  /** @type {Set<number>} */
  const ends = new Set();
  for (const { boxes, computed, complete } of groupAt.values()) {
    for (const number of [computed, complete]) if (boxes.some(isSeen)) ends.add(number);
  }
  stops = [...positions.keys()].filter((number) => {
    const { kind, node, step } = positions[number];
    if (!node && !step) return true;
    const box = node ? boxOf.get(node) : boxAt(/** @type {PassStep} */ (step).operand);
    if (!box) return false;
    if (grain === "box") return ends.has(number);
    return isSeen(box) && (kind === "computed" || grain === "use" || number === box.complete);
  });
}

/** @param {number} number */
function stopBefore(number) {
  return stops.findLast((stop) => stop < number) ?? 0;
}

/** @param {number} number */
function stopAfter(number) {
  return stops.find((stop) => stop > number) ?? stops[stops.length - 1];
}

/** Return the position at hand as it is told: of which boxes, by which arrows, and whether as one step, node or box. */
function scene() {
  const { kind, node, step } = positions[current];
  const grain = grainSelect.value;
  const scene = {
    kind: /** @type {Position["kind"] | "node" | "box"} */ (kind),
    nodes: /** @type {Box[]} */ ([]),
    operands: /** @type {Box[]} */ ([]),
    arrows: /** @type {Arrow[]} */ ([]),
  };
  if (kind === "leaves") scene.nodes = leaves.filter(isSeen);
  if (kind === "begins") scene.operands = [boxAt(root.index)];
  const box = node ? boxOf.get(node) : step && boxAt(step.operand);
  if (!box) return scene;
  const group = /** @type {{ boxes: Box[], computed: number, complete: number }} */ (groupAt.get(box.group));
  if (grain === "box" && group.boxes.length > 1 && current === (node ? group.computed : group.complete)) {
    scene.kind = "box";
    scene[node ? "nodes" : "operands"] = group.boxes;
  } else if (node) {
    scene.nodes = [box];
    scene.arrows = arrowsTo.get(box) ?? [];
    scene.operands = scene.arrows.map((arrow) => arrow.operand);
  } else if (grain !== "use" && current === box.complete) {
    scene.kind = "node";
    scene.operands = [box];
    scene.arrows = arrowsFrom.get(box) ?? [];
    scene.nodes = scene.arrows.map((arrow) => arrow.node);
  } else {
    scene.arrows = [arrows[current - begins - 1]];
    scene.nodes = [scene.arrows[0].node];
    scene.operands = [box];
  }
  return scene;
}

/** Return the box whose number the current position changes; at the start, the first. */
function changing() {
  const { node, step } = positions[current];
  if (step) return boxAt(step.operand);
  return (current === begins ? boxOf.get(root) : node && boxOf.get(node)) ?? boxes[0];
}

/** @type {[Element, string][]} */
let marked = [];

/** Mark what plays a role at the current position: nodes, operands, and the arrows between. */
function showRoles() {
  for (const [element, role] of marked) element.classList.remove(role);
  within(byId("rows"), "[aria-current]")?.removeAttribute("aria-current");
  marked = [];
  const { nodes, operands, arrows } = scene();
  for (const box of nodes) marked.push([box.shape, "is-node"], [box.row, "is-node"]);
  for (const box of operands) if (!nodes.includes(box)) marked.push([box.shape, "is-operand"], [box.row, "is-operand"]);
  for (const arrow of arrows) marked.push([arrow.line, "is-local_grad"]);
  for (const [element, role] of marked) element.classList.add(role);
  for (const box of [...nodes, ...operands]) drawBox(box);
  placeTags();
  if (current > 0) changing().row.setAttribute("aria-current", "step");
}

/**
 * What is said of a position.
 * @typedef {{ title: string, tally: string, names: Part[], numbers: Part[], sentence: string }} Said
 */

/** Tell the current position in mathematics, in names and in numbers, and in English. */
function tell() {
  const said = saidOf();
  setText(byId("pass"), said.title);
  setText(byId("tally"), said.tally);
  setParts(byId("names"), said.names);
  setParts(byId("numbers"), isHidden() ? [] : said.numbers.length ? [["= ", ""], ...said.numbers] : []);
  setText(byId("sentence"), isHidden() ? "" : said.sentence);
  showContributions();
  showForetold();
  showQuestion();
  showCloseUp();
  if (!byId("why").hidden) showPaths();
}

/** @returns {Said} */
function saidOf() {
  const { node, step } = positions[current];
  const { kind, nodes, operands, arrows } = scene();
  const name = root.name;
  if (kind === "start") {
    return {
      title: "Before the forward pass",
      tally: "",
      names: [[`${name}${root.operands.length ? " = " : ""}`, ""], ...passes.expression(root, false).map(plain)],
      numbers: [],
      sentence: `The forward pass gives ${count(boxes.length, "Value")} a number, operands before results; ` +
        `the backward pass then adds ${count(passes.steps.length, "contribution")} to their gradients.`,
    };
  }
  if (kind === "leaves") {
    const given = nodes.map(({ node }) => `${node.name} = ${short(node.data)}`);
    return {
      title: "Forward pass, the leaves",
      tally: "",
      names: [[some(given, ", "), "node"]],
      numbers: [],
      sentence: `${count(nodes.length, "leaf", "leaves")}: ${nodes.length === 1 ? "its number is" : "their numbers are"} given.`,
    };
  }
  if (kind === "begins") {
    return {
      title: "The backward pass begins",
      tally: "",
      names: [[`${name}.grad`, "operand"], [" = ", ""], ["1", "operand"]],
      numbers: [],
      sentence: `${name} grows exactly as fast as itself, so its gradient is 1; all others start at 0.`,
    };
  }
  if (kind === "box") return saidOfBox(nodes, operands);
  if (kind === "node") return saidOfNode(operands[0], arrows);
  if (step) {
    return {
      title: `Backward pass, step ${current - begins} of ${passes.steps.length}`,
      tally: `${passes.nodes[step.operand].name} receives ${passes.place(step)}`,
      names: passes.inNames(step),
      numbers: passes.inNumbers(step),
      sentence: passes.sentence(step),
    };
  }
  const made = /** @type {PassNode} */ (node);
  /** @type {Part} */
  const number = [short(made.data), "node"];
  return {
    title: `Forward pass, result ${current - 1} of ${results.length}`,
    tally: "",
    names: [[made.name, "node"], [" = ", ""], ...passes.expression(made, false)],
    numbers: [...passes.expression(made, true), [" = ", ""], made.failure ? [failures[made.failure], "node"] : number],
    sentence: made.failure
      ? `${raised(made)}, so ${made.name} has no number.`
      : `${made.name} is computed from its operands: ${textOf(passes.expression(made, false))} is ${number[0]}.`,
  };
}

/**
 * Return what is said of a node that has all its contributions: the chain rule as a sum over its uses.
 * @param {Box} box @param {Arrow[]} arrows
 * @returns {Said}
 */
function saidOfNode({ node }, arrows) {
  const terms = arrows.map(({ step }) => {
    const [, , giver, times, slope] = passes.inNames(step);
    const [number, , slopeNumber] = passes.inNumbers(step);
    return { names: [giver, times, slope], numbers: [number, times, slopeNumber] };
  });
  const grad = short(passes.steps[/** @type {Arrow} */ (arrows[arrows.length - 1]).used - begins - 1].after);
  return {
    title: `Backward pass, ${node.name}`,
    tally: `${node.name} has ${arrows.length === 1 ? "its only contribution" : `its ${arrows.length} contributions`}`,
    names: [[`${node.name}.grad`, "operand"], [" = ", ""], ...summed(terms.map(({ names }) => names))],
    numbers: [...summed(terms.map(({ numbers }) => numbers)), [" = ", ""], [grad, "operand"]],
    sentence: `The gradient of ${node.name} is complete, ${grad}: ` +
      (arrows.length === 1 ? "it has one use." : `the sum over its ${arrows.length} uses.`),
  };
}

/**
 * @param {Part[][]} terms
 * @returns {Part[]}
 */
function summed(terms) {
  /** @type {Part[][]} */
  const shown = terms.length > 4 ? [...terms.slice(0, 2), [["…", ""]], terms[terms.length - 1]] : terms;
  return shown.flatMap((term, index) => (index ? [/** @type {Part} */ ([" + ", ""]), ...term] : term));
}

/**
 * @param {Box[]} nodes @param {Box[]} operands
 * @returns {Said}
 */
function saidOfBox(nodes, operands) {
  const forward = nodes.length > 0;
  const all = forward ? nodes : operands;
  const members = all.filter(({ node }) => !content.nodes[node.index].absorbed);
  const name = groups[members[0].group];
  const numbers = members.map(({ node }) =>
    (forward ? `${node.name} = ${short(node.data)}` : `${node.name}.grad = ${short(passes.nodes[node.index].grad)}`));
  const uses = all.reduce((sum, { received }) => sum + received.length, 0);
  return {
    title: `${forward ? "Forward" : "Backward"} pass, the box ${name}`,
    tally: forward ? "" : `${count(uses, "contribution")} in all`,
    names: [[some(numbers, ", "), forward ? "node" : "operand"]],
    numbers: [],
    sentence: forward
      ? `${count(members.length, "Value")} of ${name} are computed.`
      : `The gradients of ${count(members.length, "Value")} of ${name} are complete.`,
  };
}

/**
 * @param {Part} part
 * @returns {Part}
 */
function plain([text]) {
  return [text, ""];
}

/** @param {string[]} texts @param {string} between */
function some(texts, between) {
  return [...texts.slice(0, 4), ...(texts.length > 5 ? ["…"] : []), ...texts.slice(Math.max(4, texts.length - 1))].join(between);
}

/** @param {number} number @param {string} one @param {string} many */
function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// The step panel is as high as the longest step needs: else the graph below would jump.

function reserve() {
  const panel = byId("step");
  const shown = current;
  const lengths = positions.map((_, number) => {
    current = number;
    const { names, numbers, sentence } = saidOf();
    return textOf([...names, ...numbers]).length + sentence.length;
  });
  panel.style.minHeight = "";
  current = lengths.indexOf(Math.max(...lengths));
  tell();
  panel.style.minHeight = `${Math.min(panel.offsetHeight, innerHeight / 3)}px`;
  current = shown;
  tell();
}
