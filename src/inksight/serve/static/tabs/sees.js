/** What the network sees of a picture: every stage from the drawing to its input, and what was put right. */

import { ask } from "../api.js";
import { verdictOf } from "../answers.js";
import { element, filled } from "../dom.js";
import { posted } from "../pictures.js";
import { Source } from "../source.js";

export const tab = { id: "sees", title: "What it sees", mount };

const HTML = `
<div class="stack">
  <div data-part="source"></div>
  <ol class="stages" data-part="stages" aria-label="From the picture to the input"></ol>
  <section class="card" aria-labelledby="sees-corrections">
    <h2 id="sees-corrections">What was corrected</h2>
    <ul class="corrections" data-part="corrections"></ul>
    <p class="soft small">All of this happens before the network is asked, in the same way for a drawing, a photo, a
      folder of pictures, and a program that asks over HTTP.</p>
  </section>
</div>`;

/** Title and text of each stage that the service names. */
const STAGES = {
  picture: ["Your picture", "The frame shows where the digit was found."],
  paper: ["Even paper", "Light divided out, dark ink on light paper."],
  ink: ["The ink found", "What belongs to the digit, at full sharpness."],
  input: ["What the network gets", ""],
};

/** @param {HTMLElement} panel @param {import("../context.js").Context} context */
function mount(panel, context) {
  const part = filled(panel, HTML);
  const question = ({ blob }) => ask("/app/seen", posted(blob));
  const source = new Source(part("source"), context, question, (found) => {
    part("stages").replaceChildren(
      ...Object.entries(found.stages).map((stage) => stageOf(stage, found, context.model)),
    );
    part("corrections").replaceChildren(...found.corrections.map(correctionOf));
    context.say(`Corrected: ${found.corrections.join("; ")}`);
  });
  return { shown: () => source.shown(), hidden: () => source.hidden() };
}

function stageOf([name, address], { box, size, answer }, model) {
  const [title, text] = STAGES[name];
  const said =
    name === "input"
      ? `${model.size_px} × ${model.size_px} pixels: ${answer.label}, ${verdictOf(answer, model)}`
      : text;
  const image = element("img", { src: address, alt: title, class: name === "input" ? "pixels" : "" });
  const frame = element("div", { class: "stage" }, image);
  if (name === "picture" && box) frame.append(boxOn(box, size));
  return element(
    "li",
    {},
    element("figure", { class: "card" }, frame, element("figcaption", {}, element("strong", {}, title), said)),
  );
}

/** Where the digit is, laid over the picture. */
function boxOn([left, top, width, height], [across, down]) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const frame = document.createElementNS(space, "rect");
  drawing.setAttribute("viewBox", `0 0 ${across} ${down}`);
  drawing.setAttribute("aria-hidden", "true");
  for (const [name, value] of Object.entries({ x: left, y: top, width, height })) frame.setAttribute(name, value);
  drawing.append(frame);
  return drawing;
}

/** "inverted: …" with its first words set apart. @param {string} sentence */
function correctionOf(sentence) {
  const [what, ...rest] = sentence.split(": ");
  return element("li", {}, element("strong", {}, what), rest.length ? `: ${rest.join(": ")}` : "");
}
