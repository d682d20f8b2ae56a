// On paper: a panel for each step, built before the browser prints and removed afterwards.

const mostPanels = 200;
const mostElements = 400000; // in all panels: more takes a browser minutes

/** Return the stops that are printed: all, or from the one at hand as many as there may be. */
function printedStops() {
  const most = Math.max(1, Math.min(mostPanels, Math.floor(mostElements / picture.querySelectorAll("*").length)));
  const from = stops.length <= most ? 0 : Math.min(stops.findIndex((stop) => stop >= current), stops.length - most);
  return stops.slice(from, from + most);
}

function buildSheet() {
  byId("sheet").replaceChildren();
  for (const part of [...boxes, ...arrows]) part.away = false;
  for (const element of picture.querySelectorAll(".is-away")) element.classList.remove("is-away");
  const [shown, printed] = [current, printedStops()];
  const panels = printed.map((stop) => {
    current = stop;
    showNumbers();
    showRoles();
    const panel = document.createElement("section");
    for (const id of ["pass", "tally", "names", "numbers", "sentence"]) {
      const text = copyOf(byId(id), `-${stop}`);
      text.removeAttribute("aria-live");
      if (text.textContent) panel.append(text);
    }
    const { svg, width, height } = closeUp(`-${stop}-large`, 4);
    svg.setAttribute("width", String(0.8 * width));
    svg.setAttribute("height", String(0.8 * height));
    const all = copyOf(picture, `-${stop}`);
    all.classList.toggle("is-far", Math.min(380 / whole.width, 230 / whole.height) < legible);
    const pictures = document.createElement("div");
    if (scene().arrows.length) pictures.append(svg);
    pictures.append(all);
    panel.append(pictures);
    return panel;
  });
  const head = document.createElement("h1");
  const all = printed.length === stops.length;
  head.textContent = `${document.title}, ${grainSelect.selectedOptions[0].text}: ${all ? "all" : `${printed.length} of`} ` +
    `${stops.length} steps${all ? "" : `, from step ${printed[0]} on; choose larger steps, or go to those to be printed`}`;
  current = shown;
  show(current);
  showView(); // takes what is out of view out of the layout again
  byId("sheet").replaceChildren(head, ...panels);
}

addEventListener("beforeprint", buildSheet);
addEventListener("afterprint", () => byId("sheet").replaceChildren());
