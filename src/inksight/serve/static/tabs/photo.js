/** Photos: numbers are read off them, drawn on them, and collected in a table. */

import { countUnsure, marked } from "../answers.js";
import { ask } from "../api.js";
import { element, filled } from "../dom.js";
import { filesOf, pngOf, posted } from "../pictures.js";
import { percent } from "../shared/answer.js";

export const tab = { id: "photo", title: "Photo", mount: (panel, context) => new Photos(panel, context) };

const SHOWN_PX = 1400;
const COLUMNS = ["picture", "line", "number", "least sure"];
const HTML = `
<div class="stack">
  <div class="drop card" data-part="drop">
    <div data-part="empty">
      <p><strong>Drop a photo of a number here</strong>, or paste one.</p>
      <p class="soft small">Paper, boards, forms; several lines; in any light. Nothing leaves this machine.</p>
    </div>
    <canvas data-part="canvas" role="img" aria-label="The photo with what was read on it" hidden></canvas>
    <video data-part="video" playsinline muted hidden aria-label="What the camera sees"></video>
    <div class="tools">
      <button type="button" class="main" data-part="choose">Choose photos…</button>
      <button type="button" data-part="camera">Camera</button>
      <button type="button" data-part="take" class="main" hidden>Take the photo</button>
      <button type="button" data-part="stop" hidden>Close the camera</button>
      <input type="file" accept="image/*" multiple hidden data-part="files" aria-label="Photos">
      <input type="file" accept="image/*" capture="environment" hidden data-part="capture" aria-label="A photo from the camera">
    </div>
    <p class="reading" data-part="reading" role="status"></p>
  </div>
  <section class="card" data-part="results" aria-labelledby="photo-readings" hidden>
    <div class="tools between">
      <h2 id="photo-readings">Readings</h2>
      <div class="tools">
        <button type="button" data-part="copy">Copy</button>
        <button type="button" data-part="csv">Save as CSV</button>
        <button type="button" data-part="clear">Clear</button>
      </div>
    </div>
    <div class="wide" tabindex="0" role="region" aria-labelledby="photo-readings">
      <table>
        <thead><tr><th>Picture</th><th class="number">Line</th><th>Number</th><th class="number">Least sure</th></tr></thead>
        <tbody data-part="rows"></tbody>
      </table>
    </div>
  </section>
</div>`;

class Photos {
  /** @param {HTMLElement} panel @param {import("../context.js").Context} context */
  constructor(panel, context) {
    this.panel = panel;
    this.context = context;
    this.part = filled(panel, HTML);
    /** @type {string[][]} */
    this.readings = [];
    this.stream = null;
    this.#listen();
  }

  hidden() {
    this.#closeCamera();
  }

  #listen() {
    const { part, panel } = this;
    const bring = (files) => panel.hidden || this.#readAll(files);
    part("choose").addEventListener("click", () => part("files").click());
    part("camera").addEventListener("click", () => this.#openCamera());
    part("take").addEventListener("click", () => this.#takePhoto());
    part("stop").addEventListener("click", () => this.#closeCamera());
    for (const name of ["files", "capture"]) {
      part(name).addEventListener("change", ({ target }) => bring([...target.files]).then(() => (target.value = "")));
    }
    addEventListener("paste", (event) => bring(filesOf(event.clipboardData)));
    addEventListener("drop", (event) => bring(filesOf(event.dataTransfer)));
    addEventListener("dragover", (event) => part("drop").classList.toggle("over", !event.relatedTarget));
    for (const end of ["drop", "dragleave"]) addEventListener(end, () => part("drop").classList.remove("over"));
    part("copy").addEventListener("click", () => this.#copy());
    part("csv").addEventListener("click", () => save("readings.csv", "text/csv", csvOf([COLUMNS, ...this.readings])));
    part("clear").addEventListener("click", () => this.#clear());
  }

  /** One after the other, so that the last one stays on the screen. @param {File[]} files */
  async #readAll(files) {
    this.#closeCamera();
    for (const file of files) await this.#read(file, file.name || "pasted picture");
  }

  /** @param {Blob} blob @param {string} name */
  async #read(blob, name) {
    this.part("reading").textContent = `Reading ${name} …`;
    const found = await this.context.attempt(() => this.#ask(blob));
    this.part("reading").textContent = found ? wordsFor(found) : "";
    if (!found) return;
    this.context.usePicture({ blob, name, digits: found.digits.filter(({ box }) => box) });
    this.#collect(name, found);
    await this.#show(blob, found).catch(() =>
      this.context.complain(`${name} was read, but this browser cannot show it.`),
    );
  }

  /** A model of other things than digits answers with one class. */
  async #ask(blob) {
    if (this.context.model.reads_numbers) return ask("/read", posted(blob));
    const { label, confidence } = await ask("/predict", posted(blob));
    return { text: label, digits: [{ label, confidence, box: null }], signs: [] };
  }

  /** The photo with boxes and digits on it. */
  async #show(blob, { digits, signs }) {
    const image = await createImageBitmap(blob);
    const canvas = this.part("canvas");
    const scale = Math.min(SHOWN_PX / Math.max(image.width, image.height), 1);
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const style = getComputedStyle(canvas);
    const accent = style.getPropertyValue("--mark");
    const thin = Math.max(1.5, canvas.width / 500);
    for (const { box } of signs) paintBox(context, box, scale, style.getPropertyValue("--faint"), thin);
    for (const digit of digits) if (digit.box) paintBox(context, digit.box, scale, accent, thin, marked(digit));
    canvas.hidden = false;
    this.part("empty").hidden = true;
  }

