// What pages do beyond what they do without a script: they show what is new, and copy what is to be copied.
// The server makes all content; nothing here builds any. A page is asked for again, and the parts that are said to be
// live take the place of those that are shown.
"use strict";

const EVERY_MS = 2000;
const live = () => [...document.querySelectorAll("[data-live]")].filter((part) => part.id);
let paused = false;
let failures = 0;

// Whoever is about to use something in a part must not have it taken away.
const isInUse = (part) =>
  part.contains(document.activeElement) || (getSelection().type === "Range" && getSelection().containsNode(part, true));

async function refresh() {
  const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of live()) {
    const next = page.getElementById(part.id);
    if (next && !isInUse(part) && next.innerHTML !== part.innerHTML) {
      part.replaceChildren(...next.childNodes);
    }
  }
}

async function turn(status) {
  if (!paused && !document.hidden) {
    try {
      await refresh();
      failures = 0;
      status.textContent = "Live";
    } catch {
      failures += 1;
      status.textContent = "Not live: the broker does not answer. Load the page again.";
    }
  }
  // A broker that does not answer is asked less and less often.
  setTimeout(() => turn(status), EVERY_MS * Math.min(2 ** failures, 16));
}

function begin() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copy).textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
        button.textContent = "Selected";
      }
    });
  }
  if (live().length === 0) return;
  const bar = document.createElement("div");
  bar.className = "live";
  const status = document.createElement("span");
  status.textContent = "Live";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Pause";
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    status.textContent = paused ? "Paused" : "Live";
  });
  bar.append(status, button);
  document.querySelector("main").prepend(bar);
  setTimeout(() => turn(status), EVERY_MS);
}

begin();
