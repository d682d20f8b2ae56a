// Beside the graph: numbers that are changed, the quiz, the paths behind a gradient, and the program.

// Changing a number. Both passes are computed anew; the position stays, and nothing is asked of the layout.

/** @type {{ box: Box, before: number, grad: number, root: number } | null} */
let latest = null; // the leaf that was changed last, and what was known before

/** @param {Box} box @param {number} number */
function change(box, number) {
  if (Object.is(box.node.data, number)) return;
  if (latest?.box !== box) latest = { box, before: box.node.data, grad: box.node.grad, root: root.data };
  passes.set(box.node.index, number);
  renew();
}

function putBack() {
  latest = null;
  passes.reset();
  renew();
}

function renew() {
  answered.clear();
  failed.clear();
  showNumbers();
  changed();
}

/** A gradient is a rate: show what that of the leaf changed last foretold of the root, beside what happened. */
function showForetold() {
  byId("change").hidden = !boxes.some(({ node, input }) => input && node.changed);
  if (!latest) return setText(byId("foretold"), "");
  const { box: { node }, before, grad, root: rootBefore } = latest;
  const by = node.data - before;
  setText(byId("foretold"), `${node.name}: ${short(before)} → ${short(node.data)}. Its gradient, ${short(grad)}, foretold ` +
    `${short(grad)} · ${bracketed(by)} = ${short(grad * by)} for ${root.name}; it changed by ${short(root.data - rootBefore)}, ` +
    `${short(rootBefore)} → ${short(root.data)}.`);
}

/**
 * Return the number that a text says, as Python's float does; null if it says none.
 * @param {string} text
 */
function numberOf(text) {
  const trimmed = text.trim().toLowerCase().replaceAll("−", "-");
  const word = trimmed.match(/^([+-]?)(inf|infinity|nan)$/);
  if (word) return word[2] === "nan" ? NaN : word[1] === "-" ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : null;
}

/**
 * Return how much a number changes by one step: a tenth of its leading digit's place, more or less.
 * @param {number} number
 */
function stepOf(number) {
  const size = Math.abs(number);
  return 10 ** Math.floor(Math.log10(size > 1e-300 && size < 1e300 ? size : 1) - 1);
}

/** @param {number} number @param {number} steps @param {number} step */
function stepped(number, steps, step) {
  return Number.isFinite(number) ? Number((number + steps * step).toPrecision(12)) : number;
}

/**
 * Let a leaf's number be dragged by an element that shows it.
 * @param {HTMLElement} surface @param {Box} box
 */
function letDrag(surface, box) {
  let begun = false;
  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || box.stage === UNKNOWN) return;
    event.stopPropagation();
    const number = box.node.data;
    const step = stepOf(number);
    begun = dragged = false;
    surface.setPointerCapture(event.pointerId);
    const moved = (/** @type {PointerEvent} */ { clientX, clientY }) => {
      const pixels = clientX - event.clientX;
      if (!begun && Math.hypot(pixels, clientY - event.clientY) < 4) return;
      begun = true;
      change(box, stepped(number, Math.round(pixels / 4), step));
    };
    const ended = () => {
      surface.removeEventListener("pointermove", moved);
      if (begun) box.input?.blur();
    };
    surface.addEventListener("pointermove", moved);
    surface.addEventListener("lostpointercapture", ended, { once: true });
  });
  surface.addEventListener("click", (event) => {
    if (begun) event.stopPropagation();
  });
}

