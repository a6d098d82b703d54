// Buttons that command a task: `data-command` names what, `data-url` the task.

import { send, sendJson } from "./server.js";

const COMMANDS = {
  async cancel(button) {
    const response = await sendJson(button.dataset.url, { command: "cancel" });
    const { message } = await response.json();
    if (message) say(message);
  },

  async delete(button) {
    if (!confirm(button.dataset.question)) return;
    await send(button.dataset.url, { method: "DELETE" });
    location.assign(button.dataset.then);
  },
};

/** Let the buttons of a part of the page work; without this script they are hidden. */
export function startCommands(part) {
  for (const button of part.querySelectorAll("button[data-command]")) {
    button.hidden = false;
    button.addEventListener("click", () => run(button));
  }
}

async function run(button) {
  button.disabled = true;
  try {
    await COMMANDS[button.dataset.command](button);
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
  }
}

/** Say something to the user, also to those who listen to the page. */
function say(text) {
  const message = document.getElementById("message");
  message.textContent = text;
  message.hidden = false;
}
