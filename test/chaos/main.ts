import { dispatch } from "../bench/dispatch.ts";

await dispatch("chaos", {}, process.argv.slice(2));
