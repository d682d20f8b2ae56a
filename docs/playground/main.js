// What the playground shows, and when it runs the program.

import { packed, read, unpacked } from "./address.js";
import { Editor } from "./editor.js";
import { Passes } from "./passes.js";
import { Ended, Runner } from "./runner.js";

/** @typedef {{ page: string, problem: string, error: { text: string, line: number } | null }} Answer */
/** @typedef {{ name: string, title: string, program: string }} Example */

const SECONDS_AFTER_THE_LAST_KEY = 1 / 3;

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id */
function inputById(id) {
  return /** @type {HTMLInputElement} */ (document.getElementById(id));
}

const chosen = /** @type {HTMLSelectElement} */ (document.getElementById("examples"));
/** @type {Example[]} */
const examples = await (await fetch("examples.json")).json();
const editor = new Editor(byId("editor"), edited);
const passes = new Passes(byId("steps"), followPage);
const runner = new Runner({ print, state });

// Running

let turn = Promise.resolve();
let isDue = false;
let isHeldUp = false;
let timer = 0;
/** @type {string | undefined} */
let wanted; // step and numbers to be shown with the next graph, other than those at hand

/**
 * Do something with Python once what it does at present is done.
 * @param {() => Promise<void>} job
 */
function inTurn(job) {
  turn = turn.then(job).catch((error) => {
    if (!(error instanceof Ended)) throw error;
    showError({ text: error.message, line: 0 });
    byId("views").classList.add("is-stale");
  });
}

function run() {
  clearTimeout(timer);
  isHeldUp = passes.isHeld; // a drag goes on, which another page would end
  if (isDue || isHeldUp) return;
  isDue = true;
  inTurn(async () => {
    isDue = false;
    isFresh = true;
    const program = editor.text;
    const answer = JSON.parse(await runner.ask({ program }));
    showPrinted();
    if (editor.text === program) await show(answer); // else it is about to run again
  });
}

/** @param {boolean} byPage */
function edited(byPage) {
  clearTimeout(timer);
  complaint = "";
  showWhichExample();
  if (!byPage) editor.showError(0, "");
  timer = setTimeout(run, 1000 * SECONDS_AFTER_THE_LAST_KEY);
}

/**
 * Show what a run of the program in the editor gave.
 * @param {Answer} answer
 */
async function show({ page, problem, error }) {
  showError(error ?? (problem ? { text: problem, line: 0 } : null));
  byId("views").classList.toggle("is-stale", !page);
  if (page) {
    await passes.show(page, wanted);
    wanted = undefined;
    editor.findLiterals(passes.places, passes.given);
    leaves = passes.leaves;
    fresh.clear();
    showView();
  }
  followPage();
}

let complaint = ""; // about the link, until something is typed

/** @param {{ text: string, line: number } | null} error */
function showError(error) {
  error ??= complaint ? { text: complaint, line: 0 } : null;
  byId("error").hidden = !error;
  byId("error").textContent = error ? `${error.line ? `Line ${error.line}: ` : ""}${error.text}` : "";
  editor.showError(error?.line ?? 0, error?.text ?? "");
}

let isFresh = false; // whether what is printed next takes the place of what was
let coming = ""; // what is printed, and shown with the next frame

/** @param {string} text */
function print(text) {
  if (!coming) requestAnimationFrame(showPrinted);
  coming += text;
}

function showPrinted() {
  const printed = byId("printed");
  printed.textContent = isFresh ? coming : printed.textContent + coming;
  printed.hidden = !printed.textContent;
  printed.scrollTop = printed.scrollHeight;
  isFresh = false;
  coming = "";
}

let patience = 0;

/** @param {"loading" | "ready" | "running"} now */
function state(now) {
  clearTimeout(patience);
  byId("status").textContent = now === "loading" ? "Python is loading…" : "";
  byId("stop").hidden = true;
  document.body.dataset.state = now;
  if (now !== "running") return;
  patience = setTimeout(() => {
    showError(null);
    byId("status").textContent = "The program is running…";
    byId("stop").hidden = false;
  }, 1000);
}

byId("stop").addEventListener("click", () => runner.end("The program was stopped."));

// The page of the passes: a number that changes there goes into the literal that made the leaf, and the program runs.

/** @type {Map<string, number>} */
let leaves = new Map();

function followPage() {
  if (isHeldUp && !passes.isHeld) run();
  const before = leaves;
  leaves = passes.leaves;
  editor.writeLiterals(new Map([...leaves].filter(([name, number]) => before.has(name) && !Object.is(before.get(name), number))));
  editor.showMarks(passes.marks);
  addressSoon();
}

