/** The newest training, live: how far it is, its curves, and what came of it. It is the same for whoever looks. */

import { ask } from "./api.js";
import { Curves } from "./curves.js";
import { element, filled } from "./dom.js";
import { counted, lasting, percentOf } from "./words.js";

const EVERY_MS = 300;
const AGAIN_MS = 2000; // after no answer
const PHASES = { starting: "Starting …", loading: "Reading the pictures …", training: "Training", saving: "Testing and saving …" };
const HTML = `
<div class="tools between">
  <div><h2 data-part="title"></h2><p class="soft small" data-part="what"></p></div>
  <button type="button" data-part="stop" hidden>Stop</button>
</div>
<progress data-part="progress" max="1" aria-label="How far the training is"></progress>
<p class="soft" data-part="words"></p>
<div class="charts" data-part="charts"></div>
<div class="stack" data-part="outcome"></div>`;

export class TrainingView {
  /**
   * @param {HTMLElement} place
   * @param {import("./context.js").Context} context
   * @param {{wants?: (training: object) => boolean, onEnd?: () => void}} [options] wants: which trainings to show
   */
  constructor(place, context, { wants = () => true, onEnd = () => {} } = {}) {
    Object.assign(this, { place, context, wants, onEnd });
    this.part = filled(place, HTML);
    this.loss = new Curves({ title: "Loss", across: "epoch" });
    this.accuracy = new Curves({ title: "Accuracy", across: "epoch", isRate: true });
    this.part("charts").append(this.accuracy.element, this.loss.element);
    this.part("stop").addEventListener("click", () => this.#stop());
    this.rows = [];
    this.number = null;
    this.timer = null;
    this.isShown = false;
    this.isLost = false;
    place.hidden = true;
  }

  /** Looks on while the tab is shown. */
  shown() {
    this.isShown = true;
    this.look();
  }

  hidden() {
    this.isShown = false;
    clearTimeout(this.timer);
  }

  /** Asks once, and again while there is something to see. */
  async look() {
    clearTimeout(this.timer);
    const training = await this.context.inBackground(() => ask(`/app/training?after=${this.rows.length}`));
    if (training && this.isLost) this.context.complain(); // of the answer that did not come
    this.isLost = !training;
    if (!training) {
      this.#lookIn(AGAIN_MS);
      return;
    }
    if (training.number !== this.number) {
      Object.assign(this, { number: training.number, rows: [], state: null });
      await this.look(); // from its first row on
      return;
    }
    this.place.hidden = !this.wants(training);
    if (!this.place.hidden) this.#show(training);
    if (isGoing(training)) this.#lookIn(EVERY_MS);
  }

  #lookIn(ms) {
    clearTimeout(this.timer);
    if (this.isShown) this.timer = setTimeout(() => this.look(), ms);
  }

  #show(training) {
    this.rows.splice(training.num_rows - training.rows.length, Infinity, ...training.rows);
    const { part } = this;
    const isOver = !isGoing(training);
    part("title").textContent = titleOf(training);
    part("what").textContent = whatOf(training.what);
    part("stop").hidden = isOver;
    part("stop").textContent = training.state === "stopping" ? "Give up" : "Stop";
    part("progress").hidden = isOver;
    if (training.phase === "training" && training.planned) part("progress").value = training.done / training.planned;
    else part("progress").removeAttribute("value");
    part("words").textContent = wordsOf(training);
    this.#draw();
    if (training.state !== this.state) this.#changed(training, isOver);
  }

  #draw() {
    const of = (key) => this.rows.filter((row) => key in row).map((row) => [row.epoch, row[key]]);
    this.part("charts").hidden = !this.rows.length;
    for (const [curves, key] of [[this.loss, "loss"], [this.accuracy, "accuracy"]]) {
      curves.show([{ name: "training", points: of(key) }, { name: "validation", points: of(`val_${key}`) }]);
    }
  }

  #changed(training, isOver) {
    const before = this.state;
    this.state = training.state;
    this.part("outcome").replaceChildren(...(isOver ? outcomeOf(training, () => this.#use(training.run)) : []));
    if (isOver && before) {
      this.context.say(`${titleOf(training)} ${wordsOf(training)}`);
      this.onEnd();
    }
  }

  async #stop() {
    await this.context.attempt(() => ask("/app/training/stop", { method: "POST" }));
    this.look();
  }

  async #use(run) {
    const answer = await this.context.attempt(() => ask(`/app/runs/${encodeURIComponent(run)}/use`, { method: "POST" }));
    if (!answer) return;
    await this.context.refresh();
    this.context.say(`${run} answers now.`);
    this.part("outcome").querySelector("button").textContent = "It answers now";
    this.part("outcome").querySelector("button").disabled = true;
  }
}

