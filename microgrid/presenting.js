// The step at hand large enough for the last row: its boxes and arrows beside the graph, which is small then.

/**
 * Return a copy of what the picture shows; its ids stay unique, and nothing in it is reached by the Tab key.
 * @template {Element} E
 * @param {E} element @param {string} suffix
 */
function copyOf(element, suffix) {
  const copy = /** @type {E} */ (element.cloneNode(true));
  for (const part of [copy, ...copy.querySelectorAll("*")]) {
    if (part.id) part.id += suffix;
    for (const name of ["tabindex", "role", "aria-label"]) part.removeAttribute(name);
    part.classList.remove("is-away", "changeable");
  }
  for (const part of copy.querySelectorAll(".tag, .pill, title")) part.remove();
  return copy;
}

const closeUpSize = { gap: 18, arrow: 72, text: 14 }; // points of the picture

/**
 * Return a picture of the boxes and arrows of the position at hand: its operands at the left, its nodes at the right,
 * the first of them where there are more, and how many more there are.
 * @param {string} suffix @param {number} most how many boxes of a kind
 */
function closeUp(suffix, most) {
  const { nodes, operands, arrows: used } = scene();
  const all = [operands.filter((box) => !nodes.includes(box)), nodes].map((column) => [...new Set(column)]);
  const columns = all.map((column) => column.slice(0, most));
  const heights = columns.map((column, index) => column.reduce(
    (sum, { place }) => sum + place.bottom - place.top + closeUpSize.gap, all[index].length > most ? closeUpSize.gap : 0));
  const height = Math.max(...heights);
  const drawing = svgElement("g", { class: "graph" });
  /** @type {Map<Box, { left: number, right: number, middle: number }>} */
  const spots = new Map();
  let left = 0;
  for (const [index, column] of columns.entries()) {
    let top = (height - heights[index]) / 2;
    let width = 0;
    for (const box of column) {
      const { place } = box;
      const copy = copyOf(box.shape, suffix);
      copy.classList.remove("is-node", "is-operand"); // those of the position before
      copy.classList.add(index ? "is-node" : "is-operand");
      const [x, y] = [left - place.left + offset.e, top + closeUpSize.gap - 4 - place.top + offset.f];
      copy.setAttribute("transform", `translate(${x} ${y})`);
      drawing.append(copy, svgElement("text", { class: `tag ${index ? "node" : "operand"}-role`, x: left, y: top + closeUpSize.gap - 9 },
        index ? "node" : "operand"));
      const size = place.bottom - place.top;
      width = Math.max(width, place.right - place.left);
      spots.set(box, { left, right: left + place.right - place.left, middle: top + closeUpSize.gap - 4 + size / 2 });
      top += size + closeUpSize.gap;
    }
    if (all[index].length > most) {
      const attributes = { class: `tag ${index ? "node" : "operand"}-role`, x: left, y: top + closeUpSize.gap - 2 };
      drawing.append(svgElement("text", attributes, `and ${all[index].length - most} more`));
    }
    left += width + (width && columns[1].length && !index ? closeUpSize.arrow : 0);
  }
  for (const arrow of used) {
    const [from, to] = [spots.get(arrow.operand), spots.get(arrow.node)];
    if (!from || !to) continue;
    const others = used.filter(({ node, operand }) => node === arrow.node && operand === arrow.operand);
    const bend = (others.indexOf(arrow) - (others.length - 1) / 2) * 34;
    const [x1, x2, y1, y2] = [from.right + 2, to.left - 2, from.middle + bend / 3, to.middle + bend / 3];
    const back = current > begins; // the gradient goes against the arrow
    const [tip, tail] = back ? [x1, 8] : [x2, -8];
    const line = svgElement("g", { class: "edge is-local_grad" });
    line.append(
      svgElement("path", { d: `M${back ? x1 + 8 : x1} ${y1}C${x1 + 40} ${y1 + bend} ${x2 - 40} ${y2 + bend} ${back ? x2 : x2 - 8} ${y2}` }),
      svgElement("polygon", { points: `${tip},${back ? y1 : y2} ${tip + tail},${(back ? y1 : y2) - 5} ${tip + tail},${(back ? y1 : y2) + 5}` }),
    );
    if (arrow.state !== "is-unknown") {
      const beside = y2 < y1 || bend > 0 ? closeUpSize.text : -8; // away from where the arrow goes
      const attributes = { x: x1 + 8, y: y1 + 0.4 * bend + beside, "font-size": closeUpSize.text, class: "tag" };
      line.append(svgElement("text", attributes, short(arrow.step.localGrad)));
    }
    drawing.append(line);
  }
  const svg = svgElement("svg", { class: "close-up", "aria-hidden": "true", viewBox: `-4 -2 ${left + 8} ${height + 4}` });
  svg.append(drawing);
  return { svg, width: left + 8, height: height + 4 };
}

const share = 0.031; // of the height of the screen is the smallest text of the step at hand
const smallest = 11; // points: the smallest text in a box

let presenting = false;

/** @param {boolean} on */
function present(on) {
  if (on === presenting) return;
  presenting = on;
  const page = document.documentElement;
  page.classList.toggle("is-presenting", on);
  page.classList.remove("is-blank");
  page.classList.toggle("is-broad", whole.width > 2 * whole.height || innerWidth < 1.5 * innerHeight); // the graph is below
  byId("present").setAttribute("aria-pressed", String(on));
  if (on) /** @type {HTMLElement | null} */ (document.activeElement)?.blur(); // a remote's space steps, and presses no button
  if (on && document.fullscreenEnabled) page.requestFullscreen().catch(() => {}); // elsewhere it has the same layout
  else if (document.fullscreenElement) document.exitFullscreen();
  reserve();
  fit();
}

document.addEventListener("fullscreenchange", () => document.fullscreenElement || present(false));

function showCloseUp() {
  if (!presenting) return byId("close-up").replaceChildren();
  const scale = share * innerHeight / smallest;
  const room = innerHeight - byId("step").offsetHeight - byId("controls").offsetHeight;
  const graphRoom = document.documentElement.classList.contains("is-broad") ? 0.13 * innerHeight : 0;
  const tries = [4, 3, 2, 1].map((most) => closeUp("-large", most));
  const { svg, width, height } = tries.find(({ height }) => height * scale < 0.95 * (room - graphRoom)) ?? tries[3];
  svg.setAttribute("width", String(width * scale));
  svg.setAttribute("height", String(height * scale));
  byId("close-up").replaceChildren(svg);
}

/** What a remote sends; its other keys do nothing while presenting. @type {Record<string, () => void>} */
const remoteKeys = {
  PageDown: () => controls.next(),
  PageUp: () => controls.back(),
  ArrowDown: () => controls.next(),
  ArrowUp: () => controls.back(),
  " ": () => controls.next(),
  b: blank,
  ".": blank,
  F5: () => {}, // starts other presentations, and would load this page anew
  Escape: () => present(false),
};

/** Show nothing, or all again. */
function blank() {
  document.documentElement.classList.toggle("is-blank");
}
