/** The ink of one digit → the frame in which MNIST's makers put theirs: Inksight's ink.digit_of_ink, step by step. */

import { areaMixture, crop, cubicMixture, mixed, padded, plane, resized, roundEven } from "./plane.js";

const MNIST_PX = 28;
const MNIST_BOX_PX = 20;
const THIN_SHARE = 1 / 14;
const WANTED_SHARE = 1 / 8;
const THICKENING_PX = 160;
const COARSE_PX = 16;
const DIAGONAL = 1.4; // OpenCV's lengths of the steps to the side, across a corner, and as a knight goes
const KNIGHT = 2.1969;

/**
 * @param {import("./plane.js").Plane} ink bright on 0, not all 0
 * @param {number} sizePx
 * @returns {Uint8Array} (sizePx · sizePx)
 */
export function digitOfInk(ink, sizePx = MNIST_PX) {
  return normalise(thicken(ink), sizePx);
}

/**
 * The tight box around everything above 0; undefined on a blank.
 *
 * @param {import("./plane.js").Plane} ink
 * @returns {import("./plane.js").Box | undefined}
 */
export function inkBox({ data, width, height }) {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!data[at]) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? undefined : { left, top, width: right + 1 - left, height: bottom + 1 - top };
}

/** Brings hairlines to about an eighth of the digit's side; other ink is only cropped. */
function thicken(ink) {
  let digit = crop(ink, inkBox(ink));
  const side = Math.max(digit.width, digit.height);
  const thin = strokeWidth(digit) < THIN_SHARE * side;
  if (side >= COARSE_PX && !thin) return digit;
  const scale = THICKENING_PX / side;
  if (scale < 1) digit = grown(digit, 1 / scale);
  digit = scaled(digit, scale);
  return thin ? grown(digit, WANTED_SHARE * THICKENING_PX - strokeWidth(digit)) : digit;
}

/** The typical width of the strokes in pixels: across a bar, the mean distance to its edge is a quarter of it. */
function strokeWidth(ink) {
  const level = Math.min(127, largestOf(ink.data) >> 1);
  let [sum, count] = [0, 0];
  for (const distance of distancesToPaper(padded(ink, 2), level)) {
    sum += distance;
    if (distance) count += 1;
  }
  return 4 * (sum / count - 0.5);
}

/** How far each pixel above `level` is from the nearest that is not; the plane has a rim of two zeros. */
function distancesToPaper({ data, width, height }, level) {
  const distances = new Float64Array(data.length);
  for (let at = 0; at < data.length; at++) if (data[at] > level) distances[at] = Infinity;
  const sides = [1, width];
  const corners = [width - 1, width + 1];
  const knights = [width - 2, width + 2, 2 * width - 1, 2 * width + 1];
  const steps = Int32Array.of(...sides, ...corners, ...knights);
  const lengths = Float64Array.of(1, 1, DIAGONAL, DIAGONAL, KNIGHT, KNIGHT, KNIGHT, KNIGHT);
  const [first, last] = [2 * width, width * (height - 2) - 1];
  for (let at = first; at <= last; at++) if (distances[at]) shorten(distances, at, steps, lengths, -1);
  for (let at = last; at >= first; at--) if (distances[at]) shorten(distances, at, steps, lengths, 1);
  return distances;
}

/** A pixel is no further away than any neighbour on one side of it and the step there. */
function shorten(distances, at, steps, lengths, way) {
  let least = distances[at];
  for (let i = 0; i < steps.length; i++) {
    const distance = distances[at + way * steps[i]] + lengths[i];
    if (distance < least) least = distance;
  }
  distances[at] = least;
}

/** Ink with `byPx` more stroke width, half of it on either side: each pixel spreads as far as a round pen reaches. */
function grown(ink, byPx) {
  const reach = Math.max(roundEven(byPx), 0) + 1;
  const wide = padded(ink, reach);
  const result = plane(wide.width, wide.height);
  const steps = Int32Array.from(roundPen(reach).map(([x, y]) => -(y * wide.width + x)));
  for (let at = 0; at < wide.data.length; at++) if (wide.data[at]) spread(result.data, at, steps, wide.data[at]);
  return result;
}

/** Raises all pixels at some steps from one to a value. */
function spread(data, at, steps, value) {
  for (let i = 0; i < steps.length; i++) if (data[at + steps[i]] < value) data[at + steps[i]] = value;
}

/** @param {ArrayLike<number>} values 0 or more */
function largestOf(values) {
  let largest = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > largest) largest = values[i];
  return largest;
}

/** OpenCV's ellipse in a square of `reach` pixels: the steps (x, y) from its anchor to each of its pixels. */
function roundPen(reach) {
  const radius = Math.floor(reach / 2);
  const steps = [];
  for (let y = -radius; y < reach - radius; y++) {
    const half = radius ? roundEven(radius * Math.sqrt((radius * radius - y * y) / (radius * radius))) : 0;
    for (let x = -half; x <= Math.min(half, reach - radius - 1); x++) steps.push([x, y]);
  }
  return steps;
}

/** A smaller copy averaged over area, or a larger one interpolated smoothly. */
function scaled(ink, scale) {
  const source = padded(ink, 1);
  const mixture = scale < 1 ? areaMixture : cubicMixture;
  const along = (length) => mixture(length, roundEven(length * scale), 1 / scale);
  return resized(source, along(source.height), along(source.width));
}

/** Crops, squares, resamples to the box, brightens and centres ink. */
function normalise(ink, sizePx) {
  const boxPx = roundEven((sizePx * MNIST_BOX_PX) / MNIST_PX);
  const digit = crop(ink, inkBox(ink));
  const side = Math.max(digit.width, digit.height);
  const square = mixed(digit, cells(digit.height, side, boxPx), cells(digit.width, side, boxPx));
  const largest = largestOf(square);
  const grey = Uint8Array.from(square, (value) => Math.floor((value * 255) / largest + 0.5));
  return centred({ data: grey, width: boxPx, height: boxPx }, sizePx);
}

/**
 * How much of each of `length` pixels, in the middle of `side`, falls into each of boxPx cells.
 *
 * @returns {import("./plane.js").Mixture}
 */
function cells(length, side, boxPx) {
  const start = Math.floor((side - length) / 2);
  const edge = (index) => ((start + index) * boxPx) / side;
  const within = (index) => Math.min(Math.max(index, 0), length);
  return Array.from({ length: boxPx }, (_, cell) => {
    const from = within(Math.floor((cell * side) / boxPx) - start);
    const last = within(Math.ceil(((cell + 1) * side) / boxPx) - start);
    const weights = Array.from({ length: last - from }, (_, step) => {
      return Math.max(Math.min(edge(from + step + 1), cell + 1) - Math.max(edge(from + step), cell), 0);
    });
    return { from, weights };
  });
}

/** Lays the box into the frame, its centre of mass on the middle; what leaves the frame is cut. */
function centred(grey, sizePx) {
  const boxPx = grey.width;
  let [sum, across, down] = [0, 0, 0];
  grey.data.forEach((value, index) => {
    sum += value;
    across += value * ((index % boxPx) + 0.5);
    down += value * (Math.floor(index / boxPx) + 0.5);
  });
  const [left, top] = [across, down].map((moment) => Math.trunc(sizePx / 2 + 1 - moment / sum));
  const frame = new Uint8Array(sizePx * sizePx);
  grey.data.forEach((value, index) => {
    const [x, y] = [left + (index % boxPx), top + Math.floor(index / boxPx)];
    if (x >= 0 && x < sizePx && y >= 0 && y < sizePx) frame[y * sizePx + x] = value;
  });
  return frame;
}
