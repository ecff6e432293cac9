// The payment page of `datepalm sandbox`: every way through it by keyboard, every screen looked at.

import assert from "node:assert/strict";
import { assertAccessible } from "./accessible.mjs";
import * as keys from "./keyboard.mjs";
import { Sandbox } from "./sandbox.mjs";
import { NARROW, PHONE, assertFits, picture, suite } from "./suite.mjs";
import { CARDS, DECLINED_PHONE } from "./walk.mjs";

const SEVERAL_ACCOUNTS = { ...CARDS.visa, expiry: "02/42" };
const LOCALES = ["en_US", "ar_SA"];

const test = suite(Sandbox);

// Opens a session and looks at its page.
async function enter(page, sandbox, country, options) {
  const session = await sandbox.open(country, options);
  await page.goto(session.checkout_url);
  return session;
}

// To the plans, by keyboard, with an identity where one is asked for.
async function reachPlans(page, country) {
  await keys.confirmPhone(page);
  if (country === "SA") await keys.identifyWithNafath(page);
  if (country === "AE") await keys.identifyByPictures(page);
  await keys.stepIs(page, "plan");
}

async function endsApproved(page, sandbox, country, session) {
  await keys.stepIs(page, "approved");
  await keys.press(page, "#return-to-store");
  const url = new URL(page.url());
  assert.equal(`${url.origin}${url.pathname}`, `${sandbox.shop}/success`);
  assert.equal(url.searchParams.get("paymentStatus"), "approved");
  assert.equal(url.searchParams.get("orderId"), session.order_id);
  assert.equal(await sandbox.status(country, session.order_id), "approved");
}

for (const [plan, card, parts] of [
  ["full", "mada", ["575.00"]],
  ["2", "mastercard", ["287.50", "287.50"]],
  ["3", "visaWithout3ds", ["191.68", "191.66", "191.66"]],
  ["4", "amex", ["143.75", "143.75", "143.75", "143.75"]],
]) {
  test(`by keyboard: ${card}, plan ${plan}, its parts to the minor unit`, async ({ page, world: sandbox }) => {
    const session = await enter(page, sandbox, "SA");
    await reachPlans(page, "SA");
    const amounts = await page.locator(`.plan:has([value="${plan}"]) .due span:last-child`).allTextContents();
    assert.deepEqual(amounts.map((amount) => amount.replace(/[^0-9.]/g, "")), parts);
    await keys.choosePlan(page, plan);
    await keys.payByCard(page, CARDS[card]);
    await endsApproved(page, sandbox, "SA", session);
  });
}

test("by keyboard: the page goes on by itself after Nafath and after the end", async ({ page, world: sandbox }) => {
  await enter(page, sandbox, "SA", { locale: "ar_SA" });
  await keys.confirmPhone(page);
  await keys.press(page, "#agree");
  await keys.press(page, "#regenerate-id");
  await page.waitForSelector("body[data-step=plan]");
  await keys.choosePlan(page, "4");
  await keys.payByCard(page, CARDS.visaWithout3ds);
  await page.waitForURL((url) => url.href.startsWith(`${sandbox.shop}/success`));
});

test("by keyboard: a failing card, one of several accounts, a wrong date, then 3-D Secure", async ({ page, world: sandbox }) => {
  const session = await enter(page, sandbox, "SA");
  await reachPlans(page, "SA");
  await keys.choosePlan(page, "3");
  const refused = async (card, field, words) => {
    await keys.payByCard(page, card);
    await assertFaultIs(page, field, words);
    assert.equal(await sandbox.status("SA", session.order_id), "new");
  };
  await refused(CARDS.refused, "card_number", /refused this card/);
  await refused(SEVERAL_ACCOUNTS, "card_number", /several accounts/);
  await refused({ number: "4012 8888 8888 1881", cvv: "100" }, "card_number", /does not know this card/);
  await refused({ ...CARDS.visa, expiry: "01/20" }, "card_expiry", /date in the future/);
  assert.equal(await page.inputValue("#card_number"), CARDS.visa.number);
  await keys.type(page, "#card_expiry", "01/99");
  await keys.type(page, "#card_cvv", "100");
  await keys.press(page, "#pay");
  await keys.stepIs(page, "three_ds");
  await keys.press(page, "#confirm-3ds");
  await assertFaultIs(page, "password", /enter a password/);
  await keys.type(page, "#password", "anything");
  await keys.press(page, "#confirm-3ds");
  await endsApproved(page, sandbox, "SA", session);
});

