// Sends the forms without leaving the page, and looks every second whether something has moved.
const said = document.getElementById("said");

async function refresh() {
  const answer = await fetch("/_sandbox", { headers: { Accept: "text/html" } });
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = next.getElementById(part.id);
    if (!fresh || fresh.innerHTML === part.dataset.seen) continue;
    part.dataset.seen = fresh.innerHTML;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    for (const open of part.querySelectorAll("details[open]")) {
      const twin = fresh.querySelector("#" + CSS.escape(open.id));
      if (twin) twin.open = true;
    }
    part.replaceChildren(...fresh.childNodes);
    if (focused) document.getElementById(focused)?.focus();
  }
}

for (const part of document.querySelectorAll("[data-live]")) part.dataset.seen = part.innerHTML;

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { target: form, submitter } = event;
  const body = new URLSearchParams(new FormData(form, submitter));
  const action = submitter?.getAttribute("formaction") || form.getAttribute("action");
  try {
    const answer = await fetch(action, { method: "POST", body, headers: { Accept: "application/json" } });
    said.textContent = answer.ok ? "" : (await answer.json()).detail;
    await refresh();
  } catch {
    said.textContent = "The sandbox does not answer.";
  }
});

setInterval(() => {
  if (!document.hidden) refresh().catch(() => {});
}, 1000);
