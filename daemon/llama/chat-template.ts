import { Template } from "@huggingface/jinja";
import type { Message } from "../../src/chat/message.ts";
import { PeerError } from "../../src/errors.ts";

/** Makes a prompt's text of a conversation, up to where the answer begins. Throws `request_invalid`. */
export type ChatTemplate = (messages: readonly Message[]) => string;

/** The texts of a vocabulary's tokens that begin and end a text; null where it has none. */
export interface EndTokens {
  readonly bosString: string | null;
  readonly eosString: string | null;
}

/** A model's own template in Jinja, given what Hugging Face's transformers give it. */
export function createChatTemplate(source: string, { bosString, eosString }: EndTokens): ChatTemplate {
  let template: Template | undefined;
  const render = (messages: readonly Message[]) => {
    template ??= new Template(source);
    return template.render({
      messages,
      tools: null,
      documents: null,
      add_generation_prompt: true,
      ...(bosString === null ? {} : { bos_token: bosString }),
      ...(eosString === null ? {} : { eos_token: eosString }),
    });
  };
  return (messages) => {
    const turns = withToolResponses(messages);
    // Some templates refuse two turns of one role in a row, some system messages: those are told otherwise.
    const wordings = [turns, joined(turns), joined(turns.map(asUser))];
    let cause: unknown;
    for (const wording of wordings) {
      try {
        return render(wording);
      } catch (error) {
        cause ??= error;
      }
    }
    throw new PeerError("request_invalid", "The model's chat template can't render this conversation.", { cause });
  };
}

/** Results of tools as Qwen's template words them: one user turn with a `<tool_response>` for each result in a row. */
function withToolResponses(messages: readonly Message[]): Message[] {
  const turns: Message[] = [];
  for (const [index, { role, content }] of messages.entries()) {
    const response = `<tool_response>\n${content}\n</tool_response>`;
    const before = role === "tool" && messages[index - 1]?.role === "tool" ? turns.pop() : undefined;
    if (role !== "tool") turns.push({ role, content });
    else turns.push({ role: "user", content: before === undefined ? response : `${before.content}\n${response}` });
  }
  return turns;
}

function joined(messages: readonly Message[]): Message[] {
  const turns: Message[] = [];
  for (const { role, content } of messages) {
    const before = turns.at(-1)?.role === role ? turns.pop() : undefined;
    turns.push({ role, content: before === undefined ? content : `${before.content}\n\n${content}` });
  }
  return turns;
}

/** A system message is what the user says first. */
function asUser({ role, content }: Message): Message {
  return { role: role === "system" ? "user" : role, content };
}