test("by keyboard: a wrong number and a wrong code are said where they are", async ({ page, world: sandbox }) => {
  await enter(page, sandbox, "KW");
  await keys.confirmPhone(page, "five");
  await assertFaultIs(page, "phone", /phone number in digits/);
  assert.equal(await page.inputValue("#phone"), "five");
  await keys.type(page, "#phone", sandbox.freshPhone("KW"));
  await keys.press(page, "#send-code");
  await keys.type(page, "#otp", "none");
  await keys.press(page, "#verify-otp");
  await assertFaultIs(page, "otp", /not the code/);
  await keys.press(page, "#back");
  await keys.stepIs(page, "phone");
});

test("by keyboard: the Emirates, scanned in three taps and known the second time", async ({ page, world: sandbox }) => {
  const phone = sandbox.freshPhone("AE");
  const verified = async () => {
    const query = `phone_number=971${phone}&country_code=AE`;
    return (await sandbox.call("AE", "GET", `/merchants/customer/id-verification-status?${query}`)).is_id_verified;
  };
  const session = await enter(page, sandbox, "AE", { phone });
  assert.equal(await verified(), false);
  await reachPlans(page, "AE");
  assert.equal(await verified(), true);
  await keys.choosePlan(page, "2");
  assert.doesNotMatch(await page.innerText("main"), /mada|AMEX/);
  await keys.payByCard(page, CARDS.mada);
  await assertFaultIs(page, "card_number", /Saudi Arabia only/);
  await keys.payByCard(page, CARDS.mastercard);
  await endsApproved(page, sandbox, "AE", session);
  await enter(page, sandbox, "AE", { phone });
  await keys.confirmPhone(page);
  await keys.stepIs(page, "plan");
});

test("by keyboard: Kuwait, three decimals and no identity", async ({ page, world: sandbox }) => {
  const session = await enter(page, sandbox, "KW", { total: 200.125 });
  await keys.confirmPhone(page);
  assert.match(await page.textContent(".plan:has([value=\"4\"]) .schedule"), /50\.032.*50\.031.*50\.031/s);
  await keys.choosePlan(page, "4");
  await keys.payByCard(page, CARDS.mastercard);
  await endsApproved(page, sandbox, "KW", session);
});

test("by keyboard: the declined phone ends at the store's failure page", async ({ page, world: sandbox }) => {
  const session = await enter(page, sandbox, "SA");
  await keys.confirmPhone(page, DECLINED_PHONE);
  await keys.stepIs(page, "declined");
  await keys.press(page, "#return-to-store");
  assert.equal(page.url(), `${sandbox.shop}/failure?paymentStatus=declined&orderId=${session.order_id}`);
});

test("by keyboard: leaving ends the session and returns to the store", async ({ page, world: sandbox }) => {
  const session = await enter(page, sandbox, "SA");
  await keys.confirmPhone(page);
  await keys.press(page, "#cancel-payment");
  assert.equal(page.url(), `${sandbox.shop}/cancel?paymentStatus=canceled&orderId=${session.order_id}`);
  assert.equal(await sandbox.status("SA", session.order_id), "expired");
  await page.goBack();
  await page.reload();
  await keys.stepIs(page, "expired");
});

test("by keyboard: a session that ran out, and one that was paid in another tab", async ({ page, world: sandbox }) => {
  const late = await enter(page, sandbox, "KW");
  await sandbox.control("clock/advance", { minutes: 31 });
  await keys.press(page, "#send-code");
  await keys.stepIs(page, "expired");
  await keys.press(page, "#return-to-store");
  assert.equal(page.url(), `${sandbox.shop}/failure?paymentStatus=expired&orderId=${late.order_id}`);
  const paid = await enter(page, sandbox, "KW");
  await keys.confirmPhone(page);
  await sandbox.control(`sessions/${paid.checkout_id}/approve`, { plan: "full" });
  await keys.choosePlan(page, "2");
  await keys.stepIs(page, "paid");
  await keys.press(page, "#return-to-store");
  assert.equal(page.url(), `${sandbox.shop}/success?paymentStatus=approved&orderId=${paid.order_id}`);
});

test("by keyboard: at a till the page says how it ended and leads nowhere", async ({ page, world: sandbox }) => {
  const { order_id, checkout_deeplink } = await sandbox.openAtTill("KW");
  await page.goto(checkout_deeplink);
  await keys.confirmPhone(page, sandbox.freshPhone("KW"));
  await keys.choosePlan(page, "full");
  await keys.payByCard(page, CARDS.mastercard);
  await keys.stepIs(page, "approved");
  assert.equal(await page.locator("main a, main button").count(), 0);
  assert.equal(await sandbox.status("KW", order_id), "fully_captured");
  const { checkout_deeplink: other } = await sandbox.openAtTill("KW");
  await page.goto(other);
  await keys.press(page, "#cancel-payment");
  await keys.stepIs(page, "expired");
});

