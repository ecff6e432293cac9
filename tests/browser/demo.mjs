// The demo as a process: started on free loopback ports with its own data folder, killed without warning, started again.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS_MAX = 30_000;
const POLL_MS = 50;
const LOG_CHARS_MAX = 20_000;

export class Demo {
  static async create(binary) {
    const demo = new Demo();
    demo.binary = binary;
    demo.data = await mkdtemp(join(tmpdir(), "datepalm-browser-"));
    demo.port = await freePort();
    demo.sandboxPort = await freePort();
    demo.shop = `http://127.0.0.1:${demo.port}`;
    demo.sandbox = `http://127.0.0.1:${demo.sandboxPort}`;
    demo.log = "";
    await demo.start();
    return demo;
  }

  async start() {
    const places = ["--listen", `127.0.0.1:${this.port}`, "--sandbox-listen", `127.0.0.1:${this.sandboxPort}`];
    const options = ["demo", "--data", this.data, ...places];
    const process = spawn(this.binary, options, { stdio: ["ignore", "pipe", "pipe"] });
    this.process = process;
    this.ended = new Promise((resolve) => process.once("close", (code, signal) => resolve(signal ?? code)));
    this.ended.then((end) => (process.end = end));
    const keep = (text) => (this.log = (this.log + text).slice(-LOG_CHARS_MAX));
    process.stdout.on("data", keep);
    process.stderr.on("data", keep);
    process.once("error", (error) => keep(`${error}\n`));
    await this.ready(process);
  }

  async ready(process) {
    const until = Date.now() + START_MS_MAX;
    while (Date.now() < until && process.end === undefined) {
      const answers = await Promise.all([answered(`${this.shop}/readyz`), answered(`${this.sandbox}/_sandbox/state`)]);
      if (answers.every(Boolean)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`the demo did not become ready (${process.end ?? "still starting"}):\n${this.log}`);
  }

  // As a power cut would do it.
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async remove() {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }
}

async function answered(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
