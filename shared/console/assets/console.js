// What the console does beyond links and forms: it refreshes what changes, copies, adds rows to forms, and lays dialogs over the page.
"use strict";

// Refresh: elements with data-live hold what may change, and after how many seconds to look again.
const live = () => [...document.querySelectorAll("[data-live]")];
const inUse = (element) =>
  element.matches(":active, :has(:focus-visible)") || element.querySelector("details[open], dialog[open]") || !getSelection().isCollapsed;
let paused = false, failures = 0;

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.assign(answer.url); // the session has ended
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
      tellLive();
    }
    later();
  }, 1000 * Math.min(seconds * 2 ** failures, 60));
}

// tellLive says on the switch whether what is shown is as it is now.
function tellLive() {
  const button = document.querySelector(".live");
  if (!button) return;
  button.textContent = failures ? "No answer" : "Live";
  button.classList.toggle("lost", failures > 0);
}

// Dialogs: a link that leads to a page with the dialog open, opens it here.
function openDialog(dialog) {
  dialog.close();
  dialog.showModal();
  if (!dialog.contains(document.activeElement) || document.activeElement === dialog) dialog.querySelector(":is(input, select):not([type=hidden])")?.focus();
}

// A dialog that was open from the start has nobody to give the focus back to, but the link that opens it.
document.addEventListener("close", (event) => {
  const has = document.activeElement;
  if (has === document.body || event.target.contains(has)) document.querySelector(`[data-dialog="${event.target.id}"]`)?.focus();
}, true);

// enliven gives what is in an element the behaviour that needs this script.
function enliven(root) {
  for (const button of root.querySelectorAll("[data-copy], [data-add]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("[data-copy], [data-add], [data-dialog], [data-close], .live");
  if (!target) return;
  if (target.dataset.copy) {
    await navigator.clipboard.writeText(target.dataset.copy);
    const name = target.getAttribute("aria-label");
    target.removeAttribute("aria-label");
    target.textContent = "Copied";
    setTimeout(() => {
      target.textContent = "Copy";
      target.setAttribute("aria-label", name);
    }, 1500);
  } else if (target.hasAttribute("data-add")) {
    const row = target.previousElementSibling.cloneNode(true);
    for (const input of row.querySelectorAll("input")) input.value = "";
    target.before(row);
    row.querySelector("input").focus();
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
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // on narrow screens the pages lie in a row
for (const dialog of document.querySelectorAll("dialog[open]")) openDialog(dialog);
const here = new URL(location.href);
if (here.searchParams.has("done") || here.searchParams.has("dialog")) {
  if (here.searchParams.has("dialog")) here.hash = ""; // it would take the focus from the dialog's first field
  here.searchParams.delete("done");
  here.searchParams.delete("dialog");
  history.replaceState(null, "", here);
}
if (live().length && !("answer" in document.body.dataset)) {
  document.querySelector(".live")?.removeAttribute("hidden");
  later();
}
