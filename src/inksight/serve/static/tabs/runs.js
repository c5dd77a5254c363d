/** Runs: a table of all there are, their curves over each other, what each gets wrong, and which one answers. */

import { ask } from "../api.js";
import { Curves } from "../curves.js";
import { element, filled } from "../dom.js";
import { comparisonOf } from "../training.js";
import { counted, lasting, moment, percentOf } from "../words.js";

export const tab = { id: "runs", title: "Runs", mount: (panel, context) => new Runs(panel, context) };

const COLUMNS = [
  { name: "Run", value: (run) => run.name },
  { name: "Right", value: (run) => run.test.accuracy, shown: percentOf, isNumber: true },
  { name: "Wrong", value: (run) => run.test.errors, shown: counted, isNumber: true },
  { name: "Data", value: (run) => run.data },
  { name: "Recipe", value: (run) => run.preset },
  { name: "Parameters", value: (run) => run.parameters, shown: counted, isNumber: true },
  { name: "Took", value: (run) => run.seconds, shown: lasting, isNumber: true },
  { name: "Begun", value: (run) => run.started, shown: moment, isNumber: true },
];
const MEASURES = { val_accuracy: "Validation accuracy", accuracy: "Training accuracy", val_loss: "Validation loss", loss: "Training loss" };
const AT_FIRST = 3;
const HTML = `
<div class="stack">
  <section class="card stack" aria-labelledby="runs-title">
    <h2 id="runs-title">Runs</h2>
    <div class="wide" tabindex="0" role="group" aria-label="Table of runs"><table class="runs">
      <thead><tr data-part="head"></tr></thead><tbody data-part="body"></tbody>
    </table></div>
    <p class="soft small" data-part="hint"></p>
  </section>
  <section class="card stack" data-part="compared" aria-label="Curves over each other" hidden>
    <label class="field">Curves <select data-part="measure"></select></label>
    <div data-part="curves"></div>
  </section>
  <section class="card stack" data-part="details" aria-labelledby="run-title" hidden>
    <h2 id="run-title" data-part="title" tabindex="-1"></h2>
    <p class="soft small"><code data-part="command"></code></p>
    <div data-part="finetuned"></div>
    <p class="soft" data-part="asking" role="status"></p>
    <div class="two even">
      <figure class="stack" data-part="matrix"></figure>
      <div class="stack" data-part="wrong"></div>
    </div>
  </section>
</div>`;

