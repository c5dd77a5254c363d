/** Draw, and the answer comes as you go: one digit with all classes, or several as a number. */

import { ask, latestWins } from "../api.js";
import { Bars, countUnsure, verdictOf } from "../answers.js";
import { filled } from "../dom.js";
import { greyOf, pngOf, posted } from "../pictures.js";
import { Pad, PAD_PX } from "../shared/pad.js";

export const tab = { id: "draw", title: "Draw", mount: (panel, context) => new Drawing(panel, context) };

const WIDE = 1.1; // times as wide as high
const FOR_NUMBERS = "Draw a digit here, or several in a row";
const SENT = { width: 360, height: 240 };
const HTML = `
<div class="two">
  <div class="stack">
    <div class="pad">
      <canvas data-part="pad" width="1200" height="800" tabindex="0" role="img" aria-describedby="draw-keys"
        aria-label="Drawing area"></canvas>
      <p data-part="hint" aria-hidden="true"></p>
    </div>
    <div class="tools">
      <button type="button" data-part="undo">Undo</button>
      <button type="button" data-part="clear">Clear</button>
      <label>Pen <input type="range" data-part="width" min="3" max="30" value="13"></label>
    </div>
    <p class="soft small for-keys" id="draw-keys">Keys, when the drawing area has the focus: arrows move the pen,
      space sets it down and lifts it. Ctrl Z takes a stroke back, Escape clears.</p>
  </div>
  <section class="card stack" aria-label="Answer">
    <div class="answer" data-part="answer" data-verdict="none">
      <p class="label" data-part="label">–</p>
      <p class="words" data-part="words"></p>
    </div>
    <ol class="bars" data-part="bars" aria-label="How likely each class is"></ol>
    <p class="tools soft small" data-part="more" hidden>
      <button type="button" data-open="sees">What it sees</button>
      <button type="button" data-open="inside">Look inside</button>
      <button type="button" data-open="teach">Wrong? Teach it</button>
    </p>
    <p class="soft small" data-part="time"></p>
  </section>
</div>`;

