// A person with a keyboard and nothing else, on the hosted page.

import assert from "node:assert/strict";

const TABS_MAX = 40;

// Moves on until the wanted element has the focus, which must be seen.
export async function tabTo(page, selector) {
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    const focused = await page.evaluate((selector) => {
      const element = document.activeElement;
      return element.matches(selector) && { outlined: getComputedStyle(element).outlineStyle !== "none" };
    }, selector);
    if (focused) return assert.ok(focused.outlined, `${selector} does not show its focus`);
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} cannot be reached with Tab`);
}

// Replaces what stands in a field.
export async function type(page, selector, text) {
  await tabTo(page, selector);
  await page.keyboard.press("Control+a");
  await page.keyboard.type(text);
}

// Waits for the answer, which is another document even where the step stays the same.
export async function press(page, selector) {
  await tabTo(page, selector);
  await Promise.all([page.waitForEvent("domcontentloaded"), page.keyboard.press("Enter")]);
}

export async function confirmPhone(page, phone) {
  if (phone) await type(page, "#phone", phone);
  await press(page, "#send-code");
  if ((await step(page)) !== "otp") return;
  await type(page, "#otp", await page.innerText("[data-otp]"));
  await press(page, "#verify-otp");
}

// The arrow keys go round the plans.
export async function choosePlan(page, plan) {
  await tabTo(page, "[name=plan]");
  const chosen = () => page.evaluate(() => document.activeElement.value);
  for (let presses = 0; (await chosen()) !== plan; presses += 1) {
    assert.ok(presses < 5, `plan ${plan} is not offered`);
    await page.keyboard.press("ArrowDown");
  }
  await press(page, "#choose-plan");
}

export async function payByCard(page, { number, expiry = "01/99", cvv }) {
  await type(page, "#card_number", number);
  await type(page, "#card_expiry", expiry);
  await type(page, "#card_cvv", cvv);
  await press(page, "#pay");
}

export async function identifyWithNafath(page) {
  await stepIs(page, "terms");
  await press(page, "#agree");
  await stepIs(page, "nafath");
  await press(page, "#regenerate-id");
  await stepIs(page, "nafath_wait");
  await press(page, "#id-confirmed");
}

export async function identifyByPictures(page) {
  for (let picture = 0; picture < 3; picture += 1) {
    await stepIs(page, "kyc");
    await press(page, "#take-picture");
  }
}

export async function step(page) {
  return page.evaluate(() => document.body.dataset.step);
}

export async function stepIs(page, ...wanted) {
  const is = await step(page);
  assert.ok(wanted.includes(is), `the page is at ${is}, not at ${wanted}`);
}
