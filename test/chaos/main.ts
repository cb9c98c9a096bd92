import { dispatch } from "../bench/dispatch.ts";

await dispatch(
  "chaos",
  {
    economy: () => import("./economy.ts"),
  },
  process.argv.slice(2),
);
