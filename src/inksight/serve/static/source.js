/** The line on top of tabs that look at one picture: which it is, and how to take another. */

import { element } from "./dom.js";
import { example, filesOf } from "./pictures.js";

/** Shows the context's picture, and calls back whenever there is another one to look at while the tab is shown. */
export class Source {
  /**
   * @param {HTMLElement} place
   * @param {import("./context.js").Context} context
   * @param {(picture: import("./app.js").Picture) => Promise<void>} look
   */
  constructor(place, context, look) {
    this.context = context;
    this.look = look;
    this.isShown = false;
    /** What was looked at last: a picture, by a model. */
    this.seen = {};
    this.thumbnail = element("img", { class: "thumbnail", alt: "" });
    this.name = element("strong");
    const file = element("input", { type: "file", accept: "image/*", hidden: "", "aria-label": "Picture file" });
    file.addEventListener("change", () => (this.#take(file.files[0]), (file.value = "")));
    place.className = "source";
    place.append(
      this.thumbnail,
      element("p", {}, "This is about ", this.name, "."),
      element("div", { class: "tools" },
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
    if (!this.context.picture) this.context.usePicture(await example());
    else await this.#update();
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
    URL.revokeObjectURL(this.thumbnail.src);
    this.thumbnail.src = URL.createObjectURL(picture.blob);
    this.name.textContent = picture.name;
    await this.context.attempt(() => this.look(picture));
  }
}
