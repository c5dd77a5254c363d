/** What a browser decodes → opaque pixels. */

const PICTURE_PX = 512;

/** A picture's pixels on white, made smaller if it is large. @param {ImageBitmap} image */
export function pixelsOf(image) {
  const scale = Math.min(PICTURE_PX / Math.max(image.width, image.height), 1);
  const [width, height] = [image.width, image.height].map((side) => Math.max(Math.round(side * scale), 1));
  const context = blank(width, height).getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** A transparent picture laid on white. @param {ImageData} picture */
export function opaque({ data, width, height }) {
  const result = new ImageData(width, height);
  data.forEach((value, at) => {
    const alpha = data[at | 3] / 255;
    result.data[at] = (at & 3) === 3 ? 255 : Math.round(value * alpha + 255 * (1 - alpha));
  });
  return result;
}

/** A canvas that is not on the page. @param {number} width @param {number} height */
export function blank(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
