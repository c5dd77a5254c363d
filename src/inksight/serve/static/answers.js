/** Answers for people: words, and bars for what is likely. */

import { element } from "./dom.js";
import { inWords, percent } from "./shared/answer.js";

const MOST_IN_ORDER = 20;
const MOST_LIKELY = 10;

/**
 * A verdict as a person would say it.
 *
 * @param {{verdict: string, label: string, confidence: number, probabilities: Record<string, number>}} answer
 * @param {{preprocessing: string}} model
 */
export function verdictOf(answer, model) {
  if (answer.verdict !== "rejected") {
    const { probabilities } = answer;
    return inWords({ ...answer, probabilities: Object.values(probabilities) }, Object.keys(probabilities));
  }
  const kind = model.preprocessing === "digits" ? "a digit" : "any of the known classes";
  return `Not ${kind}, it seems. ${answer.label} would be the nearest.`;
}

/** A list of bars, one a row, that grow and shrink in place. */
export class Bars {
  /** @param {HTMLElement} list an <ol class="bars"> */
  constructor(list) {
    this.list = list;
    this.rows = [];
  }

  /** @param {{name: string, share: number, best?: boolean}[]} entries shares of 0–1 */
  show(entries) {
    while (this.rows.length < entries.length) this.#add();
    for (const row of this.rows.splice(entries.length)) row.remove();
    entries.forEach((entry, index) => fillRow(this.rows[index], entry));
  }

  /**
   * All classes of an answer; of many the likeliest, and none while there is no answer.
   *
   * @param {Record<string, number>} probabilities @param {?string} label
   */
  showClasses(probabilities, label) {
    let classes = Object.entries(probabilities);
    if (classes.length > MOST_IN_ORDER) {
      classes = label ? classes.sort(([, one], [, other]) => other - one).slice(0, MOST_LIKELY) : [];
    }
    this.show(classes.map(([name, share]) => ({ name, share, best: name === label })));
  }

  #add() {
    const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
    const row = element("li", {}, element("span", { class: "name" }), bar, element("span", { class: "share" }));
    this.rows.push(row);
    this.list.append(row);
  }
}

function fillRow(row, { name, share, best = false }) {
  const [label, bar, number] = row.children;
  row.classList.toggle("best", best);
  label.textContent = label.title = name;
  bar.firstElementChild.style.width = `${100 * share}%`;
  number.textContent = percent(share);
}

/** A digit of a number as it is shown: with a question mark if it is unsure. @param {{label: string, verdict?: string}} digit */
export function marked({ label, verdict }) {
  return verdict === "unsure" ? `${label}?` : label;
}

/** How many digits of a number are unsure. @param {{verdict?: string}[]} digits */
export function countUnsure(digits) {
  return digits.filter(({ verdict }) => verdict === "unsure").length;
}
