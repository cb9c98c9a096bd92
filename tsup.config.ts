import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    peerllm: "commands/main.ts",
    daemon: "daemon/main.ts",
    engine: "daemon/llama/child.ts",
  },
  format: "esm",
  platform: "node",
  target: "node20",
  outDir: "dist",
  splitting: true,
  sourcemap: true,
  dts: false,
});
