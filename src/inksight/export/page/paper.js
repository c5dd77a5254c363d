/**
 * A digit on paper → its ink, in a simpler way than Inksight's own: the light is divided out and the heaviest marks stay,
 * but ruled lines, frames and tables are not looked for.
 */

import { areaMixture, linearMixture, plane, resized } from "./plane.js";

const MIN_CONTRAST = 16;
const SMALL_PX = 64;
const REACH_SHARE = 1 / 5; // wider than any stroke
const SPECK_SHARE = 0.08;

/**
 * @param {import("./plane.js").Plane} grey
 * @returns {import("./plane.js").Plane} bright ink on 0
 * @throws {RangeError} nothing stands out
 */
export function inkOnPaper(grey) {
  const paper = isLightPaper(grey) ? grey : { ...grey, data: grey.data.map((value) => 255 - value) };
  const light = lightOn(paper).data;
  const darkness = paper.data.map((value, at) => Math.max(255 - (255 * value) / Math.max(light[at], 1), 0));
  const threshold = otsu(darkness);
  const level = quantile(darkness.filter((value) => value > threshold), 0.9);
  if (level < MIN_CONTRAST) throw new RangeError("the picture is blank: nothing on it stands out from its paper");
  const data = darkness.map((value) => (2 * value > threshold ? Math.min((value * 255) / level, 255) : 0));
  return heaviest({ ...grey, data });
}

/** Whether what leaves the level of most pixels is darker than it. */
function isLightPaper(grey) {
  const level = quantile(grey.data, 0.5);
  return grey.data.reduce((sum, value) => sum + value - level, 0) < 0;
}

/** The paper as if nothing were written on it: on a small copy, strokes are filled with what is beside them. */
function lightOn(paper) {
  const scale = Math.min(SMALL_PX / Math.max(paper.width, paper.height), 1);
  const size = (side) => Math.max(Math.round(side * scale), 1);
  const shrunk = (side) => areaMixture(side, size(side), side / size(side));
  const enlarged = (side) => linearMixture(size(side), side, size(side) / side);
  const small = resized(paper, shrunk(paper.height), shrunk(paper.width));
  const reach = Math.ceil((REACH_SHARE * Math.max(small.width, small.height)) / 2);
  const filled = swept(swept(small, reach, Math.max), reach, Math.min);
  return resized(filled, enlarged(paper.height), enlarged(paper.width));
}

/** Each pixel becomes the largest or least of a square around it. @param {(a: number, b: number) => number} choose */
function swept(source, reach, choose) {
  return alongRows(alongRows(source, reach, choose), reach, choose);
}

/** Each pixel becomes the largest or least of its row nearby; the result lies on its side. */
function alongRows({ data, width, height }, reach, choose) {
  const turned = plane(height, width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let chosen = data[y * width + x];
      for (let near = Math.max(x - reach, 0); near <= Math.min(x + reach, width - 1); near++) {
        chosen = choose(chosen, data[y * width + near]);
      }
      turned.data[x * height + y] = chosen;
    }
  }
  return turned;
}

/** How many pixels have each level. @param {Uint8Array} values */
function countsOf(values) {
  const counts = new Float64Array(256);
  for (let at = 0; at < values.length; at++) counts[values[at]] += 1;
  return counts;
}

/** The level that `share` (0–1) of all values lie below; 0 without any. @param {Uint8Array} values */
function quantile(values, share) {
  let left = share * values.length;
  return Math.max(countsOf(values).findIndex((count) => (left -= count) < 0), 0);
}

/** The level that splits values into two classes that differ most. @param {Uint8Array} values */
function otsu(values) {
  const counts = countsOf(values);
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

/** Without specks beside the heaviest mark, and without what touches the border if there is anything else. */
function heaviest(ink) {
  const marks = marksOf(ink);
  const inner = marks.filter((mark) => !mark.touches);
  const chosen = inner.length ? inner : marks;
  const most = Math.max(...chosen.map((mark) => mark.weight));
  const kept = plane(ink.width, ink.height);
  for (const { pixels, weight } of chosen) {
    if (weight >= SPECK_SHARE * most) for (const at of pixels) kept.data[at] = ink.data[at];
  }
  return kept;
}

/** Connected ink: its pixels, its sum, and whether it touches the border. @param {import("./plane.js").Plane} ink */
function marksOf(ink) {
  const waiting = ink.data.slice(); // 0 once it is part of a mark
  const marks = [];
  for (let start = 0; start < waiting.length; start++) if (waiting[start]) marks.push(markAt(start, ink, waiting));
  return marks;
}

/** The mark that a pixel is part of: its list of pixels grows while it is walked. */
function markAt(start, { data, width, height }, waiting) {
  const mark = { pixels: [start], weight: 0, touches: false };
  waiting[start] = 0;
  for (const at of mark.pixels) {
    const [x, y] = [at % width, Math.floor(at / width)];
    mark.weight += data[at];
    mark.touches ||= x === 0 || y === 0 || x === width - 1 || y === height - 1;
    for (let down = Math.max(y - 1, 0); down <= Math.min(y + 1, height - 1); down++) {
      for (let near = down * width + Math.max(x - 1, 0); near <= down * width + Math.min(x + 1, width - 1); near++) {
        if (!waiting[near]) continue;
        waiting[near] = 0;
        mark.pixels.push(near);
      }
    }
  }
  return mark;
}
