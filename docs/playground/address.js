// The address: #program=…&step=17&x.data=3.1, the program compressed, the rest as the page of the passes writes it.

/** @param {string} program */
export async function packed(program) {
  const stream = new Blob([program]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Return the program that `packed` packed; raises an error for anything else.
 * @param {string} text
 */
export async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new TextDecoder("utf-8", { fatal: true }).decode(await new Response(stream).arrayBuffer());
}

/** Return what the address says: the program, undefined if none, and step and numbers as the page reads them. */
export function read() {
  const said = new URLSearchParams(location.hash.slice(1));
  const program = said.get("program") ?? undefined;
  said.delete("program");
  return { program, step: said.toString() };
}
