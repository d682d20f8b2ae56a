// Writes what each example gives, which the playground shows while Python is loading: node prepare.js FOLDER, the
// folder with the site's files and with examples.json.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "./python.js";

const folder = process.argv[2];
const file = async (/** @type {string} */ name) => new Uint8Array(await readFile(join(folder, name)));
const python = await load(join(folder, "pyodide/"), file);
for (const { name, program } of JSON.parse(await readFile(join(folder, "examples.json"), "utf8"))) {
  let printed = "";
  const answer = JSON.parse(python.run(program, (text) => (printed += text)));
  if (answer.error || answer.problem || !answer.page) throw new Error(`the example ${name}: ${JSON.stringify(answer.error ?? answer.problem)}`);
  await writeFile(join(folder, "examples", `${name}.json`), JSON.stringify({ printed, answer }));
}
