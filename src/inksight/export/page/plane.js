/**
 * Planes of grey, and the ways of bringing them to another size, weight for weight as OpenCV does it.
 *
 * @typedef {{data: Uint8Array, width: number, height: number}} Plane
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 * @typedef {{from: number, weights: number[]}[]} Mixture  for each new pixel: which old ones, and how much of each
 */

const CUBIC = -0.75;

/** @param {number} width @param {number} height @returns {Plane} */
export function plane(width, height) {
  return { data: new Uint8Array(width * height), width, height };
}

/** To the nearest whole number, halves to the even one: as Python and OpenCV round. @param {number} value */
export function roundEven(value) {
  const floor = Math.floor(value);
  if (value - floor === 0.5) return floor + (floor % 2 ? 1 : 0);
  return Math.round(value);
}

/** @param {Plane} source @param {Box} box @returns {Plane} */
export function crop(source, { left, top, width, height }) {
  const part = plane(width, height);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * source.width + left;
    part.data.set(source.data.subarray(from, from + width), y * width);
  }
  return part;
}

/** With a rim of zeros. @param {Plane} source @param {number} rim @returns {Plane} */
export function padded(source, rim) {
  const wide = plane(source.width + 2 * rim, source.height + 2 * rim);
  for (let y = 0; y < source.height; y++) {
    const row = source.data.subarray(y * source.width, (y + 1) * source.width);
    wide.data.set(row, (y + rim) * wide.width + rim);
  }
  return wide;
}

/**
 * Averages over area: `ratio` old pixels a new one, more than 1.
 *
 * @param {number} length
 * @param {number} count
 * @param {number} ratio
 * @returns {Mixture}
 */
export function areaMixture(length, count, ratio) {
  return Array.from({ length: count }, (_, index) => {
    const [start, end] = [index * ratio, Math.min((index + 1) * ratio, length)];
    const from = Math.min(Math.floor(start + 1e-3), length - 1);
    const last = Math.max(Math.min(Math.ceil(end - 1e-3), length), from + 1);
    const shares = Array.from({ length: last - from }, (_, step) => {
      return Math.min(end, from + step + 1) - Math.max(start, from + step);
    });
    return { from, weights: normalised(shares) };
  });
}

/** Interpolates between the four nearest. @param {number} length @param {number} count @param {number} ratio */
export function cubicMixture(length, count, ratio) {
  return nearestMixture(length, count, ratio, 2, (t) => {
    const near = (x) => ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1;
    const far = (x) => ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC;
    return [far(t + 1), near(t), near(1 - t), far(2 - t)];
  });
}

/** Interpolates between the two nearest. @param {number} length @param {number} count @param {number} ratio */
export function linearMixture(length, count, ratio) {
  return nearestMixture(length, count, ratio, 1, (t) => [1 - t, t]);
}

/**
 * Mixes 2 · reach old pixels by where a new one's middle lies between them; the border is continued outwards.
 *
 * @returns {Mixture}
 */
function nearestMixture(length, count, ratio, reach, weigh) {
  return Array.from({ length: count }, (_, index) => {
    const middle = (index + 0.5) * ratio - 0.5;
    const nearest = Math.floor(middle);
    const places = Array.from({ length: 2 * reach }, (_, step) => {
      return Math.min(Math.max(nearest - reach + 1 + step, 0), length - 1);
    });
    const weights = new Array(places[places.length - 1] - places[0] + 1).fill(0);
    weigh(middle - nearest).forEach((weight, step) => (weights[places[step] - places[0]] += weight));
    return { from: places[0], weights };
  });
}

/** @param {number[]} shares */
function normalised(shares) {
  const sum = shares.reduce((left, right) => left + right, 0);
  return shares.map((share) => share / sum);
}

/**
 * A plane mixed along both sides, in full precision.
 *
 * @param {Plane} source
 * @param {Mixture} rows
 * @param {Mixture} columns
 * @returns {Float64Array} (rows · columns)
 */
export function mixed(source, rows, columns) {
  const narrow = new Float64Array(source.height * columns.length);
  columns.forEach(({ from, weights }, x) => {
    for (let y = 0; y < source.height; y++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * source.data[y * source.width + from + i];
      narrow[y * columns.length + x] = sum;
    }
  });
  const result = new Float64Array(rows.length * columns.length);
  rows.forEach(({ from, weights }, y) => {
    for (let i = 0; i < weights.length; i++) {
      for (let x = 0; x < columns.length; x++) {
        result[y * columns.length + x] += weights[i] * narrow[(from + i) * columns.length + x];
      }
    }
  });
  return result;
}

/**
 * A plane in another size, rounded as OpenCV rounds: clamped arrays do so by themselves.
 *
 * @param {Plane} source
 * @param {Mixture} rows
 * @param {Mixture} columns
 * @returns {Plane}
 */
export function resized(source, rows, columns) {
  const data = new Uint8Array(new Uint8ClampedArray(mixed(source, rows, columns)).buffer);
  return { data, width: columns.length, height: rows.length };
}