class Runs {
  /** @param {HTMLElement} panel @param {import("../context.js").Context} context */
  constructor(panel, context) {
    this.context = context;
    this.part = filled(panel, HTML);
    this.runs = [];
    this.histories = new Map();
    this.compared = new Set();
    this.order = { column: COLUMNS.at(-1), isDown: true };
    const options = Object.entries(MEASURES).map(([value, name]) => element("option", { value }, name));
    this.part("measure").append(...options);
    this.part("measure").addEventListener("change", () => this.#compare());
    context.addEventListener("model", () => this.#fill());
  }

  async shown() {
    const found = await this.context.attempt(() => ask("/app/runs"));
    if (!found) return;
    this.runs = found.runs;
    const trained = this.runs.filter((run) => run.seconds);
    if (!this.compared.size) for (const { name } of trained.slice(0, AT_FIRST)) this.compared.add(name);
    this.part("hint").textContent = trained.length
      ? "A tick lays a run's curves over the others; its name shows what it gets wrong."
      : "Runs that are trained come here: in the tab Train, or with inksight train.";
    this.#fill();
    this.#compare();
  }

  #fill() {
    this.part("head").replaceChildren(
      element("th", {}, element("span", { class: "aside" }, "Compare")),
      this.#heading(COLUMNS[0]),
      element("th", {}, element("span", { class: "aside" }, "Use")),
      ...COLUMNS.slice(1).map((column) => this.#heading(column)),
    );
    this.part("body").replaceChildren(...this.#sorted().map((run) => this.#row(run)));
  }

  #heading(column) {
    const { column: chosen, isDown } = this.order;
    const isChosen = column === chosen;
    const arrow = element("span", { "aria-hidden": "true" }, isChosen ? (isDown ? " ↓" : " ↑") : "");
    const button = element("button", { type: "button", class: "sort", click: () => this.#sort(column) }, column.name, arrow);
    const sorted = isChosen ? { "aria-sort": isDown ? "descending" : "ascending" } : {};
    return element("th", { scope: "col", class: column.isNumber ? "number" : "", ...sorted }, button);
  }

  #sort(column) {
    const isDown = column === this.order.column ? !this.order.isDown : Boolean(column.isNumber);
    this.order = { column, isDown };
    this.#fill();
    this.part("head").querySelector("[aria-sort] button").focus();
  }

  /** Runs in the order wanted; what has no value there comes last. */
  #sorted() {
    const { column, isDown } = this.order;
    const of = (run) => (run.error ? null : column.value(run));
    const compare = (left, right) => {
      if (left === null || right === null) return (left === null) - (right === null);
      const order = left < right ? -1 : Number(left > right);
      return isDown ? -order : order;
    };
    return [...this.runs].sort((left, right) => compare(of(left), of(right)));
  }

  #row(run) {
    if (run.error) return element("tr", {}, element("td"), element("td", {}, run.name), element("td", { colspan: "8", class: "soft" }, run.error));
    const answers = run.name === this.context.model?.name;
    const cells = COLUMNS.slice(1).map(({ value, shown = String, isNumber }) => {
      const found = value(run);
      return element("td", { class: isNumber ? "number" : "" }, found === null ? "–" : shown(found));
    });
    const name = element("button", { type: "button", class: "link", click: () => this.#open(run.name) }, run.name);
    const use = answers
      ? element("strong", { class: "answers" }, "answers")
      : element("button", { type: "button", "aria-label": `Use ${run.name}`, click: () => this.#use(run.name) }, "Use");
    return element("tr", answers ? { class: "chosen" } : {}, element("td", {}, this.#tick(run)), element("th", { scope: "row" }, name),
      element("td", {}, use), ...cells);
  }

  #tick(run) {
    if (!run.seconds) return "";
    const box = element("input", { type: "checkbox", "aria-label": `Compare ${run.name}` });
    box.checked = this.compared.has(run.name);
    box.addEventListener("change", () => {
      if (box.checked) this.compared.add(run.name);
      else this.compared.delete(run.name);
      this.#compare();
    });
    return box;
  }

  async #compare() {
    const names = this.runs.map(({ name }) => name).filter((name) => this.compared.has(name));
    this.part("compared").hidden = !names.length;
    const runs = await Promise.all(names.map((name) => this.#detailsOf(name)));
    const key = this.part("measure").value;
    const points = (run) => run.history.filter((row) => key in row).map((row) => [row.seconds, row[key]]);
    const curves = new Curves({ title: MEASURES[key], across: "seconds of training", isRate: key.endsWith("accuracy") });
    curves.show(runs.filter(Boolean).map((run) => ({ name: run.name, points: points(run) })));
    this.part("curves").replaceChildren(curves.element);
  }

  /** What the service says of a run, asked once. */
  async #detailsOf(name) {
    if (!this.histories.has(name)) {
      const found = await this.context.inBackground(() => ask(`/app/runs/${encodeURIComponent(name)}`));
      if (!found) return null;
      this.histories.set(name, found);
    }
    return this.histories.get(name);
  }

  async #use(name) {
    const used = await this.context.attempt(() => ask(`/app/runs/${encodeURIComponent(name)}/use`, { method: "POST" }));
    if (!used) return;
    await this.context.refresh();
    this.context.say(`${name} answers now.`);
  }

  async #open(name) {
    const { part } = this;
    const run = await this.#detailsOf(name);
    if (!run) return;
    this.opened = name;
    part("details").hidden = false;
    part("title").textContent = name;
    part("command").textContent = run.command ?? "";
    part("finetuned").replaceChildren(...(run.finetune ? [comparisonOf(run)] : []));
    part("matrix").replaceChildren();
    part("wrong").replaceChildren();
    part("asking").textContent = "Asking it about its test pictures …";
    part("title").focus();
    const found = await this.context.attempt(() => ask(`/app/runs/${encodeURIComponent(name)}/evaluation`));
    if (this.opened !== name) return;
    part("asking").textContent = found ? (found.warning ?? "") : "Its test pictures cannot be had.";
    if (!found) return;
    part("matrix").replaceChildren(element("h3", {}, "What was taken for what"), matrixOf(found),
      element("figcaption", {}, "Each row is what the pictures are, each column what was answered."));
    part("wrong").replaceChildren(element("h3", {}, wrongTitle(found)), galleryOf(found));
  }
}

function wrongTitle({ num_wrong: count, wrong, images }) {
  if (!count) return `All ${counted(images)} right`;
  const shown = wrong.length < count ? `, the ${wrong.length} surest of them` : ", the surest first";
  return `${counted(count)} of ${counted(images)} wrong${shown}`;
}

/** The confusion matrix; colour grows with the share of the row's mistakes. */
function matrixOf({ classes, confusion }) {
  const mistakes = confusion.flatMap((row, at) => row.filter((_, column) => column !== at));
  const most = Math.max(...mistakes, 1);
  const head = element("tr", {}, element("td"), ...classes.map((name) => element("th", { scope: "col" }, name)));
  const rows = confusion.map((row, at) => element("tr", {}, element("th", { scope: "row" }, classes[at]),
    ...row.map((count, column) => cellOf(count, column === at, most))));
  const table = element("table", { class: "matrix" }, element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Confusion matrix" }, table);
}

function cellOf(count, isRight, most) {
  const cell = element("td", { class: isRight ? "right" : "" }, count ? counted(count) : element("span", { class: "soft" }, "·"));
  if (!isRight && count) cell.style.setProperty("--share", `${10 + (40 * count) / most}%`);
  return cell;
}

function galleryOf({ wrong }) {
  const pictures = wrong.map(({ picture, label, predicted, confidence, index, file }) => element("li", { title: file ?? `test/${index}` },
    element("img", { src: picture, class: "pixels", alt: `Test picture ${file ?? index}: a ${label}`, loading: "lazy" }),
    element("span", {}, `${label} → `, element("strong", {}, predicted)),
    element("span", { class: "soft small" }, percentOf(confidence))));
  return element("ul", { class: "gallery", tabindex: "0", "aria-label": "Wrong answers" }, ...pictures);
}
