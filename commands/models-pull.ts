import { resolve } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import type { Gateway } from "../src/client/gateway.ts";
import { publishModel } from "../src/client/publishing.ts";
import { openPulled, pullModel } from "../src/client/pulling.ts";
import { PeerError } from "../src/errors.ts";
import { modelId } from "../src/models/manifest.ts";
import { routes } from "../src/protocol/api.ts";
import { openGateway } from "./access.ts";
import { action } from "./session.ts";

/** `peerllm models pull REF`: the weights themselves, for whoever may have them. */
export function pullCommand(): Command {
  return new Command("pull")
    .description("fetch a model's weights, verify them and keep them as a file")
    .argument("<model>", "owner/name or owner/name:version")
    .option("--to <dir>", "where to keep the file, and the producer's signed manifest beside it", ".")
    .addHelpText(
      "after",
      `
Weights that are sold come to whoever bought them ("peerllm models buy"). Serve the file to this machine alone, or add
it to a private network of yours.

Examples:
  peerllm models pull acme/pro --to models
  peerllm host up --local --model models/pro.gguf
  peerllm models add models/pro.gguf --network http://10.0.0.5:7420`,
    )
    .action(
      action(z.object({ to: z.string().default(".") }), async (session, { to }, [reference = ""]) => {
        const gateway = await openGateway(session);
        const progress = session.printer.progress();
        const onStep = (step: string, done: number, total: number) => progress.update({ step, done, total });
        try {
          const wanted = { gateway, reference, directory: resolve(to) };
          const { signed, file, manifestFile } = await pullModel(wanted, onStep, session.signal);
          progress.end();
          const { digest, sizeBytes } = signed.manifest;
          const document = { model: modelId(signed.manifest), digest, sizeBytes, file, manifest: manifestFile };
          session.printer.result(document, () => `${document.model} is at "${file}", as its producer signed it.`);
        } finally {
          progress.end();
        }
      }),
    );
}

/** `peerllm models add FILE`: a pulled model on a private network, under its producer's own signature. */
export function addCommand(): Command {
  return new Command("add")
    .description("add a pulled model to a private network, signed by its producer as it is")
    .argument("<file>", 'a .gguf file that "peerllm models pull" wrote')
    .addHelpText(
      "after",
      `
The network must be private and charge nothing: elsewhere the model's royalty and price would not reach its producer.

Example:
  peerllm models add models/pro.gguf --network http://10.0.0.5:7420`,
    )
    .action(
      action(z.object({}), async (session, _, [file = ""]) => {
        const gateway = await openGateway(session);
        await requirePrivate(gateway, session.signal);
        const progress = session.printer.progress();
        const onStep = (step: string, done: number, total: number) => progress.update({ step, done, total });
        try {
          const { signed, file: path } = await openPulled(resolve(file), onStep, session.signal);
          const publication = { signed, key: null, file: path };
          const { model, digest, sizeBytes } = await publishModel(gateway, publication, onStep, session.signal);
          progress.end();
          session.printer.result({ model, digest, sizeBytes }, () => `${model} is on ${gateway.url}.`);
        } finally {
          progress.end();
        }
      }),
    );
}

async function requirePrivate(gateway: Gateway, signal: AbortSignal): Promise<void> {
  const { enrolment, billing } = await gateway.call(routes["network-show"], {}, signal);
  if (enrolment === "invite" && billing === "off") return;
  const why = enrolment === "invite" ? `bills by ${billing}` : "is open to all";
  throw new PeerError("permission_denied", `${gateway.url} ${why}: another producer's model is not added there.`, {
    hint: "Name a private network that bills nothing with --network; its producer publishes elsewhere.",
  });
}
