// The editor: Python, with the error at its line, the parts that the step at hand is made of, and the literals that
// leaves were made of, which follow the numbers of the page.

import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, ensureSyntaxTree, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Annotation, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";

/** @typedef {[role: string, line: number, start: number, end: number]} Mark  in characters of the line, which is counted from 1 */
/** @typedef {{ leaf: string, from: number, to: number }} Literal */

const fromPage = Annotation.define();

/**
 * A field of decorations that an effect sets anew, and that edits move along.
 * @param {import("@codemirror/state").StateEffectType<import("@codemirror/view").DecorationSet>} effect
 */
function decorations(effect) {
  return StateField.define({
    create: () => Decoration.none,
    update(set, transaction) {
      const given = transaction.effects.find((one) => one.is(effect));
      return given ? given.value : set.map(transaction.changes);
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

/** @type {import("@codemirror/state").StateEffectType<import("@codemirror/view").DecorationSet>} */
const setMarks = StateEffect.define();
/** @type {import("@codemirror/state").StateEffectType<import("@codemirror/view").DecorationSet>} */
const setLiterals = StateEffect.define();
const marks = decorations(setMarks);
const literals = decorations(setLiterals);

// The colours are those of the style sheet, which follow the light and the dark scheme.
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--string)" },
  { tag: [tags.number, tags.bool], color: "var(--number)" },
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
]);

export class Editor {
  /**
   * @param {HTMLElement} parent
   * @param {(byPage: boolean) => void} edited  called after each edit, whether the page made it
   */
  constructor(parent, edited) {
    this.view = new EditorView({
      parent,
      extensions: [
        basicSetup,
        python(),
        EditorView.lineWrapping,
        indentUnit.of("    "),
        keymap.of([indentWithTab]), // which Escape before it turns off: Tab leaves the editor then
        lintGutter(),
        syntaxHighlighting(colours),
        marks,
        literals,
        EditorView.contentAttributes.of({ "aria-label": "Program" }),
        EditorView.updateListener.of(({ docChanged, transactions }) => {
          if (docChanged) edited(transactions.some((one) => one.annotation(fromPage)));
        }),
      ],
    });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  set text(text) {
    const changes = { from: 0, to: this.view.state.doc.length, insert: text.replaceAll("\t", "    ") };
    this.view.dispatch({ changes, effects: [setMarks.of(Decoration.none), setLiterals.of(Decoration.none)] });
  }

  /**
   * Show an error at a line, the last one if the program ends before it; none for line 0.
   * @param {number} number @param {string} message
   */
  showError(number, message) {
    const { doc } = this.view.state;
    const line = number ? doc.line(Math.min(number, doc.lines)) : null;
    /** @type {import("@codemirror/lint").Diagnostic[]} */
    const errors = line ? [{ from: line.from + line.text.search(/\S|$/), to: line.to, severity: "error", message }] : [];
    this.view.dispatch(setDiagnostics(this.view.state, errors));
  }

  /**
   * Mark what a step is made of: node, operand, local gradient.
   * @param {Mark[]} given
   */
  showMarks(given) {
    const ranges = given.flatMap((mark) => {
      const [from, to] = this.#extent([mark]);
      return from < to ? [Decoration.mark({ class: `${mark[0]}-mark` }).range(from, to)] : [];
    });
    this.view.dispatch({ effects: setMarks.of(Decoration.set(ranges, true)) });
  }

  /**
   * Find the literals of the leaves that were made at these marks, as 3.0 in Value(3.0). A leaf has none if its number
   * was computed or assigned later, and if other leaves were made there too.
   * @param {Map<string, Mark[]>} leaves @param {Map<string, number>} numbers
   */
  findLiterals(leaves, numbers) {
    const { state } = this.view;
    const found = [...leaves].map(([leaf, made]) => ({ leaf, ...this.#literal(...this.#extent(made)) }));
    const ranges = found
      .filter(({ leaf, from, to }) => from < to && numberOf(state.sliceDoc(from, to)) === numbers.get(leaf))
      .filter(({ from }) => found.filter((other) => other.from === from).length === 1)
      .map(({ leaf, from, to }) => Decoration.mark({ class: "literal", leaf, inclusive: true }).range(from, to));
    this.view.dispatch({ effects: setLiterals.of(Decoration.set(ranges, true)) });
  }

  /** @returns {Literal[]} */
  get literals() {
    /** @type {Literal[]} */
    const found = [];
    this.view.state.field(literals).between(0, this.view.state.doc.length, (from, to, { spec }) => {
      found.push({ leaf: spec.leaf, from, to });
    });
    return found;
  }

  /**
   * Write numbers into the literals of leaves; a number that is written there already stays as it is written.
   * @param {Map<string, number>} numbers
   */
  writeLiterals(numbers) {
    const changes = this.literals.flatMap(({ leaf, from, to }) => {
      const number = numbers.get(leaf);
      const written = this.view.state.sliceDoc(from, to);
      if (number === undefined || !Number.isFinite(number) || numberOf(written) === number) return [];
      const isWhole = Number.isInteger(number) && !/[.e]/i.test(written);
      const insert = isWhole || !/^-?\d+$/.test(String(number)) ? String(number) : `${number}.0`;
      return [{ from, to, insert }];
    });
    if (changes.length) this.view.dispatch({ changes, annotations: fromPage.of(true) });
  }

  /**
   * Return where in the document marks begin and end; nowhere, if the document is not long enough.
   * @param {Mark[]} given
   * @returns {[from: number, to: number]}
   */
  #extent(given) {
    const { doc } = this.view.state;
    const ends = given.flatMap(([, line, ...places]) => (line > doc.lines ? [] : places.map((place) => {
      const { from, text } = doc.line(line);
      return from + lengthOf(text, place);
    })));
    return ends.length ? [Math.min(...ends), Math.max(...ends)] : [0, 0];
  }

  /**
   * Return where the number stands that a call takes first, or as data; nowhere, if that is not a literal.
   * @param {number} from @param {number} to
   */
  #literal(from, to) {
    const tree = ensureSyntaxTree(this.view.state, to, 200);
    let call = tree?.resolveInner(from, 1) ?? null;
    while (call && !(call.name === "CallExpression" && call.to >= to)) call = call.parent;
    const parts = call?.from === from && call.to === to ? call.getChild("ArgList") : null;
    let number = parts?.firstChild?.nextSibling ?? null;
    if (number?.name === "VariableName" && this.view.state.sliceDoc(number.from, number.to) === "data") {
      number = number.nextSibling?.nextSibling ?? null; // data = 3.0
    }
    const after = number?.nextSibling;
    const isAlone = after?.name === "," || after?.name === ")";
    const isNumber = number && numberOf(this.view.state.sliceDoc(number.from, number.to)) !== undefined;
    return number && isAlone && isNumber ? { from: number.from, to: number.to } : { from: 0, to: 0 };
  }
}

/**
 * Return how much of a text is as many characters as Python counts, which shows a tab as four.
 * @param {string} text @param {number} count
 */
function lengthOf(text, count) {
  let length = 0;
  for (const character of text) {
    if (count <= 0) break;
    count -= character === "\t" ? 4 : 1;
    length += character.length;
  }
  return length;
}

/**
 * Return the number that a literal of Python writes, with its sign; undefined for anything else.
 * @param {string} text
 */
export function numberOf(text) {
  const plain = text.replaceAll("_", "");
  return /^[-+]?\s*(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain.replace(/\s+/, "")) : undefined;
}
