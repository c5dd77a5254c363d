/**
 * Probabilities → an answer, as Inksight's Predictor gives it.
 *
 * @typedef {{verdict: "class" | "unsure" | "rejected", label: string, confidence: number, probabilities: number[]}} Answer
 */

const SMALLEST = 1e-30;

/**
 * Softens (above 1) or sharpens (below 1) probabilities: p^(1/T), brought back to a sum of 1.
 *
 * @param {ArrayLike<number>} probabilities
 * @param {number} temperature
 * @returns {Float32Array}
 */
export function withTemperature(probabilities, temperature) {
  const cooled = logarithms(probabilities).map((value) => value / temperature);
  const largest = Math.max(...cooled);
  const powers = cooled.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((left, right) => left + right, 0);
  return Float32Array.from(powers, (value) => value / sum);
}

/**
 * How far the likeliest class stands out: the logarithm of its odds against the others' geometric mean.
 *
 * @param {ArrayLike<number>} probabilities
 */
export function evidence(probabilities) {
  const values = logarithms(probabilities);
  const best = Math.max(...values);
  const rest = values.reduce((left, right) => left + right, 0) - best;
  return best - rest / Math.max(values.length - 1, 1);
}

/**
 * @param {Float32Array} probabilities with the model's temperature
 * @param {import("./model.js").Model} model
 * @returns {Answer}
 */
export function answerOf(probabilities, model) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  const confidence = probabilities[best];
  const sure = confidence < model.unsure_below ? "unsure" : "class";
  const verdict = evidence(probabilities) < model.rejected_below ? "rejected" : sure;
  return { verdict, label: model.classes[best], confidence, probabilities: [...probabilities] };
}

/**
 * An answer as a person would say it.
 *
 * @param {Answer} answer
 * @param {string[]} classes
 */
export function inWords({ verdict, label, confidence, probabilities }, classes) {
  if (verdict === "class") return `${percent(confidence)} sure`;
  if (verdict === "rejected") return `none of the known classes; ${label} is the nearest`;
  const ranked = classes.map((name, index) => ({ name, share: probabilities[index] }));
  const [first, second] = ranked.sort((left, right) => right.share - left.share);
  return `unsure: it might be ${first.name} (${percent(first.share)}) or ${second.name} (${percent(second.share)})`;
}

/** @param {number} rate 0–1 */
export function percent(rate) {
  return `${(100 * rate).toFixed(1)} %`;
}

/** @param {ArrayLike<number>} probabilities */
function logarithms(probabilities) {
  return Array.from(probabilities, (value) => Math.log(Math.max(value, SMALLEST)));
}
