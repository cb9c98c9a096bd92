import { Command } from "commander";
import * as z from "zod";
import { createProducerKey, producerKey, producerKeyFile, type SigningKey } from "../src/models/signing-key.ts";
import { action, type Session } from "./session.ts";
import { writeTextFile } from "./text-file.ts";

const none = z.object({});

/** `peerllm producer key …`: the key that owns what one publishes. */
export function producerKeyCommand(): Command {
  const key = new Command("key")
    .description("the key you sign with; made on first use")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm producer key show\n  peerllm producer key export --output producer.pub",
    );
  key.addCommand(
    new Command("create")
      .description("make the key")
      .option("--curve <curve>", "P-256, P-384 or P-521", "P-256")
      .addHelpText("after", "\nExample:\n  peerllm producer key create --curve P-384")
      .action(
        action(z.object({ curve: z.enum(["P-256", "P-384", "P-521"]) }), async (session, { curve }) =>
          print(session, await createProducerKey(session.home, curve)),
        ),
      ),
  );
  key.addCommand(
    new Command("show")
      .description("show its fingerprint")
      .addHelpText("after", "\nExample:\n  peerllm producer key show")
      .action(action(none, async (session) => print(session, await producerKey(session.home)))),
  );
  key.addCommand(
    new Command("export")
      .description("print the public key, as PEM")
      .option("--output <file>", "write it to a file instead")
      .addHelpText("after", "\nExample:\n  peerllm producer key export --output producer.pub")
      .action(
        action(z.object({ output: z.string().min(1).optional() }), async (session, { output }) => {
          const { publicKeyPem, fingerprint } = await producerKey(session.home);
          if (output !== undefined) await writeTextFile(output, publicKeyPem);
          const document = { publicKey: publicKeyPem, fingerprint, file: output ?? null };
          session.printer.result(document, () => (output === undefined ? publicKeyPem : `Written to ${output}.`));
        }),
      ),
  );
  return key;
}

function print(session: Session, { fingerprint, curve, publicKeyPem }: SigningKey): void {
  const file = producerKeyFile(session.home);
  session.printer.result({ fingerprint, curve, publicKey: publicKeyPem, file }, () =>
    session.printer.facts([
      ["fingerprint", fingerprint],
      ["curve", curve],
      ["kept in", file],
    ]),
  );
}
