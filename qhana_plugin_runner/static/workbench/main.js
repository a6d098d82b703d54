// Starts what the parts of a page ask for; the server marks these with data attributes and classes.

import { startCommands } from "./commands.js";
import { startFollowing } from "./live.js";
import { startHosts } from "./host.js";
import { startPreviews } from "./previews.js";

/** Bring a part of the page to life: the whole of it at first, later what was replaced. */
function start(part) {
  startCommands(part);
  startHosts(part);
  startPreviews(part);
}

startFollowing(start);
start(document.body);
