// The page /debug/frontend-debugger: a host that answers nothing by itself.

const EXAMPLES = [
  "ui-prevent-submit",
  "ui-allow-submit",
  "ui-submit-status",
  { type: "load-css", urls: [new URL("frame.css", import.meta.url).href] },
  { type: "plugin-context", experimentId: "1", location: "workspace" },
  {
    type: "data-url-response",
    inputKey: "data",
    href: `${location.origin}/files/1/?file-id=`,
    dataType: "entity/list",
    contentType: "text/csv",
    filename: "entities.csv",
    version: "1",
  },
  {
    type: "plugin-url-response",
    inputKey: "plugin",
    pluginUrl: `${location.origin}/plugins/hello-world@v1-0-0/`,
    pluginName: "hello-world",
    pluginVersion: "v1.0.0",
  },
  {
    type: "autofill-response",
    value: "inputStr=World",
    encoding: "application/x-www-form-urlencoded",
  },
  {
    type: "implementations-response",
    implementations: [
      { name: "circuit", download: `${location.origin}/`, version: "1", type: "application/qasm" },
    ],
  },
];

const frame = document.getElementById("debugged");
if (frame) debug(frame);

function debug(frame) {
  const url = new URL(frame.dataset.srcDebugged, location.href);
  const log = document.getElementById("log");
  const kind = document.getElementById("kind");
  const body = document.getElementById("body");
  const error = document.getElementById("send-error");

  function show(direction, message) {
    const entry = document.createElement("li");
    const head = document.createElement("span");
    const text = document.createElement("pre");
    entry.className = `message-${direction}`;
    head.textContent = `${new Date().toLocaleTimeString()} ${log.dataset[direction]}`;
    text.textContent = JSON.stringify(message, null, 2);
    entry.append(head, text);
    log.append(entry);
  }

  addEventListener("message", (event) => {
    if (event.source === frame.contentWindow) show("received", event.data);
  });

  EXAMPLES.forEach((example, index) => kind.add(new Option(example.type ?? example, index)));
  const choose = () => {
    body.value = JSON.stringify(EXAMPLES[kind.value], null, 2);
  };
  kind.addEventListener("change", choose);
  choose();

  document.getElementById("send-form").addEventListener("submit", (event) => {
    event.preventDefault();
    error.hidden = true;
    try {
      const message = JSON.parse(body.value);
      frame.contentWindow.postMessage(message, url.origin);
      show("sent", message);
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
  });

  document.getElementById("clear").addEventListener("click", () => log.replaceChildren());
  frame.src = url.href;
}
