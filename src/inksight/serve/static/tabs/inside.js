/** Look inside: the picture flows through the network, layer by layer, and what mattered of it. */

import { ask } from "../api.js";
import { Bars, verdictOf } from "../answers.js";
import { element, filled } from "../dom.js";
import { isMaps, sizeOf, wordsOf } from "../layers.js";
import { Lens } from "../lens.js";
import { filterOf, paint, Palette, peakOf, planeOf, unpacked } from "../maps.js";
import { posted } from "../pictures.js";
import { Source } from "../source.js";

export const tab = { id: "inside", title: "Look inside", mount: (panel, context) => new Inside(panel, context) };

const UNITS_A_ROW = 32;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const HTML = `
<div class="stack">
  <div data-part="source"></div>
  <div class="inside">
    <aside class="lens card" aria-label="Where a value comes from">
      <canvas data-part="input" class="pixels" role="img" aria-label="The picture that the network gets"></canvas>
      <p class="small" data-part="value" role="status"></p>
      <figure data-part="map" hidden><canvas class="pixels" aria-hidden="true"></canvas><figcaption>The map, enlarged</figcaption></figure>
      <figure data-part="filter" hidden><div class="slices" aria-hidden="true"></div><figcaption></figcaption></figure>
    </aside>
    <ol class="layers stack" data-part="layers" aria-label="The network, layer by layer"></ol>
  </div>
</div>`;

class Inside {
  /** @param {HTMLElement} panel @param {import("../context.js").Context} context */
  constructor(panel, context) {
    this.context = context;
    this.part = filled(panel, HTML);
    this.lens = new Lens(this.part);
    this.found = null;
    const question = ({ blob }) => ask("/app/inside", posted(blob));
    this.source = new Source(this.part("source"), context, question, (answer) => {
      this.found = foundIn(answer);
      this.#show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.found && this.#show());
  }

  shown() {
    this.source.shown();
  }

  hidden() {
    this.source.hidden();
  }

  #show() {
    const { layers, answer, mattered, input } = this.found;
    this.palette = new Palette();
    this.lens.open(input, this.palette);
    const cards = layers.map((layer, index) => this.#card(layer, index + 1));
    this.part("layers").replaceChildren(this.#matteredCard(mattered, answer), ...cards);
    this.context.say(`${layers.length} layers are shown; the answer is ${answer.label}`);
  }

  #card(layer, number) {
    const [title, text] = wordsOf(layer);
    const isLast = number === this.found.layers.length;
    const shown = isLast
      ? this.#answerBars()
      : isMaps(layer.values.shape)
        ? this.#maps(layer, number)
        : this.#units(layer);
    return cardOf(`${number}. ${title}`, sizeOf(layer), text, shown, { "data-operator": layer.operator });
  }

  /** Every map of a layer; a filter of one plane is shown above its map. */
  #maps(layer, number) {
    const { shape, peak } = layer.values;
    const list = element("div", {
      class: "maps",
      tabindex: "0",
      role: "group",
      "aria-label": `${sizeOf(layer)} of step ${number}; arrow keys walk over them`,
    });
    list.style.setProperty("--columns", String(columnsFor(shape)));
    for (let channel = 0; channel < shape[2]; channel++) {
      const canvas = element("canvas", { class: "map pixels", "data-channel": String(channel) });
      paint(canvas, planeOf(layer.values, channel), shape, (value) => this.palette.mix(value / peak));
      list.append(this.#withFilter(canvas, layer, channel));
    }
    this.#follow(list, layer, number);
    return list;
  }

  #withFilter(canvas, { kernel }, channel) {
    if (kernel?.shape[2] !== 1) return canvas;
    const [slice] = filterOf(kernel, channel);
    const filter = element("canvas", { class: "filter pixels" });
    const peak = peakOf(slice);
    paint(filter, slice, kernel.shape, (value) => this.palette.mix(value / peak));
    return element("div", { class: "pair" }, filter, canvas);
  }

  /** The lens goes where the mouse, a finger or the arrow keys are. */
  #follow(list, layer, number) {
    const [rows, columns, channels] = layer.values.shape;
    const at = { channel: 0, row: rows >> 1, column: columns >> 1 };
    const point = () => this.lens.point({ layer, number, ...at });
    const byPointer = (event) => {
      const place = placeUnder(event, rows, columns);
      if (place) (Object.assign(at, place), point());
    };
    list.addEventListener("pointermove", byPointer);
    list.addEventListener("pointerdown", byPointer);
    list.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      if (event.shiftKey) at.channel = (at.channel + step[0] + step[1] + channels) % channels;
      else Object.assign(at, { row: within(at.row + step[0], rows), column: within(at.column + step[1], columns) });
      point();
    });
  }

  /** Values without a place: a row of boxes. */
  #units({ values: { shape, values, peak } }) {
    const count = shape[shape.length - 1];
    const width = Math.min(count, UNITS_A_ROW);
    const height = Math.ceil(count / width);
    const canvas = element("canvas", {
      class: "units pixels",
      role: "img",
      "aria-label": `${count} values`,
      "data-units": String(count),
    });
    const padded = Float32Array.from({ length: width * height }, (_, at) => values[at] ?? 0);
    paint(canvas, padded, [height, width], (value) => this.palette.mix(value / peak));
    canvas.style.aspectRatio = `${width} / ${height}`;
    const { classes } = this.context.model;
    if (count !== classes.length) return canvas;
    return element(
      "div",
      {},
      canvas,
      element("p", { class: "names soft small", "aria-hidden": "true" }, ...classes.map(nameOf)),
    );
  }

  #answerBars() {
    const { probabilities, label } = this.found.answer;
    const list = element("ol", { class: "bars", "aria-label": "How likely each class is" });
    new Bars(list).showClasses(probabilities, label);
    return list;
  }

  /** The heat map, laid over a faint copy of the picture. */
  #matteredCard(mattered, answer) {
    const canvas = element("canvas", {
      class: "heat pixels",
      role: "img",
      "aria-label": `What spoke for ${answer.label}, and what against it`,
    });
    const { input } = this.found;
    const ink = planeOf(input, 0);
    const accent = this.palette.accent;
    paint(canvas, mattered.values, mattered.shape, (value, at) => {
      const heat = this.palette.mix(value / mattered.peak, accent);
      const faint = 0.28 * (ink[at] / 255);
      return heat.map((colour, index) => colour + (this.palette.above[index] - colour) * faint);
    });
    const words =
      `The answer is ${answer.label}: ${verdictOf(answer, this.context.model)}. A small patch of paper is slid over the picture, and the network ` +
      `is asked again each time. Blue: covering it takes odds from “${answer.label}”, so what is there speaks for it. Red: it speaks ` +
      "against it. This says what the answer hangs on, not how the network comes to it.";
    return cardOf(`What mattered for “${answer.label}”`, "by covering it (occlusion)", words, canvas, {
      "data-operator": "occlusion",
    });
  }
}

