// The way of the numbers: which way they go at the current position, what has arrived, and how it gets there.
//
// Texts show the end at once. What moves is a pill above them: in the backward pass the gradient leaves the node that
// gives, goes against the arrow, is multiplied by the local gradient as it passes it, and joins the contributions of
// the operand; in the forward pass the operands' numbers go along the arrows into the result.

const contributions = /** @type {SVGTextElement} */ (graph.appendChild(svgElement("text")));
contributions.setAttribute("class", "contributions");
contributions.setAttribute("aria-hidden", "true"); // the step's text says it
const pills = graph.appendChild(svgElement("g"));
pills.id = "pills";
pills.setAttribute("aria-hidden", "true");

/** @type {Animation[]} */
let movements = [];
const mostArrows = 20;
const longestMovement = 900; // milliseconds

/** Show the contributions that the operand has received, one by one, and an empty slot for each that is to come. */
function showContributions() {
  endMovement();
  picture.classList.toggle("is-backward", current > begins);
  const { kind, operands: [box] } = scene();
  const isShown = (kind === "step" || kind === "node") && box.received.length > 1;
  write(contributions, isShown ? contributionsOf(box, box.stage) : []);
  if (isShown) placeContributions(box);
}

/**
 * Return the contributions of a box that has received so many of them; of more than four, those about the latest.
 * @param {Box} box @param {number} stage
 * @returns {Part[]}
 */
function contributionsOf(box, stage) {
  const { received } = box;
  const before = stageOf(box, stopBefore(current));
  const first = received.length > 4 ? Math.min(Math.max(stage - 2, 0), received.length - 3) : 0;
  const shown = received.length > 4 ? received.slice(first, first + 3) : received;
  /** @type {Part[]} */
  const terms = shown.map((position, index) => {
    if (first + index >= stage) return ["▢", ""];
    const { contribution } = passes.steps[position - begins - 1];
    const nth = first + index + 1;
    return [nth > 1 ? bracketed(contribution) : short(contribution), nth > before ? `nth-${nth} latest` : ""];
  });
  if (first) terms.unshift(["…", ""]);
  if (first + shown.length < received.length) terms.push(["…", ""]);
  const sum = terms.flatMap((term, index) => (index ? [/** @type {Part} */ ([" + ", ""]), term] : [term]));
  return stage < received.length ? sum : [...sum, [" = ", ""], [short(gradAt(box, stage)), "latest"]];
}

/**
 * Put the contributions below their box or, where that hides a box or a number, where the least is hidden.
 * @param {Box} box
 */
function placeContributions({ place: { left, top, right, bottom } }) {
  const [width, height] = [7.5 * (contributions.textContent ?? "").length, 14]; // about, without a layout
  const candidates = [[left, bottom + 3], [right - width, bottom + 3], [right + 8, bottom - height], [left, top - 34]];
  const taken = [...boxes.map(({ place }) => place), ...arrows.map(({ label }) => label.places[0])];
  const [besideIt, belowIt] = [frame.width / fittingScale() - whole.width, frame.height / fittingScale() - whole.height];
  const crowds = candidates.map(([x, y]) => {
    const isClipped = Math.max(-x, x + width - whole.width) > besideIt / 2 || Math.max(-y, y + height - whole.height) > belowIt / 2;
    return Number(isClipped) + taken.filter((place) =>
      place.left < x + width && place.right > x && place.top < y + height && place.bottom > y).length;
  });
  const [x, y] = candidates[crowds.indexOf(Math.min(...crowds))];
  contributions.setAttribute("x", String(x - offset.e));
  contributions.setAttribute("y", String(y + 11 - offset.f));
}

/**
 * @param {Element} text @param {Part[]} parts
 */
function write(text, parts) {
  text.replaceChildren(...parts.map(([written, role]) => {
    const part = svgElement("tspan");
    if (role) part.setAttribute("class", `${role}-role`);
    part.textContent = written;
    return part;
  }));
}

/** Move the numbers of the current position to where they are shown already. */
function moveNumbers() {
  const { nodes, operands, arrows } = scene();
  const seen = arrows.filter(({ line }) => !line.classList.contains("is-filtered"));
  if (!seen.length || seen.length > mostArrows || isHidden() || stillness.matches) return;
  const duration = playing ? Math.min(longestMovement, 800 / Number(inputById("speed").value)) : longestMovement;
  if (current < begins) {
    hold(nodes[0].dataText, [], duration);
  } else {
    const [box] = operands;
    const stage = stageOf(box, stopBefore(current));
    hold(box.gradText, [[short(gradAt(box, stage)), ""]], duration);
    if (contributions.textContent) hold(contributions, contributionsOf(box, stage), duration);
  }
  for (const arrow of seen) {
    if (current < begins) moveForward(arrow, duration);
    else moveBackward(arrow, duration);
  }
}

/**
 * Let a text be seen as it was until its new number has arrived.
 * @param {Element} text @param {Part[]} parts @param {number} duration
 */