// The other views

const VIEWS = ["steps", "picture", "program", "formula"];
const tabs = VIEWS.map((name) => byId(`${name}-tab`));
/** @type {Set<string>} */
const fresh = new Set(); // the views that show the program in the editor
let selected = "steps";

/** @param {string} name */
function select(name) {
  selected = name;
  for (const [index, view] of VIEWS.entries()) {
    tabs[index].setAttribute("aria-selected", String(view === name));
    tabs[index].tabIndex = view === name ? 0 : -1;
    byId(view).hidden = view !== name;
  }
  showView();
}

function showView() {
  const name = selected;
  if (name === "steps" || fresh.has(name)) return;
  fresh.add(name);
  if (name === "formula") byId(name).replaceChildren("SymPy is loading: 5 MB, once…");
  inTurn(async () => {
    const text = await runner.ask({ view: name });
    const shown = byId(name === "program" ? "source" : name);
    if (text.startsWith("<")) shown.innerHTML = text;
    else shown.textContent = text || "There is no graph to show.";
  });
}

for (const [index, name] of VIEWS.entries()) {
  tabs[index].addEventListener("click", () => select(name));
  tabs[index].addEventListener("keydown", ({ key }) => {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!way) return;
    const next = (index + way + VIEWS.length) % VIEWS.length;
    select(VIEWS[next]);
    tabs[next].focus();
  });
}

// The address

let addressTimer = 0;
let addressKnown = "";

/** Return what the address says of what is shown; what stands in the program is not said again. */
async function address() {
  const { ownNumbers } = passes;
  for (const { leaf } of editor.literals) ownNumbers.delete(leaf);
  return `#program=${await packed(editor.text)}&${passes.addressWith(ownNumbers)}`;
}

function addressSoon() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(async () => {
    addressKnown = await address();
    history.replaceState(null, "", addressKnown);
    byId("open").setAttribute("href", `./${addressKnown}`);
  }, 350);
}

async function followAddress() {
  const { program, step } = read();
  addressKnown = location.hash;
  if (program === undefined) return open(examples[0].program, step);
  const found = await unpacked(program).catch(() => undefined);
  await open(found ?? examples[0].program, found === undefined ? "" : step);
  if (found !== undefined) return;
  complaint = "The link holds no program that can be read: is it whole? This is an example.";
  showError(null);
}

addEventListener("hashchange", () => {
  if (location.hash !== addressKnown) followAddress();
});

// Examples

function showWhichExample() {
  const example = examples.find(({ program }) => program === editor.text);
  chosen.value = example?.name ?? "";
  return example;
}

/**
 * Put a program into the editor and run it; while Python is loading, an example shows what it gave before.
 * @param {string} program @param {string} step
 */
async function open(program, step) {
  editor.text = program;
  const example = showWhichExample();
  wanted = step;
  if (example && !runner.isReady) {
    const prepared = await fetch(`examples/${example.name}.json`).then((answer) => answer.json()).catch(() => null);
    if (editor.text !== program) return; // another one was opened meanwhile
    if (prepared) {
      isFresh = true;
      coming = prepared.printed;
      showPrinted();
      await show(prepared.answer);
    }
  }
  run();
}

for (const { name, title } of examples) chosen.add(new Option(title, name));
chosen.addEventListener("change", () => {
  const example = examples.find(({ name }) => name === chosen.value);
  if (example) open(example.program, "");
});

// Sharing

/** @param {string} name @param {string} type @param {string} text */
function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

byId("download-page").addEventListener("click", () => download("passes.html", "text/html", passes.page));
byId("download-program").addEventListener("click", () => download("program.py", "text/x-python", editor.text));
byId("share").addEventListener("toggle", async () => {
  const said = await address();
  const here = new URL("./", location.href);
  inputById("link").value = `${here}${said}`;
  inputById("embedding").value = `<iframe src="${here}?embed${said.replaceAll("&", "&amp;")}" title="microgrid" ` +
    `style="width: 100%; height: 640px; border: 1px solid #8888" allow="clipboard-write; fullscreen"></iframe>`;
});
for (const id of ["link", "embedding"]) {
  byId(`copy-${id}`).addEventListener("click", async () => {
    inputById(id).select();
    // Where the clipboard is closed to a page, as without https, the older way is open.
    await (navigator.clipboard?.writeText(inputById(id).value) ?? Promise.reject()).catch(() => document.execCommand("copy"));
    byId("status").textContent = "Copied.";
  });
}

document.body.classList.toggle("is-embedded", new URLSearchParams(location.search).has("embed"));
await followAddress();
