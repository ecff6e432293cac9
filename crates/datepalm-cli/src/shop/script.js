// What the shop's pages do beyond plain HTML. Everything works without it, except that a page then has to be
// reloaded by hand to see news.

for (const form of document.querySelectorAll("form")) armForm(form);

// A form is sent once. The server would not act twice anyway: a second sending carries the same key.
function armForm(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
  });
}

// A page that comes back from the browser's memory can be used again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-busy");
  }
});

function localTimes(root) {
  const style = { dateStyle: "medium", timeStyle: "medium" };
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (!Number.isNaN(date.getTime())) time.textContent = date.toLocaleString("en-GB", style);
  }
}
localTimes(document);

const live = document.getElementById("live");
if (live) watch(live.dataset.order, live.dataset.version);

// The order page follows its payment: each event fetches the page again and swaps the changing part.
function watch(order, version) {
  const source = new EventSource(`/orders/${order}/events?since=${version}`);
  source.addEventListener("changed", () => refresh(order));
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => watch(order, live.dataset.version), 3000);
  });
}

let refreshing = false;
let again = false;
async function refresh(order) {
  if (refreshing) return void (again = true);
  refreshing = true;
  try {
    const answer = await fetch(`/orders/${order}`, { headers: { accept: "text/html" } });
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The next event or a reload brings the news.
  }
  refreshing = false;
  if (again) {
    again = false;
    refresh(order);
  }
}

function swap(page) {
  const fresh = page.getElementById("live");
  const open = [...live.querySelectorAll("details[open]")].map((details) => details.id);
  const focus = live.contains(document.activeElement) ? document.activeElement.id : "";
  live.replaceChildren(...fresh.childNodes);
  live.dataset.version = fresh.dataset.version;
  document.body.dataset.status = page.body.dataset.status;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focus) document.getElementById(focus)?.focus();
  for (const form of live.querySelectorAll("form")) armForm(form);
  localTimes(live);
  const count = page.getElementById("cart-count");
  document.getElementById("cart-count").replaceWith(count);
}
