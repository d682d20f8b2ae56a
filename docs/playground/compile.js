// Compiles the modules in an archive, which Python would else do each time it loads them: node compile.js ARCHIVE

import { readFile, writeFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";

const COMPILE = `
import compileall
import pathlib
import warnings
import zipfile

warnings.simplefilter("ignore")  # of the packages' own source
compileall.compile_dir("source", quiet=2, legacy=True, optimize=2)
with zipfile.ZipFile("compiled.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for path in sorted(pathlib.Path("source").rglob("*")):
        if path.is_file() and path.suffix != ".py":
            archive.writestr(zipfile.ZipInfo(str(path.relative_to("source"))), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
`;

const archive = process.argv[2];
const python = await loadPyodide();
python.unpackArchive(new Uint8Array(await readFile(archive)), "zip", { extractDir: "source" });
python.runPython(COMPILE);
await writeFile(archive, python.FS.readFile("compiled.zip"));
