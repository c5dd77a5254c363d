/** What tabs share: the model that answers, the picture they are about, and a voice. */

import { ask } from "./api.js";
import { find } from "./dom.js";

/**
 * Events: `model` when another one answers, `picture` when there is another one.
 */
export class Context extends EventTarget {
  /** @param {{open: (id: string) => void, has: (id: string) => boolean}} frame */
  constructor({ open, has }) {
    super();
    /** Shows another tab. */
    this.open = open;
    /** Whether there is a tab. */
    this.has = has;
    /** What GET /app/model says. */
    this.model = null;
    /** @type {?import("./app.js").Picture} */
    this.picture = null;
  }

  /** Asks again which model answers: after another one was picked. */
  async refresh() {
    this.model = await this.attempt(() => ask("/app/model"));
    if (this.model) this.dispatchEvent(new Event("model"));
  }

  /** @param {?import("./app.js").Picture} picture */
  usePicture(picture) {
    this.picture = picture;
    this.dispatchEvent(new Event("picture"));
  }

  /** Says something to those who listen to the page. @param {string} text */
  say(text) {
    find("spoken").textContent = text;
  }

  /** Shows a problem in words; nothing takes it away. @param {string} [text] */
  complain(text = "") {
    find("problem").textContent = text;
    find("problem").hidden = !text;
  }

  /**
   * Does something that may fail, and shows why it did; after a success no problem is shown any more.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @param {() => boolean} [isShown] whether a failure is shown, asked when it comes
   * @returns {Promise<?T>} null after a failure
   */
  attempt(work, isShown) {
    return this.inBackground(async () => {
      const result = await work();
      this.complain();
      return result;
    }, isShown);
  }

  /**
   * As `attempt`, for what nobody asked for just now: a success leaves the problem that is shown.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @param {() => boolean} [isShown] whether a failure is shown, asked when it comes
   * @returns {Promise<?T>} null after a failure
   */
  async inBackground(work, isShown = () => true) {
    try {
      return await work();
    } catch (problem) {
      if (problem.name !== "AbortError" && isShown()) this.complain(problem.message);
      return null;
    }
  }
}
