// A program under test as a process of its own: started on free loopback ports, killed without warning.

import { spawn } from "node:child_process";
import { createServer } from "node:net";

const START_MS_MAX = 30_000;
const POLL_MS = 50;
const LOG_CHARS_MAX = 20_000;

export class Server {
  log = "";

  // `readyAt` are addresses that answer when it is ready.
  constructor(binary, options, readyAt) {
    Object.assign(this, { binary, options, readyAt });
  }

  async start() {
    const process = spawn(this.binary, this.options, { stdio: ["ignore", "pipe", "pipe"] });
    this.process = process;
    this.ended = new Promise((resolve) => process.once("close", (code, signal) => resolve(signal ?? code)));
    this.ended.then((end) => (process.end = end));
    const keep = (text) => (this.log = (this.log + text).slice(-LOG_CHARS_MAX));
    process.stdout.on("data", keep);
    process.stderr.on("data", keep);
    process.once("error", (error) => keep(`${error}\n`));
    const until = Date.now() + START_MS_MAX;
    while (Date.now() < until && process.end === undefined) {
      if ((await Promise.all(this.readyAt.map(answered))).every(Boolean)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`${this.options[0]} did not become ready (${process.end ?? "still starting"}):\n${this.log}`);
  }

  // As a power cut would do it.
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async remove() {
    await this.kill();
  }
}

async function answered(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
