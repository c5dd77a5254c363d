/**
 * What is drawn, as strokes: they can be undone, and drawn in any size and colour.
 *
 * @typedef {{x: number, y: number}} Point  in pad pixels
 * @typedef {{width: number, colour: string, points: Point[]}} Stroke
 */

export const PAD_PX = 320;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ARROW_PX = 10;

/** A canvas that is drawn on with mouse, finger, pen or keys. */
export class Pad {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onChange after every change of the strokes, and when the pen is lifted
   * @param {() => void} onMove when only the keyboard's cursor moved
   */
  constructor(canvas, onChange, onMove) {
    Object.assign(this, { canvas, onChange, onMove });
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {Stroke[]} */
    this.cleared = [];
    this.pen = { width: 22, colour: "" };
    /** @type {?Point} */
    this.cursor = null;
    this.pointer = null;
    this.keyboardDown = false;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#leave());
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  /** Whether a stroke is being drawn. */
  get isDown() {
    return this.pointer !== null || this.keyboardDown;
  }

  get canUndo() {
    return this.strokes.length + this.cleared.length > 0;
  }

  /** Takes back the last stroke, or the clearing of all. */
  undo() {
    this.#end();
    if (this.isEmpty) [this.strokes, this.cleared] = [this.cleared, []];
    else this.strokes.pop();
    this.onChange();
  }

  clear() {
    this.#end();
    if (!this.isEmpty) [this.strokes, this.cleared] = [[], this.strokes];
    this.onChange();
  }

  /** Ends the stroke that is being drawn. */
  lift() {
    if (!this.isDown) return;
    this.#end();
    this.onChange();
  }

  /**
   * Draws all strokes over what is there.
   *
   * @param {CanvasRenderingContext2D} context of a canvas with the pad's proportions
   * @param {string} [colour] of all of them, in place of their own
   */
  paint(context, colour) {
    const scale = context.canvas.width / PAD_PX;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    for (const stroke of this.strokes) paintStroke(context, stroke, colour ?? stroke.colour);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  /** In pad pixels, of which its width has PAD_PX. */
  get #height() {
    return (PAD_PX * this.canvas.height) / this.canvas.width;
  }

  get #middle() {
    return { x: PAD_PX / 2, y: this.#height / 2 };
  }

  #begin(point) {
    this.cleared = [];
    this.strokes.push({ ...this.pen, points: [point] });
  }

  /** A point at the same place as the one before adds nothing. */
  #add(point) {
    const { points } = this.strokes[this.strokes.length - 1];
    const last = points[points.length - 1];
    if (point.x !== last.x || point.y !== last.y) points.push(point);
  }

  #down(event) {
    if (event.button !== 0 || this.pointer !== null) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#leave();
    this.pointer = event.pointerId;
    this.#begin(this.#place(event));
    this.onChange();
  }

  #move(event) {
    if (event.pointerId !== this.pointer) return;
    const between = event.getCoalescedEvents();
    for (const each of between.length ? between : [event]) this.#add(this.#place(each));
    this.onChange();
  }

  #up(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.onChange();
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = PAD_PX / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  /** Arrow keys move the pen, space sets it down and lifts it. */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") this.#press();
    else if (event.key in ARROWS) this.#walk(ARROWS[event.key], event.shiftKey ? 1 : ARROW_PX);
    else return;
    event.preventDefault();
  }

  #press() {
    this.cursor ??= this.#middle;
    this.keyboardDown = !this.keyboardDown;
    if (this.keyboardDown) this.#begin(this.cursor);
    this.onChange();
  }

  #walk([across, down], step) {
    const { x, y } = this.cursor ?? this.#middle;
    const within = (value, end) => Math.min(Math.max(value, 0), end);
    this.cursor = { x: within(x + across * step, PAD_PX), y: within(y + down * step, this.#height) };
    if (!this.keyboardDown) return this.onMove();
    this.#add(this.cursor);
    this.onChange();
  }

  /** What moves from now on adds nothing to the last stroke. */
  #end() {
    this.pointer = null;
    this.keyboardDown = false;
  }

  /** The keyboard's pen goes away. */
  #leave() {
    if (!this.cursor) return;
    this.cursor = null;
    if (this.keyboardDown) this.lift();
    else this.onMove();
  }
}

/** A dot for a single point, else a smooth line: through the middles between points, bent towards the points. */
function paintStroke(context, { width, points }, colour) {
  const [{ x, y }] = points;
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  if (points.length === 1) {
    context.arc(x, y, width / 2, 0, 2 * Math.PI); // browsers differ in whether a line of no length has caps
    context.fill();
    return;
  }
  context.moveTo(x, y);
  points.slice(1, -1).forEach((point, index) => {
    const next = points[index + 2];
    context.quadraticCurveTo(point.x, point.y, (point.x + next.x) / 2, (point.y + next.y) / 2);
  });
  const last = points[points.length - 1];
  context.lineTo(last.x, last.y);
  context.stroke();
}
