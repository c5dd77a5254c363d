/** Asking the service. What goes wrong is an Error with a text for people. */

const STORED = "inksight-token";
const GONE = "Inksight does not answer any more. Was it ended in its terminal? Start it again with inksight app.";

/** The bearer token comes once, behind the # of the address, and is kept for this window. */
const [, given] = location.hash.match(/^#token=(.*)$/) ?? [];
if (given !== undefined) {
  sessionStorage.setItem(STORED, decodeURIComponent(given));
  history.replaceState(null, "", location.pathname);
}

/**
 * @param {string} path
 * @param {RequestInit} [options] of fetch; a body makes it a POST, an object as `json` is sent as JSON
 * @returns {Promise<any>} the JSON of the answer
 * @throws {Error} with the service's own words
 */
export async function ask(path, options = {}) {
  return (await askRaw(path, options)).json();
}

/** As `ask`, for what is not JSON. @returns {Promise<Response>} */
export async function askRaw(path, { json, ...options } = {}) {
  const headers = new Headers(options.headers);
  const token = sessionStorage.getItem(STORED);
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  if (json !== undefined) headers.set("Content-Type", "application/json");
  const body = json === undefined ? options.body : JSON.stringify(json);
  const method = options.method ?? (body === undefined ? "GET" : "POST");
  const answer = await fetch(path, { ...options, method, headers, body }).catch((problem) => {
    throw problem.name === "AbortError" ? problem : new Error(GONE);
  });
  if (!answer.ok) throw new Error(await reasonOf(answer));
  return answer;
}

/** The service's own words. @param {Response} answer */
async function reasonOf(answer) {
  const told = await answer.json().catch(() => ({}));
  return told.error ?? `the service answered ${answer.status} ${answer.statusText}`;
}

/**
 * Asks with the newest body only: one question at a time, and what comes meanwhile replaces what waits.
 *
 * @template T
 * @param {(newest: T) => Promise<void>} question
 * @returns {(newest: T) => void}
 */
export function latestWins(question) {
  let waiting = null;
  let isAsking = false;
  return async (newest) => {
    waiting = { newest };
    if (isAsking) return;
    isAsking = true;
    while (waiting) {
      const next = waiting.newest;
      waiting = null;
      await question(next);
    }
    isAsking = false;
  };
}