for (const box of boxes) {
  const { input, node } = box;
  if (!input) continue;
  const take = () => {
    if (input.dataset.typing !== "yes") return;
    input.dataset.typing = "";
    const number = numberOf(input.value);
    if (number === null) notify(`"${input.value}" is not a number: write one such as 3.1, 1e-3 or inf`);
    else change(box, number);
    input.value = short(node.data);
  };
  input.addEventListener("input", () => (input.dataset.typing = "yes"));
  input.addEventListener("change", take);
  input.addEventListener("focus", () => (input.value = inFull(node.data)));
  input.addEventListener("blur", () => {
    take();
    input.value = short(node.data);
  });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter") take();
    if (event.key === "Escape") {
      input.dataset.typing = "";
      change(box, Number(content.nodes[node.index].data));
      input.value = inFull(node.data);
    }
    if (way) {
      event.preventDefault();
      take();
      change(box, stepped(node.data, way * (event.shiftKey ? 10 : 1), stepOf(node.data)));
      input.value = inFull(node.data);
    }
  });
  letDrag(input, box);
  box.dataText.classList.add("changeable");
  letDrag(/** @type {any} */ (box.dataText), box);
}
byId("reset").addEventListener("click", putBack);

let noticeTimer = 0;

/**
 * Say in one line what could not be done.
 * @param {string} text
 */
function notify(text) {
  byId("notice").hidden = false;
  setText(byId("notice"), text);
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (byId("notice").hidden = true), 8000);
}

// The quiz: the number of a step is asked for, and hidden until it is known.

let quizzing = false;
/** @type {Set<number>} */
const answered = new Set(); // the positions whose number is known
/** @type {Set<number>} */
const failed = new Set(); // those of which a wrong number was given
const score = { right: 0, asked: 0 };

/** Return the number that is asked for at the current position, if one is. */
function question() {
  const { node, step } = positions[current];
  if (!quizzing || !(node || step)) return null;
  const { kind, operands } = scene();
  if (kind === "box") return null;
  if (node) return { number: node.data, of: node.name };
  if (kind === "node") return { number: operands[0].node.grad, of: `${operands[0].node.name}.grad` };
  return { number: /** @type {PassStep} */ (step).contribution, of: "the contribution" };
}

function isHidden() {
  return question() !== null && !answered.has(current);
}

function showQuestion() {
  const asked = question();
  const form = /** @type {HTMLFormElement} */ (byId("quiz"));
  form.hidden = !quizzing;
  if (!quizzing) return;
  const open = asked !== null && isHidden();
  for (const part of form.querySelectorAll("label, button")) part.toggleAttribute("hidden", !open);
  within(form, "label").firstChild?.replaceWith(`${asked ? asked.of : ""} = `);
  setText(byId("score"), `${score.right} of ${score.asked} right`);
}

/** @param {boolean} on */
function quiz(on) {
  quizzing = on;
  answered.clear();
  failed.clear();
  Object.assign(score, { right: 0, asked: 0 });
  byId("ask").setAttribute("aria-pressed", String(on));
  setParts(byId("verdict"), []);
  show(current);
}

/** @param {SubmitEvent} event */
function check(event) {
  event.preventDefault();
  const asked = question();
  const input = inputById("answer");
  const number = numberOf(input.value);
  if (!asked || !isHidden()) return;
  if (number === null) {
    setParts(byId("verdict"), [["Type a number, such as -2 or 0.5.", ""]]);
  } else if (isRight(number, asked.number)) {
    settle(failed.has(current) ? 0 : 1, [["Right.", ""]]);
  } else {
    failed.add(current);
    setParts(byId("verdict"), [[`Not ${short(number)}: work out `, ""], ...factors()]);
    input.select();
  }
}

/** @param {number} given @param {number} right */
function isRight(given, right) {
  return Object.is(given, right) || (Number.isFinite(right) && Math.abs(given - right) <= 0.01 * Math.abs(right));
}

/**
 * Return what the number of the current position is made of, in numbers: in colours, without the result.
 * @returns {Part[]}
 */
function factors() {
  const { step } = positions[current];
  const { numbers } = saidOf();
  const result = numbers.findIndex(([text]) => text.startsWith(" = "));
  return step && scene().kind === "step" ? numbers.slice(0, 3) : numbers.slice(0, result);
}

