/** Teach: a wrong answer is put right with one click, and what was put right is learned. */

import { ask, askRaw } from "../api.js";
import { verdictOf } from "../answers.js";
import { element, filled } from "../dom.js";
import { posted } from "../pictures.js";
import { Source } from "../source.js";
import { TrainingView } from "../training.js";
import { counted, moment, percentOf } from "../words.js";

export const tab = { id: "teach", title: "Teach", mount: (panel, context) => new Teaching(panel, context) };

const HTML = `
<div class="two even">
  <section class="card stack" aria-labelledby="teach-title">
    <h2 id="teach-title">Is this right?</h2>
    <div data-part="source"></div>
    <div class="stack" data-part="question" hidden>
      <div class="answer" data-part="answer">
        <p class="label" data-part="label"></p>
        <p class="words" data-part="words"></p>
      </div>
      <fieldset>
        <legend>No, it is</legend>
        <div class="classes" data-part="classes"></div>
      </fieldset>
      <p class="tools small" data-part="kept" role="status"></p>
    </div>
  </section>
  <section class="card stack" aria-labelledby="kept-title">
    <div class="tools between">
      <h2 id="kept-title">Corrections <span class="soft" data-part="count"></span></h2>
      <button type="button" data-part="export">Export</button>
    </div>
    <p class="soft small">Kept in the folder <code data-part="folder"></code>, a picture each.</p>
    <ul class="gallery" data-part="list"></ul>
  </section>
</div>
<section class="card stack below" aria-labelledby="learn-title">
  <h2 id="learn-title">Learn them</h2>
  <p class="soft" data-part="learn-words"></p>
  <form class="tools" data-part="learn" hidden>
    <label class="field">Start from <select data-part="run"></select></label>
    <button type="submit" class="main">Learn the corrections</button>
  </form>
  <div class="stack" data-part="training"></div>
</section>`;
const LEARN = "A run is trained on with the corrections, and with its own pictures between them, so that it forgets nothing. "
  + "A new run comes of it; the old one stays.";
const NO_RUN = "The model that comes along cannot learn more, for its weights are frozen for answering. Train a run first, in the tab Train.";

class Teaching {
  /** @param {HTMLElement} panel @param {import("../context.js").Context} context */
  constructor(panel, context) {
    this.context = context;
    this.part = filled(panel, HTML);
    /** @type {?Blob} what is asked about, and kept when it is corrected */
    this.asked = null;
    this.source = new Source(this.part("source"), context, (picture) => this.#ask(picture), (answer) => this.#show(answer));
    this.view = new TrainingView(this.part("training"), context, {
      wants: ({ what }) => Boolean(what.finetune),
      onEnd: () => this.#offerRuns(),
    });
    const { part } = this;
    part("export").addEventListener("click", () => this.#export());
    part("learn").addEventListener("submit", (event) => (event.preventDefault(), this.#learn()));
  }

  async shown() {
    this.view.shown();
    await Promise.all([this.source.shown(), this.#list(), this.#offerRuns()]);
  }

  hidden() {
    this.source.hidden();
    this.view.hidden();
  }

  /** What the picture is; it can be corrected even where there is no answer. */
  #ask({ blob }) {
    const { part } = this;
    this.asked = blob;
    this.#show(null);
    part("question").hidden = false;
    part("kept").replaceChildren();
    part("classes").replaceChildren(...this.context.model.classes.map((name) => this.#choice(name)));
    return ask("/predict", posted(blob));
  }

  #show(answer) {
    const { part } = this;
    part("answer").dataset.verdict = answer?.verdict ?? "none";
    part("label").textContent = answer?.label ?? "–";
    part("words").textContent = answer ? verdictOf(answer, this.context.model) : "";
  }

  #choice(name) {
    return element("button", { type: "button", click: () => this.#correct(name) }, name);
  }

  async #correct(label) {
    const { part, context } = this;
    const path = `/app/corrections?label=${encodeURIComponent(label)}`;
    const kept = await context.attempt(() => ask(path, posted(this.asked)));
    if (!kept) return;
    const undo = element("button", { type: "button", click: () => this.#undo(kept.id) }, "Undo");
    part("kept").replaceChildren(`Kept as ${kept.label}.`, undo);
    await this.#list();
  }

  async #undo(id) {
    const undone = await this.context.attempt(() => ask(`/app/corrections/${encodeURIComponent(id)}/undo`, { method: "POST" }));
    if (undone) this.part("kept").replaceChildren("Taken back.");
    await this.#list();
  }

  async #list() {
    const found = await this.context.inBackground(() => ask("/app/corrections"));
    if (!found) return;
    const { part } = this;
    this.count = found.count;
    part("count").textContent = found.count ? counted(found.count) : "";
    part("folder").textContent = found.folder;
    part("export").hidden = !found.count;
    part("list").replaceChildren(...found.corrections.map((each) => this.#entry(each)));
    this.#allowLearning();
  }

  #entry({ id, label, given, confidence, time, picture }) {
    const how = given === null ? "" : `was ${given} (${percentOf(confidence)}), ${moment(time)}`;
    return element("li", { title: how },
      element("img", { src: picture, alt: `A ${label}${given === null ? "" : `, answered as ${given}`}` }),
      element("strong", {}, label),
      element("span", { class: "soft small" }, given === null ? "" : `was ${given}`),
      element("button", { type: "button", class: "link small", "aria-label": `Undo ${label}`, click: () => this.#undo(id) }, "Undo"));
  }

  async #offerRuns() {
    const found = await this.context.inBackground(() => ask("/app/runs"));
    if (!found) return;
    const names = found.runs.filter((run) => run.can_be_finetuned).map((run) => run.name);
    const chosen = names.includes(found.answers) ? found.answers : names[0];
    this.part("run").replaceChildren(...names.map((name) => element("option", {}, name)));
    if (chosen) this.part("run").value = chosen;
    this.#allowLearning();
  }

  #allowLearning() {
    const hasRun = this.part("run").options.length > 0;
    this.part("learn-words").textContent = hasRun ? LEARN : NO_RUN;
    this.part("learn").hidden = !hasRun;
    this.part("learn").querySelector("button").disabled = !this.count;
  }

  async #learn() {
    const started = await this.context.attempt(() => ask("/app/training", { json: { finetune: this.part("run").value } }));
    if (!started) return;
    this.context.say("It learns.");
    this.view.look();
  }

  async #export() {
    const answer = await this.context.attempt(() => askRaw("/app/corrections.zip"));
    if (!answer) return;
    const address = URL.createObjectURL(await answer.blob());
    element("a", { href: address, download: "corrections.zip" }).click();
    URL.revokeObjectURL(address);
  }
}
