import { dispatch } from "./dispatch.ts";

await dispatch(
  "bench",
  {
    engine: () => import("./engine.ts"),
    ledger: () => import("./ledger.ts"),
    overhead: () => import("./overhead.ts"),
    privacy: () => import("./privacy.ts"),
    registry: () => import("./registry.ts"),
    safety: () => import("./safety.ts"),
  },
  process.argv.slice(2),
);