function hold(text, parts, duration) {
  const held = pills.appendChild(/** @type {Element} */ (text.cloneNode()));
  write(held, parts);
  held.classList.add("is-held");
  // To whoever asks for the text, it is there: only its colour is transparent.
  movements.push(text.animate({ fillOpacity: [0, 0], strokeOpacity: [0, 0] }, duration));
  movements.push(held.animate({ opacity: [1, 1] }, duration));
  movements[0].addEventListener("finish", endMovement);
}

/** Show at once what a movement leads to. */
function endMovement() {
  for (const movement of movements) movement.cancel();
  movements = [];
  pills.replaceChildren();
}

/** @param {Arrow} arrow @param {number} duration */
function moveForward({ line, node, operand }, duration) {
  const path = /** @type {SVGPathElement} */ (within(line, "path"));
  const points = [middleOf(operand, operand.dataText), ...pointsOn(path, 0, 1), middleOf(node, node.dataText)];
  movePill("operand", [[short(operand.node.data), ""]], points, 0, duration);
}

/** @param {Arrow} arrow @param {number} duration */
function moveBackward({ line, node, operand, step, label }, duration) {
  const path = /** @type {SVGPathElement} */ (within(line, "path"));
  const { left, top, right, bottom } = label.places[0];
  const toLabel = pointsOn(path, 0, 1).map(({ x, y }) =>
    Math.hypot(x + offset.e - (left + right) / 2, y + offset.f - (top + bottom) / 2));
  const passing = toLabel.indexOf(Math.min(...toLabel)) / (toLabel.length - 1);
  const given = [middleOf(node, node.gradText), ...pointsOn(path, 1, passing)];
  const received = [...pointsOn(path, passing, 0), slotOf(operand, step)];
  /** @type {Part[]} */
  const product = [[short(step.nodeGrad), "node"], [" · ", ""], [bracketed(step.localGrad), "local_grad"]];
  movePill("node", [[short(step.nodeGrad), ""]], given, 0, 0.4 * duration);
  movePill("product", product, received.slice(0, 1), 0.4 * duration, 0.25 * duration);
  movePill("operand", [[short(step.contribution), ""]], received, 0.65 * duration, 0.35 * duration);
}

/**
 * Return about the middle of a box's number; that of the box where no text is drawn.
 * @param {Box} box @param {Element} text
 */
function middleOf({ place: { left, top, right, bottom } }, text) {
  if (goal.scale < legible) return { x: (left + right) / 2 - offset.e, y: (top + bottom) / 2 - offset.f };
  return { x: Number(text.getAttribute("x")) + 8, y: Number(text.getAttribute("y")) - 5 };
}

/**
 * Return where a step's contribution stands one by one; where it is the only one, the gradient's place.
 * @param {Box} operand @param {PassStep} step
 */
function slotOf(operand, { nth }) {
  const slot = /** @type {SVGTSpanElement | null} */ (within(contributions, `.nth-${nth}`));
  if (!slot || goal.scale < legible) return middleOf(operand, operand.gradText);
  const { x, y } = slot.getStartPositionOfChar(0);
  return { x: x + slot.getComputedTextLength() / 2, y: y - 5 };
}

/**
 * Return points on a path, from one part of its length to another.
 * @param {SVGPathElement} path @param {number} from @param {number} to
 */
function pointsOn(path, from, to) {
  const length = path.getTotalLength();
  return Array.from({ length: 13 }, (_, index) => path.getPointAtLength(length * (from + (to - from) * index / 12)));
}

/**
 * Move a number along points at an even speed.
 * @param {string} role @param {Part[]} parts @param {{ x: number, y: number }[]} points @param {number} delay
 * @param {number} duration
 */
function movePill(role, parts, points, delay, duration) {
  const pill = pills.appendChild(svgElement("g"));
  const frame = pill.appendChild(svgElement("rect"));
  const text = /** @type {SVGTextElement} */ (pill.appendChild(svgElement("text")));
  const size = Math.max(14, 13 / Math.min(view.scale, goal.scale)); // 13 pixels of the screen at least
  pill.setAttribute("class", `pill is-${role}`);
  write(text, parts);
  text.style.fontSize = `${size}px`;
  text.setAttribute("dy", ".36em");
  const width = text.getComputedTextLength() + size;
  const height = 1.5 * size;
  for (const [name, number] of Object.entries({ x: -width / 2, y: -height / 2, width, height, rx: height / 2 })) {
    frame.setAttribute(name, String(number));
  }
  let way = 0;
  const ways = points.map(({ x, y }, index) =>
    (way += index ? Math.hypot(x - points[index - 1].x, y - points[index - 1].y) : 0));
  const keyframes = points.map(({ x, y }, index) =>
    ({ offset: ways[index] / way || 0, transform: `translate(${x}px, ${y}px)`, opacity: 1 }));
  movements.push(pill.animate([...keyframes, { ...keyframes[keyframes.length - 1], offset: 1 }], { delay, duration }));
}

addEventListener("keydown", endMovement, { capture: true });
