// All suites, one after the other; started by `run`.

import "./tests.mjs";
import "./hosted.mjs";
import { runSuites } from "./suite.mjs";

await runSuites(process.env.DATEPALM, process.argv[2] ?? "");
