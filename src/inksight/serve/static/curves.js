/**
 * Curves over each other, in SVG.
 *
 * @typedef {{name: string, points: [number, number][], dashed?: boolean}} Series
 * @typedef {{title: string, across: string, isRate?: boolean}} Look  across: what the x axis counts
 */

import { element } from "./dom.js";

const WIDTH = 400;
const HEIGHT = 220;
const EDGE = { left: 50, right: 12, top: 12, bottom: 34 };
const TICKS = 4;
const STEPS = [1, 2, 2.5, 5, 10];
export const COLOURS = 6;

/** A figure with its legend, whose curves can be replaced. */
export class Curves {
  /** @param {Look} look */
  constructor(look) {
    this.look = look;
    this.svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    this.legend = element("ul", { class: "legend" });
    this.element = element("figure", { class: "curves" }, element("h3", {}, look.title), this.svg, this.legend);
  }

  /** @param {Series[]} series colours go by their order */
  show(series) {
    const drawn = series.filter(({ points }) => points.length);
    const scale = scaleOf(drawn.flatMap(({ points }) => points));
    this.svg.replaceChildren(...axes(scale, this.look), ...drawn.map((each) => line(each, series.indexOf(each), scale)));
    this.svg.setAttribute("aria-label", `${this.look.title}. ${drawn.map((each) => spoken(each, this.look)).join(", ")}`);
    this.legend.replaceChildren(...drawn.map((each) => legendOf(each, series.indexOf(each))));
  }
}

/** Where values are on the paper. @param {[number, number][]} points */
function scaleOf(points) {
  const across = ticksOf(0, Math.max(...points.map(([x]) => x), 1e-9));
  const values = points.map(([, y]) => y);
  const up = points.length ? ticksOf(Math.min(...values), Math.max(...values)) : [0, 1];
  const place = (value, ticks, start, end) => start + ((value - ticks[0]) / (ticks.at(-1) - ticks[0])) * (end - start);
  return {
    across,
    up,
    x: (value) => place(value, across, EDGE.left, WIDTH - EDGE.right),
    y: (value) => place(value, up, HEIGHT - EDGE.bottom, EDGE.top),
  };
}

/** Round numbers from at most `low` to at least `high`. */
function ticksOf(low, high) {
  const rough = Math.max(high - low, 1e-6 * Math.abs(high), 1e-9) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * STEPS.find((each) => each * power >= rough * 0.999);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function axes({ across, up, x, y }, { across: name, isRate }) {
  const digits = decimals(up, isRate ? 100 : 1);
  const written = (value) => (isRate ? `${(100 * value).toFixed(digits)} %` : value.toFixed(digits));
  return [
    ...up.map((value) => svg("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value), class: "grid" })),
    ...up.map((value) => text(written(value), EDGE.left - 7, y(value) + 4, "end")),
    ...across.map((value) => text(value.toFixed(decimals(across)), x(value), HEIGHT - 18, "middle")),
    text(name, WIDTH - EDGE.right, HEIGHT - 3, "end"),
  ];
}

/** How many decimals tell the ticks apart. */
function decimals(ticks, factor = 1) {
  const step = (ticks[1] - ticks[0]) * factor;
  return Math.min(6, Math.max(0, [0, 1, 2, 3, 4, 5, 6].find((count) => Math.abs(step - step.toFixed(count)) < step / 100) ?? 6));
}

function line({ points, dashed }, index, { x, y }) {
  const path = points.map(([across, up]) => `${x(across).toFixed(1)},${y(up).toFixed(1)}`);
  const look = `curve colour-${index % COLOURS}${dashed ? " dashed" : ""}`;
  if (path.length > 1) return svg("polyline", { points: path.join(" "), class: look });
  const [left, top] = path[0].split(",");
  return svg("circle", { cx: left, cy: top, r: 3, class: look });
}

function legendOf({ name, dashed, points }, index) {
  const swatch = element("span", { class: `swatch colour-${index % COLOURS}${dashed ? " dashed" : ""}`, "aria-hidden": "true" });
  return element("li", {}, swatch, name, points.length ? "" : " (none)");
}

function spoken({ name, points }, { isRate }) {
  const last = points.at(-1)[1];
  return `${name}: ${isRate ? `${(100 * last).toFixed(2)} %` : last.toFixed(4)} in the end`;
}

function text(words, x, y, anchor) {
  const made = svg("text", { x, y, "text-anchor": anchor });
  made.textContent = words;
  return made;
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
