/** The page: a pad, an answer, and what lies between them. */

import { answerOf, inWords, percent, withTemperature } from "./answer.js";
import { digitOfInk, inkBox } from "./ink.js";
import { parseModel } from "./model.js";
import { openNetwork } from "./network.js";
import { Pad, PAD_PX } from "./pad.js";
import { inChannels, inputOf, planeOf } from "./picture.js";

const PICTURE_PX = 512;
const find = (id) => document.getElementById(id);

const model = parseModel(find("model").textContent);
const network = openNetwork(model);
const forDigits = model.preprocessing === "digits";
const pad = new Pad(find("pad"), changed);
const screen = find("pad").getContext("2d");
const sheet = square(PAD_PX).getContext("2d", { willReadFrequently: true });
const rows = model.classes.map(classRow);

/** @type {?{picture: ImageData, image: ImageBitmap, name: string}} a picture in place of a drawing */
let photo = null;
let waiting = false;
let finished = true;

/**
 * What programs and tests may call.
 *
 * - `model`: classes, size_px, channels, thresholds and where the model comes from.
 * - `probabilities(pixels)`: Uint8Array (size · size · channels), just as the network takes it → Float32Array by class.
 * - `predict(picture)`: any ImageData → {verdict, label, confidence, probabilities, input}.
 * - `digitOfInk({data, width, height})`: bright ink on 0 → the frame the network was trained on, Uint8Array.
 * - `drawing()`: what is drawn, as ImageData: for digits bright ink on black.
 * - `input()`: what the network saw last, Uint8Array, or null.
 */
window.inksight = {
  model,
  probabilities,
  predict: (picture) => answered(inputOf(opaque(picture), model)),
  digitOfInk: (ink) => digitOfInk(ink, model.size_px),
  drawing: () => (paintSheet(), sheet.getImageData(0, 0, PAD_PX, PAD_PX)),
  input: () => shown?.input ?? null,
};

/** @type {?ReturnType<typeof answered>} */
let shown = null;

function probabilities(pixels) {
  return withTemperature(network(pixels), model.temperature);
}

/** @param {Uint8Array} input */
function answered(input) {
  return { ...answerOf(probabilities(input), model), input };
}

/** Something was drawn: answer at the next frame, once however much it was. */
function changed(isFinished) {
  if (!pad.isEmpty) photo = null;
  finished = isFinished;
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    update();
  });
}

function update() {
  paintScreen();
  find("undo").disabled = !pad.canUndo;
  find("clear").disabled = pad.isEmpty && !photo;
  try {
    const input = photo ? inputOf(photo.picture, model) : drawnInput();
    show(input && answered(input));
  } catch (problem) {
    if (!(problem instanceof RangeError)) throw problem;
    show(null, `${photo.name}: ${problem.message}.`);
  }
}

/** What is drawn → the network's input; null if that is nothing. */
function drawnInput() {
  if (pad.isEmpty) return null;
  const drawing = window.inksight.drawing();
  if (!forDigits) return inputOf(drawing, model);
  const ink = planeOf(drawing, 0);
  return inkBox(ink) ? inChannels(digitOfInk(ink, model.size_px), model) : null;
}

/** The drawing as the network is to have it: digits as light on black, others in their own colours. */
function paintSheet() {
  sheet.fillStyle = forDigits ? "#000" : colours().paper;
  sheet.fillRect(0, 0, PAD_PX, PAD_PX);
  pad.paint(sheet, forDigits ? "#fff" : undefined);
}

function paintScreen() {
  const { paper, ink, accent } = colours();
  const side = screen.canvas.width;
  screen.fillStyle = paper;
  screen.fillRect(0, 0, side, side);
  if (photo) paintPhoto(side);
  pad.paint(screen, forDigits ? ink : undefined);
  if (pad.cursor) paintCursor(accent);
  find("hint").hidden = !pad.isEmpty || photo !== null || pad.cursor !== null;
}

function paintPhoto(side) {
  const { width, height } = photo.image;
  const scale = side / Math.max(width, height);
  screen.imageSmoothingEnabled = scale < 4;
  const [across, down] = [width * scale, height * scale];
  screen.drawImage(photo.image, (side - across) / 2, (side - down) / 2, across, down);
}

/** Where the keyboard's pen is. */
function paintCursor(colour) {
  const scale = screen.canvas.width / PAD_PX;
  screen.strokeStyle = colour;
  screen.lineWidth = 4;
  screen.beginPath();
  screen.arc(pad.cursor.x * scale, pad.cursor.y * scale, (pad.pen.width * scale) / 2 + 4, 0, 2 * Math.PI);
  screen.stroke();
}

