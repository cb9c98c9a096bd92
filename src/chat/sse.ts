import { PeerError } from "../errors.ts";

export interface ServerSentEvent {
  /** The `event:` field; "message" where the sender named none. */
  readonly type: string;
  readonly data: string;
}

/** The data that ends an OpenAI stream. */
export const doneData = "[DONE]";

const eventCharsMax = 4 * 1024 * 1024;

/** One event on the wire. `data` may hold line breaks; each becomes a `data:` line. */
export function encodeEvent(data: string): string {
  return data.includes("\n") || data.includes("\r")
    ? `${data
        .split(/\r\n|\r|\n/)
        .map((line) => `data: ${line}`)
        .join("\n")}\n\n`
    : `data: ${data}\n\n`;
}

/** A comment: ignored by every reader, but it keeps the connection from looking idle. `text` is one line. */
export function encodeComment(text: string): string {
  return `: ${text}\n\n`;
}

/**
 * Reads events from bytes cut anywhere, also inside a character or between CR and LF. An event the stream ends
 * in the middle of is dropped, as the standard says. Throws `upstream_failed` when one event grows past 4 Mi characters.
 * Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream".
 */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder("utf-8");
  const reader = createEventReader();
  for await (const chunk of chunks) yield* reader.push(decoder.decode(chunk, { stream: true }));
  yield* reader.push(decoder.decode());
}

function createEventReader(): { push(text: string): ServerSentEvent[] } {
  let line = "";
  let afterReturn = false;
  let type = "";
  let data: string[] = [];
  let dataChars = 0;

  const endLine = (events: ServerSentEvent[]) => {
    if (line === "") {
      if (data.length > 0) events.push({ type: type === "" ? "message" : type, data: data.join("\n") });
      type = "";
      data = [];
      dataChars = 0;
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") type = value;
    if (field === "data") {
      data.push(value);
      dataChars += value.length + 1;
    }
    line = "";
  };

  return {
    push(text) {
      const events: ServerSentEvent[] = [];
      let start = 0;
      for (let index = 0; index < text.length; index++) {
        const code = text.charCodeAt(index);
        const isReturn = code === 13;
        if (code !== 10 && !isReturn) {
          afterReturn = false;
          continue;
        }
        if (code === 10 && afterReturn) {
          afterReturn = false;
          start = index + 1;
          continue;
        }
        line += text.slice(start, index);
        endLine(events);
        afterReturn = isReturn;
        start = index + 1;
      }
      line += text.slice(start);
      if (line.length + dataChars > eventCharsMax) {
        throw new PeerError("upstream_failed", `An event of the stream is longer than ${eventCharsMax} characters.`);
      }
      return events;
    },
  };
}
