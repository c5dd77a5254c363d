/**
 * The model that stands in the page as JSON.
 *
 * @typedef {{offset: number, shape: number[]}} Constant  a part of the weights
 * @typedef {{operator: string, inputs: number[], shape: number[], kernel?: Constant, bias?: Constant, alpha?: number,
 *   strides?: number[], window?: number[], before?: number[], value?: number}} Operation
 * @typedef {{classes: string[], size_px: number, channels: number, preprocessing: string, temperature: number,
 *   unsure_below: number, rejected_below: number, about: {data: ?string, preset: ?string, test: ?Object},
 *   operations: Operation[], weights: Float32Array}} Model
 */

/**
 * @param {string} text JSON; its weights are base64 of little-endian floats
 * @returns {Model}
 */
export function parseModel(text) {
  const model = JSON.parse(text);
  return { ...model, weights: decodeFloats(model.weights) };
}

/** @param {string} base64 */
function decodeFloats(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(4 * index, true));
}
