import { dispatch } from "../bench/dispatch.ts";

await dispatch(
  "chaos",
  {
    dispatch: () => import("./dispatch.ts"),
    economy: () => import("./economy.ts"),
  },
  process.argv.slice(2),
);