class Drawing {
  /** @param {HTMLElement} panel @param {import("../context.js").Context} context */
  constructor(panel, context) {
    this.context = context;
    this.panel = panel;
    this.part = filled(panel, HTML);
    this.screen = this.part("pad").getContext("2d");
    this.sheet = Object.assign(document.createElement("canvas"), SENT).getContext("2d", { willReadFrequently: true });
    this.bars = new Bars(this.part("bars"));
    this.pad = new Pad(this.part("pad"), () => this.#changed(), () => this.#paint());
    this.answerTo = latestWins((since) => this.#answer(since));
    this.isWaiting = false;
    this.#listen();
    this.#update();
  }

  hidden() {
    this.pad.lift();
  }

  #listen() {
    const { part, pad, context } = this;
    part("undo").addEventListener("click", () => pad.undo());
    part("clear").addEventListener("click", () => pad.clear());
    part("width").addEventListener("input", () => this.#usePen());
    for (const button of this.panel.querySelectorAll("[data-open]")) {
      button.hidden = !context.has(button.dataset.open);
      button.addEventListener("click", () => context.open(button.dataset.open));
    }
    addEventListener("keydown", (event) => this.#key(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
    context.addEventListener("model", () => this.#changed());
    this.#usePen();
  }

  #usePen() {
    this.pad.pen = { width: Number(this.part("width").value), colour: "" };
  }

  #key(event) {
    if (this.panel.hidden) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") (event.preventDefault(), this.pad.undo());
    if (event.key === "Escape") this.pad.clear();
  }

  /** Something was drawn: answered at the next frame, once however much it was. */
  #changed() {
    this.since ??= performance.now();
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.#update();
    });
  }

  #update() {
    this.#paint();
    this.part("undo").disabled = !this.pad.canUndo;
    this.part("clear").disabled = this.pad.isEmpty;
    if (this.pad.isEmpty) this.#show(null);
    else this.answerTo(this.since);
    this.since = null;
  }

  #paint() {
    const { canvas } = this.screen;
    const style = getComputedStyle(canvas);
    this.screen.clearRect(0, 0, canvas.width, canvas.height);
    this.pad.paint(this.screen, style.color);
    if (this.pad.cursor) this.#paintCursor(style.getPropertyValue("--accent"));
    this.part("hint").textContent = this.context.model.reads_numbers ? FOR_NUMBERS : "Draw here";
    this.part("hint").hidden = !this.pad.isEmpty || this.pad.cursor !== null;
  }

  /** Where the keyboard's pen is. */
  #paintCursor(colour) {
    const { screen, pad } = this;
    const scale = screen.canvas.width / PAD_PX;
    screen.strokeStyle = colour;
    screen.lineWidth = 4;
    screen.beginPath();
    screen.arc(pad.cursor.x * scale, pad.cursor.y * scale, (pad.pen.width * scale) / 2 + 6, 0, 2 * Math.PI);
    screen.stroke();
  }

  /**
   * Asks about what is drawn now. The answer is dropped if the drawing lost a stroke or the model was replaced
   * meanwhile. An error is shown only when no pen is down: an unfinished stroke is asked about again.
   *
   * @param {number} since when it was drawn, in ms
   */
  async #answer(since) {
    const { pad, context } = this;
    if (pad.isEmpty) return;
    const { model } = context;
    const isFinished = !pad.isDown;
    const newest = pad.strokes.at(-1);
    const isCurrent = () => pad.strokes.includes(newest) && context.model === model;
    this.#paintSheet();
    const found = await context.attempt(() => this.#ask(greyOf(this.sheet)), () => isCurrent() && !pad.isDown);
    if (!found || !isCurrent()) return;
    this.#show(found, performance.now() - since);
    if (isFinished) await this.#tell(found);
  }

  /** Dark on white, as on paper. */
  #paintSheet() {
    const { sheet } = this;
    sheet.fillStyle = "#fff";
    sheet.fillRect(0, 0, SENT.width, SENT.height);
    this.pad.paint(sheet, "#000");
  }

  /** One digit is answered with all its classes; several are read as a number. */
  async #ask(blob) {
    if (this.context.model.reads_numbers && mayBeSeveral(this.pad.strokes)) {
      const reading = await ask("/read", posted(blob));
      if (reading.digits.length > 1) return { reading };
    }
    return { answer: await ask("/predict", posted(blob)) };
  }

  #show(found, ms) {
    const { part, context } = this;
    const { label, verdict, words } = found ? wordsFor(found, context.model) : NOTHING;
    part("answer").dataset.verdict = verdict;
    part("answer").dataset.length = label.length > 2 ? "long" : "short";
    part("label").textContent = label;
    part("words").textContent = words;
    part("more").hidden = !found;
    part("time").textContent = found ? `Answered in ${Math.round(ms)} ms, on this machine.` : "";
    part("time").dataset.ms = found ? String(ms) : "";
    if (found?.reading) {
      this.bars.show(
        found.reading.digits.map(({ label: name, confidence }) => ({ name, share: confidence, best: true })),
      );
    } else {
      const nothing = Object.fromEntries(context.model.classes.map((name) => [name, 0]));
      this.bars.showClasses(found?.answer.probabilities ?? nothing, found?.answer.label);
    }
  }

  /** The drawing is finished, for now: others may look at it. */
  async #tell(found) {
    const { answer, reading } = found;
    const blob = await pngOf(this.sheet.canvas);
    this.context.usePicture({ blob, name: "your drawing", ...(reading ? { digits: reading.digits } : { answer }) });
    const { label, words } = wordsFor(found, this.context.model);
    this.context.say(`${label}, ${words}`);
  }
}

const NOTHING = { label: "–", verdict: "none", words: "Draw, and the answer comes as you go." };

/** Whether strokes lie beside each other, or are wider together than one digit is. @param {import("../shared/pad.js").Stroke[]} strokes */
function mayBeSeveral(strokes) {
  const boxes = strokes.map(({ points, width }) => {
    const across = points.map(({ x }) => x);
    return { left: Math.min(...across) - width / 2, right: Math.max(...across) + width / 2 };
  });
  boxes.sort((one, other) => one.left - other.left);
  const end = (count) => Math.max(...boxes.slice(0, count).map(({ right }) => right));
  if (boxes.some(({ left }, index) => index > 0 && left > end(index))) return true;
  const down = strokes.flatMap(({ points }) => points.map(({ y }) => y));
  return end(boxes.length) - boxes[0].left > WIDE * (Math.max(...down) - Math.min(...down));
}

function wordsFor({ answer, reading }, model) {
  if (!reading) return { label: answer.label, verdict: answer.verdict, words: verdictOf(answer, model) };
  const count = reading.digits.length;
  const unsure = countUnsure(reading.digits);
  const words = `${count} digits, read from left to right`;
  return { label: reading.text, verdict: reading.verdict, words: unsure ? `${words}; not sure of ${unsure}` : words };
}
