/** The line on top of tabs that look at one picture: which it is, and how to take another. */

import { marked } from "./answers.js";
import { element } from "./dom.js";
import { cropped, example, filesOf } from "./pictures.js";

/** Shows the context's picture, and asks about it whenever there is another one while the tab is shown. */
export class Source {
  /**
   * @param {HTMLElement} place
   * @param {import("./context.js").Context} context
   * @param {(picture: import("./app.js").Picture) => Promise<object>} question of the picture, or of one digit of it
   * @param {(answer: object) => void} show what was answered, of the newest question only
   */
  constructor(place, context, question, show) {
    Object.assign(this, { context, question, show });
    this.isShown = false;
    /** How many times something was looked at. */
    this.count = 0;
    /** What was looked at last: a picture, by a model. */
    this.seen = {};
    this.thumbnail = element("img", { class: "thumbnail", alt: "" });
    this.name = element("strong");
    /** Buttons for the digits, where the picture has several. */
    this.digits = element("div", { class: "tools digits", role: "group", "aria-label": "Which digit" });
    const file = element("input", { type: "file", accept: "image/*", hidden: "", "aria-label": "Picture file" });
    file.addEventListener("change", () => (this.#take(file.files[0]), (file.value = "")));
    place.className = "source";
    place.append(
      this.thumbnail,
      element("p", {}, "This is about ", this.name, "."),
      this.digits,
      element(
        "div",
        { class: "tools" },
        element("button", { type: "button", click: () => context.open("draw") }, "Draw"),
        element("button", { type: "button", click: () => file.click() }, "Open a picture…"),
        file,
      ),
    );
    for (const event of ["picture", "model"]) context.addEventListener(event, () => this.#update());
    addEventListener("paste", (event) => this.isShown && this.#take(filesOf(event.clipboardData)[0]));
    addEventListener("drop", (event) => this.isShown && this.#take(filesOf(event.dataTransfer)[0]));
  }

  /** The tab is shown. */
  async shown() {
    this.isShown = true;
    const other = this.context.picture ?? (await example());
    if (this.context.picture)
      await this.#update(); // it may have come meanwhile
    else this.context.usePicture(other);
  }

  hidden() {
    this.isShown = false;
  }

  /** @param {File} [file] */
  #take(file) {
    if (file) this.context.usePicture({ blob: file, name: file.name });
  }

  async #update() {
    const { picture, model } = this.context;
    if (!this.isShown || !picture || (this.seen.picture === picture && this.seen.model === model)) return;
    this.seen = { picture, model };
    const digits = picture.digits?.length > 1 ? picture.digits : [];
    this.digits.replaceChildren(...digits.map((digit, index) => this.#button(picture, digit, index)));
    this.digits.hidden = !digits.length;
    if (digits.length) await this.#choose(picture, 0);
    else await this.#look(() => picture);
  }

  #button(picture, digit, index) {
    return element(
      "button",
      { type: "button", "aria-pressed": "false", click: () => this.#choose(picture, index) },
      marked(digit),
    );
  }

  /** Looks at one digit of several. */
  async #choose(picture, index) {
    [...this.digits.children].forEach((button, at) => button.setAttribute("aria-pressed", String(at === index)));
    const { label, box } = picture.digits[index];
    const name = `the ${label} in ${picture.name}`;
    await this.#look(async () => ({ blob: await cropped(picture.blob, box), name }));
  }

  /** Asks, unless something else is looked at meanwhile. @param {() => (Picture | Promise<Picture>)} taken */
  #look(taken) {
    const number = ++this.count;
    return this.context.attempt(async () => {
      const picture = await taken();
      if (number !== this.count) return;
      this.#introduce(picture);
      const answer = await this.question(picture);
      if (number === this.count) this.show(answer);
    }, () => number === this.count);
  }

  #introduce({ blob, name }) {
    URL.revokeObjectURL(this.thumbnail.src);
    this.thumbnail.src = URL.createObjectURL(blob);
    this.name.textContent = name;
  }
}
