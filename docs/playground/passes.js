// The page of both passes, in a frame: kept while an edit leaves the graph as it is, so that view, step and what a
// gradient foretold stay.

/** @typedef {import("./editor.js").Mark} Mark */

/**
 * What microgrid's page lets the page around it do.
 * @typedef {{
 *   set: (name: string, number: number) => void, address: string, leaves: Record<string, number>,
 *   marks: () => Mark[], list: (programs: unknown[]) => void,
 * }} Page
 */
/** @typedef {{ name: string, op: string, operands: number[], data: number | string, constant: boolean, made: unknown, box: number }} Node */
/** @typedef {{ nodes: Node[], groups: string[], listings: { title: string, lines: [number, string][], marks: [number, number | null, Mark[]][] }[] }} Content */

export class Passes {
  /**
   * @param {HTMLElement} parent
   * @param {() => void} changed  called when the page shows another step or has other numbers, and when a drag ends
   */
  constructor(parent, changed) {
    this.parent = parent;
    this.changed = changed;
    this.page = "";
    this.isHeld = false; // whether a pointer is down in the page
    /** @type {Content | null} */
    this.content = null;
    /** @type {HTMLIFrameElement | null} */
    this.frame = null;
  }

  get window() {
    return /** @type {(Window & { microgrid?: Page }) | null} */ (this.frame?.contentWindow ?? null);
  }

  /** The numbers of the leaves in the page. */
  get leaves() {
    return new Map(Object.entries(this.window?.microgrid?.leaves ?? {}));
  }

  /** The numbers that the program gave its leaves. */
  get given() {
    const leaves = this.content?.nodes.filter(({ op }) => !op) ?? [];
    return new Map(leaves.map(({ name, data }) => [name, Number(data)]));
  }

  /** The leaves whose numbers in the page are not the program's. */
  get ownNumbers() {
    const { leaves, given } = this;
    return new Set([...leaves.keys()].filter((name) => !Object.is(leaves.get(name), given.get(name))));
  }

  /** The parts of the program that the step at hand is made of. */
  get marks() {
    return this.content && isProgram(this.content) ? this.window?.microgrid?.marks() ?? [] : [];
  }

  /** Where the program made each leaf. */
  get places() {
    /** @type {Map<string, Mark[]>} */
    const places = new Map();
    const { nodes, listings } = this.content ?? { nodes: [], listings: [] };
    for (const [node, position, marks] of this.content && isProgram(this.content) ? listings[0].marks : []) {
      if (position !== null || nodes[node].op) continue;
      places.set(nodes[node].name, marks.map(([role, line, start, end]) => [role, listings[0].lines[line][0], start, end]));
    }
    return places;
  }

  /**
   * Show a page, at a step and with numbers if these are given, else as the page is that it takes the place of.
   * @param {string} page
   * @param {string} [address]
   */
  async show(page, address) {
    const text = new DOMParser().parseFromString(page, "text/html").getElementById("content")?.textContent;
    const content = /** @type {Content} */ (JSON.parse(text ?? ""));
    const own = this.ownNumbers;
    const isSame = this.content !== null && shape(content) === shape(this.content);
    const before = this.given;
    this.page = page;
    this.content = content;
    if (isSame && address === undefined) this.#renew(before, own);
    else await this.#load(address ?? this.addressWith(own));
  }

  /**
   * Return what the page's address says, of its numbers only those of these leaves.
   * @param {Set<string>} leaves
   */
  addressWith(leaves) {
    const said = new URLSearchParams(this.window?.microgrid?.address.slice(1));
    for (const key of [...said.keys()]) {
      if (key.endsWith(".data") && !leaves.has(key.slice(0, -".data".length))) said.delete(key);
    }
    return said.toString();
  }

  /**
   * Give the page in the frame the numbers and the lines of the same graph made anew.
   * @param {Map<string, number>} before @param {Set<string>} own
   */
  #renew(before, own) {
    const { window, leaves, given, content } = this;
    window?.microgrid?.list(content?.listings ?? []);
    for (const [name, number] of given) {
      // A number of the page's own stays, unless the program has another one now, too.
      const isOwn = own.has(name) && Object.is(before.get(name), number);
      if (!isOwn && !Object.is(leaves.get(name), number)) window?.microgrid?.set(name, number);
    }
  }

  /** @param {string} address */
  #load(address) {
    const old = this.frame;
    const frame = document.createElement("iframe");
    const url = URL.createObjectURL(new Blob([this.page], { type: "text/html" }));
    frame.title = "Both passes";
    frame.allow = "fullscreen";
    frame.src = `${url}#${address}`;
    this.frame = frame;
    return new Promise((resolve) => {
      frame.addEventListener("load", () => {
        URL.revokeObjectURL(url);
        const focused = old?.contentDocument?.activeElement?.getAttribute("aria-label");
        old?.remove();
        this.#attach();
        if (focused) /** @type {HTMLElement | null} */ (frame.contentDocument?.querySelector(`[aria-label=${CSS.escape(focused)}]`))?.focus();
        resolve(undefined);
      }, { once: true });
      this.parent.append(frame);
    });
  }

  #attach() {
    const { window } = this;
    this.isHeld = false;
    if (this.parent.clientWidth < 1100) window?.document.getElementById("table")?.click(); // more room for the graph
    window?.document.documentElement.classList.toggle("has-editor", this.content !== null && isProgram(this.content));
    window?.addEventListener("microgrid", this.changed);
    for (const kind of ["pointerdown", "pointerup", "pointercancel"]) {
      window?.addEventListener(kind, () => {
        this.isHeld = kind === "pointerdown";
        if (!this.isHeld) this.changed();
      }, { capture: true });
    }
  }
}

/**
 * Return what of a graph does not change with its leaves' numbers.
 * @param {Content} content
 */
function shape({ nodes, groups }) {
  return JSON.stringify([groups, nodes.map(({ name, op, operands, data, constant, made, box }) => [name, op, operands, constant && data, made, box])]);
}

/**
 * Return whether the program's own lines made the graph, not lines of another file.
 * @param {Content} content
 */
function isProgram({ listings }) {
  return listings[0]?.title === "program.py";
}
