import type { Command } from "commander";
import * as z from "zod";
import { tokensMax } from "../src/protocol/frame.ts";
import { allowedOrigins, defaultPorts } from "../src/protocol/start.ts";
import { portNumber, positiveNumber, wholeNumber } from "../src/typed-number.ts";

/** What a host runs with, as `host up` and `host service install` take it. */
export function addHostOptions(command: Command): Command {
  return command
    .option(
      "--model <ref...>",
      "models to serve, with --local GGUF files (default: the pinned ones, else one that fits this machine)",
    )
    .option("--local", "serve this machine alone: no network, no account")
    .option("--port <n>", `port of the local endpoint (default ${defaultPorts.local})`)
    .option("--allow-origin <origin...>", "web pages that may call the local endpoint, like https://app.example")
    .option("--engine <engine>", "llama, or openai for a server that runs already (default llama)")
    .option("--upstream <url>", "that server's address, with --engine openai")
    .option("--threads <n>", "processor threads to use (default: as many as there are cores)")
    .option("--gpu <backend>", "auto, off, cuda, metal or vulkan (default auto)")
    .option("--sequences <n>", "answers to make at once (default 4, of a small model 8)")
    .option("--context <n>", "tokens of context for each (default 8192, or what the model has)")
    .option("--tokens-per-second-max <n>", "the most to give, over all answers")
    .option("--schedule <when>", 'when to serve, such as "22:00-07:00" (default: always)');
}

export const hostOptions = z.object({
  model: z.array(z.string().min(1)).max(64).default([]),
  local: z.boolean().default(false),
  port: portNumber.default(defaultPorts.local),
  allowOrigin: allowedOrigins,
  engine: z.enum(["llama", "openai"]).default("llama"),
  upstream: z
    .url({ protocol: /^https?$/, error: "must be a URL like http://127.0.0.1:8080" })
    .nullable()
    .default(null),
  threads: wholeNumber(1, 256).nullable().default(null),
  gpu: z.enum(["auto", "off", "cuda", "metal", "vulkan"]).default("auto"),
  sequences: wholeNumber(1, 64).nullable().default(null),
  context: wholeNumber(128, tokensMax).nullable().default(null),
  tokensPerSecondMax: positiveNumber(1_000_000).nullable().default(null),
  schedule: z
    .string()
    .nullable()
    .default(null)
    .transform((when) => (when === "always" ? null : when)),
});
export type HostOptions = z.output<typeof hostOptions>;
