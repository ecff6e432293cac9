// The demo as a visitor sees it, from the shelf to the refund.

import assert from "node:assert/strict";
import { Demo } from "./demo.mjs";
import { NARROW, assertFits, picture, pictures, suite } from "./suite.mjs";
import * as walk from "./walk.mjs";
import { CARDS } from "./walk.mjs";

const test = suite(Demo);

test("the shelf shows seven products, one of them in dinars", async ({ page, world: demo }) => {
  await page.goto(demo.shop);
  assert.equal(await page.locator("[id^=add-]").count(), 7);
  assert.match(await page.innerText("main"), /149\.50 SAR/);
  assert.match(await page.innerText("main"), /18\.375 KWD/);
  await picture(page, "shop");
});

test("mada: paid, shipped once by a double click, refunded, and the page changes by itself", async ({ page, world: demo }) => {
  const returns = [];
  page.on("request", (request) => request.url().startsWith(`${demo.shop}/r/`) && returns.push(request.url()));
  await walk.fillCart(page, demo, "ajwa", "oud");
  const order = await walk.pressPay(page, demo);
  await picture(page, "payment-phone-en");
  const watcher = await page.context().newPage();
  await watcher.goto(`${demo.shop}/orders/${order}`);
  assert.equal(await watcher.innerText(".order-status"), "Waiting for payment");
  await watcher.evaluate(() => (window.untouched = true));
  await walk.payByCard(page, CARDS.mada);
  await walk.orderIs(page, demo, order, "authorised");
  await walk.orderIs(watcher, demo, order, "authorised");
  assert.equal(await watcher.evaluate(() => window.untouched), true, "the page was not loaded again");
  assert.equal(await page.innerText(".order-status"), "Paid");
  assert.equal(await page.innerText("#cart-count"), "0");
  await picture(page, "order-paid");
  if (pictures) await pictureOfReturn(page, returns[0]);

  await page.dblclick("#ship");
  await walk.orderIs(page, demo, order, "captured");
  await walk.orderIs(watcher, demo, order, "captured");
  await page.click("#refund");
  await walk.orderIs(page, demo, order, "refunded");
  assert.equal(await page.innerText(".order-status"), "Refunded");
  await walk.amountsAre(page, { Captured: "263.50 SAR", Refunded: "263.50 SAR", Canceled: "0.00 SAR" });
  await page.click("#what-happened summary");
  assert.ok((await page.locator(".happenings li").count()) >= 4);
  await picture(page, "order-refunded");
});

test("Visa in three parts with 3-D Secure: shipped in two parts, refunded in part", async ({ page, world: demo }) => {
  const sums = { Total: "349.00 SAR", Authorised: "349.00 SAR", Captured: "0.00 SAR", Refunded: "0.00 SAR", Canceled: "0.00 SAR" };
  const become = async (changes) => walk.amountsAre(page, Object.assign(sums, changes));
  await walk.fillCart(page, demo, "dallah");
  const order = await walk.pressPay(page, demo);
  await walk.payByCard(page, CARDS.visa, "3");
  await walk.orderIs(page, demo, order, "authorised");
  await become({});
  await page.fill("#ship-amount", "100.5");
  await page.click("#ship-part");
  await become({ Captured: "100.50 SAR" });
  assert.equal(await page.innerText(".order-status"), "Partly shipped");
  await page.fill("#ship-amount", "900");
  await page.click("#ship-part");
  assert.match(await page.innerText("[role=alert]"), /248\.50/);
  await page.goto(`${demo.shop}/orders/${order}`);
  await page.click("#ship");
  await become({ Captured: "349.00 SAR" });
  await page.fill("#refund-amount", "0.55");
  await page.click("#refund-part");
  await become({ Refunded: "0.55 SAR" });
  assert.equal(await page.innerText(".order-status"), "Partly refunded");
});

test("Kuwait: never mixed with riyals, paid and shipped with three decimals", async ({ page, world: demo }) => {
  await page.goto(demo.shop);
  await page.click("#add-coffee");
  await page.goto(demo.shop);
  await page.click("#add-mabkhara");
  assert.match(await page.innerText("#other-store"), /One country per order/);
  await page.click("#fresh-cart");
  await page.click("#checkout");
  const order = await walk.pressPay(page, demo);
  await walk.payByCard(page, CARDS.mastercard);
  await walk.orderIs(page, demo, order, "authorised");
  await page.click("#ship");
  await walk.orderIs(page, demo, order, "captured");
  await walk.amountsAre(page, { Total: "19.875 KWD", Captured: "19.875 KWD", Refunded: "0.000 KWD" });
});

test("a customer whom Tamara declines comes back to a declined order with a full cart", async ({ page, world: demo }) => {
  await walk.fillCart(page, demo, "honey");
  await page.fill("[name=phone]", walk.DECLINED_PHONE);
  const order = await walk.pressPay(page, demo);
  await walk.sendCode(page);
  await walk.comeBack(page);
  await walk.orderIs(page, demo, order, "declined");
  assert.equal(await page.innerText(".order-status"), "Declined");
  assert.equal(await page.innerText("#cart-count"), "1");
  await picture(page, "order-declined");
  await page.click("#again");
  await page.waitForSelector("#pay");
});

