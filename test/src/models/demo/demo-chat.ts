import { getLlama, LlamaLogLevel, type LlamaModel, type Token } from "node-llama-cpp";
import type { Conversation } from "../../../../src/models/demo/train/template.ts";
import { promptTokens } from "../../../../src/models/demo/train/template.ts";
import { type Tokenizer, tokenizerOf } from "../../../../src/models/demo/train/tokenizer.ts";
import { packageFile } from "../../../../src/paths.ts";

export interface DemoAnswer {
  readonly text: string;
  readonly tokens: number;
}

export interface DemoChat {
  readonly model: LlamaModel;
  readonly tokenizer: Tokenizer;
  /** The greedy answer, at most 400 tokens. */
  answer(conversation: Conversation): Promise<DemoAnswer>;
  close(): Promise<void>;
}

const answerTokensMax = 400;

/** The demo model in llama.cpp, on one thread. */
export async function openDemo(path = packageFile("src/models/demo/demo.gguf")): Promise<DemoChat> {
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: 1,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: 2048, threads: 1 });
  const tokenizer = tokenizerOf(model.fileInfo.metadata.tokenizer.ggml.merges ?? []);
  return {
    model,
    tokenizer,
    async answer(conversation) {
      const sequence = context.getSequence();
      const tokens: number[] = [];
      try {
        for await (const token of sequence.evaluate(promptTokens(conversation, tokenizer).map(tokenOf), {
          temperature: 0,
        })) {
          tokens.push(token);
          if (tokens.length === answerTokensMax) break;
        }
      } finally {
        sequence.dispose();
      }
      return { text: model.detokenize(tokens.map(tokenOf), true), tokens: tokens.length };
    },
    close: () => llama.dispose(),
  };
}

function tokenOf(id: number): Token {
  return id as Token;
}
