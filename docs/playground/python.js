// Python and Graphviz as WebAssembly, with microgrid in them: the same in the worker and when the site is built.

import { Graphviz } from "@hpcc-js/wasm-graphviz";
import { loadPyodide } from "pyodide";

/**
 * Load Python, and return its module playground.
 * @param {string} indexURL  where Pyodide's own files are
 * @param {(name: string) => Promise<Uint8Array>} file  reads a file of the site
 */
export async function load(indexURL, file) {
  const [python, graphviz, packages] = await Promise.all([
    loadPyodide({ indexURL }),
    Graphviz.load(),
    file("python.zip"),
  ]);
  const folder = python.runPython("import sysconfig; sysconfig.get_path('purelib')");
  python.unpackArchive(packages, "zip", { extractDir: folder });
  python.pyimport("microgrid.picture").layout = (/** @type {string} */ source, /** @type {any} */ format) =>
    graphviz.layout(source, format);
  const playground = python.pyimport("playground");
  let hasSymPy = false;
  return {
    /**
     * Run a program, and return what there is to show of it, as the module says.
     * @param {string} program @param {(text: string) => void} print
     */
    run: (program, print) => /** @type {string} */ (playground.run(program, print)),
    /** Load what a view needs. @param {string} name */
    async prepare(name) {
      if (name !== "formula" || hasSymPy) return;
      python.unpackArchive(await file("sympy.zip"), "zip", { extractDir: folder });
      python.pyimport("sympy");
      hasSymPy = true;
    },
    /** Return a view of the last program. @param {string} name */
    view: (name) => /** @type {string} */ (playground.view(name)),
  };
}
