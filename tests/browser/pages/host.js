"use strict";

/**
 * A page that embeds a micro frontend, remembers all that it says, and says what it is told to.
 *
 * `window.answers` maps the type of a message to what is answered at once, a list of messages.
 * `window.follows` makes the frame as high as it asks for.
 */
window.records = [];
window.answers = {};
window.follows = false;

window.addEventListener("message", (event) => {
  const frame = document.getElementById("frame");
  if (event.source !== frame.contentWindow) {
    return;
  }
  const type = typeof event.data === "string" ? event.data : event.data.type;
  window.records.push({ type, data: event.data, origin: event.origin });
  if (window.follows && type === "ui-resize") {
    frame.height = event.data.height;
  }
  for (const answer of window.answers[type] ?? []) {
    window.tell(answer);
  }
});

/** Send a message to the micro frontend. */
window.tell = (message) => {
  document.getElementById("frame").contentWindow.postMessage(message, "*");
};
