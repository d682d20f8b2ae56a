"use strict";

// Both passes over a recorded graph, with numbers that can be changed, and what is said of them. RULES, the operations
// and their derivatives, are translated from Python's (javascript.py). What is ported by hand is how names.py writes a
// number and steps.py a Step, to the letter, and how paths.py searches the paths. Nothing here knows the page.

/** @typedef {[text: string, role: string]} Part */
/** @typedef {{ name: string, op: string, operands: number[], data: number | string, local_grads: (number | string | null)[],
 *   made: (string | [number, boolean])[], constant: boolean }} RecordedNode */
/** @typedef {{ node: number, operand: number, position: number, subscript: string, held: string }} RecordedStep */
/** @typedef {{ data: number, localGrads: (number | null)[], failure: string }} Result */
/** @typedef {Passes["nodes"][number]} PassNode */
/** @typedef {Passes["steps"][number]} PassStep */
/** @typedef {{ product: number, size: number, last: number, before: Trail | null }} Trail */

class Passes {
  /** @type {Result[]} */
  #recorded;

  /** @param {{ nodes: RecordedNode[], steps: RecordedStep[] }} content the nodes in topological order, the root last */
  constructor({ nodes, steps }) {
    this.#recorded = nodes.map(({ data, local_grads: localGrads }) => ({
      data: Number(data),
      localGrads: localGrads.map((localGrad) => (localGrad === BLOCKED ? BLOCKED : Number(localGrad))),
      failure: "",
    }));
    // A recorded operation that failed has no number: say why.
    for (const [index, { op, operands }] of nodes.entries()) {
      const recorded = this.#recorded[index];
      if (!operands.length || !Number.isNaN(recorded.data)) continue;
      recorded.failure = resultOf(op, operands.map((operand) => this.#recorded[operand].data)).failure;
    }
    this.nodes = nodes.map((node, index) => ({ ...node, ...this.#recorded[index], index, grad: 0, changed: false }));
    const uses = nodes.map(() => 0);
    const numbered = steps.map((step) => ({ ...step, nth: ++uses[step.operand] }));
    this.steps = numbered.map((step) => ({
      ...step, uses: uses[step.operand], nodeGrad: 0, localGrad: 0, contribution: 0, before: 0, after: 0,
    }));
    this.#backward();
  }

  /**
   * Give a leaf a number, and compute both passes anew.
   * @param {number} index @param {number} number
   */
  set(index, number) {
    const leaf = this.nodes[index];
    leaf.data = number;
    leaf.changed = !Object.is(number, this.#recorded[index].data);
    this.#forward();
    this.#backward();
  }

  /** Give all leaves their recorded numbers again. */
  reset() {
    for (const node of this.nodes) Object.assign(node, this.#recorded[node.index], { changed: false });
    this.#backward();
  }

  /** Compute what depends on a changed leaf; the other nodes have the numbers that Python computed. */
  #forward() {
    for (const node of this.nodes) {
      if (!node.operands.length) continue;
      const operands = node.operands.map((operand) => this.nodes[operand]);
      node.changed = operands.some((operand) => operand.changed);
      const { data, localGrads, failure } = node.changed
        ? resultOf(node.op, operands.map((operand) => operand.data))
        : this.#recorded[node.index];
      node.data = data;
      node.localGrads = localGrads;
      node.failure = failure;
    }
  }

  /** The chain rule, step by step, as the engine's own loop has it. */
  #backward() {
    for (const node of this.nodes) node.grad = 0;
    this.nodes[this.nodes.length - 1].grad = 1;
    for (const step of this.steps) {
      const node = this.nodes[step.node];
      const operand = this.nodes[step.operand];
      const localGrad = node.localGrads[step.position];
      step.nodeGrad = node.grad;
      step.localGrad = localGrad ?? 0;
      // What is blocked lets nothing through, not even Infinity or NaN.
      step.contribution = localGrad === BLOCKED ? 0 : node.grad * localGrad;
      step.before = operand.grad;
      step.after = operand.grad += step.contribution;
    }
  }

  // What names.py says of a node and steps.py of a Step

  /**
   * Return how a node was made, in the names or in the numbers of its operands; the number of a leaf.
   * @param {PassNode} node @param {boolean} inNumbers
   * @returns {Part[]}
   */
  expression(node, inNumbers) {
    if (!node.operands.length) return [[short(node.data), ""]];
    return node.made.flatMap((span) => {
      if (typeof span === "string") return [/** @type {Part} */ ([span, ""])];
      const [position, isBracketed] = span;
      const operand = this.nodes[node.operands[position]];
      const isNumber = inNumbers || operand.constant;
      /** @type {Part} */
      const part = [isNumber ? short(operand.data) : operand.name, operand.constant ? "" : "operand"];
      return isNumber && isBracketed && part[0].startsWith("-") ? [["(", ""], part, [")", ""]] : [part];
    });
  }

  /**
   * Return a step as the chain rule writes it, `x.grad += z.grad · ∂z/∂x`.
   * @param {PassStep} step
   * @returns {Part[]}
   */
  inNames(step) {
    return [
      [`${this.nodes[step.operand].name}.grad`, "operand"],
      [" += ", ""],
      [`${this.nodes[step.node].name}.grad`, "node"],
      [" · ", ""],
      [this.localGradName(step), "local_grad"],
    ];
  }

  /**
   * Return a step's numbers, `2 · (-3) = -6; x.grad = 4 + (-6) = -2`.
   * @param {PassStep} step
   * @returns {Part[]}
   */
  inNumbers(step) {
    return [
      [short(step.nodeGrad), "node"],
      [" · ", ""],
      [bracketed(step.localGrad), "local_grad"],
      [` = ${short(step.contribution)}; `, ""],
      [`${this.nodes[step.operand].name}.grad`, "operand"],
      [" = ", ""],
      [this.sum(step), "operand"],
    ];
  }

  /** @param {PassStep} step */
  localGradName(step) {
    return `∂${this.nodes[step.node].name}/∂${this.nodes[step.operand].name}${step.subscript}`;
  }

  /** @param {PassStep} step */
  sum({ nth, before, contribution, after }) {
    return `${nth > 1 ? `${short(before)} + ${bracketed(contribution)} = ` : ""}${short(after)}`;
  }

  /** @param {PassStep} step */
  place({ nth, uses }) {
    return uses === 1 ? "its only contribution" : `the ${ordinal(nth)} of its ${uses} contributions`;
  }

  /** @param {PassStep} step */
  sentence(step) {
    const { nodeGrad, localGrad, contribution, nth } = step;
    const node = this.nodes[step.node];
    const operand = this.nodes[step.operand].name;
    const made = this.expression(node, false).map(([text]) => text).join("");
    const product = `${short(nodeGrad)} · ${bracketed(localGrad)} = ${short(contribution)}`;
    let received = `the gradient of ${node.name} times ${short(localGrad)}, ${product}`;
    if (localGrad === 1) received = `the gradient of ${node.name}, ${short(contribution)}`;
    else if (localGrad === 0 && contribution === 0) received = `nothing, ${product}`;
    const sum = nth > 1 ? `, which brings ${operand}.grad to ${this.sum(step)}` : "";
    return `${node.name} = ${made} ${this.#rate(step)}, so ${operand} receives ${received}: ${this.place(step)}${sum}.`;
  }

  /**
   * Return how the node changes with the operand, as the verb of a sentence.
   * @param {PassStep} step
   */
  #rate({ node, operand, subscript, held, localGrad: slope }) {
    const name = `${this.nodes[operand].name}${subscript}`;
    if (Number.isNaN(slope)) return `has no derivative by ${name} here`;
    if (slope === 0) {
      if (this.nodes[operand].data === 0 && ["relu", "abs"].includes(this.nodes[node].op)) {
        return `has a corner at 0, where its derivative by ${name} is taken to be 0`;
      }
      return `does not change with ${name} here${held}`;
    }
    const [verb, tail] = slope > 0 ? ["grows", ""] : ["falls", " grows"];
    const size = Math.abs(slope);
    if (size === Infinity) return `${verb} infinitely fast as ${name} grows${held}`;
    return `${verb} ${size === 1 ? "" : `${short(size)} times `}as fast as ${name}${tail}${held}`;
  }

  // What paths.py says of a gradient

  /**
   * Return the paths behind a node's gradient: those of the largest products, and how many there are. Steps are told by
   * their number, from 0, and counts are Infinity from 10^18 on.
   * @param {PassNode} node @param {number} most how many paths are listed
   */
  why(node, most = 5) {
    const below = this.nodes.map(() => 0); // how many paths lead from each node down to this one
    below[node.index] = 1;
    for (const result of this.nodes) {
      const ways = result.operands.reduce((sum, operand) => sum + below[operand], 0);
      if (ways) below[result.index] = counted(ways);
    }
    const root = this.nodes.length - 1;
    const alive = this.nodes.map(() => 0); // how many paths without a local gradient of 0 lead to each node
    alive[root] = 1;
    /** @type {Trail[][]} */
    const best = this.nodes.map(() => []);
    best[root] = [{ product: 1, size: 1, last: -1, before: null }];
    /** @type {{ step: number, ended: number }[]} */
    const blocked = [];
    for (const [number, { node: giver, operand, localGrad }] of this.steps.entries()) {
      if (!below[operand] || !alive[giver]) continue;
      if (localGrad === 0) {
        blocked.push({ step: number, ended: counted(alive[giver] * below[operand]) });
        continue;
      }
      alive[operand] = counted(alive[operand] + alive[giver]);
      const longer = best[giver].map((before) => {
        const product = before.product * localGrad;
        return { product, size: Number.isNaN(product) ? Infinity : Math.abs(product), last: number, before };
      });
      best[operand] = [...best[operand], ...longer].sort((a, b) => descending(a.size, b.size)).slice(0, most);
    }
    const paths = best[node.index].map((trail) => ({ product: trail.product, steps: stepsOf(trail) }));
    const others = alive[node.index] - paths.length;
    const listed = paths.reduce((sum, { product }) => sum + product, 0);
    return {
      gradient: node.grad,
      count: below[root],
      paths,
      others,
      rest: others ? node.grad - listed : 0,
      blocked: blocked.sort((a, b) => descending(a.ended, b.ended)),
    };
  }
}

/**
 * Return an operation's number and local gradients; all NaN where Python would raise.
 * @param {string} op @param {number[]} numbers
 * @returns {Result}
 */
function resultOf(op, numbers) {
  try {
    const [data, localGrads] = RULES[op](...numbers);
    return { data, localGrads, failure: "" };
  } catch (error) {
    if (!(error instanceof Raised)) throw error;
    return { data: NaN, localGrads: numbers.map(() => NaN), failure: error.kind };
  }
}

/**
 * Return a number in four significant digits, with one decimal at least where it is not whole.
 * @param {number} number
 */
function short(number) {
  const size = Math.abs(number);
  if (size < 1e6 && Number.isInteger(number)) return String(number);
  if (!Number.isFinite(number)) return String(number).toLowerCase().replace("infinity", "inf");
  const hasOneDecimal = size >= 999.95 && size < 999999.95;
  // Python rounds a tie to the even digit and JavaScript away from 0, so a tie after an even digit first goes down a
  // little. Ties are multiples of 2 ** -7, which saves nearly all numbers the exact digits.
  const exact = !Number.isInteger(size * 128) ? "" : hasOneDecimal ? size.toFixed(99) : size.toExponential(99);
  const isTie = (hasOneDecimal ? /\.[02468]50*$/ : /\.\d\d[02468]50*e/).test(exact);
  const rounded = isTie ? number * (1 - Number.EPSILON) : number;
  if (hasOneDecimal) return rounded.toFixed(1);
  const isPlain = size >= 1e-4 && size < 1e3;
  const text = isPlain ? rounded.toPrecision(4) : rounded.toExponential(3);
  // All four digits say that a number was rounded. Python's exponent has two digits.
  const isExact = Number(text) === number;
  if (isPlain) return isExact ? String(number) : text;
  return (isExact ? text.replace(/\.?0+e/, "e") : text).replace(/e([+-])(\d)$/, "e$10$2");
}

/** @param {number} number */
function bracketed(number) {
  const shown = short(number);
  return shown.startsWith("-") ? `(${shown})` : shown;
}

/** @param {number} number */
function ordinal(number) {
  const ending = [11, 12, 13].includes(number % 100) ? "th" : ["th", "st", "nd", "rd"][number % 10] ?? "th";
  return `${number}${ending}`;
}

/** @param {number} count */
function counted(count) {
  return count < 1e18 ? count : Infinity;
}

/**
 * Compare for a sort that puts the largest first; infinities are alike.
 * @param {number} a @param {number} b
 */
function descending(a, b) {
  return a === b ? 0 : b - a;
}

/** @param {Trail} trail */
function stepsOf(trail) {
  const steps = [];
  for (let at = trail; at.before; at = at.before) steps.push(at.last);
  return steps.reverse();
}
