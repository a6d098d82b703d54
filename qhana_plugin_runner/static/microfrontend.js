/**
 * The frame side of a micro frontend: what lets a page of a plugin work inside a host page.
 *
 * Include it as a plain script before the scripts of the plugin. It needs nothing else, and it
 * leaves a page that is not in a frame (and was not opened by another page) as it is, unless the
 * plugin calls `instrumentForm()`. Messages, attributes and classes are described in the
 * documentation under "Micro frontends".
 *
 * Plugins use the functions that are listed at the end of this file, and the object
 * `window._qhana_microfrontend_state`, by which they know that they are in a frame. They may
 * replace or wrap its two handlers at any time.
 */
(() => {
  "use strict";

  if (window.instrumentForm) {
    return; // the page includes this script twice
  }

  const HIDDEN_VALUE = "***";
  const PICK_BUTTONS =
    ".qhana-choose-file-button, .qhana-show-preview-button, .qhana-choose-plugin-button, " +
    ".qhana-add-value-button";

  /** What is sent after a control for which browsers send nothing while it is off. */
  const UNSENT = ".qhana-unsent";

  /** Boxes of errors that the runner has made; plugins have others, which they need again. */
  const ERRORS = ".qhana-error-summary, .qhana-error-message[id$='-error']";

  /** The height is looked at this often (milliseconds) until it is the same so many times. */
  const HEIGHT_INTERVAL = 100;
  const HEIGHT_SETTLED = 10;

  /** A page as high as its window and a bit more would grow for ever; so often it may. */
  const HEIGHT_CHASES = 3;

  /** Texts for people; pages of the runner hand them over in the language of the request. */
  const TEXTS = {
    correct: "Please correct these entries and try again.",
    failed: "Something went wrong:",
    noConnection: "The plugin is unreachable.",
    sending: "Sending …",
    sent: "Sent.",
    timeout: "The plugin did not respond in time.",
    ...JSON.parse(document.currentScript?.dataset.texts ?? "{}"),
  };

  /** The root of the runner; undefined where the script is in the page itself. */
  const ROOT = document.currentScript?.src && new URL("../", document.currentScript.src);

  const state = {
    href: window.location.href,
    /** The height that the host was told last, in CSS pixels. */
    lastHeight: 0,
    heightUnchangedCount: 0,
    /** The host wants to get what is entered, and does not want it to be sent. */
    preventSubmit: false,
    /** Sees each submit first; what returns true has dealt with it. */
    formSubmitHandler: (_event, _dataInputs, _privateInputs) => false,
    /** Sees each message first, from whatever window; what returns true has dealt with it. */
    messageHandler: (_event) => false,
    /** Where the host shows the page, see `getPluginContext`. */
    pluginContext: null,
    /** The height that the page wants: a number of CSS pixels, or "full". */
    targetHeight: undefined,
    /** How long sending a form may take, with its files and the answer, in milliseconds. */
    submitTimeout: 10 * 60 * 1000,
  };

  // -- the host ---------------------------------------------------------------------------------

  /** The window around this one, or the one that has opened it. */
  const host = window.parent !== window ? window.parent : window.opener;

  if (host) {
    window._qhana_microfrontend_state = state;
  }

  /** The state as the plugin has it: outside of a frame it may have made one of its own. */
  function pluginState() {
    return window._qhana_microfrontend_state ?? state;
  }

  /** The origin of the host; null until it is known, and when it has none to name. */
  let hostOrigin = nameable(
    host === window.parent ? window.location.ancestorOrigins?.[0] : null
  );
  let isListening = false;

  /**
   * The origins whose pages may talk with this one, in the notation of CSP; blank or missing means
   * all. Pages of others cannot show it in a frame, but they can open it.
   */
  const FRIENDS = document.currentScript?.dataset.friends?.split(" ").filter(Boolean) ?? [];

  function isFriend(origin) {
    const { hostname } = nameable(origin) ? new URL(origin) : { hostname: "" };
    return FRIENDS.some((source) => {
      const name = source.match(/^http:\/\/(.+):\*$/)?.[1];
      if (name?.startsWith("*")) return hostname.endsWith(name.slice(1));
      if (source === "'self'") return origin === window.location.origin;
      return name ? name === hostname : source === origin;
    });
  }

  /** Sandboxed pages and files have the origin "null", to which no message can be sent. */
  function nameable(origin) {
    return origin && origin !== "null" ? origin : null;
  }

  /** Send a message, a text or an object, to the host page. */
  function sendMessage(message) {
    const isSecret = typeof message === "object" && message.type !== "ui-resize";
    if (isSecret && host === window.opener && FRIENDS.length && !hostOrigin) {
      return; // nobody knows whose page has opened this one before it has said something
    }
    host?.postMessage(message, hostOrigin ?? "*");
  }

  function isFromHost(event) {
    if (!host || event.source !== host || (FRIENDS.length && !isFriend(event.origin))) {
      return false;
    }
    hostOrigin ??= nameable(event.origin);
    return !hostOrigin || event.origin === hostOrigin;
  }

  /** Listen for the messages of the host. */
  function registerMessageListener() {
    if (!isListening) {
      isListening = true;
      window.addEventListener("message", onMessage);
    }
  }

  function onMessage(event) {
    try {
      if (pluginState().messageHandler?.(event)) {
        return;
      }
    } catch (error) {
      window.reportError(error); // a fault of the plugin; the host still gets its answers
    }
    if (isFromHost(event)) {
      const name = typeof event.data === "string" ? event.data : event.data?.type;
      MESSAGES.get(name)?.(event.data);
    }
  }

  const MESSAGES = new Map([
    ["ui-prevent-submit", () => (state.preventSubmit = true)],
    ["ui-allow-submit", () => (state.preventSubmit = false)],
    ["ui-submit-status", sendSubmitStatus],
    ["load-css", onLoadCssMessage],
    ["plugin-context", onPluginContextUpdate],
    ["data-url-response", onDataUrlResponseMessage],
    ["plugin-url-response", onPluginUrlResponseMessage],
    ["autofill-response", onAutoFillResponse],
  ]);

  /** Tell the host that the page can be shown. */
  function notifyParentWindowOnLoad() {
    sendMessage("ui-loaded");
  }

  /** Tell the host whether a submit is sent to the plugin. */
  function sendSubmitStatus() {
    sendMessage({ type: "ui-submit-status", isAllowedToSubmit: !state.preventSubmit });
  }

  /** Add the stylesheets of the host, `{urls}`, each once. */
  function onLoadCssMessage(message) {
    for (const url of Array.isArray(message.urls) ? message.urls : []) {
      const href = webUrl(url);
      const links = [...document.querySelectorAll("link[rel~=stylesheet]")];
      if (href && !links.some((link) => link.href === href)) {
        const link = document.createElement("link");
        link.rel = "stylesheet";
        link.href = href;
        document.head.append(link);
      }
    }
  }

  /** The absolute form of an http or https URL, else null. */
  function webUrl(url) {
    const parsed = URL.canParse(String(url), document.baseURI)
      ? new URL(String(url), document.baseURI)
      : null;
    return parsed && /^https?:$/.test(parsed.protocol) ? parsed.href : null;
  }

  /** Remember where the host shows this page: `{experimentId, location}`. */
  function onPluginContextUpdate(message) {
    const { type: _type, ...context } = message;
    state.pluginContext = context;
  }

  /** Where the host shows this page: `{experimentId, location}`; empty while it has not told. */
  function getPluginContext() {
    return state.pluginContext ?? {};
  }

  // -- the height -------------------------------------------------------------------------------

  let heightTimer = 0;
  let sizeObserver = null;
  let sentTargetHeight = null;
  let viewportHeight = window.innerHeight;
  let excess = 0;
  let chases = 0;

  /** The height of all there is on the page, in whole CSS pixels. */
  function contentHeight() {
    const { height } = document.documentElement.getBoundingClientRect();
    return Math.ceil(Math.max(height, innerContentHeight()));
  }

  /** The same where a style sheet makes the page only as high as its window. */
  function innerContentHeight() {
    if (document.compatMode !== "BackCompat") {
      return document.body.scrollHeight;
    }
    // In quirks mode that is the height of the window, which would never get smaller.
    const content = document.createRange();
    content.selectNodeContents(document.body);
    return content.getBoundingClientRect().bottom + window.scrollY;
  }

  /** The width in CSS pixels that the content of the page can use. */
  function getMicrofrontendWidth() {
    const box = document.querySelector(".qhana-microfrontend") ?? document.body;
    const style = window.getComputedStyle(box);
    return (
      box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)
    );
  }

  /** Tell the host the height when it is another one than the last; return it. */
  function notifyParentWindowOnHeightChange(lastHeight, targetHeight) {
    const height = contentHeight();
    if (height !== lastHeight || targetHeight !== sentTargetHeight) {
      sentTargetHeight = targetHeight;
      const wish = targetHeight === undefined ? {} : { targetHeight };
      sendMessage({ type: "ui-resize", height, ...wish });
    }
    return height;
  }

  /** Keep the host informed of the height, now and whenever it changes. */
  function monitorHeightChanges(state) {
    if (!sizeObserver) {
      const lookAgain = () => {
        state.heightUnchangedCount = 0;
        monitorHeightChanges(state);
      };
      sizeObserver = new ResizeObserver(lookAgain);
      // Style sheets of hosts make the page as high as its window, whatever is in it.
      for (const box of [document.documentElement, document.body, ...document.body.children]) {
        sizeObserver.observe(box);
      }
      // Style sheets, images and fonts that come late; "load" does not bubble.
      document.addEventListener("load", lookAgain, { capture: true });
      window.addEventListener("resize", () => monitorHeightChanges(state));
    }
    let height = state.lastHeight;
    if (!isChasingViewport()) {
      height = notifyParentWindowOnHeightChange(height, state.targetHeight);
    }
    const isSame = height === state.lastHeight;
    state.heightUnchangedCount = isSame ? state.heightUnchangedCount + 1 : 0;
    state.lastHeight = height;
    // Content that grows out of boxes of fixed height is not seen by the observer.
    window.clearTimeout(heightTimer);
    if (state.heightUnchangedCount < HEIGHT_SETTLED) {
      heightTimer = window.setTimeout(() => monitorHeightChanges(state), HEIGHT_INTERVAL);
    }
  }

  /**
   * Whether the content is higher than the window, by the same again and again, however high the
   * host makes its frame: then it would grow for ever.
   */
  function isChasingViewport() {
    const { innerHeight } = window;
    const now = contentHeight() - innerHeight;
    if (now !== excess) {
      excess = now;
      chases = 0;
    } else if (excess > 0 && innerHeight > viewportHeight) {
      chases += 1;
    }
    viewportHeight = innerHeight;
    return chases > HEIGHT_CHASES;
  }

  // -- files and plugins that the host offers ----------------------------------------------------

  /** What was asked about the URL in an input: key of the input -> URL. */
  const questions = new Map();

  /** Keys of the inputs for which the user chooses something in the host. */
  const choosing = new Set();

  /** The lines below inputs that say what was chosen, and the names in them. */
  const HINTS = ".selected-file-hint, .selected-plugin-hint";
  const NAMES =
    ".selected-file-hint .selected-file-name, .selected-plugin-hint .selected-plugin-name";

  let isPressed = false;

  /** Inputs that the user, or a choice of the user, has changed. */
  const touched = new WeakSet();

  /** Whether the inputs are changed by this script just now. */
  let isFilling = false;
  let isAnswering = false;

  function findInput(key) {
    const input = document.getElementById(key) ?? document.getElementsByName(key)[0];
    return input && "value" in input ? input : null;
  }

  function keyOf(input) {
    return input.id || input.name;
  }

  function words(value) {
    return (value ?? "").split(/\s+/).filter(Boolean);
  }

  function onClick(event) {
    const button = event.target.closest?.(PICK_BUTTONS);
    if (!button) {
      return;
    }
    event.preventDefault(); // also in templates that forget the type of the button
    const { inputId } = button.dataset;
    if (button.matches(".qhana-add-value-button")) {
      addInput(findInput(inputId)).focus();
    } else if (button.matches(".qhana-show-preview-button")) {
      sendMessage({ type: "request-data-preview", dataUrl: findInput(inputId).value });
    } else {
      choosing.add(inputId);
      if (button.matches(".qhana-choose-plugin-button")) {
        sendMessage(pluginRequest(button.dataset));
      } else if (button.matches(".related")) {
        sendMessage(relatedRequest(button.dataset));
      } else {
        sendMessage(dataRequest(button.dataset));
      }
    }
  }

  function dataRequest({ inputId, input, contentType }) {
    return {
      type: "request-data-url",
      inputKey: inputId,
      acceptedInputType: input || "*",
      acceptedContentTypes: words(contentType || "*"),
    };
  }

  function relatedRequest(facts) {
    return {
      type: "request-related-data-url",
      inputKey: facts.inputId,
      dataUrl: findInput(facts.relatedInputId).value,
      relation: facts.relation || "any",
      includeSelf: facts.includeSelf === "true",
      acceptedInputType: facts.input || "*",
      acceptedContentType: facts.contentType || "*",
      userInteraction: true,
    };
  }

  function pluginRequest({ inputId, pluginTags, pluginName, pluginVersion }) {
    return {
      type: "request-plugin-url",
      inputKey: inputId,
      pluginTags: words(pluginTags),
      ...(pluginName ? { pluginName } : {}),
      ...(pluginVersion ? { pluginVersion } : {}),
    };
  }

  /** Ask the host what the URL in an input leads to. */
  function requestInfo(input) {
    const url = input.value.trim();
    showName(input, "");
    if (!url || !["data", "plugin"].includes(input.dataset.inputType)) {
      return;
    }
    const inputKey = keyOf(input);
    questions.set(inputKey, url);
    if (input.dataset.inputType === "data") {
      sendMessage({ type: "request-data-url-info", inputKey, dataUrl: url });
    } else {
      sendMessage({ type: "request-plugin-url-info", inputKey, pluginUrl: url });
    }
  }

  /** Take the file that was chosen, `{inputKey, href, filename, version}`. */
  function onDataUrlResponseMessage(message) {
    takeAnswer(message.inputKey, message.href, message.filename, message.version);
  }

  /** Take the plugin that was chosen, `{inputKey, pluginUrl, pluginName, pluginVersion}`. */
  function onPluginUrlResponseMessage(message) {
    takeAnswer(
      message.inputKey,
      message.pluginUrl,
      message.pluginName,
      message.pluginVersion
    );
  }

  function takeAnswer(inputKey, url, name, version) {
    const input = findInput(inputKey);
    if (!input || typeof url !== "string") {
      return;
    }
    const isChosen = choosing.delete(inputKey);
    const isInfo = questions.get(inputKey) === url;
    if (isInfo && !isChosen && input.value.trim() !== url) {
      return; // it is about what was in the input before the user changed it
    }
    if (!isInfo || isChosen) {
      touched.add(input);
    }
    input.value = url;
    showName(input, name ? name + (version ? ` (${version})` : "") : url);
    isAnswering = true;
    try {
      dispatchChange(input);
    } finally {
      isAnswering = false;
    }
    if (isChosen) {
      announce(input.form, hintOf(input)?.textContent ?? "");
    }
  }

  function hintOf(input) {
    const id = CSS.escape(keyOf(input));
    return document.querySelector(`:is(${NAMES})[data-input-id="${id}"]`)?.closest(HINTS);
  }

  /** Show what the URL in an input is called; an empty name hides the line. */
  function showName(input, name) {
    const shown = hintOf(input)?.querySelector(NAMES);
    if (shown) {
      shown.textContent = name;
      showHints();
    }
  }

  /**
   * Show the lines that have a name, hide the others. While a button is pressed they stay as they
   * are: it would be moved away from under the pointer, and the click would be lost.
   */
  function showHints() {
    if (!isPressed) {
      for (const name of document.querySelectorAll(NAMES)) {
        name.closest(HINTS).hidden = !name.textContent;
      }
    }
  }

  function onPress(event) {
    isPressed ||= event.button === 0; // the others open menus, which take the release
  }

  function onRelease() {
    window.setTimeout(() => {
      isPressed = false;
      showHints();
    });
  }

  function dispatchChange(input) {
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function onChange(event) {
    if (!isFilling && !isAnswering) {
      touched.add(event.target);
    }
    if (event.type === "change" && !isAnswering && event.target.dataset?.inputType) {
      requestInfo(event.target);
    }
    enableButtons();
  }

  /** Let the buttons be used that need the value of an input, while there is one. */
  function enableButtons() {
    for (const button of document.querySelectorAll(".qhana-choose-file-button.related")) {
      button.disabled = !findInput(button.dataset.relatedInputId)?.value;
    }
    for (const button of document.querySelectorAll(".qhana-show-preview-button")) {
      button.disabled = !findInput(button.dataset.inputId)?.value;
    }
  }

  function showButtons() {
    for (const button of document.querySelectorAll(PICK_BUTTONS)) {
      button.hidden = false;
    }
    enableButtons();
  }

  function labelOf(input) {
    return input.labels?.[0]?.firstChild?.textContent.trim() || input.name;
  }

  /** Add an input for one more value to those of a list, and return it. */
  function addInput(first) {
    const others = first.form.querySelectorAll(`[name="${CSS.escape(first.name)}"]`);
    const last = others[others.length - 1];
    const input = first.cloneNode();
    input.removeAttribute("id");
    input.removeAttribute("aria-invalid");
    input.removeAttribute("required"); // the first one is enough
    input.setAttribute("aria-label", `${labelOf(first)} ${others.length + 1}`);
    input.value = "";
    last.after(input);
    return input;
  }

  /** Of several lines that are pasted into a list, each is a value. */
  function onPaste(event) {
    const input = event.target;
    const field = input.closest?.(".qhana-form-field");
    const button = field?.querySelector(".qhana-add-value-button");
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const lines = text.split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean);
    if (!button || lines.length < 2) {
      return;
    }
    event.preventDefault();
    const [here, ...others] = lines;
    input.value = here;
    others.forEach((line) => (addInput(findInput(button.dataset.inputId)).value = line));
    dispatchChange(input);
  }

  // -- values that the host knows ----------------------------------------------------------------

  /** Fill the forms: `{value, encoding}`. What the user has changed stays as it is. */
  function onAutoFillResponse(message) {
    const isJson = message.encoding === "application/json";
    const values = isJson ? jsonValues(message.value) : urlencodedValues(message.value);
    isFilling = true;
    try {
      for (const form of document.querySelectorAll("form.qhana-form")) {
        fillForm(form, values, !isJson && values.size > 0);
      }
    } finally {
      isFilling = false;
    }
    enableButtons();
  }

  function urlencodedValues(value) {
    const query = new URLSearchParams(String(value ?? ""));
    return new Map([...query.keys()].map((name) => [name, query.getAll(name)]));
  }

  function jsonValues(value) {
    const object = typeof value === "string" ? JSON.parse(value || "{}") : value;
    return new Map(
      Object.entries(object ?? {}).map(([name, each]) => [name, [each].flat().map(plain)])
    );
  }

  function plain(value) {
    if (value === null) {
      return "";
    }
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }

  /**
   * @param isWhole whether the values are all of a form: what is chosen by ticks and selected
   *   options is absent there when it is not chosen.
   */
  function fillForm(form, values, isWhole) {
    const isFillable = (each) =>
      each.name &&
      "value" in each &&
      each.type !== "file" &&
      !isButton(each) &&
      !each.matches(UNSENT);
    const byName = Map.groupBy([...controlsOf(form)].filter(isFillable), (each) => each.name);
    for (const [name, inputs] of byName) {
      const mayBeAbsent = inputs.some((each) => "checked" in each && isTick(each));
      const isMultiple = inputs[0].type === "select-multiple";
      const found = values.get(name) ?? (isWhole && (mayBeAbsent || isMultiple) ? [] : null);
      if (found && !inputs.some((each) => touched.has(each))) {
        fillInputs(inputs, found);
      }
    }
  }

  function isTick(input) {
    return input.type === "checkbox" || input.type === "radio";
  }

  function isButton(input) {
    return ["submit", "button", "reset", "image"].includes(input.type);
  }

  function fillInputs(inputs, values) {
    if (inputs.some(isPrivate) && values.includes(HIDDEN_VALUE)) {
      return; // nobody but the user knows it
    }
    const isList = inputs[0].closest(".qhana-form-field")?.querySelector(
      ".qhana-add-value-button"
    );
    while (isList && inputs.length < values.length) {
      inputs.push(addInput(inputs[0]));
    }
    inputs.forEach((input, index) => {
      const before = shownBy(input);
      if (isTick(input)) {
        const isOnly = inputs.length === 1 && input.type === "checkbox";
        input.checked = isOnly
          ? values.some((each) => each === input.value || /^(true|t|yes|y|on|1)$/i.test(each))
          : values.includes(input.value);
      } else if (input.type === "select-multiple") {
        for (const option of input.options) {
          option.selected = values.includes(option.value);
        }
      } else if (input.type !== "select-one" || hasOption(input, values[index])) {
        input.value = values[index] ?? "";
      }
      if (shownBy(input) !== before) {
        dispatchChange(input);
      }
    });
  }

  function hasOption(select, value) {
    return [...select.options].some((option) => option.value === value);
  }

  function shownBy(input) {
    const chosen = [...(input.selectedOptions ?? [])].map((option) => option.value);
    return JSON.stringify([input.value, input.checked, chosen]);
  }

  // -- sending a form ----------------------------------------------------------------------------

  const instrumented = new WeakSet();
  const sending = new WeakSet();
  const submitted = new WeakSet();

  function isPrivate(input) {
    return input.type === "password" || input.hasAttribute("data-private");
  }

  function namesOf(form, isWanted) {
    return new Set([...controlsOf(form)].filter(isWanted).map((input) => input.name));
  }

  /**
   * Make the forms of the page work with a host; forms that were added later too.
   *
   * @param {boolean} [hasParent] false leaves them plain HTML, as pages without a host have them.
   */
  function instrumentForm(hasParent = true) {
    if (!hasParent) {
      return;
    }
    if (host) {
      showButtons();
    }
    for (const form of document.querySelectorAll("form.qhana-form")) {
      if (!instrumented.has(form)) {
        instrumented.add(form);
        form.addEventListener("submit", onSubmit);
        form.addEventListener("formdata", leaveOutUnsent);
        form.addEventListener("click", ignoreSecondClick);
        form.addEventListener("keydown", ignoreRepeatedEnter);
        addStatus(form);
        for (const input of form.querySelectorAll("input[data-input-type]")) {
          requestInfo(input);
        }
      }
    }
  }

  /** A control that is on, or not to be sent at all, needs nobody to send something for it. */
  function leaveOutUnsent({ currentTarget: form, formData }) {
    for (const substitute of form.querySelectorAll(UNSENT)) {
      const { name, previousElementSibling: control } = substitute;
      const values = formData.getAll(name);
      if (control.disabled || values.length > 1) {
        formData.delete(name);
        values.slice(0, -1).forEach((value) => formData.append(name, value));
      }
    }
  }

  /**
   * Let a form be sent when its only wrong entries are ones that the user cannot see.
   *
   * Plugins hide fields by scripts. A browser would refuse to send the form and show nobody why;
   * the server says what is wrong.
   */
  function overlookUnseen(event) {
    const button = event.target.closest?.("button, input");
    if (!button?.form || button.type !== "submit" || own(button, "formnovalidate") !== null) {
      return;
    }
    const wrong = [...controlsOf(button.form)].filter((each) => each.validity?.valid === false);
    const isSeen = (each) => each.checkVisibility({ visibilityProperty: true });
    button.formNoValidate = wrong.length > 0 && !wrong.some(isSeen);
    // Only for this click: what it leads to has begun when the task is over.
    window.setTimeout(() => (button.formNoValidate = false));
  }

  /** The second click of a double click may come after the answer to the first. */
  function ignoreSecondClick(event) {
    if (event.detail > 1 && event.target.closest?.(".qhana-form-submit, [type=submit]")) {
      event.preventDefault();
    }
  }

  /** A key that is held down would send the form again and again. */
  function ignoreRepeatedEnter(event) {
    if (event.repeat && event.key === "Enter" && !event.target.matches("textarea")) {
      event.preventDefault();
    }
  }

  function onSubmit(event) {
    const form = event.currentTarget;
    if (event.defaultPrevented) {
      return; // a script of the plugin does not want it to be sent
    }
    if (sending.has(form)) {
      event.preventDefault();
      return;
    }
    const isData = (input) => input.matches("input[data-input-type=data]");
    const dataInputs = namesOf(form, isData);
    const privateInputs = namesOf(form, isPrivate);
    try {
      if (pluginState().formSubmitHandler?.(event, dataInputs, privateInputs)) {
        return;
      }
    } catch (error) {
      event.preventDefault(); // else the page would be left, and the error with it
      throw error;
    }
    onFormSubmit(event, dataInputs, privateInputs);
  }

  /**
   * Send a form as its button says: to the plugin's API, or as a navigation.
   *
   * @param {SubmitEvent} event
   * @param {Iterable<string>} dataInputs names of the inputs that hold URLs of data.
   * @param {Iterable<string>} privateInputs names of the inputs whose values the host must not see.
   */
  function onFormSubmit(event, dataInputs, privateInputs) {
    const { target: form, submitter } = event;
    if (submitted.has(event)) {
      return; // the handler of the plugin has called this function, and does not say so
    }
    submitted.add(event);
    const target = own(submitter, "data-target") ?? own(form, "data-target") ?? "api";
    if (target !== "api") {
      sendMessage("ui-loading");
      return;
    }
    event.preventDefault();
    const action = own(submitter, "formaction") ?? own(form, "action") ?? "";
    const method = own(submitter, "formmethod") ?? own(form, "method") ?? "get";
    const formData = readForm(form, submitter);
    const submitUrl = new URL(action || window.location.href, document.baseURI).href;
    const message = {
      type: "form-submit",
      ...describe(formData, new Set(dataInputs), new Set(privateInputs)),
      submitUrl,
    };
    if (pluginState().preventSubmit) {
      sendMessage(message);
    } else {
      sendForm(form, formData, method, message);
    }
  }

  /** An attribute; properties of a form may be hidden by inputs that are called like them. */
  function own(element, name) {
    return element?.getAttribute(name) ?? null;
  }

  /** The inputs and buttons of a form, also where an input is called "elements". */
  function controlsOf(form) {
    const { get } = Object.getOwnPropertyDescriptor(HTMLFormElement.prototype, "elements");
    return get.call(form);
  }

  function readForm(form, submitter) {
    const formData = new FormData(form);
    if (submitter?.name) {
      formData.append(submitter.name, submitter.value);
    }
    for (const button of form.querySelectorAll(".qhana-add-value-button")) {
      const { name, type } = findInput(button.dataset.inputId);
      const values = formData.getAll(name);
      formData.delete(name);
      // An empty text may be an element, but no number is one. When all are empty, one stands
      // for a list without elements.
      const isText = ["text", "search", "tel", "password"].includes(type);
      const isElement = (value) => value || isText;
      const kept = values.some(Boolean) ? values.filter(isElement) : values.slice(0, 1);
      kept.forEach((value) => formData.append(name, value));
    }
    return formData;
  }

  /** What the host is told of a form that is sent. */
  function describe(formData, dataInputs, privateInputs) {
    const told = new URLSearchParams();
    const urls = [];
    for (const [name, value] of formData) {
      if (privateInputs.has(name)) {
        told.append(name, HIDDEN_VALUE);
      } else if (typeof value !== "string") {
        told.append(name, value.name && `Uploaded file: ${value.name}`);
      } else {
        told.append(name, value);
        if (value && dataInputs.has(name)) {
          urls.push(value);
        }
      }
    }
    return {
      formData: told.toString(),
      formDataType: "application/x-www-form-urlencoded",
      dataInputs: urls,
    };
  }

  /**
   * Send the data of a form and return the response, after redirects.
   *
   * @param {FormData} formData
   * @param {string} action where to.
   * @param {string} method "get", "post" or any other.
   * @returns {Promise<Response>} rejected when there is no connection, or when it takes longer
   *   than `submitTimeout`.
   */
  function submitFormData(formData, action, method) {
    const url = new URL(action || window.location.href, document.baseURI);
    const options = { redirect: "follow", signal: AbortSignal.timeout(state.submitTimeout) };
    if (!["get", "head"].includes(method.toLowerCase())) {
      return fetch(url, { ...options, method: method.toUpperCase(), body: formData });
    }
    const texts = [...formData].map(([name, each]) => [name, each.name ?? each]);
    url.search = new URLSearchParams(texts).toString();
    return fetch(url, { ...options, method });
  }

  async function sendForm(form, formData, method, message) {
    setSending(form, true);
    sendMessage("ui-loading");
    let error = null;
    try {
      const response = await submitFormData(formData, message.submitUrl, method);
      if (response.status === 200) {
        message.resultUrl = response.url;
      } else {
        error = await readError(response);
      }
    } catch (failure) {
      const isLate = failure.name === "TimeoutError";
      error = isLate
        ? { code: 504, status: "Gateway Timeout", message: TEXTS.timeout }
        : { code: 500, status: "Connection failed", message: TEXTS.noConnection };
    }
    setSending(form, false);
    clearErrors(form);
    if (error) {
      announce(form, "");
      sendMessage({ type: "form-error", status: error.code, error });
      showErrors(form, error);
    } else {
      announce(form, TEXTS.sent);
      sendMessage(message);
      if (!host) {
        window.location.assign(message.resultUrl);
      }
    }
  }

  /** The error of a response, as the runner writes it; code and status are never missing. */
  async function readError(response) {
    const body = await response.text();
    let error = {};
    try {
      error = JSON.parse(body);
    } catch {
      // An error page of a proxy; there is nothing for people in it but the status.
    }
    const isObject = error !== null && typeof error === "object" && !Array.isArray(error);
    const { code, status, ...more } = isObject ? error : {};
    return {
      ...more,
      code: code ?? response.status,
      status: status ?? (response.statusText || `HTTP ${response.status}`),
    };
  }

  function setSending(form, isSending) {
    if (isSending) {
      sending.add(form);
      announce(form, TEXTS.sending);
    } else {
      sending.delete(form);
    }
    // Not disabled: the focus would be lost.
    form.setAttribute("aria-busy", String(isSending));
    for (const button of form.querySelectorAll(".qhana-form-submit")) {
      button.setAttribute("aria-disabled", String(isSending));
    }
  }

  function addStatus(form) {
    const status = document.createElement("p");
    status.className = "qhana-form-status";
    status.setAttribute("role", "status");
    form.append(status);
  }

  /** Let a screen reader say something. */
  function announce(form, content) {
    const status = form?.querySelector(".qhana-form-status");
    if (status) {
      status.textContent = content;
    }
  }

  // -- errors at the fields ----------------------------------------------------------------------

  /** The parts of a request in which errors are found; see webargs. */
  const LOCATIONS = ["form", "files", "json", "query", "querystring", "json_or_form"];

  function clearErrors(form) {
    for (const box of form.querySelectorAll(ERRORS)) {
      box.remove();
    }
    for (const notice of document.querySelectorAll(".qhana-notice")) {
      notice.remove(); // what was valid is so no longer
    }
    for (const input of form.querySelectorAll("[aria-invalid]")) {
      input.removeAttribute("aria-invalid");
    }
  }

  function showErrors(form, error) {
    const general = [];
    const wrong = [];
    for (const [name, messages] of fieldErrors(error.errors)) {
      const inputs = [...controlsOf(form)].filter(
        (each) => each.name === name && each.type !== "hidden" && !isButton(each)
      );
      if (name === "_schema") {
        general.push(...messages);
      } else if (inputs.length === 0) {
        general.push(`${name}: ${messages.join(" ")}`);
      } else {
        wrong.push([inputs[0], messages]);
        inputs.forEach((input) => input.setAttribute("aria-invalid", "true"));
        showAtField(inputs[0], messages);
      }
    }
    const order = [...controlsOf(form)];
    wrong.sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
    if (general.length === 0 && wrong.length === 0) {
      general.push(plain(error.message ?? error.status));
    }
    const title = TEXTS[error.code === 422 ? "correct" : "failed"];
    const summary = summaryOf(title, general, wrong);
    form.prepend(summary);
    const first = [...controlsOf(form)].find((each) => each.matches("[aria-invalid=true]"));
    (first ?? summary).focus();
  }

  /** Yield the name and the messages of each field that is wrong. */
  function* fieldErrors(errors) {
    if (Array.isArray(errors)) {
      yield ["_schema", flatten(errors)];
      return;
    }
    for (const [name, nested] of Object.entries(errors ?? {})) {
      if (LOCATIONS.includes(name) && !Array.isArray(nested)) {
        yield* fieldErrors(nested);
      } else {
        yield [name, flatten(nested)];
      }
    }
  }

  /** The texts in a list or in mappings from positions or keys, as the server shows them. */
  function flatten(errors, prefix = "") {
    if (errors === null || typeof errors !== "object") {
      return [prefix + errors];
    }
    return Object.entries(errors).flatMap(([key, nested]) => {
      if (Array.isArray(errors)) {
        return flatten(nested, prefix);
      }
      return flatten(nested, `${prefix}${/^\d+$/.test(key) ? Number(key) + 1 : key}: `);
    });
  }

  /** Show errors where the server shows them, so that scripts find the description again. */
  function showAtField(input, messages) {
    const box = document.createElement("div");
    box.className = "qhana-error-message";
    box.id = `${keyOf(input)}-error`;
    box.append(...messages.map((each) => element("p", each)));
    const description = document.getElementById(`${keyOf(input)}-description`);
    if (description?.firstChild) {
      description.firstChild.after(box);
    } else {
      (description ?? input.closest(".qhana-form-field") ?? input.parentElement).append(box);
    }
  }

  function summaryOf(title, general, wrong) {
    const summary = document.createElement("div");
    summary.className = "qhana-error-summary";
    summary.setAttribute("role", "alert");
    summary.tabIndex = -1;
    const list = document.createElement("ul");
    list.append(...general.map((each) => element("li", each)));
    for (const [input, messages] of wrong) {
      const link = element("a", labelOf(input));
      link.href = `#${input.id}`;
      const item = element("li", `: ${messages.join(" ")}`);
      item.prepend(input.id ? link : labelOf(input));
      list.append(item);
    }
    summary.append(element("p", title), list);
    return summary;
  }

  function element(tag, content) {
    const made = document.createElement(tag);
    made.textContent = content;
    return made;
  }

  /** After a navigation in the frame, go on where the user has to. */
  function focusFirstError() {
    if (document.hasFocus()) {
      document.querySelector("form.qhana-form [aria-invalid=true]")?.focus();
    }
  }

  // -- the start ---------------------------------------------------------------------------------

  Object.assign(window, {
    getMicrofrontendWidth,
    getPluginContext,
    instrumentForm,
    monitorHeightChanges,
    notifyParentWindowOnHeightChange,
    notifyParentWindowOnLoad,
    onAutoFillResponse,
    onDataUrlResponseMessage,
    onFormSubmit,
    onLoadCssMessage,
    onPluginContextUpdate,
    onPluginUrlResponseMessage,
    registerMessageListener,
    sendMessage,
    sendSubmitStatus,
    submitFormData,
  });

  function start() {
    showButtons();
    notifyParentWindowOnLoad();
    monitorHeightChanges(state);
    instrumentForm(true);
    if (document.querySelector("form.qhana-form")) {
      sendMessage("autofill-request");
    }
    focusFirstError();
  }

  document.addEventListener("click", overlookUnseen, { capture: true });
  document.addEventListener("pointerdown", onPress, { capture: true });
  for (const type of ["pointerup", "pointercancel"]) {
    document.addEventListener(type, onRelease, { capture: true });
  }
  window.addEventListener("blur", onRelease);
  // -- names of attributes ----------------------------------------------------------------------

  /** Suggest the attributes of the file in an input where they are entered. */
  async function suggestAttributesOf(source) {
    const inputs = [...document.querySelectorAll("[data-attributes-of]")].filter(
      (input) => input.dataset.attributesOf === source.id
    );
    const lists = new Set(inputs.map((input) => input.list).filter(Boolean));
    if (!lists.size || !ROOT) {
      return;
    }
    const url = source.value.trim();
    const question = new URL("workbench/attributes", ROOT);
    question.searchParams.set("url", url);
    let names = [];
    try {
      const response = url ? await fetch(question) : null;
      names = response?.ok ? await response.json() : [];
    } catch {
      // Without suggestions, names can be entered all the same.
    }
    if (source.value.trim() !== url) {
      return; // another file was chosen meanwhile
    }
    for (const list of lists) {
      list.replaceChildren(
        ...names.map((value) => Object.assign(document.createElement("option"), { value }))
      );
    }
  }

  function suggestAttributes() {
    const inputs = [...document.querySelectorAll("[data-attributes-of]")];
    for (const id of new Set(inputs.map((input) => input.dataset.attributesOf))) {
      const source = document.getElementById(id);
      source?.addEventListener("change", () => suggestAttributesOf(source));
      if (source?.value) suggestAttributesOf(source);
    }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", suggestAttributes);
  } else {
    suggestAttributes();
  }

  if (host) {
    registerMessageListener();
    document.addEventListener("input", onChange);
    document.addEventListener("change", onChange);
    document.addEventListener("click", onClick);
    document.addEventListener("paste", onPaste);
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", start);
    } else {
      start();
    }
  }
})();
