// Where the runner is, and requests to it.

/** The root URL of the runner; this module is at static/workbench/ below it. */
export const ROOT = new URL("../../", import.meta.url);

/** What the runner has answered to a request that failed. */
export class RequestError extends Error {
  /**
   * @param {string} message for people
   * @param {number} status of the answer; 0 when there was none
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Return the URL of a resource of the workbench; undefined members of the query are left out. */
export function workbenchUrl(path, query = {}) {
  const url = new URL(`workbench/${path}`, ROOT);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) {
      if (each !== undefined && each !== null && each !== "") url.searchParams.append(name, each);
    }
  }
  return url;
}

/**
 * Send a request and return the answer.
 *
 * @throws {RequestError} there was no answer, or it was an error
 */
export async function send(url, options = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw new RequestError(error.message, 0);
  }
  if (response.ok) return response;
  throw new RequestError(await reason(response), response.status);
}

/** Send a value as JSON. */
export function sendJson(url, value, method = "POST") {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return send(url, { method, headers, body: JSON.stringify(value) });
}

/** Return the JSON at a URL, or null when there is nothing. */
export async function read(url) {
  try {
    const response = await send(url, { headers: { Accept: "application/json" } });
    return response.status === 204 ? null : await response.json();
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

async function reason(response) {
  return reasonIn(await response.text()) ?? `${response.status} ${response.statusText}`;
}

/** Return the reason in the text of an answer; null when it is no JSON. */
export function reasonIn(text) {
  try {
    const { message, errors, status } = JSON.parse(text);
    if (message) return message;
    const reasons = [...texts(errors)];
    return reasons.length ? reasons.join(" ") : (status ?? "");
  } catch {
    return null;
  }
}

/** The texts in what marshmallow reports, each after the name of its field. */
function* texts(errors, name = "") {
  if (typeof errors === "string") yield name ? `${name}: ${errors}` : errors;
  else if (Array.isArray(errors)) for (const each of errors) yield* texts(each, name);
  else if (errors) for (const [key, each] of Object.entries(errors)) yield* texts(each, key);
}