/** @param {number} right @param {Part[]} verdict */
function settle(right, verdict) {
  answered.add(current);
  score.right += right;
  score.asked += 1;
  setParts(byId("verdict"), verdict);
  inputById("answer").value = "";
  show(current);
  moveNumbers();
  byId("next").focus();
}

byId("quiz").addEventListener("submit", check);
byId("reveal").addEventListener("click", () => settle(0, []));
byId("quiz").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") event.stopPropagation();
});

// Why a gradient is what it is: the paths behind it, the largest first, lit in the picture.

/** @type {Box | null} */
let asked = null;

/** @param {Box} box */
function ask(box) {
  if (isHidden()) return notify("the paths would give the number away: answer first, or reveal it");
  asked = box;
  byId("why").hidden = false;
  showPaths();
}

function stopAsking() {
  asked = null;
  byId("why").hidden = true;
  light([]);
}

function showPaths() {
  if (!asked) return;
  const { node } = asked;
  const { gradient, count: ways, paths, others, rest, blocked } = passes.why(node);
  const why = node === root ? "it is the root" : `${ways === 1 ? "the only path" : `the sum over ${pathCount(ways)}`} from ${root.name}`;
  setText(byId("why-title"), `${node.name}.grad = ${short(gradient)}: ${why}`);
  const items = paths.map(({ product, steps }) => pathItem(
    [[`${short(product)} = `, ""], ...chain(steps)], steps));
  if (others) items.push(pathItem([[`${short(rest)} = ${pathCount(others, "other ")}`, ""]], []));
  for (const { step, ended } of blocked.slice(0, 5)) {
    const name = passes.localGradName(passes.steps[step]);
    items.push(pathItem([[`0 = ${pathCount(ended)}, blocked: `, ""], [`${name} = 0`, "local_grad"]], [step]));
  }
  byId("paths").replaceChildren(...items);
  light(paths.flatMap(({ steps }) => steps));
}

/** @param {number} count */
function pathCount(count, other = "") {
  return `${count < 1e18 ? count.toLocaleString("en") : "10^18 or more"} ${other}${count === 1 ? "path" : "paths"}`;
}

/**
 * Return the product of the local gradients along a path, in names and in numbers, only its ends if it is long.
 * @param {number[]} steps
 * @returns {Part[]}
 */
function chain(steps) {
  const shown = steps.length > 6 ? [...steps.slice(0, 3), null, ...steps.slice(-2)] : steps;
  /** @param {(step: PassStep, first: boolean) => string} write @returns {Part[]} */
  const product = (write) => shown.flatMap((index, place) => [
    /** @type {Part} */ ([place ? " · " : "", ""]),
    index === null
      ? /** @type {Part} */ ([`(${steps.length - 5} more)`, ""])
      : /** @type {Part} */ ([write(passes.steps[index], !place), "local_grad"]),
  ]);
  const numbers = product(({ localGrad }, first) => (first ? short(localGrad) : bracketed(localGrad)));
  return [...product((step) => passes.localGradName(step)), ...(steps.length > 1 ? [/** @type {Part} */ ([" = ", ""]), ...numbers] : [])];
}

/** @param {Part[]} parts @param {number[]} steps */
function pathItem(parts, steps) {
  const item = document.createElement("li");
  setParts(item, parts);
  if (!steps.length) return item;
  item.tabIndex = 0;
  for (const kind of ["pointerenter", "focus"]) item.addEventListener(kind, () => light(steps));
  return item;
}

/** @type {Element[]} */
let lit = [];

/** @param {number[]} steps */
function light(steps) {
  for (const element of lit) element.classList.remove("is-lit");
  lit = steps.flatMap((step) => [arrows[step].line, arrows[step].node.shape, arrows[step].operand.shape]);
  for (const element of lit) element.classList.add("is-lit");
}

for (const box of boxes) {
  byId(`a_grad-${content.nodes[box.node.index].box}`).addEventListener("click", (event) => {
    event.stopPropagation();
    if (!dragged) ask(box);
  });
}
byId("why-close").addEventListener("click", stopAsking);

