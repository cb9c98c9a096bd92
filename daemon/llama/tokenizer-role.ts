import { PeerError } from "../../src/errors.ts";
import type { Verbalised } from "../../src/pipeline/ports.ts";
import { failureOf } from "./failure.ts";
import { loadVocabulary, openLibrary } from "./library.ts";
import type { FromChild, ToChild, TokenizerAnswer, TokenizerOpening, TokenizerQuestion } from "./messages.ts";
import { checkTokens, createRenderer } from "./renderer.ts";
import { createTokenBytes } from "./token-bytes.ts";
import { createVerbaliser, type Verbaliser } from "./verbaliser.ts";

/** Answers being verbalised at once. */
const verbalisersMax = 8_192;

/** Loads a vocabulary and answers questions about it. */
export async function openTokenizer({ modelFile }: TokenizerOpening, send: (message: FromChild) => void) {
  const model = await loadVocabulary(await openLibrary("off", 1), modelFile);
  const { render, vocabularySize } = createRenderer(model);
  const bytesOf = createTokenBytes(model);
  const verbalisers = new Map<number, Verbaliser>();
  let lastVerbaliser = 0;

  function opened(id: number): Verbaliser {
    const found = verbalisers.get(id);
    if (found === undefined) throw new PeerError("unexpected", `Verbaliser ${id} is not open.`);
    return found;
  }

  function answer(question: TokenizerQuestion): TokenizerAnswer {
    switch (question.kind) {
      case "render":
        return render(question.prompt);
      case "vocabulary-size":
        return vocabularySize;
      case "verbalise-open":
        if (verbalisers.size >= verbalisersMax) {
          throw new PeerError("queue_full", `${verbalisersMax} answers are being verbalised.`);
        }
        lastVerbaliser += 1;
        verbalisers.set(lastVerbaliser, createVerbaliser(bytesOf, question.stop));
        return lastVerbaliser;
      case "verbalise-push":
        return spokenOf(opened(question.verbaliser), checkTokens(question.tokens, vocabularySize));
      case "verbalise-flush":
        return opened(question.verbaliser).flush();
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
      const { id, question } = message;
      try {
        send({ kind: "answer", id, value: answer(question) });
      } catch (error) {
        send({ kind: "refusal", id, failure: failureOf(error) });
      }
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
