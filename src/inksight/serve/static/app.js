/**
 * The frame of the page: a bar of tabs, the model that answers, and what tabs share.
 *
 * A tab is one module that exports `tab`:
 *
 * @typedef {object} Tab
 * @property {string} id  of the tab, and its name in the address: #draw
 * @property {string} title
 * @property {(panel: HTMLElement, context: Context) => (void | {shown?: () => void, hidden?: () => void})} mount
 *   fills the panel, once, when the tab is shown for the first time; what it gives is told when the tab comes and goes
 *
 * @typedef {object} Picture  what the tabs are about: a drawing or a photo
 * @property {Blob} blob
 * @property {string} name
 * @property {{label: string, box: number[]}[]} [digits]  where there are several: what POST /read said
 * @property {?object} [answer]  what POST /predict said of it, where it was asked
 */

import { Context } from "./context.js";
import { element, find } from "./dom.js";
import { tab as draw } from "./tabs/draw.js";
import { tab as inside } from "./tabs/inside.js";
import { tab as photo } from "./tabs/photo.js";
import { tab as runs } from "./tabs/runs.js";
import { tab as sees } from "./tabs/sees.js";
import { tab as teach } from "./tabs/teach.js";
import { tab as train } from "./tabs/train.js";

/** @type {Tab[]} in the order of the bar */
const TABS = [draw, sees, photo, inside, train, runs, teach];
const KEYS = { ArrowLeft: -1, ArrowRight: 1 };

const context = new Context({ open: show, has: (id) => entries.has(id) });
const entries = new Map(TABS.map((tab) => [tab.id, entryOf(tab)]));
let current = null;

/** A tab with its button and its panel. @param {Tab} tab */
function entryOf(tab) {
  const button = element(
    "button",
    {
      id: `tab-${tab.id}`,
      type: "button",
      role: "tab",
      "aria-controls": tab.id,
      "aria-selected": "false",
      tabindex: "-1",
    },
    tab.title,
  );
  const panel = element("section", { id: tab.id, role: "tabpanel", "aria-labelledby": button.id, hidden: "" });
  button.addEventListener("click", () => show(tab.id));
  find("tabs").append(button);
  find("panels").append(panel);
  return { tab, button, panel, life: null };
}

/** Shows a tab; the first one where there is none of that name. @param {string} id */
function show(id) {
  const entry = entries.get(id) ?? entries.get(TABS[0].id);
  if (entry === current) return;
  if (current) toggle(current, false);
  current = entry;
  toggle(entry, true);
  entry.life ??= entry.tab.mount(entry.panel, context) ?? {};
  entry.life.shown?.();
  if (location.hash !== `#${entry.tab.id}`) history.replaceState(null, "", `#${entry.tab.id}`);
  document.title = `${entry.tab.title} – Inksight`;
}

function toggle({ button, panel, life }, isShown) {
  button.setAttribute("aria-selected", String(isShown));
  button.tabIndex = isShown ? 0 : -1;
  panel.hidden = !isShown;
  if (isShown) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  else life?.hidden?.();
}

/** Arrow keys, Home and End walk along the bar. @param {KeyboardEvent} event */
function walk(event) {
  const at = TABS.indexOf(current.tab);
  const last = TABS.length - 1;
  const next = { Home: 0, End: last }[event.key] ?? at + (KEYS[event.key] ?? NaN);
  if (Number.isNaN(next)) return;
  event.preventDefault();
  const id = TABS[(next + TABS.length) % TABS.length].id;
  show(id);
  entries.get(id).button.focus();
}

/** The line beside the heading. */
function introduce() {
  const { name, about } = context.model;
  const right = about.test
    ? `${(100 * about.test.accuracy).toFixed(2)} % right on ${about.test.images.toLocaleString("en")} test pictures`
    : "";
  find("model").textContent = [name, right].filter(Boolean).join(" · ");
}

find("tabs").addEventListener("keydown", walk);
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
addEventListener("hashchange", () => show(location.hash.slice(1)));
context.addEventListener("model", introduce);
await context.refresh();
if (context.model) show(location.hash.slice(1));
