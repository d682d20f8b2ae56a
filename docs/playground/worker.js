// Runs Python beside the page, which ends this worker where a program does not come to an end.

import { load } from "./python.js";

/** @param {string} name */
async function file(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

const loading = load(new URL("pyodide/", location.href).href, file);
loading.then(() => postMessage({ ready: true }), (error) => postMessage({ fatal: String(error) }));

let last = Promise.resolve();
addEventListener("message", ({ data }) => {
  last = last.then(() => answer(data)).catch((error) => postMessage({ fatal: String(error) }));
});

/** @param {{ id: number, program?: string, view?: string }} asked */
async function answer({ id, program, view = "" }) {
  const python = await loading;
  if (program === undefined) await python.prepare(view);
  postMessage({ id, began: true });
  const answer = program === undefined ? python.view(view) : python.run(program, (printed) => postMessage({ id, printed }));
  postMessage({ id, answer });
}