function nameOf(name) {
  return element("span", {}, name);
}

/** Maps side by side: few large ones, many small ones. */
function columnsFor([height, , channels]) {
  if (channels <= 3) return 4;
  return channels <= 64 && height > 4 ? 8 : height > 8 ? 11 : 16;
}

/** The service's answer with its arrays unpacked. */
function foundIn({ input, layers, mattered, answer }) {
  const open = (layer) => ({
    ...layer,
    values: unpacked(layer.values),
    kernel: layer.kernel && unpacked(layer.kernel),
  });
  return { input: unpacked(input), layers: layers.map(open), mattered: unpacked(mattered), answer };
}

function cardOf(title, size, text, shown, attributes) {
  const words = element(
    "div",
    { class: "words" },
    element("h2", {}, title),
    element("p", { class: "soft small" }, size),
    element("p", { class: "small" }, text),
  );
  return element("li", { class: "card layer", ...attributes }, words, element("div", { class: "shown" }, shown));
}

/** Which value of which map a pointer is over. @param {PointerEvent} event */
function placeUnder({ target, offsetX, offsetY }, rows, columns) {
  if (!target.dataset.channel) return null;
  const row = within(Math.floor((offsetY / target.clientHeight) * rows), rows);
  const column = within(Math.floor((offsetX / target.clientWidth) * columns), columns);
  return { channel: Number(target.dataset.channel), row, column };
}

function within(index, count) {
  return Math.min(Math.max(index, 0), count - 1);
}