  #collect(name, reading) {
    const rows = linesOf(reading).map(({ text, least }, index) => [name, String(index + 1), text, percent(least)]);
    this.readings.push(...rows);
    this.part("rows").append(...rows.map((cells) => element("tr", {}, ...cells.map(cellOf))));
    this.part("results").hidden = this.readings.length === 0;
  }

  async #copy() {
    const text = this.readings.map((cells) => cells.join("\t")).join("\n");
    await this.context.attempt(async () => {
      await copied(text);
      this.context.say("Copied");
    });
  }

  #clear() {
    this.readings = [];
    this.part("rows").replaceChildren();
    for (const name of ["canvas", "results"]) this.part(name).hidden = true;
    this.part("empty").hidden = false;
    this.part("reading").textContent = "";
  }

  /** Where the browser gives no live picture, it may open the device's own camera. */
  async #openCamera() {
    if (!navigator.mediaDevices) return this.part("capture").click();
    this.stream = await this.context.attempt(() => openCamera());
    if (!this.stream) return;
    this.part("video").srcObject = this.stream;
    await this.part("video").play();
    this.#useCamera(true);
  }

  #closeCamera() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.#useCamera(false);
  }

  #useCamera(isOpen) {
    for (const name of ["video", "take", "stop"]) this.part(name).hidden = !isOpen;
    this.part("camera").hidden = isOpen;
    if (isOpen) this.part("canvas").hidden = this.part("empty").hidden = true;
    else this.part("empty").hidden = !this.part("canvas").hidden;
  }

  async #takePhoto() {
    const video = this.part("video");
    const canvas = Object.assign(document.createElement("canvas"), {
      width: video.videoWidth,
      height: video.videoHeight,
    });
    canvas.getContext("2d").drawImage(video, 0, 0);
    this.#closeCamera();
    await this.#read(await pngOf(canvas), "camera");
  }
}

async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
  } catch (problem) {
    throw new Error(`The camera cannot be used (${problem.message}). Choose a photo instead.`);
  }
}

function wordsFor({ text, digits }) {
  if (!digits.length) return "No number was found on it.";
  const words = text.includes("\n") ? `${linesOf({ text, digits }).length} lines were read.` : `It says ${text}.`;
  const count = countUnsure(digits);
  return count ? `${words} Not sure of ${count} of ${digits.length} digits, marked with “?”.` : words;
}

/** Digits come in reading order; the text says where lines end. */
function linesOf({ text, digits }) {
  let start = 0;
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const labels = digits.slice(start);
      let length = 0;
      let joined = "";
      while (joined.length < line.length) joined += labels[length++].label;
      start += length;
      return { text: line, least: Math.min(...labels.slice(0, length).map((digit) => digit.confidence)) };
    });
}

function paintBox(context, box, scale, colour, thin, label) {
  const [left, top, width, height] = box.map((value) => value * scale);
  context.strokeStyle = colour;
  context.lineWidth = thin;
  context.strokeRect(left - thin, top - thin, width + 2 * thin, height + 2 * thin);
  if (label === undefined) return;
  const size = Math.min(Math.max(0.4 * height, 8 * thin), 18 * thin);
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  const across = context.measureText(label).width + 0.5 * size;
  const above = top - 2 * thin < size ? top + 1.15 * size : top - thin;
  context.fillStyle = colour;
  context.fillRect(left - 1.5 * thin, above - 1.1 * size, across, 1.1 * size);
  context.fillStyle = "#fff";
  context.fillText(label, left - 1.5 * thin + 0.25 * size, above);
}

function cellOf(text, column) {
  return element("td", column % 2 ? { class: "number" } : {}, text);
}

/** A cell that a spreadsheet would take for a formula is marked as text. */
function csvOf(rows) {
  const cell = (text) => `"${text.replace(/^[=+@-]/, "'$&").replaceAll('"', '""')}"`;
  return rows.map((cells) => cells.map(cell).join(",")).join("\r\n");
}

function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: address, download: name }).click();
  URL.revokeObjectURL(address);
}

/** @param {string} text */
async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  throw new Error("This browser copies only on pages of this machine. Save the readings as CSV instead.");
}
