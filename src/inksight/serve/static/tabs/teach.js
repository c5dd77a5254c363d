/** Teach: a wrong answer is put right with one click, and what was put right is learned. */

import { ask, askRaw } from "../api.js";
import { verdictOf } from "../answers.js";
import { element, filled } from "../dom.js";
import { posted } from "../pictures.js";
import { TrainingView } from "../training.js";
import { counted, moment, percentOf } from "../words.js";

export const tab = { id: "teach", title: "Teach", mount: (panel, context) => new Teaching(panel, context) };

const HTML = `
<div class="two even">
  <section class="card stack" aria-labelledby="teach-title">
    <h2 id="teach-title">Is this right?</h2>
    <p class="soft" data-part="nothing">Draw something or choose a photo; then come back and say what it is.
      <button type="button" data-part="draw">Draw</button></p>
    <div class="stack" data-part="question" hidden>
      <div class="asked">
        <img data-part="picture" alt="The picture in question">
        <div class="answer" data-part="answer">
          <p class="label" data-part="label"></p>
          <p class="words" data-part="words"></p>
        </div>
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
  <form class="tools" data-part="learn">
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
    this.isShown = false;
    this.asked = null;
    this.view = new TrainingView(this.part("training"), context, {
      wants: ({ what }) => Boolean(what.finetune),
      onEnd: () => this.#offerRuns(),
    });
    const { part } = this;
    part("draw").addEventListener("click", () => context.open("draw"));
    part("export").addEventListener("click", () => this.#export());
    part("learn").addEventListener("submit", (event) => (event.preventDefault(), this.#learn()));
    for (const event of ["picture", "model"]) context.addEventListener(event, () => this.isShown && this.#ask());
  }

  async shown() {
    this.isShown = true;
    this.view.shown();
    await Promise.all([this.#ask(), this.#list(), this.#offerRuns()]);
  }

  hidden() {
    this.isShown = false;
    this.view.hidden();
  }

  /** Asks what the picture is, unless that was asked just now. */
  async #ask() {
    const { part, context } = this;
    const { picture, model } = context;
    part("nothing").hidden = Boolean(picture);
    part("question").hidden = !picture;
    if (!picture || (this.asked?.picture === picture && this.asked.model === model)) return;
    this.asked = { picture, model };
    const answer = await context.attempt(() => ask("/predict", posted(picture.blob)));
    if (this.asked.picture !== picture) return;
    URL.revokeObjectURL(part("picture").src);
    part("picture").src = URL.createObjectURL(picture.blob);
    part("answer").dataset.verdict = answer?.verdict ?? "none";
    part("label").textContent = answer?.label ?? "–";
    part("words").textContent = answer ? verdictOf(answer, model) : "";
    part("kept").replaceChildren();
    part("classes").replaceChildren(...model.classes.map((name) => this.#choice(name)));
  }

  #choice(name) {
    return element("button", { type: "button", click: () => this.#correct(name) }, name);
  }

  async #correct(label) {
    const { part, context } = this;
    const path = `/app/corrections?label=${encodeURIComponent(label)}`;
    const kept = await context.attempt(() => ask(path, posted(this.asked.picture.blob)));
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
    const found = await this.context.attempt(() => ask("/app/corrections"));
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
    const found = await this.context.attempt(() => ask("/app/runs"));
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
    if (started) this.context.say("It learns.");
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
