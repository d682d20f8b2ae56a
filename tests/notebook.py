"""The notebook of the docs: `python -m tests.notebook` executes it and rewrites its outputs.

It leaves out what differs from run to run (times, addresses of objects, Python's version) and the web page
that the notebook shows, which is large and invisible until the cell is run.
"""

import copy
import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

DOCS = Path(__file__).parent.parent / "docs"
NOTEBOOK = DOCS / "titanic.ipynb"

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def executed() -> NotebookNode:
    """Return the notebook after running all its cells, in docs/, with the packages of this checkout."""
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    # In a folder of its own IPython finds no startup files and leaves no history.
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "PYTHONPATH": str(DOCS.parent),
            "IPYTHONDIR": folder,
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
        NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=300,
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(DOCS)}},
        ).execute(env=environment)
    return notebook


def tidied(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook with only what is committed."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = METADATA
    for cell in notebook.cells:
        cell.metadata = NotebookNode()
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if "text/html" not in output.get("data", {})]
        for output in cell.outputs:
            if "data" in output:
                output.metadata = NotebookNode()
                if len(output.data) > 1:  # beside a picture, the text is the address of an object
                    output.data.pop("text/plain", None)
    return notebook


if __name__ == "__main__":
    nbformat.write(tidied(executed()), NOTEBOOK)