test("a card that fails may be followed by one that works", async ({ page, world: demo }) => {
  await walk.fillCart(page, demo, "sukkari");
  const order = await walk.pressPay(page, demo);
  await walk.reachCard(page, "2");
  await walk.typeCard(page, CARDS.refused);
  await page.click("#pay");
  await page.waitForSelector("[role=alert]");
  await walk.atStep(page, "card");
  await walk.typeCard(page, CARDS.visaWithout3ds);
  await page.click("#pay");
  await walk.comeBack(page);
  await walk.orderIs(page, demo, order, "authorised");
});

test("a customer who leaves the payment page has paid nothing", async ({ page, world: demo }) => {
  await walk.fillCart(page, demo, "coffee");
  const order = await walk.pressPay(page, demo);
  await walk.reachCard(page);
  await page.click("#cancel-payment");
  await walk.comeBack(page);
  await walk.orderIs(page, demo, order, "expired", "canceled");
  assert.match(await page.innerText(".order-status"), /Canceled by customer|Expired/);
  await walk.amountsAre(page, { Authorised: "0.00 SAR" });
});

test("the shop cancels a paid order and nothing is charged", async ({ page, world: demo }) => {
  await walk.fillCart(page, demo, "honey");
  const order = await walk.pressPay(page, demo);
  await walk.payByCard(page, CARDS.visaWithout3ds);
  await walk.orderIs(page, demo, order, "authorised");
  await page.click("#cancel");
  await walk.orderIs(page, demo, order, "canceled");
  await walk.amountsAre(page, { Captured: "0.00 SAR", Canceled: "210.75 SAR" });
});

test("Arabic: the payment page reads from right to left and ends paid", async ({ page, world: demo }) => {
  await walk.fillCart(page, demo, "ajwa");
  await page.check("[name=locale][value=ar_SA]");
  const order = await walk.pressPay(page, demo);
  assert.equal(await page.getAttribute("html", "dir"), "rtl");
  assert.equal(await page.getAttribute("html", "lang"), "ar");
  await picture(page, "payment-phone-ar");
  await walk.reachCard(page, "4");
  await picture(page, "payment-card-ar");
  await walk.typeCard(page, CARDS.visaWithout3ds);
  await page.click("#pay");
  await walk.comeBack(page);
  await walk.orderIs(page, demo, order, "authorised");
});

test("kill -9 between payment and return: the order still ends paid", async ({ page, world: demo }) => {
  await walk.fillCart(page, demo, "oud");
  const order = await walk.pressPay(page, demo);
  await walk.reachCard(page);
  await picture(page, "payment-card-en");
  await walk.typeCard(page, CARDS.visaWithout3ds);
  // The payment happens, and before the browser learns of it, everything dies and comes back.
  let killed = 0;
  await page.route(`${demo.sandbox}/**`, async (route) => {
    if (route.request().method() !== "POST" || killed > 0) return route.continue();
    killed += 1;
    const response = await route.fetch({ maxRedirects: 0 });
    await demo.kill();
    await demo.start();
    await route.fulfill({ response });
  });
  await page.click("#pay");
  await walk.orderIs(page, demo, order, "authorised");
  assert.equal(killed, 1);
  await page.click("#ship");
  await walk.orderIs(page, demo, order, "captured");
});

test("the order page survives a restart that happens under it", async ({ page, world: demo }) => {
  await walk.fillCart(page, demo, "coffee");
  const order = await walk.pressPay(page, demo);
  const watcher = await page.context().newPage();
  await watcher.goto(`${demo.shop}/orders/${order}`);
  await watcher.evaluate(() => (window.untouched = true));
  await demo.kill();
  await demo.start();
  await walk.payByCard(page, CARDS.visaWithout3ds);
  await walk.orderIs(watcher, demo, order, "authorised");
  assert.equal(await watcher.evaluate(() => window.untouched), true, "the page was not loaded again");
});

test("every page fits a phone of 360 pixels", async ({ page, world: demo }) => {
  await page.setViewportSize(NARROW);
  const fits = (name) => assertFits(page, name);
  await page.goto(demo.shop);
  await fits("the shelf");
  await page.click("#add-dallah");
  await fits("the cart");
  await page.click("#checkout");
  await fits("the checkout");
  const order = await walk.pressPay(page, demo);
  await fits("the payment page, phone");
  await walk.sendCode(page);
  await walk.atStep(page, "otp");
  await fits("the payment page, code");
  await walk.typeCode(page);
  await walk.choosePlan(page, "4");
  await walk.atStep(page, "card");
  await fits("the payment page, card");
  await walk.typeCard(page, CARDS.visaWithout3ds);
  await page.click("#pay");
  await walk.comeBack(page);
  await walk.orderIs(page, demo, order, "authorised");
  await fits("the order");
  await page.goto(`${demo.shop}/orders`);
  await fits("the orders");
  await page.goto(`${demo.sandbox}/_sandbox`);
  await fits("the sandbox");
});

// The return page leads on at once, so it is looked at where scripts do not run.
async function pictureOfReturn(page, url) {
  const context = await page.context().browser().newContext({ javaScriptEnabled: false });
  const still = await context.newPage();
  await still.goto(url, { waitUntil: "commit" });
  await picture(still, "return");
  await context.close();
}
