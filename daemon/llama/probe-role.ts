import { GgufInsights, type Llama, LlamaLogLevel, type LlamaModel, readGgufFileInfo } from "node-llama-cpp";
import { isPeerError, PeerError } from "../../src/errors.ts";
import { loadVocabulary, openLibrary, reasonOf, refused } from "./library.ts";
import type { ProbeOpening } from "./messages.ts";
import { createRenderer } from "./renderer.ts";

/** Reads a file nobody vouches for. Whatever it does to this process, nothing else is lost. */
export async function openProbe({ modelFile }: ProbeOpening) {
  const llama = await openLibrary("off", 1);
  try {
    renderGreeting(await loadVocabulary(llama, modelFile));
    await rehearse(llama, modelFile);
  } catch (cause) {
    throw isPeerError(cause) ? cause : await refused(reasonOf(cause), cause);
  }
  return { facts: null, receive: () => {} };
}

/** What is asked of a vocabulary and a template before any host sees a prompt. */
function renderGreeting(model: LlamaModel): void {
  const { hasTemplate, render } = createRenderer(model);
  const prompt = hasTemplate
    ? ({ kind: "chat", messages: [{ role: "user", content: "Hello!" }] } as const)
    : ({ kind: "text", text: "Hello!" } as const);
  try {
    render(prompt);
  } catch (cause) {
    throw new PeerError("model_invalid", "This model's chat template can't render a greeting.", { cause });
  }
}

/** Of a context to rehearse with; a longer one shows no more. */
const rehearsedTokens = 512;

/**
 * Loads all tensors and makes a context without memory for either: llama.cpp checks their names, shapes and places, and
 * builds its graph, in a fraction of the weights' size. The binding logs a refusal and estimates instead.
 */
async function rehearse(llama: Llama, modelFile: string): Promise<void> {
  const header = await readGgufFileInfo(modelFile, { sourceType: "filesystem", logWarnings: false });
  const insights = await GgufInsights.from(header, llama);
  const { logger } = llama;
  let isRefused = false;
  llama.logger = (level, message) => {
    isRefused ||= message.startsWith("Failed simulating");
    logger(level, message);
  };
  llama.logLevel = LlamaLogLevel.warn;
  const contextSize = Math.min(rehearsedTokens, insights.trainContextSize ?? rehearsedTokens);
  await insights.estimateContextResourceRequirementsV2({ contextSize, modelGpuLayers: 0, sequences: 1 });
  if (isRefused) throw await refused("it gives no reason");
}
