// Previews of files, in a dialog: `data-preview` on a button is the URL of a file, and an event
// `preview-request` holds one, too.

import { FragmentDialog } from "./dialogs.js";
import { startHosts } from "./host.js";
import { workbenchUrl } from "./server.js";

/** Let the buttons of a part of the page work; without this script they are hidden. */
export function startPreviews(part) {
  for (const button of part.querySelectorAll("button[data-preview]")) {
    button.hidden = false;
    button.addEventListener("click", () => openPreview(button.dataset.preview));
  }
}

document.addEventListener("preview-request", (event) => openPreview(event.detail.url));

/** Show a file as well as the runner can; plugins that draw it are offered beside. */
function openPreview(url) {
  const dialog = new FragmentDialog("preview-dialog");
  return dialog.open(workbenchUrl("preview", { url }), (body) => {
    for (const link of body.querySelectorAll("a.visualise")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        visualise(body, link);
      });
    }
  });
}

function visualise(body, link) {
  const frame = document.createElement("iframe");
  frame.className = "micro-frontend";
  frame.title = link.textContent.trim();
  frame.dataset.src = link.dataset.uiUrl;
  frame.dataset.location = "data-preview";
  const place = body.querySelector(".preview-content") ?? body;
  place.replaceChildren(frame);
  startHosts(place);
}
