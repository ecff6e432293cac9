// Whether people with a screen reader can use a page: axe-core's rules, and what the accessibility tree says.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function assertAccessible(page, name) {
  // Evaluated, not loaded: the pages allow no script of their own.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}: ${nodes[0].html}`);
  assert.deepEqual(found, [], name);

  const tree = await page.locator("body").ariaSnapshot();
  const lines = tree.split("\n").map((line) => line.trim());
  const count = (start) => lines.filter((line) => line.startsWith(start)).length;
  for (const landmark of ["- banner", "- main", "- contentinfo"]) assert.equal(count(landmark), 1, `${name}: ${landmark}\n${tree}`);
  const headings = lines.filter((line) => line.startsWith("- heading") && line.includes("[level=1]"));
  assert.equal(headings.length, 1, `${name}: one main heading\n${tree}`);
  assert.ok((await page.title()).includes(JSON.parse(headings[0].match(/".*"/)[0])), `${name}: the title names the step`);
  const nameless = lines.filter((line) => /^- (button|textbox|radio|link)(?! ")/.test(line));
  assert.deepEqual(nameless, [], `${name}: everything that can be used has a name\n${tree}`);
}
