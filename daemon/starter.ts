import * as z from "zod";
import { PeerError } from "../src/errors.ts";
import { errorDocument, type StartProgress, type StartReport } from "../src/protocol/control.ts";

/** What the command that starts a daemon writes on its standard input. */
const startDocumentSchema = z.object({
  home: z.string(),
  /** Whether the daemon lives and dies with its command. */
  isAttached: z.boolean(),
  /** Whether it logs to standard error too. */
  isEchoed: z.boolean(),
  options: z.unknown(),
});
type StartDocument = z.infer<typeof startDocumentSchema>;

/** The command that started this daemon: reports go over the fork's channel, where there is one. */
export interface Starter {
  readonly document: StartDocument;
  reportProgress(progress: StartProgress): void;
  reportReady(ready: Readonly<Record<string, unknown>>): Promise<void>;
  reportFailure(error: unknown): Promise<void>;
  /** Calls back once the command is gone before the daemon served, or, where attached, at any time. */
  onAbandoned(callback: () => void): void;
  close(): void;
}

const startBytesMax = 1024 * 1024;

/** Reads the start document. Throws `usage_invalid`: nobody but a command starts a daemon. */
export async function openStarter(input: NodeJS.ReadStream): Promise<Starter> {
  const document = await readStartDocument(input);
  let isReleased = false;
  const send = (report: StartReport) =>
    new Promise<void>((resolve) => {
      if (isReleased || process.send === undefined || !process.connected) return resolve();
      // A command that is gone by now shows as a disconnect; there is nobody else to tell.
      process.send(report, undefined, undefined, () => resolve());
    });
  const release = () => {
    isReleased = true;
    if (process.connected) process.disconnect();
  };
  return {
    document,
    reportProgress: (progress) => void send({ kind: "progress", ...progress }),
    reportReady: async (ready) => {
      await send({ kind: "ready", ready });
      if (!document.isAttached) release();
    },
    reportFailure: (error) => send({ kind: "failed", error: errorDocument(error) }),
    onAbandoned: (callback) => {
      if (process.send === undefined) return;
      if (!process.connected) callback();
      process.once("disconnect", () => {
        if (!isReleased) callback();
      });
    },
    close: release,
  };
}

async function readStartDocument(input: NodeJS.ReadStream): Promise<StartDocument> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > startBytesMax) break;
    chunks.push(part);
  }
  try {
    return startDocumentSchema.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  } catch (cause) {
    throw new PeerError("usage_invalid", 'A daemon is started by its command, such as "peerllm host up".', { cause });
  }
}