// The field has the focus, is marked as wrong, and says what is wrong with it.
async function assertFaultIs(page, field, words) {
  // A browser gives a new page its focus when it first draws it, which may be after the document was read.
  await page.waitForFunction(() => document.activeElement !== document.body);
  const focused = await page.evaluate(() => {
    const element = document.activeElement;
    const description = (element.getAttribute("aria-describedby") ?? "").split(" ");
    const texts = description.map((id) => document.getElementById(id)?.textContent);
    return { id: element.id, invalid: element.getAttribute("aria-invalid"), text: texts.join(" ") };
  });
  assert.deepEqual([focused.id, focused.invalid], [field, "true"]);
  assert.match(focused.text, words);
  assert.match(await page.title(), /^Error: /);
}

for (const locale of LOCALES) {
  test(`every screen, looked at: ${locale}`, async ({ page, world: sandbox }) => {
    await page.route(`${sandbox.url}/checkout/**`, stay);
    const look = async (name, { step = name } = {}) => {
      await keys.stepIs(page, step);
      await assertLooksRight(page, `${name}-${locale.slice(0, 2)}`);
    };
    await lookFromPhoneToPlan(page, sandbox, locale, look);
    await lookAtCards(page, look);
    await lookAtEndings(page, sandbox, locale, look);
  });
}

async function lookFromPhoneToPlan(page, sandbox, locale, look) {
  await enter(page, sandbox, "SA", { locale });
  await look("phone");
  await keys.confirmPhone(page, "five");
  await look("phone-error", { step: "phone" });
  await keys.type(page, "#phone", sandbox.freshPhone("SA"));
  await keys.press(page, "#send-code");
  await look("otp");
  await keys.press(page, "#verify-otp");
  await look("otp-error", { step: "otp" });
  await keys.type(page, "#otp", await page.innerText("[data-otp]"));
  await keys.press(page, "#verify-otp");
  for (const [name, button] of [["terms", "#agree"], ["nafath", "#regenerate-id"], ["nafath_wait", "#id-confirmed"]]) {
    await look(name);
    await keys.press(page, button);
  }
  await look("plan");
  await enter(page, sandbox, "AE", { locale });
  await keys.confirmPhone(page);
  await keys.press(page, "#take-picture");
  await look("kyc");
}

async function lookAtCards(page, look) {
  for (let picture = 1; picture < 3; picture += 1) await keys.press(page, "#take-picture");
  await keys.choosePlan(page, "4");
  await look("card");
  await keys.payByCard(page, CARDS.refused);
  await look("card-refused", { step: "card" });
  await keys.payByCard(page, SEVERAL_ACCOUNTS);
  await look("card-several-accounts", { step: "card" });
  await keys.payByCard(page, { ...CARDS.visa, cvv: "999" });
  await look("card-wrong-code", { step: "card" });
  await page.click(".cards a >> nth=1");
  await look("card-filled-in", { step: "card" });
  await keys.press(page, "#pay");
  await look("three_ds");
  await keys.press(page, "#confirm-3ds");
  await look("three_ds-error", { step: "three_ds" });
  await keys.type(page, "#password", "anything");
  await keys.press(page, "#confirm-3ds");
  await look("approved");
  await page.goto(page.url().replace("/result", ""));
  await look("paid");
}

async function lookAtEndings(page, sandbox, locale, look) {
  await enter(page, sandbox, "SA", { locale });
  await keys.confirmPhone(page, DECLINED_PHONE);
  await look("declined");
  const { checkout_id, checkout_url } = await enter(page, sandbox, "KW", { locale, total: 200.125 });
  await keys.confirmPhone(page);
  await look("plan-kuwait", { step: "plan" });
  await sandbox.control(`sessions/${checkout_id}/expire`);
  await page.goto(checkout_url);
  await look("expired");
  const till = await sandbox.openAtTill("KW", { locale });
  await page.goto(till.checkout_deeplink);
  await look("till-phone", { step: "phone" });
  await sandbox.control(`sessions/${till.checkout_id}/approve`, { plan: "full" });
  await page.goto(till.checkout_deeplink);
  await look("till-paid", { step: "paid" });
  await page.goto(`${sandbox.url}/checkout/nowhere?locale=${locale}`);
  await look("unknown");
}

// Keeps a page that would move on by itself where it is, to be looked at.
async function stay(route) {
  const response = await route.fetch({ maxRedirects: 0 });
  const { refresh, ...headers } = response.headers();
  await route.fulfill({ response, headers });
}

async function assertLooksRight(page, name) {
  await page.setViewportSize(NARROW);
  await assertFits(page, name);
  await page.setViewportSize(PHONE);
  const words = await page.innerText("body");
  assert.match(words, /not Tamara|وليست تمارا/, `${name} does not say what it is`);
  assert.match(words, /real card|بطاقة حقيقية/, `${name} does not warn`);
  await assertAccessible(page, name);
  await picture(page, `hosted-${name}`, { fullPage: true });
}
