/**
 * Arrays from the service, and how they are shown: ink where a value is above 0, red where it is below.
 *
 * @typedef {{shape: number[], values: Float32Array, peak: number}} Values  peak: the largest without its sign
 */

/** @param {{shape: number[], low: number, high: number, steps: string}} packed 256 steps in base 64 @returns {Values} */
export function unpacked({ shape, low, high, steps }) {
  const bytes = Uint8Array.from(atob(steps), (letter) => letter.charCodeAt(0));
  const values = Float32Array.from(bytes, (step) => low + (step * (high - low)) / 255);
  return { shape, values, peak: peakOf([low, high]) };
}

/** The largest without its sign; never 0, for shares are taken of it. @param {ArrayLike<number> & Iterable<number>} values */
export function peakOf(values) {
  return Math.max(...values.map(Math.abs), 1e-12);
}

/** One plane of channels-last values. @param {Values} values @returns {Float32Array} */
export function planeOf({ shape, values }, channel) {
  const channels = shape[2];
  return Float32Array.from({ length: shape[0] * shape[1] }, (_, at) => values[at * channels + channel]);
}

/** Slices of a kernel for one output: a plane for each input. @param {Values} kernel @returns {Float32Array[]} */
export function filterOf({ shape: [height, width, inputs, outputs], values }, output) {
  return Array.from({ length: inputs }, (_, input) =>
    Float32Array.from({ length: height * width }, (_, at) => values[(at * inputs + input) * outputs + output]),
  );
}

/** The page's colours for values, as [red, green, blue]. */
export class Palette {
  constructor() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => rgbOf(style.getPropertyValue(name).trim());
    [this.ground, this.above, this.below, this.accent] = ["--sheet", "--ink", "--against", "--accent"].map(colour);
  }

  /** @param {number} share of the peak, -1 to 1 @param {number[]} [above] the colour for 1 */
  mix(share, above = this.above) {
    const end = share < 0 ? this.below : above;
    const part = Math.min(Math.abs(share), 1);
    return this.ground.map((from, index) => from + (end[index] - from) * part);
  }
}

/** "#rrggbb" → three numbers. */
function rgbOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/**
 * Paints a plane, a pixel a value.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} plane
 * @param {(value: number, at: number) => number[]} colourOf
 */
export function paint(canvas, plane, [height, width], colourOf) {
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  for (let at = 0; at < plane.length; at++) picture.data.set([...colourOf(plane[at], at), 255], 4 * at);
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
