import { dispatch } from "../bench/dispatch.ts";

await dispatch(
  "chaos",
  {
    dispatch: () => import("./dispatch.ts"),
    economy: () => import("./economy.ts"),
    failover: () => import("./failover.ts"),
    fuzz: () => import("./fuzz.ts"),
  },
  process.argv.slice(2),
);
