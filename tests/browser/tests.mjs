// The tests: what a visitor of the demo sees from the shelf to the refund. Started by `run`.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Demo } from "./demo.mjs";
import * as walk from "./walk.mjs";
import { CARDS } from "./walk.mjs";

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
const ACTION_MS_MAX = 20_000;

const pictures = process.env.SCREENSHOTS;
const only = process.argv[2] ?? "";
const tests = [];
const test = (name, run) => tests.push({ name, run });

test("the shelf shows seven products, one of them in dinars", async ({ page, demo }) => {
  await page.goto(demo.shop);
  assert.equal(await page.locator("[id^=add-]").count(), 7);
  assert.match(await page.innerText("main"), /149\.50 SAR/);
  assert.match(await page.innerText("main"), /18\.375 KWD/);
  await picture(page, "shop");
});

test("mada: paid, shipped once by a double click, refunded, and the page changes by itself", async ({ page, demo }) => {
  const returns = [];
  page.on("request", (request) => request.url().startsWith(`${demo.shop}/r/`) && returns.push(request.url()));
  await walk.fillCart(page, demo, "ajwa", "oud");
  const order = await walk.pressPay(page, demo);
  await picture(page, "payment-phone-en");
  const watcher = await page.context().newPage();
  await watcher.goto(`${demo.shop}/orders/${order}`);
  assert.equal(await watcher.innerText(".order-status"), "Waiting for payment");
  await watcher.evaluate(() => (window.untouched = true));
  await walk.payByCard(page, demo, CARDS.mada);
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

test("Visa in three parts with 3-D Secure: shipped in two parts, refunded in part", async ({ page, demo }) => {
  const sums = { Total: "349.00 SAR", Authorised: "349.00 SAR", Captured: "0.00 SAR", Refunded: "0.00 SAR", Canceled: "0.00 SAR" };
  const become = async (changes) => walk.amountsAre(page, Object.assign(sums, changes));
  await walk.fillCart(page, demo, "dallah");
  const order = await walk.pressPay(page, demo);
  await walk.payByCard(page, demo, CARDS.visa, "3");
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

test("Kuwait: never mixed with riyals, paid and shipped with three decimals", async ({ page, demo }) => {
  await page.goto(demo.shop);
  await page.click("#add-coffee");
  await page.goto(demo.shop);
  await page.click("#add-mabkhara");
  assert.match(await page.innerText("#other-store"), /One country per order/);
  await page.click("#fresh-cart");
  await page.click("#checkout");
  const order = await walk.pressPay(page, demo);
  await walk.payByCard(page, demo, CARDS.mastercard);
  await walk.orderIs(page, demo, order, "authorised");
  await page.click("#ship");
  await walk.orderIs(page, demo, order, "captured");
  await walk.amountsAre(page, { Total: "19.875 KWD", Captured: "19.875 KWD", Refunded: "0.000 KWD" });
});

test("a customer whom Tamara declines comes back to a declined order with a full cart", async ({ page, demo }) => {
  await walk.fillCart(page, demo, "honey");
  await page.fill("[name=phone]", walk.DECLINED_PHONE);
  const order = await walk.pressPay(page, demo);
  await walk.sendCode(page);
  const come = page.waitForURL((url) => url.href.startsWith(demo.shop));
  const code = page.waitForSelector("body[data-step=otp]").then(() => walk.typeCode(page));
  code.catch(() => {});
  await come;
  await walk.orderIs(page, demo, order, "declined");
  assert.equal(await page.innerText(".order-status"), "Declined");
  assert.equal(await page.innerText("#cart-count"), "1");
  await picture(page, "order-declined");
  await page.click("#again");
  await page.waitForSelector("#pay");
});

test("a card that fails may be followed by one that works", async ({ page, demo }) => {
  await walk.fillCart(page, demo, "sukkari");
  const order = await walk.pressPay(page, demo);
  await walk.reachCard(page, "2");
  await walk.typeCard(page, CARDS.refused);
  await page.click("#pay");
  await page.waitForSelector("[role=alert]");
  await walk.atStep(page, "card");
  await walk.typeCard(page, CARDS.visaWithout3ds);
  await page.click("#pay");
  await walk.orderIs(page, demo, order, "authorised");
});

test("a customer who leaves the payment page has paid nothing", async ({ page, demo }) => {
  await walk.fillCart(page, demo, "coffee");
  const order = await walk.pressPay(page, demo);
  await walk.reachCard(page);
  await page.click("#cancel-payment");
  await walk.orderIs(page, demo, order, "expired", "canceled");
  assert.match(await page.innerText(".order-status"), /Canceled by customer|Expired/);
  await walk.amountsAre(page, { Authorised: "0.00 SAR" });
});

test("the shop cancels a paid order and nothing is charged", async ({ page, demo }) => {
  await walk.fillCart(page, demo, "honey");
  const order = await walk.pressPay(page, demo);
  await walk.payByCard(page, demo, CARDS.visaWithout3ds);
  await walk.orderIs(page, demo, order, "authorised");
  await page.click("#cancel");
  await walk.orderIs(page, demo, order, "canceled");
  await walk.amountsAre(page, { Captured: "0.00 SAR", Canceled: "210.75 SAR" });
});

test("Arabic: the payment page reads from right to left and ends paid", async ({ page, demo }) => {
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
  await walk.orderIs(page, demo, order, "authorised");
});

test("kill -9 between payment and return: the order still ends paid", async ({ page, demo }) => {
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

test("the order page survives a restart that happens under it", async ({ page, demo }) => {
  await walk.fillCart(page, demo, "coffee");
  const order = await walk.pressPay(page, demo);
  const watcher = await page.context().newPage();
  await watcher.goto(`${demo.shop}/orders/${order}`);
  await watcher.evaluate(() => (window.untouched = true));
  await demo.kill();
  await demo.start();
  await walk.payByCard(page, demo, CARDS.visaWithout3ds);
  await walk.orderIs(watcher, demo, order, "authorised");
  assert.equal(await watcher.evaluate(() => window.untouched), true, "the page was not loaded again");
});

test("every page fits a phone of 360 pixels", async ({ page, demo }) => {
  await page.setViewportSize(NARROW);
  const fits = async (name) => {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
  };
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
  await walk.orderIs(page, demo, order, "authorised");
  await fits("the order");
  await page.goto(`${demo.shop}/orders`);
  await fits("the orders");
  await page.goto(`${demo.sandbox}/_sandbox`);
  await fits("the sandbox");
});

async function picture(page, name) {
  if (!pictures) return;
  const before = page.viewportSize();
  for (const size of [PHONE, DESK]) {
    await page.setViewportSize(size);
    const shoot = () => page.screenshot({ path: join(pictures, `${name}-${size.width}x${size.height}.png`) });
    // On a busy machine Chromium refuses now and then to draw a page right after its size changed.
    await shoot().catch(shoot);
  }
  await page.setViewportSize(before);
}

// The return page leads on at once, so it is looked at where scripts do not run.
async function pictureOfReturn(page, url) {
  const context = await page.context().browser().newContext({ javaScriptEnabled: false });
  const still = await context.newPage();
  await still.goto(url, { waitUntil: "commit" });
  await picture(still, "return");
  await context.close();
}

// Runs one test in a browser profile of its own, and minds what pages say to nobody: errors and foreign requests.
async function attempt(browser, demo, { run }) {
  const context = await browser.newContext({ viewport: PHONE, locale: "en-GB" });
  context.setDefaultTimeout(ACTION_MS_MAX);
  const complaints = [];
  context.on("weberror", (error) => complaints.push(`script error: ${error.error().message}`));
  context.on("request", (request) => {
    const own = [demo.shop, demo.sandbox].some((origin) => request.url().startsWith(`${origin}/`));
    if (!own && !request.url().startsWith("data:")) complaints.push(`foreign request: ${new URL(request.url()).origin}`);
  });
  const page = await context.newPage();
  try {
    await run({ page, demo });
    assert.deepEqual(complaints, []);
  } catch (error) {
    error.message += `\n  at ${page.url()}, step ${await step(page)}`;
    throw error;
  } finally {
    await context.close();
  }
}

async function step(page) {
  return page.evaluate(() => JSON.stringify(document.body.dataset)).catch(() => "unknown");
}

async function main() {
  if (pictures) await mkdir(pictures, { recursive: true });
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", ...quiet];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
  let demo;
  // Nothing is left running when somebody ends this by hand.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => demo?.remove().finally(() => process.exit(1)));
  let passed = 0;
  let failed = 0;
  try {
    demo = await Demo.create(process.env.DATEPALM);
    for (const each of tests.filter(({ name }) => name.includes(only))) {
      const began = Date.now();
      try {
        await attempt(browser, demo, each);
        passed += 1;
        console.log(`ok    ${each.name} (${Date.now() - began} ms)`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL  ${each.name}\n${error.message}`);
      }
    }
    if (failed > 0) console.log(`What the demo said last:\n${demo.log.slice(-4_000)}`);
  } catch (error) {
    failed += 1;
    console.log(error.message);
  } finally {
    await browser.close();
    await demo?.remove();
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

await main();
