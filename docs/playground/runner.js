// Asks the worker, which it ends and starts anew where a program takes too long.

const MOST_SECONDS = 8;

/** A program that was ended: because it took too long, the reader wished it, or Python broke. */
export class Ended extends Error {}

export class Runner {
  /**
   * @param {{ print: (text: string) => void, state: (state: "loading" | "ready" | "running") => void }} told
   */
  constructor(told) {
    this.told = told;
    this.id = 0;
    /** @type {{ resolve: (answer: string) => void, reject: (reason: Error) => void } | null} */
    this.waiting = null;
    this.limit = 0;
    this.isReady = false;
    /** @type {Worker | null} */
    this.worker = null;
    this.start();
  }

  start() {
    this.isReady = false;
    this.told.state("loading");
    this.worker = new Worker("worker.js", { type: "module" });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => this.hear({ fatal: event.message || "the worker could not be started" });
  }

  /** @param {{ ready?: true, fatal?: string, id?: number, began?: true, printed?: string, answer?: string }} said */
  hear({ ready, fatal, id, began, printed, answer }) {
    if (ready) {
      this.isReady = true;
      if (!this.waiting) this.told.state("ready");
    } else if (fatal !== undefined) {
      this.end(`Python broke: ${fatal}`, this.isReady);
    } else if (id !== this.id) {
      return;
    } else if (began) {
      this.told.state("running");
      this.limit = setTimeout(() => this.end(`The program took more than ${MOST_SECONDS} seconds and was stopped.`), MOST_SECONDS * 1000);
    } else if (printed !== undefined) {
      this.told.print(printed);
    } else if (answer !== undefined) {
      clearTimeout(this.limit);
      this.told.state("ready");
      this.waiting?.resolve(answer);
      this.waiting = null;
    }
  }

  /**
   * End what runs, and start Python anew.
   * @param {string} reason
   */
  end(reason, again = true) {
    clearTimeout(this.limit);
    this.worker?.terminate();
    this.worker = null;
    this.waiting?.reject(new Ended(reason));
    this.waiting = null;
    if (again) this.start();
    else this.told.state("ready"); // to be started by the next question
  }

  /**
   * Ask for one thing at a time: run a program, or give a view of the last one. Raises Ended.
   * @param {{ program: string } | { view: string }} asked
   * @returns {Promise<string>}
   */
  ask(asked) {
    return new Promise((resolve, reject) => {
      if (!this.worker) this.start();
      this.waiting = { resolve, reject };
      this.id += 1;
      this.worker?.postMessage({ id: this.id, ...asked });
    });
  }
}
