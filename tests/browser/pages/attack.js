"use strict";

/** Try a request to a runner as a page can, and say what the page has seen of the answer. */
async function attempt(url, options) {
  try {
    const answer = await fetch(url, options);
    return answer.type === "opaque" ? "sent, answer hidden" : `read ${answer.status}`;
  } catch (error) {
    return `refused (${error.message})`;
  }
}

/** Try to read from a runner, to start a task, and to remove one. */
window.attack = async (runner, process, task) => {
  const form = new URLSearchParams({ inputStr: location.host });
  const json = { "Content-Type": "application/json" };
  const hook = JSON.stringify({ command: "subscribe", webhookHref: `${location.origin}/hook` });
  return {
    "read the plugins": await attempt(`${runner}plugins/`),
    "read the tasks": await attempt(`${runner}tasks/`),
    "start a task": await attempt(process, { method: "POST", body: form }),
    "start a task unseen": await attempt(process, { method: "POST", body: form, mode: "no-cors" }),
    "subscribe to a task": await attempt(task, { method: "POST", headers: json, body: hook }),
    "remove a task": await attempt(task, { method: "DELETE" }),
  };
};

/** Try to show a page of a runner in a frame; there is an end of loading in any case. */
window.embed = (url) =>
  new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.addEventListener("load", () => resolve());
    frame.src = url;
    document.body.append(frame);
  });