// The program beside the graph: the lines that made it, or the straight-line program that it is.

let listed = 0; // which listing is shown
/** @type {HTMLLIElement[]} */
let lines = [];
/** @type {Map<string, Mark[]>} */
let marksOf = new Map();
/** @type {number[]} */
let shownLines = [];

/** @param {number} index */
function list(index) {
  listed = index;
  const listing = listings[index];
  byId("program").hidden = !listing;
  if (!listing) return;
  setText(byId("program-title"), listing.title);
  marksOf = new Map(listing.marks.map(([node, position, marks]) => [`${node} ${position}`, marks]));
  /** @type {Map<number, number>} */
  const firsts = new Map(); // the first position of each line
  for (const [number, position] of positions.entries()) {
    for (const [, line] of marksAt(position)) if (!firsts.has(line)) firsts.set(line, number);
  }
  shownLines = [];
  lines = listing.lines.map(([number, text], index) => {
    const line = document.createElement("li");
    line.value = number;
    line.dataset.number = String(number);
    line.textContent = text;
    const first = firsts.get(index);
    line.classList.toggle("is-step", first !== undefined);
    if (index && listing.lines[index - 1][0] < number - 1) line.classList.add("after-gap");
    if (first !== undefined) line.addEventListener("click", () => go(first));
    return line;
  });
  byId("lines").replaceChildren(...lines);
}

/**
 * Return where in the listing a node was made, or where its operand at a position stands.
 * @param {number} node
 * @param {number | null} position
 */
function marksFor(node, position = null) {
  return marksOf.get(`${node} ${position}`);
}

/**
 * Return what of the listing is marked at a position of the page.
 * @param {Position} position
 */
function marksAt({ kind, node, step }) {
  if (step) return marksFor(step.node, step.position) ?? marksFor(step.node) ?? [];
  if (kind === "leaves") return leaves.flatMap((box) => marksFor(box.node.index) ?? []);
  if (kind === "begins") return marksFor(root.index) ?? [];
  if (!node) return [];
  const made = marksFor(node.index) ?? [];
  const operands = node.operands.flatMap((_, position) => marksFor(node.index, position) ?? []);
  return [...made, ...operands.filter(([role, line]) => role === "operand" && made.some((mark) => mark[1] === line))];
}

/** Mark the expression of the current position in the program. */
function showLines() {
  const listing = listings[listed];
  if (!listing) return;
  for (const index of shownLines) lines[index].replaceChildren(listing.lines[index][1]);
  /** @type {Map<number, Mark[]>} */
  const marks = new Map();
  for (const mark of marksAt(positions[current])) marks.set(mark[1], [...(marks.get(mark[1]) ?? []), mark]);
  for (const [index, found] of marks) lines[index].replaceChildren(...markedParts(listing.lines[index][1], found));
  shownLines = [...marks.keys()];
}

/**
 * Return a line in parts, each with the roles of the marks that it lies in.
 * @param {string} text @param {Mark[]} marks
 */
function markedParts(text, marks) {
  const characters = [...text]; // as Python counts them
  const ends = [...new Set([0, characters.length, ...marks.flatMap(([, , start, end]) => [start, end])])].sort((a, b) => a - b);
  return ends.slice(1).map((end, index) => {
    const start = ends[index];
    const roles = marks.filter(([, , from, to]) => from <= start && end <= to).map(([role]) => `${role}-mark`);
    const part = document.createElement(roles.length ? "mark" : "span");
    part.className = roles.join(" ");
    part.textContent = characters.slice(start, end).join("");
    return part;
  });
}

const programs = /** @type {HTMLSelectElement} */ (/** @type {unknown} */ (byId("programs")));
for (const { title } of listings) programs.add(new Option(title));
programs.hidden = listings.length < 2;
byId("program-title").hidden = listings.length > 1;
programs.addEventListener("change", () => {
  list(programs.selectedIndex);
  keepLineInView();
  showLines();
});
