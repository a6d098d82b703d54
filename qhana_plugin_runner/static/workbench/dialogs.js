// Dialogs filled with fragments: HTML that the runner renders for a place in a page.

import { send } from "./server.js";

/** A `<dialog>` of the page; opened with nothing chosen, closed with a choice or without one. */
export class FragmentDialog {
  #dialog;
  #body;
  #choice = null;

  /** @param {string} id of the dialog; what is in its `.fragment` is replaced */
  constructor(id) {
    this.#dialog = document.getElementById(id);
    this.#body = this.#dialog.querySelector(".fragment");
  }

  get body() {
    return this.#body;
  }

  /**
   * Show a fragment; links and forms in it that lead to a page of the same resource stay in here.
   *
   * @param {URL} url of the fragment
   * @param {(part: Element) => void} [start] called with the body whenever it is filled
   * @returns {Promise<object|null>} what was chosen
   */
  open(url, start = () => {}) {
    this.#choice = null;
    const closed = new AbortController();
    const { signal } = closed;
    const load = (next) => this.#load(next, start, signal);
    this.#dialog.addEventListener("click", (event) => this.#click(event, load), { signal });
    this.#body.addEventListener("submit", (event) => this.#search(event, url, load), { signal });
    this.#dialog.showModal();
    load(url);
    return new Promise((resolve) => {
      const end = () => {
        closed.abort();
        this.#body.replaceChildren(); // a frame in it goes on working else
        resolve(this.#choice);
      };
      this.#dialog.addEventListener("close", end, { once: true });
    });
  }

  choose(choice) {
    this.#choice = choice;
    this.#dialog.close();
  }

  async #load(url, start, signal) {
    this.#body.setAttribute("aria-busy", "true");
    try {
      const response = await send(url, { headers: { Accept: "text/html" }, signal });
      const html = await response.text();
      if (signal.aborted) return;
      const parsed = new DOMParser().parseFromString(html, "text/html");
      this.#body.replaceChildren(...parsed.body.childNodes);
      start(this.#body);
    } catch (error) {
      if (!signal.aborted) this.#body.textContent = error.message;
    } finally {
      this.#body.removeAttribute("aria-busy");
    }
  }

  #click(event, load) {
    const link = event.target.closest(".fragment a[rel]");
    if (event.target.closest("[data-close]")) {
      this.#dialog.close();
    } else if (link && ["next", "prev"].includes(link.rel)) {
      event.preventDefault();
      load(new URL(link.href));
    } else {
      const button = event.target.closest("button.file-choice, button.plugin-choice");
      if (button) this.choose({ ...button.dataset });
    }
  }

  #search(event, url, load) {
    event.preventDefault();
    const next = new URL(event.target.getAttribute("action") || url, url);
    next.search = new URLSearchParams(new FormData(event.target)).toString();
    load(next);
  }
}

/**
 * Let the user choose a file.
 *
 * @param {URL} url of the fragment that lists them
 * @returns {Promise<{href: string, dataType?: string, contentType?: string, filename?: string}|null>}
 */
export function chooseFile(url) {
  const dialog = new FragmentDialog("file-dialog");
  const forms = document.getElementById("file-dialog");
  const closed = new AbortController();
  const listen = (selector, choose) => {
    const form = forms.querySelector(selector);
    const error = form.querySelector("[role=alert]");
    const submit = async (event) => {
      event.preventDefault();
      error.hidden = true;
      try {
        const chosen = await choose(new FormData(form), form.action);
        if (closed.signal.aborted) return; // the user did not want to wait for it
        dialog.choose(chosen);
        form.reset();
      } catch (problem) {
        error.textContent = problem.message;
        error.hidden = false;
      }
    };
    form.addEventListener("submit", submit, { signal: closed.signal });
  };
  listen("form.upload", async (data, action) => {
    const options = { method: "POST", body: data, headers: { Accept: "application/json" } };
    const { name, ...file } = await (await send(action, options)).json();
    return { ...file, filename: name };
  });
  listen("form.by-url", async (data) => ({ href: data.get("url") }));
  return dialog.open(url).finally(() => closed.abort());
}

/**
 * Let the user choose a plugin.
 *
 * @param {URL} url of the fragment that lists them
 * @returns {Promise<{pluginUrl: string, pluginName?: string, pluginVersion?: string}|null>}
 */
export function choosePlugin(url) {
  return new FragmentDialog("plugin-dialog").open(url);
}

