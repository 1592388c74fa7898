// Small helps; every page can be read without them.
"use strict";

// What a form came to is told once, and goes from the address.
const address = new URL(location.href);
if (address.searchParams.has("said")) {
  address.searchParams.delete("said");
  history.replaceState(null, "", address);
}

// "/" goes to the search, as in most readers; j and k go from article to article.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.key === "/") {
    const find = document.getElementById("find");
    if (find) {
      event.preventDefault();
      find.focus();
    }
  } else if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll(".articles h3 a")];
    const now = links.indexOf(document.activeElement);
    const next = links[now < 0 ? 0 : now + (event.key === "j" ? 1 : -1)];
    if (next) next.focus();
  }
});

// The first page renews itself when there is news: at most every five seconds, and not while
// something in it has the focus or is open.
const live = document.querySelector("[data-live]");
if (live && "EventSource" in window) {
  const into = document.getElementById(live.dataset.into);
  const told = document.getElementById("live-said");
  let due = null;
  let last = 0;
  const renew = async () => {
    due = null;
    if (into.contains(document.activeElement) || into.querySelector("details[open]")) {
      due = setTimeout(renew, 5000);
      return;
    }
    last = Date.now();
    const answer = await fetch(live.dataset.live);
    if (answer.ok) {
      into.innerHTML = await answer.text();
      told.textContent = `Live; news at ${new Date().toISOString().slice(11, 19)} UTC`;
    }
  };
  const source = new EventSource("/live");
  source.onopen = () => { told.textContent = "Live"; };
  source.onerror = () => { told.textContent = "The connection is gone; trying again"; };
  source.addEventListener("news", () => {
    if (!due) due = setTimeout(renew, Math.max(0, last + 5000 - Date.now()));
  });
}
