/** Pictures on their way to the service. */

const MARGIN_SHARE = 0.15;

/** A canvas as a PNG. @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
export function pngOf(canvas) {
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/**
 * A grey drawing as a PGM: bytes as they are, which takes no time to pack and to unpack.
 *
 * @param {CanvasRenderingContext2D} context
 */
export function greyOf(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const grey = Uint8Array.from({ length: width * height }, (_, at) => data[4 * at]);
  return new Blob([`P5 ${width} ${height} 255\n`, grey], { type: "image/x-portable-graymap" });
}

/** How a picture is sent: as it is. @param {Blob} blob */
export function posted(blob) {
  return {
    body: blob,
    headers: { "Content-Type": blob.type.startsWith("image/") ? blob.type : "application/octet-stream" },
  };
}

/** A 7 to begin with, until something is drawn. @returns {Promise<import("./app.js").Picture>} */
export async function example() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 240, height: 240 });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 240, 240);
  context.lineWidth = 19;
  context.lineCap = context.lineJoin = "round";
  context.stroke(new Path2D("M70 62 Q120 52 168 62 Q150 110 128 140 Q112 168 108 196"));
  return { blob: await pngOf(canvas), name: "an example" };
}

/**
 * One digit out of a picture of several, with a little of the paper around it.
 *
 * @param {Blob} blob
 * @param {number[]} box left, top, width, height in pixels
 */
export async function cropped(blob, [left, top, width, height]) {
  const image = await createImageBitmap(blob);
  const margin = Math.round(MARGIN_SHARE * Math.max(width, height)) + 2;
  const from = { x: Math.max(left - margin, 0), y: Math.max(top - margin, 0) };
  const canvas = Object.assign(document.createElement("canvas"), {
    width: Math.min(left + width + margin, image.width) - from.x,
    height: Math.min(top + height + margin, image.height) - from.y,
  });
  canvas.getContext("2d").drawImage(image, -from.x, -from.y);
  return pngOf(canvas);
}

/** What was dropped or pasted. @param {?DataTransfer} transfer @returns {File[]} */
export function filesOf(transfer) {
  return [...(transfer?.files ?? [])];
}
