/** Numbers as people read them. */

/** @param {number} rate 0–1 */
export function percentOf(rate) {
  return `${(100 * rate).toFixed(2)} %`;
}

/** @param {number} count */
export function counted(count) {
  return Math.round(count).toLocaleString("en");
}

/** @param {number} seconds */
export function lasting(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** "kernel_size" → "Kernel size". @param {string} name */
export function titled(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

/** A point in time, as short as can be. @param {string} time ISO 8601 */
export function moment(time) {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? "" : `${date.toLocaleDateString("en", { day: "numeric", month: "short" })} `;
  return day + date.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
}
