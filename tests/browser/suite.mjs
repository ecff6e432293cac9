// Registers tests and runs them: each in a browser profile of its own, those of one suite against one program.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 800 };
export const NARROW = { width: 360, height: 740 };
const ACTION_MS_MAX = 20_000;

export const pictures = process.env.SCREENSHOTS;
const suites = [];

// A program with the tests that share it; answers the function that adds one.
export function suite(program) {
  const tests = [];
  suites.push({ program, tests });
  return (name, run) => tests.push({ name, run });
}

export async function picture(page, name, { fullPage = false } = {}) {
  if (!pictures) return;
  const before = page.viewportSize();
  for (const size of [PHONE, DESK]) {
    await page.setViewportSize(size);
    const path = join(pictures, `${name}-${size.width}x${size.height}.png`);
    const shoot = () => page.screenshot({ path, fullPage });
    // On a busy machine Chromium refuses now and then to draw a page right after its size changed.
    await shoot().catch(shoot);
  }
  await page.setViewportSize(before);
}

export async function assertFits(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
}

// Minds what pages say to nobody, too: script errors and foreign requests.
async function attempt(browser, world, { run }) {
  const context = await browser.newContext({ viewport: PHONE, locale: "en-GB" });
  context.setDefaultTimeout(ACTION_MS_MAX);
  const complaints = [];
  context.on("weberror", (error) => complaints.push(`script error: ${error.error().message}`));
  context.on("request", (request) => {
    const own = world.origins.some((origin) => request.url().startsWith(`${origin}/`));
    if (!own && !request.url().startsWith("data:")) complaints.push(`foreign request: ${new URL(request.url()).origin}`);
  });
  const page = await context.newPage();
  try {
    await run({ page, world });
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

// Runs the tests whose names contain `only`.
export async function runSuites(binary, only) {
  if (pictures) await mkdir(pictures, { recursive: true });
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", ...quiet];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
  const running = new Set();
  // Nothing is left running when somebody ends this by hand.
  const removeAll = () => Promise.all([...running].map((world) => world.remove())).finally(() => process.exit(1));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, removeAll);
  const count = { passed: 0, failed: 0 };
  for (const { program, tests } of suites) {
    const wanted = tests.filter(({ name }) => name.includes(only));
    if (wanted.length > 0) await runSuite(browser, () => program.create(binary), wanted, { running, count });
  }
  await browser.close();
  console.log(`${count.passed} passed, ${count.failed} failed`);
  process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
}

async function runSuite(browser, create, tests, { running, count }) {
  let world;
  const failedBefore = count.failed;
  try {
    world = await create();
    running.add(world);
    for (const each of tests) {
      const began = Date.now();
      try {
        await attempt(browser, world, each);
        count.passed += 1;
        console.log(`ok    ${each.name} (${Date.now() - began} ms)`);
      } catch (error) {
        count.failed += 1;
        console.log(`FAIL  ${each.name}\n${error.message}`);
      }
    }
    if (count.failed > failedBefore) console.log(`What the program said last:\n${world.log.slice(-4_000)}`);
  } catch (error) {
    count.failed += 1;
    console.log(error.message);
  } finally {
    running.delete(world);
    await world?.remove();
  }
}
