/** Building pieces of the page. */

/** @param {string} id @returns {HTMLElement} */
export function find(id) {
  return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {Record<string, string | EventListener>} [attributes] a function is a listener: {click: …}
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/**
 * Fills a panel with HTML of the page's own; gives a function that finds its parts by data-part.
 *
 * @param {HTMLElement} panel
 * @param {string} html never with anything in it that came from elsewhere
 * @returns {(name: string) => HTMLElement}
 */
export function filled(panel, html) {
  panel.innerHTML = html;
  return (name) => panel.querySelector(`[data-part="${name}"]`);
}
