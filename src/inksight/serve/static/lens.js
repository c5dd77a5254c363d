/** The lens beside the layers: one value, the map it is on, and the pixels of the picture it comes from. */

import { element } from "./dom.js";
import { filterOf, paint, peakOf, planeOf } from "./maps.js";

const MOST_SLICES = 128;
const LENS_PX = 280;

export class Lens {
  /** @param {(name: string) => HTMLElement} part of the panel: input, value, map, filter */
  constructor(part) {
    this.part = part;
  }

  /** @param {import("./maps.js").Values} input the network's picture @param {import("./maps.js").Palette} palette */
  open(input, palette) {
    Object.assign(this, { input, palette });
    this.point(null);
  }

  /**
   * Shows where a value comes from; null shows the whole picture.
   *
   * @param {?{layer: import("./layers.js").Layer, number: number, channel: number, row: number, column: number}} place
   */
  point(place) {
    this.#paintInput(place ? boxOf(place, this.input) : null);
    this.part("value").textContent = place ? wordsFor(place, this.input) : HINT;
    this.part("map").hidden = this.part("filter").hidden = !place;
    if (!place) return;
    this.#paintMap(place);
    this.#paintFilter(place);
  }

  /** The picture as the network gets it, with a box on it. */
  #paintInput(box) {
    const { input, part } = this;
    const [height, width, channels] = input.shape;
    const small = document.createElement("canvas");
    const grey = planeOf(input, 0);
    paint(small, grey, [height, width], (_, at) =>
      [0, 1, 2].map((colour) => input.values[at * channels + (channels === 3 ? colour : 0)]),
    );
    const canvas = part("input");
    canvas.width = canvas.height = LENS_PX;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, LENS_PX, LENS_PX);
    if (!box) return;
    const scale = LENS_PX / width;
    context.strokeStyle = "#5b8cff";
    context.lineWidth = 3;
    context.strokeRect(...box.map((value) => value * scale));
  }

  #paintMap({ layer, channel, row, column }) {
    const { shape, peak } = layer.values;
    const canvas = this.part("map").querySelector("canvas");
    const marked = row * shape[1] + column;
    paint(canvas, planeOf(layer.values, channel), shape, (value) => this.palette.mix(value / peak));
    const context = canvas.getContext("2d");
    context.fillStyle = "#5b8cff";
    context.globalAlpha = 0.6;
    context.fillRect(marked % shape[1], Math.floor(marked / shape[1]), 1, 1);
    context.globalAlpha = 1;
  }

  /** The weights of a filter, a small picture for each map that it reads. */
  #paintFilter({ layer, channel }) {
    const frame = this.part("filter");
    frame.hidden = !layer.kernel;
    if (!layer.kernel) return;
    const slices = filterOf(layer.kernel, channel).slice(0, MOST_SLICES);
    const peak = Math.max(...slices.map(peakOf));
    const canvases = slices.map((slice) => {
      const canvas = element("canvas", { class: "pixels" });
      paint(canvas, slice, layer.kernel.shape, (value) => this.palette.mix(value / peak));
      return canvas;
    });
    frame.querySelector("div").replaceChildren(...canvases);
    frame.querySelector("div").dataset.count = canvases.length === 1 ? "one" : "many";
    frame.querySelector("figcaption").textContent =
      canvases.length === 1
        ? "Its filter: ink where it wants ink, red where it wants none."
        : `Its filter: a window on each of the ${canvases.length} maps before it.`;
  }
}

const HINT = "Point at a map, or walk over it with arrow keys, to see which pixels of the picture a value comes from.";

/** The part of the picture that a value comes from: left, top, width, height in pixels, cut at the picture's border. */
function boxOf({ layer: { field }, row, column }, input) {
  const along = (index, axis) => {
    const start = field.start[axis] + index * field.step[axis];
    const end = Math.min(start + field.size[axis], input.shape[axis]);
    return [Math.max(start, 0), end - Math.max(start, 0)];
  };
  const [[top, height], [left, width]] = [along(row, 0), along(column, 1)];
  return [left, top, width, height];
}

function wordsFor(place, input) {
  const { layer, number, channel, row, column } = place;
  const { shape, values } = layer.values;
  const value = values[(row * shape[1] + column) * shape[2] + channel];
  const [left, top, width, height] = boxOf(place, input);
  return (
    `Step ${number}, map ${channel + 1} of ${shape[2]}, row ${row + 1}, column ${column + 1}: ${value.toFixed(2).replace("-", "−")}. ` +
    `It comes from ${width} × ${height} pixels: columns ${left + 1} to ${left + width}, rows ${top + 1} to ${top + height}.`
  );
}
