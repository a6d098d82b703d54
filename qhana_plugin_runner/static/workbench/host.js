// The host side of the protocol between a micro frontend and the page around it.
//
// A frame of a micro frontend is an `<iframe class="micro-frontend">` with
//
//   data-src       the micro frontend; loaded from here, so that no message is missed
//   data-location  the place of the frame, for "plugin-context"
//   data-plugin    the identifier of the plugin; what is submitted is then saved for it
//   data-tasks     where the tasks of the runner are
//   data-again     a task: the form is filled with the values of its run

import { chooseFile, choosePlugin } from "./dialogs.js";
import { read, reasonIn, sendJson, workbenchUrl } from "./server.js";

// No form is higher; a frame that asks for more scrolls.
const MAX_HEIGHT = 20_000;

// Pixels: a frame that asks for the full height gets the window's without this.
const AROUND = 160;

/** Let the frames of a part of the page work. */
export function startHosts(part) {
  for (const frame of part.querySelectorAll("iframe.micro-frontend[data-src]")) {
    new MicroFrontendHost(frame).start();
  }
}

/** The host of one frame. */
export class MicroFrontendHost {
  #frame;
  #url;
  #hasShown = false;
  #answers = {
    "ui-loaded": () => this.#welcome(),
    "ui-loading": () => this.#frame.setAttribute("aria-busy", "true"),
    "autofill-request": () => this.#fill(),
    "implementations-request": () => this.#sendImplementations(),
    "ui-resize": (message) => this.#resize(message),
    "ui-submit-status": () => {},
    "form-submit": (message) => this.#submitted(message),
    "form-error": (message) => this.#failed(message),
    "request-data-url": (message) => this.#chooseFile(message),
    "request-data-url-info": (message) => this.#sendFileFacts(message),
    "request-data-preview": ({ dataUrl }) => this.#preview(dataUrl),
    "request-related-data-url": (message) => this.#chooseRelated(message),
    "request-plugin-url": (message) => this.#choosePlugin(message),
    "request-plugin-url-info": (message) => this.#sendPluginFacts(message),
  };

  /** @param {HTMLIFrameElement} frame */
  constructor(frame) {
    this.#frame = frame;
    this.#url = new URL(frame.dataset.src, location.href);
  }

  /** Load the micro frontend and answer its messages as long as its frame is in the page. */
  start() {
    const receive = (event) => {
      if (!this.#frame.isConnected) removeEventListener("message", receive);
      else if (event.source === this.#frame.contentWindow) this.#receive(event);
    };
    addEventListener("message", receive);
    this.#frame.addEventListener("load", () => this.#loaded());
    this.#frame.src = this.#url.href;
  }

  /**
   * Show the reason of a response that is not a page, instead of raw JSON. A form is a page, also when
   * the plugin gives it the status of an error.
   *
   * When the response has replaced a form, the form is shown again with the values entered.
   */
  #loaded() {
    this.#frame.removeAttribute("aria-busy");
    const page = this.#frame.contentDocument; // null for pages of other origins
    if (!page || page.URL === "about:blank") return;
    const { history, performance } = this.#frame.contentWindow;
    const status = performance.getEntriesByType("navigation")[0]?.responseStatus ?? 200;
    const isJson = /[/+]json$/.test(page.contentType);
    const isForm = page.querySelector(".qhana-body, .qhana-form") !== null;
    const isShown = isForm || (!isJson && status < 400);
    if (!isShown) {
      const text = (page.querySelector("pre") ?? page.documentElement)?.textContent;
      const reason = (isJson && reasonIn(text)) || "";
      this.#complain(`${this.#frame.dataset.unshown} ${status} ${reason}`.trim());
      if (this.#hasShown) history.back();
    }
    this.#frame.hidden = !isShown;
    this.#hasShown ||= isShown;
  }

  async #receive(event) {
    // A frame that has left its origin gets no answers: URLs in them are secret.
    if (event.origin !== this.#url.origin) return;
    const message = event.data;
    const type = typeof message === "string" ? message : message?.type;
    if (!Object.hasOwn(this.#answers, type)) return; // plugins have messages of their own
    try {
      await this.#answers[type](message);
    } catch (error) {
      this.#complain(error.message);
    }
  }

  #send(message) {
    this.#frame.contentWindow?.postMessage(message, this.#url.origin);
  }

  #welcome() {
    this.#frame.removeAttribute("aria-busy");
    this.#send({ type: "load-css", urls: [new URL("frame.css", import.meta.url).href] });
    this.#send({ type: "plugin-context", location: this.#frame.dataset.location });
  }

  async #fill() {
    const task = this.#frame.dataset.again;
    const run = task && (await read(workbenchUrl(`runs/${task}/`)));
    if (!run) return;
    this.#send({
      type: "autofill-response",
      value: run.formData,
      encoding: "application/x-www-form-urlencoded",
    });
  }

  #resize({ height, targetHeight }) {
    const wanted = targetHeight === "full" ? innerHeight - AROUND : (targetHeight ?? height);
    if (Number.isFinite(wanted)) {
      this.#frame.style.height = `${Math.min(Math.max(wanted, 0), MAX_HEIGHT)}px`;
    }
  }

  async #submitted({ formData, dataInputs, resultUrl }) {
    this.#frame.removeAttribute("aria-busy");
    this.#complain("");
    if (!resultUrl) return; // a plugin has kept the form from being sent
    const { plugin } = this.#frame.dataset;
    if (!plugin) return; // a step: the page follows its task already
    const target = new URL(resultUrl, this.#url);
    if (!target.href.startsWith(new URL(this.#frame.dataset.tasks, location).href)) {
      this.#complain(this.#frame.dataset.elsewhere, target.href);
      return;
    }
    const run = { resultUrl: target.href, plugin, formData, dataInputs };
    try {
      await sendJson(workbenchUrl("runs/"), run);
    } finally {
      location.assign(target); // the task runs, whether its values are saved or not
    }
  }

  #failed({ status, error }) {
    this.#frame.removeAttribute("aria-busy");
    const reason = error?.message ?? error?.status ?? "";
    this.#complain(`${this.#frame.dataset.failed} ${status} ${reason}`.trim());
  }

  /** Show a problem beside the frame; an empty text hides it. */
  #complain(text, link = "") {
    const place = document.getElementById("message");
    place.textContent = text;
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = anchor.textContent = link;
      place.append(" ", anchor);
    }
    place.hidden = !text;
  }

  #preview(url) {
    const detail = { url };
    this.#frame.dispatchEvent(new CustomEvent("preview-request", { detail, bubbles: true }));
  }

  async #chooseFile({ inputKey, acceptedInputType, acceptedContentTypes }) {
    const query = { dataType: acceptedInputType, contentType: acceptedContentTypes };
    this.#answerFile(inputKey, await chooseFile(workbenchUrl("files/", query)));
  }

  async #chooseRelated(message) {
    const query = {
      url: message.dataUrl,
      relation: message.relation,
      includeSelf: message.includeSelf,
      dataType: message.acceptedInputType,
      contentType: message.acceptedContentType,
    };
    const url = workbenchUrl("related", query);
    // A script of the plugin asks by itself, and must not surprise the user with a dialog.
    const isAsked = message.userInteraction !== false;
    const choice = isAsked ? await chooseFile(url) : (await read(url))?.[0];
    this.#answerFile(message.inputKey, choice);
  }

  async #sendFileFacts({ inputKey, dataUrl }) {
    this.#answerFile(inputKey, await read(workbenchUrl("file-facts", { url: dataUrl })));
  }

  #answerFile(inputKey, file) {
    if (!file) return;
    const { href, dataType, contentType, filename } = file;
    this.#send({ type: "data-url-response", inputKey, href, dataType, contentType, filename });
  }

  async #choosePlugin({ inputKey, pluginTags, pluginName, pluginVersion }) {
    const query = { tag: pluginTags, name: pluginName, version: pluginVersion };
    this.#answerPlugin(inputKey, await choosePlugin(workbenchUrl("plugins/", query)));
  }

  async #sendPluginFacts({ inputKey, pluginUrl }) {
    this.#answerPlugin(inputKey, await read(workbenchUrl("plugin-facts", { url: pluginUrl })));
  }

  #answerPlugin(inputKey, plugin) {
    if (!plugin) return;
    const { pluginUrl, pluginName, pluginVersion } = plugin;
    this.#send({ type: "plugin-url-response", inputKey, pluginUrl, pluginName, pluginVersion });
  }

  /** An implementation is a circuit that an earlier run has made. */
  async #sendImplementations() {
    const found = (await read(workbenchUrl("files/", { dataType: "executable/*" }))) ?? [];
    const implementations = found.map(({ filename, href, contentType }) => ({
      name: filename,
      download: href,
      version: "1",
      type: contentType,
    }));
    this.#send({ type: "implementations-response", implementations });
  }
}
