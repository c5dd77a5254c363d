/** Pictures of any kind → the network's input. */

import { digitOfInk } from "./ink.js";
import { areaMixture, linearMixture, resized, roundEven } from "./plane.js";

const MIN_CONTRAST = 16;

/**
 * What a model takes for a picture. One that is framed already is taken as it is. A digit on paper is looked for in a
 * simple way here: one level of paper, one threshold. A model that is not for digits gets the picture brought to size.
 *
 * @param {ImageData} picture opaque
 * @param {import("./model.js").Model} model
 * @returns {Uint8Array} (size · size · channels)
 * @throws {RangeError} a digit model was given a blank
 */
export function inputOf(picture, model) {
  const planes = planesOf(picture);
  const grey = isGrey(planes) ? planes[0] : luma(planes);
  if (model.preprocessing !== "digits") {
    return interleaved((model.channels === 1 ? [grey] : planes).map((each) => fitSquare(each, model.size_px)));
  }
  const framed = isGrey(planes) && isFramed(grey, model.size_px);
  return inChannels(framed ? grey.data : digitOfInk(inkOnPaper(grey), model.size_px), model);
}

/** Grey, once for each channel of the network. @param {Uint8Array} grey @param {import("./model.js").Model} model */
export function inChannels(grey, { channels }) {
  return channels === 1 ? grey : interleaved(Array.from({ length: channels }, () => grey));
}

/** Red, green and blue apart. @param {ImageData} picture */
function planesOf(picture) {
  return [0, 1, 2].map((channel) => planeOf(picture, channel));
}

/** One channel of a picture. @param {ImageData} picture @param {number} channel @returns {import("./plane.js").Plane} */
export function planeOf({ data, width, height }, channel) {
  const plane = { data: new Uint8Array(width * height), width, height };
  for (let at = 0; at < plane.data.length; at++) plane.data[at] = data[4 * at + channel];
  return plane;
}

/** Planes side by side → channels-last. @param {Uint8Array[]} planes */
function interleaved(planes) {
  const result = new Uint8Array(planes.length * planes[0].length);
  planes.forEach((values, channel) => values.forEach((value, at) => (result[at * planes.length + channel] = value)));
  return result;
}

function isGrey([red, green, blue]) {
  return red.data.every((value, at) => value === green.data[at] && value === blue.data[at]);
}

/** OpenCV's grey of colours, in its fixed point. */
function luma([red, green, blue]) {
  const data = red.data.map((value, at) => (value * 4899 + green.data[at] * 9617 + blue.data[at] * 1868 + 8192) >> 14);
  return { ...red, data };
}

/** Whether a picture has the network's size, with ink on a dark ground, as those of MNIST. */
function isFramed(grey, sizePx) {
  if (grey.width !== sizePx || grey.height !== sizePx) return false;
  const border = borderOf(grey);
  const dark = border.filter((value) => value < 128).length;
  const spread = Math.max(...grey.data) - Math.min(...grey.data);
  return 2 * dark > border.length && spread > 128;
}

/** Sorted; a corner counts twice. @param {import("./plane.js").Plane} grey */
function borderOf({ data, width, height }) {
  const rows = [...data.subarray(0, width), ...data.subarray(width * (height - 1))];
  const columns = Array.from({ length: height }, (_, y) => [data[y * width], data[(y + 1) * width - 1]]);
  return [...rows, ...columns.flat()].sort((left, right) => left - right);
}

/** @param {number[]} sorted */
function median(sorted) {
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** How far each pixel is from the paper at the border, with all that is nearer the paper than the ink taken away. */
function inkOnPaper(grey) {
  const paper = median(borderOf(grey));
  const way = grey.data.reduce((sum, value) => sum + value - paper, 0) < 0 ? -1 : 1;
  const distances = grey.data.map((value) => Math.max(way * (value - paper), 0));
  const threshold = otsu(distances);
  const strong = distances.filter((value) => value > threshold).sort();
  const level = strong[Math.floor(0.9 * strong.length)] ?? 0;
  if (level < MIN_CONTRAST) throw new RangeError("the picture is blank: nothing on it stands out from its border");
  const data = distances.map((value) => (2 * value > threshold ? Math.min(roundEven((value * 255) / level), 255) : 0));
  return { ...grey, data };
}

/** The level that splits values into two classes that differ most. @param {Uint8Array} values */
function otsu(values) {
  const counts = new Float64Array(256);
  for (const value of values) counts[value] += 1;
  const total = counts.reduce((sum, count, level) => sum + level * count, 0);
  let [best, threshold, below, moment] = [0, 0, 0, 0];
  counts.forEach((count, level) => {
    below += count;
    moment += level * count;
    const above = values.length - below;
    if (!below || !above) return;
    const between = below * above * (moment / below - (total - moment) / above) ** 2;
    if (between > best) [best, threshold] = [between, level];
  });
  return threshold;
}

/** Brings a plane to a square: aspect kept, the rest filled with the border's median. */
function fitSquare(source, sizePx) {
  const { width, height } = source;
  if (width === sizePx && height === sizePx) return source.data;
  const scale = sizePx / Math.max(width, height);
  const mixture = scale < 1 ? areaMixture : linearMixture;
  const along = (length) => {
    const count = Math.max(1, roundEven(length * scale));
    return mixture(length, count, length / count);
  };
  const part = resized(source, along(height), along(width));
  return inMiddle(part, sizePx, Math.trunc(median(borderOf(part))));
}

function inMiddle(part, sizePx, ground) {
  const square = new Uint8Array(sizePx * sizePx).fill(ground);
  const [top, left] = [(sizePx - part.height) >> 1, (sizePx - part.width) >> 1];
  for (let y = 0; y < part.height; y++) {
    square.set(part.data.subarray(y * part.width, (y + 1) * part.width), (top + y) * sizePx + left);
  }
  return square;
}
