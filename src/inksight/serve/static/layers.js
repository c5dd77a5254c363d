/** What each kind of layer does, in a few plain words. */

/**
 * @typedef {object} Layer  as POST /app/inside gives it, with its arrays unpacked
 * @property {string} operator
 * @property {number[]} inputs
 * @property {import("./maps.js").Values} values
 * @property {?{start: number[], step: number[], size: number[]}} field  pixels that a value comes from
 * @property {?import("./maps.js").Values} kernel
 * @property {number[]} [strides]
 * @property {number[]} [window]
 */

const ACTIVATIONS = {
  relu: "What is below 0 becomes 0: only what fits a filter is passed on.",
  leakyrelu: "What is below 0 is made small: what fits a filter counts most.",
  elu: "What is below 0 is bent towards a floor.",
  selu: "What is below 0 is bent towards a floor, and all is kept to one scale.",
  gelu: "A soft step: what is clearly above 0 passes, the rest fades.",
  sigmoid: "Every value is pressed between 0 and 1.",
  softplus: "A smooth bend: what is below 0 fades to nothing.",
  tanh: "Every value is pressed between −1 and 1.",
};
const BEND = " Without such a bend, many layers could do no more than one.";

/** @type {Record<string, (layer: Layer) => [string, string]>} title and text */
const WORDS = {
  convolve: (layer) => ["Convolution", layer.kernel.shape[2] === 1 ? firstFilters(layer) : laterFilters(layer)],
  pool: ({ window: [height, width] }) => [
    "Pooling",
    `Of each window of ${height} × ${width} values only the largest stays. The maps get smaller; that a stroke is there is ` +
      "kept, where exactly it lies matters less.",
  ],
  dense: ({ values: { shape } }) => [
    "Fully connected",
    `Each of the ${shape[0]} outputs weighs every value before it and adds it up: here all that was found is put together.`,
  ],
  softmax: () => [
    "Probabilities",
    "Softmax turns the sums into shares of 1. They are then tempered, so that of the answers that say “90 % sure” nine in " +
      "ten are right.",
  ],
  scale: ({ inputs: [before] }) =>
    before < 0
      ? ["Scaling", "The bytes of the picture, 0 to 255, become small numbers, which are easier to learn from."]
      : ["Normalisation", "Each map is shifted and stretched as training found best, so that all are of one size."],
  average: ({ values }) => [
    "Average of each map",
    `How much there is of each feature, wherever it is: ${count(values)} values.`,
  ],
  maximum: ({ values }) => [
    "Largest of each map",
    `How strongly each feature shows at its best place: ${count(values)} values.`,
  ],
  concatenate: () => ["Side by side", "What came on several ways is put into one row."],
  mean: () => ["Mean of the members", "Several networks looked at the picture; their opinions are averaged."],
  multiply: () => ["Product", "Two arrays are multiplied value by value: one lets the other through."],
};

function firstFilters({
  kernel: {
    shape: [height, width, , filters],
  },
  strides: [stride],
}) {
  return (
    `${filters} filters, each a window of ${height} × ${width} weights, slide over the picture, ${pixels(stride)} at a time. At ` +
    "every place a filter multiplies what it sees by its weights and adds it up: the darker its map, the better the place " +
    "fits it – an edge, a bend, the end of a stroke."
  );
}

function laterFilters({
  kernel: {
    shape: [height, width, inputs, filters],
  },
}) {
  return (
    `${filters} filters again, each a window of ${height} × ${width}, but on all ${inputs} maps before at once: out of edges come ` +
    "corners and loops, out of those the parts of a digit. Point at a map to see its filter."
  );
}

/** @param {Layer} layer @returns {[string, string]} */
export function wordsOf(layer) {
  if (layer.operator in WORDS) return WORDS[layer.operator](layer);
  return ["Activation", (ACTIVATIONS[layer.operator] ?? "Every value is bent.") + BEND];
}

/** "32 maps of 12 × 12" or "256 values". @param {Layer} layer */
export function sizeOf({ values: { shape } }) {
  return isMaps(shape)
    ? `${shape[2]} ${shape[2] === 1 ? "map" : "maps"} of ${shape[0]} × ${shape[1]}`
    : `${count({ shape })} values`;
}

/** Whether there are places on what a layer gives. @param {number[]} shape */
export function isMaps(shape) {
  return shape.length === 3 && shape[0] * shape[1] > 1;
}

function count({ shape }) {
  return shape[shape.length - 1];
}

function pixels(number) {
  return number === 1 ? "a pixel" : `${number} pixels`;
}
