// `datepalm demo` with a data folder of its own.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, freePort } from "./server.mjs";

export class Demo extends Server {
  static async create(binary) {
    const data = await mkdtemp(join(tmpdir(), "datepalm-browser-"));
    const [port, sandboxPort] = [await freePort(), await freePort()];
    const [shop, sandbox] = [port, sandboxPort].map((port) => `http://127.0.0.1:${port}`);
    const places = ["--listen", `127.0.0.1:${port}`, "--sandbox-listen", `127.0.0.1:${sandboxPort}`];
    const demo = new Demo(binary, ["demo", "--data", data, ...places], [`${shop}/readyz`, `${sandbox}/_sandbox/state`]);
    Object.assign(demo, { data, shop, sandbox, origins: [shop, sandbox] });
    await demo.start();
    return demo;
  }

  async remove() {
    await super.remove();
    await rm(this.data, { recursive: true, force: true });
  }
}
