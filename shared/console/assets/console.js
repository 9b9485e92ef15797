// What the console does beyond links and forms: it refreshes what changes, copies, and lays dialogs over the page.
"use strict";

// Refresh: elements with data-live hold what may change, and after how many seconds to look again.
const live = () => [...document.querySelectorAll("[data-live]")];
const inUse = (element) =>
  element.contains(document.activeElement) || element.querySelector("details[open], dialog[open]") || !getSelection().isCollapsed;
let paused = false, failures = 0;

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.reload(); // the session has ended
  if (!answer.ok) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of live()) {
    const fresh = page.getElementById(old.id);
    if (!fresh || inUse(old)) continue;
    if (old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.childNodes);
    fresh.dataset.live ? (old.dataset.live = fresh.dataset.live) : old.removeAttribute("data-live"); // it has come to its end
    enliven(old);
  }
}

function later() {
  const seconds = Math.min(...live().map((element) => Number(element.dataset.live)));
  if (!isFinite(seconds)) return document.querySelector(".live")?.setAttribute("hidden", "");
  setTimeout(async () => {
    if (!paused && !document.hidden && !document.querySelector("dialog[open]")) {
      await refresh().then(() => (failures = 0), () => failures++);
    }
    later();
  }, 1000 * Math.min(seconds * 2 ** failures, 60));
}

// Dialogs: a link that leads to a page with the dialog open, opens it here.
function openDialog(dialog) {
  dialog.close();
  dialog.showModal();
}

// enliven gives what is in an element the behaviour that needs this script.
function enliven(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("[data-copy], [data-dialog], [data-close], .live");
  if (!target) return;
  if (target.dataset.copy) {
    await navigator.clipboard.writeText(target.dataset.copy);
    target.textContent = "Copied";
    setTimeout(() => (target.textContent = "Copy"), 1500);
  } else if (target.dataset.dialog) {
    const dialog = document.getElementById(target.dataset.dialog);
    if (!dialog) return;
    event.preventDefault();
    openDialog(dialog);
  } else if (target.hasAttribute("data-close")) {
    event.preventDefault();
    target.closest("dialog").close();
  } else {
    paused = !paused;
    target.setAttribute("aria-pressed", String(!paused));
  }
});

enliven(document);
for (const dialog of document.querySelectorAll("dialog[open]")) openDialog(dialog);
const here = new URL(location.href);
if (here.searchParams.has("done") || here.searchParams.has("dialog")) {
  here.searchParams.delete("done");
  here.searchParams.delete("dialog");
  history.replaceState(null, "", here);
}
if (live().length) {
  document.querySelector(".live")?.removeAttribute("hidden");
  later();
}
