import { Command } from "commander";
import * as z from "zod";
import { listModels } from "../src/client/model-list.ts";
import { PeerError } from "../src/errors.ts";
import { routes } from "../src/protocol/api.ts";
import { openGateway } from "./access.ts";
import { buyCommand, subscribeCommand } from "./models-buy.ts";
import { addCommand, pullCommand } from "./models-pull.ts";
import { formatBytes } from "./printer.ts";
import { action, type Session } from "./session.ts";

const none = z.object({});

/** `peerllm models …`: what a network offers. */
export function modelsCommand(): Command {
  const models = new Command("models")
    .description("list the network's models")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm models\n  peerllm models search tiny chat\n  peerllm models show acme/tiny\n  peerllm models buy acme/pro\n  peerllm models subscribe acme/pro\n  peerllm models pull acme/pro",
    )
    .action(action(none, (session) => list(session, undefined)));
  models.addCommand(
    new Command("search")
      .description("list those whose name or summary has the words")
      .argument("<words...>")
      .addHelpText("after", "\nExample:\n  peerllm models search small chat")
      .action(action(none, (session, _, words) => list(session, words.join(" ")))),
  );
  models.addCommand(
    new Command("show")
      .description("show one model")
      .argument("<model>", "owner/name or owner/name:version")
      .addHelpText("after", "\nExample:\n  peerllm models show acme/tiny")
      .action(action(none, (session, _, [reference = ""]) => show(session, reference))),
  );
  models.addCommand(buyCommand());
  models.addCommand(subscribeCommand());
  models.addCommand(pullCommand());
  models.addCommand(addCommand());
  return models;
}

async function list(session: Session, search: string | undefined): Promise<void> {
  const models = await listModels(await openGateway(session), search, session.signal);
  session.printer.result({ models }, () =>
    models.length === 0
      ? "No model found."
      : session.printer.table(
          ["MODEL", "SIZE", "HOSTS", "ROYALTY USD", "WEIGHTS USD", "LICENSE", "SUMMARY"],
          models.map((model) => [
            model.model,
            model.sizeBytes === null ? "-" : formatBytes(model.sizeBytes),
            String(model.hosts),
            model.royaltyUsdPer100kTokens,
            priceOf(model),
            model.license ?? "-",
            model.summary ?? "-",
          ]),
        ),
  );
}

async function show(session: Session, reference: string): Promise<void> {
  const match = /^([\w.-]+)\/([\w.-]+?)(?::([\w.+-]+))?$/.exec(reference);
  const [, owner, name, version] = match ?? [];
  if (owner === undefined || name === undefined) {
    throw new PeerError("reference_malformed", `Not a model of a network: "${reference.slice(0, 64)}".`, {
      hint: 'Write it like acme/tiny or acme/tiny:1.2.0; "peerllm models" lists them.',
    });
  }
  const gateway = await openGateway(session);
  const request = version === undefined ? {} : { version };
  const model = await gateway.call(routes["models-show"], request, session.signal, { owner, name });
  session.printer.result(model, () =>
    session.printer.facts([
      ["model", model.model],
      ["summary", model.summary ?? "-"],
      ["license", model.license ?? "-"],
      ["size", model.sizeBytes === null ? "-" : formatBytes(model.sizeBytes)],
      ["context", model.contextLength === null ? "-" : `${model.contextLength} tokens`],
      ["digest", model.digest ?? "-"],
      ["royalty", `$${model.royaltyUsdPer100kTokens} per 100,000 tokens`],
      ["weights", priceOf(model) === "-" ? "free" : `$${priceOf(model)}, for whoever downloads or hosts them`],
      ["hosts", `${model.hosts} serving now`],
    ]),
  );
}

/** "20.00", "3.00/month", "20.00 or 3.00/month", or "-" where the weights are free. */
function priceOf({ priceUsd, usdPerMonth }: { priceUsd: string | null; usdPerMonth: string | null }): string {
  const ways = [priceUsd, usdPerMonth === null ? null : `${usdPerMonth}/month`].filter((way) => way !== null);
  return ways.length === 0 ? "-" : ways.join(" or ");
}