function isGoing({ state }) {
  return state === "running" || state === "stopping";
}

function titleOf({ state, phase, run }) {
  if (state === "stopping") return "Ending here …";
  if (state === "running") return PHASES[phase];
  return { done: `${run} is ready`, failed: "It did not work", "given up": "Given up" }[state];
}

function whatOf({ finetune, data, preset, choices }) {
  if (finetune) return `${finetune} learns the corrections, with its own pictures between them`;
  const knobs = Object.entries(choices).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  return [`${data}, ${preset}`, ...knobs].join(" · ");
}

function wordsOf({ state, phase, done, planned, seconds, seconds_left: left, error, result }) {
  if (state === "failed") return error;
  if (state === "given up") return "Nothing was kept.";
  if (state === "stopping") return "What it has learned so far is tested and saved.";
  if (state === "done") return result.ended === "finished" ? `It took ${lasting(seconds)}.` : `It took ${lasting(seconds)}, and ended early: ${result.ended}.`;
  if (phase !== "training") return `${lasting(seconds)} so far`;
  const rest = left === null ? "" : `, about ${lasting(left)} left`;
  return `step ${counted(done)} of ${counted(planned)}, ${lasting(seconds)} so far${rest}`;
}

/** What came of a training that is over. @param {() => void} use */
function outcomeOf({ result, run }, use) {
  if (!run) return [];
  const { accuracy, errors, images, interval95: [low, high] } = result.test;
  const figures = result.finetune
    ? comparisonOf(result)
    : element("p", {}, element("strong", { class: "figure" }, percentOf(accuracy)),
        ` right on ${counted(images)} test pictures it has never seen, ${counted(errors)} wrong. `,
        `The 95 % interval goes from ${percentOf(low)} to ${percentOf(high)}.`);
  const button = element("button", { type: "button", class: "main", click: use }, "Use it now");
  return [figures, element("p", { class: "tools" }, button)];
}

/** Before and after finetuning. @param {{test: object, finetune: object}} result */
export function comparisonOf({ test, finetune: { test_before: old, learned, held_out: held, left_out: left } }) {
  const rate = (right, images) => (images ? `${counted(right)} of ${counted(images)}` : "none");
  const rows = [
    ["The old test pictures", percentOf(old.accuracy), percentOf(test.accuracy)],
    ["The corrections it learned", rate(learned.right_before, learned.images), rate(learned.right_after, learned.images)],
    ["Corrections held out, only asked", rate(held.right_before, held.images), rate(held.right_after, held.images)],
  ];
  const head = element("tr", {}, ...["Right", "before", "after"].map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map(([name, ...cells]) => element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((cell) => element("td", {}, cell))));
  const notes = [
    "Only the first and the last line say how good it is: those pictures were not learned.",
    held.images ? "" : "None were held out yet: a class needs 5 corrections for that.",
    left ? `${counted(left)} were left out: they are test or validation pictures.` : "",
  ];
  const table = element("table", { class: "compared" }, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "stack wide" }, table, element("p", { class: "soft small" }, notes.filter(Boolean).join(" ")));
}
