/** Train: a data set, a preset, the tutorial's knobs; then it is watched, stopped, used. */

import { ask } from "../api.js";
import { element, filled } from "../dom.js";
import { TrainingView } from "../training.js";
import { counted, titled } from "../words.js";

export const tab = { id: "train", title: "Train", mount: (panel, context) => new Training(panel, context) };

const HTML = `
<div class="two even">
  <form class="card stack" data-part="form" inert>
    <h2>Train a network</h2>
    <label class="field">Pictures <select data-part="data"></select></label>
    <div class="tools">
      <button type="button" data-part="choose">Upload a zip of class folders</button>
      <input type="file" data-part="file" accept=".zip,application/zip" hidden aria-label="A zip of class folders">
    </div>
    <p class="soft small" data-part="uploaded">A folder for each class, with its pictures inside; it stays on this machine.</p>
    <label class="field">Recipe <select data-part="preset"></select></label>
    <p class="soft small" data-part="about"></p>
    <details>
      <summary>Turn the knobs <span class="soft small" data-part="turned"></span></summary>
      <div class="knobs" data-part="knobs"></div>
      <button type="button" data-part="reset">As the recipe has them</button>
    </details>
    <label class="field">Time limit, in seconds <input type="number" data-part="time" min="1" placeholder="none"></label>
    <p class="tools"><button type="submit" class="main" data-part="start">Train</button></p>
  </form>
  <div class="stack">
    <section class="card stack" data-part="training" aria-label="The newest training"></section>
    <p class="card soft" data-part="none">Nothing was trained yet. The quick recipe on mnist takes seconds.</p>
  </div>
</div>`;

class Training {
  /** @param {HTMLElement} panel @param {import("../context.js").Context} context */
  constructor(panel, context) {
    this.context = context;
    this.part = filled(panel, HTML);
    this.view = new TrainingView(this.part("training"), context);
    this.inputs = new Map();
    this.options = null;
    const { part } = this;
    part("form").addEventListener("submit", (event) => (event.preventDefault(), this.#start()));
    part("preset").addEventListener("change", () => this.#usePreset());
    part("reset").addEventListener("click", () => this.#usePreset());
    part("knobs").addEventListener("input", () => this.#count());
    part("choose").addEventListener("click", () => part("file").click());
    part("file").addEventListener("change", () => this.#upload());
    new MutationObserver(() => (part("none").hidden = !part("training").hidden)).observe(part("training"), { attributes: true });
  }

  async shown() {
    this.view.shown();
    this.options ??= await this.#loadOptions();
  }

  hidden() {
    this.view.hidden();
  }

  async #loadOptions() {
    const options = await this.context.attempt(() => ask("/app/training/options"));
    if (!options) return null;
    const { part } = this;
    this.#offer(options.data);
    part("preset").replaceChildren(...options.presets.map(({ name }) => element("option", {}, name)));
    part("knobs").replaceChildren(...options.knobs.map((knob) => this.#knob(knob)));
    part("time").max = options.time_s.high;
    this.options = options;
    this.#usePreset();
    part("form").inert = false;
    return options;
  }

  /** @param {string[]} names of data sets */
  #offer(names, chosen = names[0]) {
    this.part("data").replaceChildren(...names.map((name) => element("option", {}, name)));
    this.part("data").value = chosen;
  }

  #knob({ name, help, among, low, high, whole }) {
    const about = `knob-${name}`;
    const input = among
      ? element("select", { "aria-describedby": about }, ...among.map((each) => element("option", {}, each)))
      : element("input", { type: "number", min: low, max: high, step: whole ? 1 : "any", required: "", "aria-describedby": about });
    this.inputs.set(name, { input, isNumber: !among });
    const small = element("small", { id: about, class: "soft" }, help === `${titled(name)}.` ? "" : help);
    return element("div", {}, element("label", { class: "field" }, titled(name), input), small);
  }

  get #preset() {
    return this.options.presets.find(({ name }) => name === this.part("preset").value);
  }

  #usePreset() {
    this.part("about").textContent = this.#preset.about;
    for (const [name, { input }] of this.inputs) input.value = this.#preset.values[name];
    this.#count();
  }

  /** The knobs that are not as the recipe has them. */
  #choices() {
    const values = [...this.inputs].map(([name, { input, isNumber }]) => [name, isNumber ? Number(input.value) : input.value]);
    return Object.fromEntries(values.filter(([name, value]) => value !== this.#preset.values[name]));
  }

  #count() {
    const names = Object.keys(this.#choices()).map((name) => name.replaceAll("_", " "));
    this.part("turned").textContent = names.length ? `(${names.join(", ")})` : "";
  }

  async #start() {
    const { part, context } = this;
    const time = Number(part("time").value) || null;
    const wish = { data: part("data").value, preset: part("preset").value, choices: this.#choices(), time_s: time };
    const started = await context.attempt(() => ask("/app/training", { json: wish }));
    if (!started) return;
    context.say("The training has begun.");
    this.view.look();
  }

  async #upload() {
    const [file] = this.part("file").files;
    this.part("file").value = "";
    if (!file) return;
    const said = this.part("uploaded");
    said.textContent = `Looking at ${file.name} …`;
    const path = `/app/data?name=${encodeURIComponent(file.name)}`;
    const added = await this.context.attempt(() => ask(path, { body: file, headers: { "Content-Type": "application/zip" } }));
    said.textContent = added
      ? `${added.name}: ${counted(added.pictures)} pictures of ${added.classes.length} classes (${added.classes.slice(0, 8).join(", ")}${added.classes.length > 8 ? ", …" : ""}). ${added.findings.join(" ")}`
      : `${file.name} was not taken.`;
    if (!added) return;
    const names = [...this.part("data").options].map((option) => option.value);
    this.#offer([...new Set([...names, added.name])], added.name);
  }
}
