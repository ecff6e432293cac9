// The steps that a person takes, each ending when the page shows that it happened.

export const CARDS = {
  mada: { number: "4658 5840 9000 0001", cvv: "257" },
  visa: { number: "4242 4242 4242 4242", cvv: "100" },
  visaWithout3ds: { number: "4111 1111 1111 1111", cvv: "100" },
  amex: { number: "3456 7890 1234 564", cvv: "1051" },
  mastercard: { number: "5436 0310 3060 6378", cvv: "257" },
  refused: { number: "4556 2537 5271 2245", cvv: "100" },
};

export const DECLINED_PHONE = "526422337";

// Puts products into the cart and opens the checkout form.
export async function fillCart(page, demo, ...skus) {
  for (const sku of skus) {
    await page.goto(demo.shop);
    await page.click(`#add-${sku}`);
  }
  await page.click("#checkout");
  await page.waitForSelector("#pay");
}

// Presses "pay" and answers with the order number once the payment page is there.
export async function pressPay(page, demo) {
  const order = await page.inputValue("[name=order]");
  await page.click("#pay");
  await page.waitForURL((url) => url.href.startsWith(demo.sandbox));
  await atStep(page, "phone");
  return order;
}

export async function atStep(page, ...steps) {
  await page.waitForSelector(steps.map((step) => `body[data-step=${step}]`).join(", "));
}

export async function sendCode(page) {
  await page.click("#send-code");
}

export async function typeCode(page) {
  await atStep(page, "otp");
  const code = (await page.locator("[data-otp]").first().innerText()).replace(/\D/g, "");
  await page.fill("[name=otp]", code);
  await page.click("#verify-otp");
}

export async function choosePlan(page, plan) {
  await atStep(page, "plan");
  await page.check(`[name=plan][value="${plan}"]`, { force: true });
  await page.click("#choose-plan");
}

export async function typeCard(page, card) {
  await atStep(page, "card");
  await page.fill("[name=card_number]", card.number);
  await page.fill("[name=card_expiry]", "01/99");
  await page.fill("[name=card_cvv]", card.cvv);
}

// From the first screen of the payment page to the card form.
export async function reachCard(page, plan = "full") {
  await sendCode(page);
  await typeCode(page);
  await choosePlan(page, plan);
}

// Through the whole payment page, with a 3-D Secure step if the card asks for it.
export async function payByCard(page, card, plan = "full") {
  await reachCard(page, plan);
  await typeCard(page, card);
  await page.click("#pay");
  const asked = page.locator("[name=password]");
  await asked.or(page.locator("#return-to-store")).first().waitFor();
  if (await asked.count()) {
    await page.fill("[name=password]", "Checkout1!");
    await page.click("#confirm-3ds");
  }
  await comeBack(page);
}

// From the payment page's last screen to the order, by its links instead of by waiting: both pages move on by
// themselves too, at any moment.
export async function comeBack(page) {
  const order = page.locator(".order-status");
  const onward = page.locator("#return-to-store, #continue");
  while ((await order.count()) === 0) {
    await order.or(onward).first().waitFor();
    await onward.click({ timeout: 1_000 }).catch(() => {});
  }
}

// Waits on the order page until its status is one of those given.
export async function orderIs(page, demo, order, ...statuses) {
  await page.waitForURL((url) => url.href.startsWith(`${demo.shop}/orders/${order}`));
  await page.waitForSelector(statuses.map((status) => `body[data-status=${status}]`).join(", "));
}

// Waits until the order page shows these sums, named as it names them.
export async function amountsAre(page, wanted) {
  const shows = (wanted) => {
    const rows = [...document.querySelectorAll(".bill > div")];
    const shown = new Map(rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())));
    return Object.entries(wanted).every(([name, sum]) => shown.get(name) === sum);
  };
  await page.waitForFunction(shows, wanted);
}
