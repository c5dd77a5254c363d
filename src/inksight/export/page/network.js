/**
 * The forward pass: one picture through the operations of a plan. Arrays are channels-last.
 *
 * @typedef {{shape: number[], data: Float32Array}} Tensor
 */

/**
 * Makes a function of one picture: pixels (size · size · channels), 0–255, → probabilities by class.
 *
 * @param {import("./model.js").Model} model
 * @returns {(pixels: ArrayLike<number>) => Float32Array}
 */
export function openNetwork(model) {
  const values = [tensor([model.size_px, model.size_px, model.channels])];
  const steps = model.operations.map((operation) => {
    const details = { ...operation, kernel: view(model, operation.kernel), bias: view(model, operation.bias) };
    const inputs = operation.inputs.map((place) => values[place]);
    const output = tensor(operation.shape);
    values.push(output);
    return () => OPERATORS[operation.operator](output, inputs, details);
  });
  return (pixels) => {
    values[0].data.set(pixels);
    for (const step of steps) step();
    return values[values.length - 1].data.slice();
  };
}

/** @param {number[]} shape @returns {Tensor} */
function tensor(shape) {
  return { shape, data: new Float32Array(product(shape)) };
}

/** @param {import("./model.js").Model} model @param {import("./model.js").Constant} [constant] */
function view(model, constant) {
  if (!constant) return undefined;
  const { offset, shape } = constant;
  return { shape, data: model.weights.subarray(offset, offset + product(shape)) };
}

/** @param {number[]} numbers */
function product(numbers) {
  return numbers.reduce((left, right) => left * right, 1);
}

/** The last axis: channels, or values. @param {Tensor} tensor */
function depth({ shape }) {
  return shape[shape.length - 1];
}

/**
 * sums[at + j] += Σᵢ values[from + i] · kernel[start + i, j], over `count` values. Most of them are 0 behind a ReLU.
 */
function addProducts(sums, at, filters, values, from, count, kernel, start) {
  for (let i = 0; i < count; i++) {
    const value = values[from + i];
    if (value === 0) continue;
    const row = start + i * filters;
    for (let j = 0; j < filters; j++) sums[at + j] += value * kernel[row + j];
  }
}

function convolve(output, [input], { kernel, bias, strides }) {
  const [rows, columns, filters] = output.shape;
  const [, width, channels] = input.shape;
  const [reach, across] = kernel.shape;
  const run = across * channels;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = (y * columns + x) * filters;
      output.data.set(bias.data, at);
      for (let dy = 0; dy < reach; dy++) {
        const from = ((y * strides[0] + dy) * width + x * strides[1]) * channels;
        addProducts(output.data, at, filters, input.data, from, run, kernel.data, dy * run * filters);
      }
    }
  }
}

function dense(output, [input], { kernel, bias }) {
  output.data.set(bias.data);
  addProducts(output.data, 0, output.data.length, input.data, 0, input.data.length, kernel.data, 0);
}

function pool(output, [input], { window, strides }) {
  const [rows, columns, channels] = output.shape;
  output.data.fill(-Infinity);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (let dy = 0; dy < window[0]; dy++) {
        for (let dx = 0; dx < window[1]; dx++) {
          const from = ((y * strides[0] + dy) * input.shape[1] + x * strides[1] + dx) * channels;
          raise(output.data, (y * columns + x) * channels, input.data, from, channels);
        }
      }
    }
  }
}

/** Keeps the larger of each pair. */
function raise(largest, at, values, from, count) {
  for (let i = 0; i < count; i++) largest[at + i] = Math.max(largest[at + i], values[from + i]);
}

function pad(output, [input], { before, value }) {
  const [rows, columns, channels] = input.shape;
  output.data.fill(value);
  for (let y = 0; y < rows; y++) {
    const row = input.data.subarray(y * columns * channels, (y + 1) * columns * channels);
    output.data.set(row, ((y + before[0]) * output.shape[1] + before[1]) * channels);
  }
}

function maximum(output, [input]) {
  const channels = depth(input);
  output.data.fill(-Infinity);
  for (let from = 0; from < input.data.length; from += channels) raise(output.data, 0, input.data, from, channels);
}

function average(output, [input]) {
  const channels = depth(input);
  const share = channels / input.data.length;
  output.data.fill(0);
  input.data.forEach((value, index) => (output.data[index % channels] += value * share));
}

function scale(output, [input], { kernel, bias }) {
  const channels = depth(input);
  input.data.forEach((value, index) => {
    output.data[index] = value * kernel.data[index % channels] + bias.data[index % channels];
  });
}

function concatenate(output, inputs) {
  const pixels = output.data.length / depth(output);
  let at = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (const input of inputs) {
      const channels = depth(input);
      output.data.set(input.data.subarray(pixel * channels, (pixel + 1) * channels), at);
      at += channels;
    }
  }
}

function flatten(output, [input]) {
  output.data.set(input.data);
}

function mean(output, inputs) {
  output.data.fill(0);
  for (const { data } of inputs) data.forEach((value, index) => (output.data[index] += value / inputs.length));
}

function multiply(output, [left, right]) {
  left.data.forEach((value, index) => (output.data[index] = value * right.data[index]));
}

function softmax(output, [input]) {
  const largest = Math.max(...input.data);
  const powers = Array.from(input.data, (value) => Math.exp(value - largest));
  const sum = powers.reduce((left, right) => left + right, 0);
  powers.forEach((value, index) => (output.data[index] = value / sum));
}

/** Abramowitz & Stegun 7.1.26: within 1.5e-7. @param {number} x */
function errorFunction(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

/** An operator that treats every value alike. @param {(x: number, alpha: number) => number} activate */
function each(activate) {
  return (output, [input], { alpha }) => {
    for (let i = 0; i < output.data.length; i++) output.data[i] = activate(input.data[i], alpha);
  };
}

const OPERATORS = {
  average,
  concatenate,
  convolve,
  dense,
  flatten,
  maximum,
  mean,
  multiply,
  pad,
  pool,
  scale,
  softmax,
  elu: each((x, alpha) => (x > 0 ? x : alpha * Math.expm1(x))),
  gelu: each((x) => (x * (1 + errorFunction(x / Math.SQRT2))) / 2),
  leakyrelu: each((x, alpha) => (x > 0 ? x : alpha * x)),
  relu: each((x) => Math.max(x, 0)),
  selu: each((x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))),
  sigmoid: each((x) => 1 / (1 + Math.exp(-x))),
  softplus: each((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  tanh: each(Math.tanh),
};