/** The pad's colours: the page's own for digits, else what was chosen. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const own = (name) => style.getPropertyValue(name).trim();
  const paper = forDigits ? own("--pad") : find("paper").value;
  return { paper, ink: own("--pen"), accent: own("--accent") };
}

/** Puts an answer on the page; null takes it off. @param {?ReturnType<typeof answered>} answer */
function show(answer, problem = "") {
  shown = answer;
  const said = answer ? inWords(answer, model.classes) : problem;
  find("answer").dataset.verdict = answer?.verdict ?? "none";
  find("label").textContent = answer?.label ?? "–";
  find("words").textContent = said || "Draw, and the answer comes as you go.";
  if (finished) find("spoken").textContent = answer ? `${answer.label}, ${said}` : said;
  rows.forEach((row, index) => row(answer?.probabilities[index] ?? 0, answer?.label === model.classes[index]));
  paintInput(answer?.input);
}

/** The line of one class; gives a function that sets its bar. @param {string} name */
function classRow(name) {
  const row = find("row").content.cloneNode(true).firstElementChild;
  const [label, bar, share] = row.children;
  label.textContent = label.title = name;
  find("classes").append(row);
  return (probability, isBest) => {
    row.classList.toggle("best", isBest);
    bar.firstElementChild.style.width = `${100 * probability}%`;
    share.textContent = percent(probability);
  };
}

/** @param {Uint8Array} [input] */
function paintInput(input) {
  const side = model.size_px;
  const picture = new ImageData(side, side);
  for (let at = 0; at < side * side; at++) {
    for (let channel = 0; channel < 3; channel++) {
      picture.data[4 * at + channel] = input?.[at * model.channels + (channel % model.channels)] ?? 0;
    }
    picture.data[4 * at + 3] = 255;
  }
  find("seen").getContext("2d").putImageData(picture, 0, 0);
}

/** @param {?File | undefined} file */
async function open(file) {
  if (!file) return;
  try {
    const image = await createImageBitmap(file);
    photo = { image, picture: pixelsOf(image), name: file.name };
    pad.clear();
  } catch {
    photo = null;
    show(null, `${file.name} is not a picture that can be read here. Choose a PNG or a JPEG.`);
  }
}

/** A picture's pixels on white, made smaller if it is large. @param {ImageBitmap} image */
function pixelsOf(image) {
  const scale = Math.min(PICTURE_PX / Math.max(image.width, image.height), 1);
  const [width, height] = [image.width, image.height].map((side) => Math.max(Math.round(side * scale), 1));
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** A transparent picture laid on white. @param {ImageData} picture */
function opaque({ data, width, height }) {
  const result = new ImageData(width, height);
  data.forEach((value, at) => {
    const alpha = data[at | 3] / 255;
    result.data[at] = (at & 3) === 3 ? 255 : Math.round(value * alpha + 255 * (1 - alpha));
  });
  return result;
}

function square(side) {
  return Object.assign(document.createElement("canvas"), { width: side, height: side });
}

/** The heading, and what belongs only to some models. */
function introduce() {
  const { data, preset, test } = model.about;
  const name = [data, preset].filter(Boolean).join(" · ") || "a model";
  document.title = `${name}: Inksight`;
  const right = test ? `: ${(100 * test.accuracy).toFixed(2)} % right on ${test.images.toLocaleString("en")} test pictures` : "";
  find("about").textContent = `${name}${right}`;
  find("hint").textContent = forDigits ? "Draw a digit" : "Draw here";
  find("seen").width = find("seen").height = model.size_px;
  find("size").textContent = `${model.size_px} × ${model.size_px}`;
  for (const own of document.querySelectorAll("[data-for]")) {
    own.hidden = own.dataset.for !== (forDigits ? "digits" : "resize");
  }
  if (model.channels === 1) find("paper").value = "#000000";
  usePen();
}

/** The pen as its controls say; light ink on dark paper where colour means nothing. */
function usePen() {
  const onDark = find("paper").value === "#000000";
  if (model.channels === 1) find("colour").value = onDark ? "#ffffff" : "#000000";
  find("colour").parentElement.hidden = forDigits || model.channels === 1;
  pad.pen = { width: Number(find("width").value), colour: find("colour").value };
}

function clear() {
  photo = null;
  pad.clear();
}

function listen() {
  find("undo").addEventListener("click", () => pad.undo());
  find("clear").addEventListener("click", clear);
  for (const id of ["width", "colour", "paper"]) find(id).addEventListener("input", () => (usePen(), changed(true)));
  find("choose").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", ({ target }) => open(target.files[0]).then(() => (target.value = "")));
  addEventListener("paste", (event) => open(event.clipboardData.files[0]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => (event.preventDefault(), open(event.dataTransfer.files[0])));
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") (event.preventDefault(), pad.undo());
    if (event.key === "Escape") clear();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changed(true));
}

introduce();
listen();
update();
