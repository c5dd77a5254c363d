/** The page: a pad, an answer, and what lies between them. */

import { answerOf, inWords, percent, withTemperature } from "./answer.js";
import { digitOfInk, inkBox } from "./ink.js";
import { parseModel } from "./model.js";
import { openNetwork } from "./network.js";
import { Pad, PAD_PX } from "./pad.js";
import { inChannels, inputOf, planeOf } from "./picture.js";
import { blank, opaque, pixelsOf } from "./pixels.js";

const SHEET_PX = 240; // no larger than Python's looks, so that both see the same ink

const find = (id) => document.getElementById(id);

const model = parseModel(find("model").textContent);
const network = openNetwork(model);
const forDigits = model.preprocessing === "digits";
const pad = new Pad(find("pad"), changed, paintScreen);
const screen = find("pad").getContext("2d");
const sheet = blank(SHEET_PX, SHEET_PX).getContext("2d", { willReadFrequently: true });
const rows = model.classes.map(classRow);

/** @type {?{picture: ImageData, image: ImageBitmap, name: string}} a picture in place of a drawing */
let photo = null;
/** @type {?ReturnType<typeof answered>} */
let shown = null;
let problem = "";
let waiting = false;

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
  drawing: () => (paintSheet(), sheet.getImageData(0, 0, SHEET_PX, SHEET_PX)),
  input: () => shown?.input ?? null,
};

function probabilities(pixels) {
  return withTemperature(network(pixels), model.temperature);
}

/** @param {Uint8Array} input */
function answered(input) {
  return { ...answerOf(probabilities(input), model), input };
}

/** Something was drawn: answer at the next frame, once however much it was. */
function changed() {
  if (!pad.isEmpty) [photo, problem] = [null, ""];
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    update();
  });
}

function update() {
  paintScreen();
  find("undo").ariaDisabled = !pad.canUndo; // not disabled: that would take the keyboard's focus away
  find("clear").ariaDisabled = pad.isEmpty && !photo;
  const input = photo ? photoInput() : drawnInput();
  show(input && answered(input));
}

/** The picture → the network's input; null if it is a blank, and then that is said. */
function photoInput() {
  try {
    return inputOf(photo.picture, model);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problem = `${photo.name}: ${error.message}.`;
    return null;
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
  sheet.fillRect(0, 0, SHEET_PX, SHEET_PX);
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
function show(answer) {
  shown = answer;
  const said = answer ? inWords(answer, model.classes) : problem;
  find("answer").dataset.verdict = answer?.verdict ?? "none";
  find("label").textContent = answer?.label ?? "–";
  find("words").textContent = said || "Draw, and the answer comes as you go.";
  if (!pad.isDown) find("spoken").textContent = answer ? `${answer.label}, ${said}` : said;
  rows.forEach((row, index) => row(answer?.probabilities[index], answer?.label === model.classes[index]));
  paintInput(answer?.input);
}

/** The line of one class; gives a function that sets its bar, or empties it. @param {string} name */
function classRow(name) {
  const row = find("row").content.cloneNode(true).firstElementChild;
  const [label, bar, share] = row.children;
  label.textContent = label.title = name;
  find("classes").append(row);
  return (probability, isBest) => {
    row.classList.toggle("best", isBest);
    bar.firstElementChild.style.width = `${100 * (probability ?? 0)}%`;
    share.textContent = probability === undefined ? "" : percent(probability);
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
  clear();
  try {
    const image = await createImageBitmap(file);
    photo = { image, picture: pixelsOf(image), name: file.name };
  } catch {
    problem = `${file.name} is not a picture that can be read here. Choose a PNG or a JPEG.`;
  }
  changed();
}

/** The heading, and what belongs only to some models. */
function introduce() {
  const { data, preset, test } = model.about;
  const name = [data, preset].filter(Boolean).join(" · ") || "a model";
  document.title = `${name}: Inksight`;
  const right = test ? `: ${(100 * test.accuracy).toFixed(2)} % right on ${test.images.toLocaleString("en")} test pictures` : "";
  find("about").textContent = `${name}${right}`;
  find("hint").textContent = forDigits ? "Draw a digit" : "Draw here";
  const longest = Math.max(...model.classes.map((each) => each.length));
  find("classes").style.setProperty("--longest", `${Math.min(longest, 12)}ch`);
  find("classes").classList.toggle("many", model.classes.length > 20);
  find("answer").classList.toggle("long", longest > 3);
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
  [photo, problem] = [null, ""];
  pad.clear();
}

function listen() {
  find("undo").addEventListener("click", () => pad.undo());
  find("clear").addEventListener("click", clear);
  for (const id of ["width", "colour", "paper"]) find(id).addEventListener("input", () => (usePen(), changed()));
  find("choose").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", ({ target }) => open(target.files[0]).then(() => (target.value = "")));
  addEventListener("paste", (event) => open(event.clipboardData.files[0]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => (event.preventDefault(), open(event.dataTransfer.files[0])));
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") (event.preventDefault(), pad.undo());
    if (event.key === "Escape") clear();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

introduce();
listen();
update();
