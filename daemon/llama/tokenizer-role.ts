import type { Llama } from "node-llama-cpp";
import { PeerError } from "../../src/errors.ts";
import type { Verbalised } from "../../src/pipeline/ports.ts";
import { failureOf } from "./failure.ts";
import { loadVocabulary, openLibrary } from "./library.ts";
import type { FromChild, ToChild, TokenizerAnswer, TokenizerOpening, TokenizerQuestion } from "./messages.ts";
import { checkTokens, createRenderer, type Renderer } from "./renderer.ts";
import { createTokenBytes, type TokenBytes } from "./token-bytes.ts";
import { createVerbaliser, type Verbaliser } from "./verbaliser.ts";

interface Vocabulary {
  readonly renderer: Renderer;
  readonly bytesOf: TokenBytes;
}

interface OpenVerbaliser {
  readonly verbaliser: Verbaliser;
  readonly vocabularySize: number;
}

/** Answers being verbalised at once. */
const verbalisersMax = 8_192;

/** Answers questions about vocabularies; keeps the `modelsMax` last used in memory. */
export async function openTokenizer(opening: TokenizerOpening, send: (message: FromChild) => void) {
  const llama = await openLibrary("off", 1);
  const vocabularies = createVocabularyCache(llama, opening.modelsMax);
  const verbalisers = new Map<number, OpenVerbaliser>();
  let lastVerbaliser = 0;

  function opened(id: number): OpenVerbaliser {
    const found = verbalisers.get(id);
    if (found === undefined) throw new PeerError("unexpected", `Verbaliser ${id} is not open.`);
    return found;
  }

  async function answer(question: TokenizerQuestion): Promise<TokenizerAnswer> {
    switch (question.kind) {
      case "render":
        return (await vocabularies.get(question.modelFile)).renderer.render(question.prompt);
      case "vocabulary-size":
        return (await vocabularies.get(question.modelFile)).renderer.vocabularySize;
      case "verbalise-open": {
        const { renderer, bytesOf } = await vocabularies.get(question.modelFile);
        if (verbalisers.size >= verbalisersMax) {
          throw new PeerError("queue_full", `${verbalisersMax} answers are being verbalised.`);
        }
        lastVerbaliser += 1;
        verbalisers.set(lastVerbaliser, {
          verbaliser: createVerbaliser(bytesOf, question.stop),
          vocabularySize: renderer.vocabularySize,
        });
        return lastVerbaliser;
      }
      case "verbalise-push": {
        const { verbaliser, vocabularySize } = opened(question.verbaliser);
        return spokenOf(verbaliser, checkTokens(question.tokens, vocabularySize));
      }
      case "verbalise-flush":
        return opened(question.verbaliser).verbaliser.flush();
      case "verbalise-close":
        verbalisers.delete(question.verbaliser);
        return null;
      default:
        return question satisfies never;
    }
  }

  return {
    facts: null,
    receive(message: ToChild) {
      if (message.kind !== "ask") return;
      answer(message.question).then(
        (value) => send({ kind: "answer", id: message.id, value }),
        (error) => send({ kind: "refusal", id: message.id, failure: failureOf(error) }),
      );
    },
  };
}

/** Each token by itself, so that what is paid for it does not depend on which others it came with. */
function spokenOf(verbaliser: Verbaliser, tokens: readonly number[]): Verbalised {
  const texts: string[] = [];
  for (const token of tokens) {
    const { text, isStopped } = verbaliser.push([token]);
    texts.push(text);
    if (isStopped) return { texts, isStopped };
  }
  return { texts, isStopped: false };
}

/** Least recently used first. A vocabulary that verbalisers still read is freed by the collector, not disposed. */
function createVocabularyCache(llama: Llama, modelsMax: number) {
  const loading = new Map<string, Promise<Vocabulary>>();
  return {
    get(modelFile: string): Promise<Vocabulary> {
      const found = loading.get(modelFile) ?? load(llama, modelFile);
      loading.delete(modelFile);
      loading.set(modelFile, found);
      found.catch(() => loading.delete(modelFile));
      const oldest = loading.keys().next().value;
      if (loading.size > modelsMax && oldest !== undefined) loading.delete(oldest);
      return found;
    },
  };
}

async function load(llama: Llama, modelFile: string): Promise<Vocabulary> {
  const model = await loadVocabulary(llama, modelFile);
  return { renderer: createRenderer(model), bytesOf: createTokenBytes(model) };
}
