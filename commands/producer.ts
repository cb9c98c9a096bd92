import { Command } from "commander";
import * as z from "zod";
import { createGateway } from "../src/client/gateway.ts";
import { listPublished, listVersions, type PublishedRow, showVersion, yankModel } from "../src/client/publishing.ts";
import { PeerError } from "../src/errors.ts";
import { modelId, readSignedManifest } from "../src/models/manifest.ts";
import { parsePublishedReference } from "../src/models/reference.ts";
import { producerKey } from "../src/models/signing-key.ts";
import { isExactVersion, newestVersion } from "../src/models/version.ts";
import { formatUsd } from "../src/money.ts";
import { ensureAccess, openGateway } from "./access.ts";
import { formatBytes } from "./printer.ts";
import { producerKeyCommand } from "./producer-key.ts";
import { producerPublishCommand } from "./producer-publish.ts";
import { producerSalesCommand } from "./producer-sales.ts";
import { producerSignCommand, producerVerifyCommand } from "./producer-signature.ts";
import { action, type Session } from "./session.ts";

const none = z.object({});

/** `peerllm producer …`: sign models and publish them. */
export function producerCommand(): Command {
  const producer = new Command("producer")
    .description("sign and publish models")
    .addHelpText(
      "after",
      "\nExample:\n  peerllm producer publish ./tiny.gguf --name acme/tiny --version 1.2.0 --license MIT",
    );
  producer.addCommand(producerKeyCommand());
  producer.addCommand(producerSignCommand());
  producer.addCommand(producerVerifyCommand());
  producer.addCommand(producerPublishCommand());
  producer.addCommand(
    new Command("list")
      .description("list what you published")
      .addHelpText("after", "\nExample:\n  peerllm producer list")
      .action(action(none, list)),
  );
  producer.addCommand(
    new Command("show")
      .description("show one of your models")
      .argument("<model>", "owner/name or owner/name:version")
      .addHelpText("after", "\nExamples:\n  peerllm producer show acme/tiny\n  peerllm producer show acme/tiny:1.2.0")
      .action(action(none, (session, _, [reference = ""]) => show(session, reference))),
  );
  producer.addCommand(
    new Command("yank")
      .description("withdraw a version, for good")
      .argument("<model>", "owner/name:version")
      .addHelpText(
        "after",
        "\nIt is no longer chosen; who names it still gets it.\n\nExample:\n  peerllm producer yank acme/tiny:1.2.0",
      )
      .action(action(none, (session, _, [reference = ""]) => yank(session, reference))),
  );
  producer.addCommand(producerSalesCommand());
  return producer;
}

async function list(session: Session): Promise<void> {
  const models = await listPublished(await openGateway(session), session.signal);
  session.printer.result({ models }, () =>
    models.length === 0
      ? "Nothing published yet."
      : session.printer.table(["MODEL", "SIZE", "VISIBILITY", "LICENSE", "PUBLISHED", "STATE"], models.map(rowCells)),
  );
}

function rowCells(row: PublishedRow): string[] {
  const published = new Date(row.publishedAt).toISOString().slice(0, 10);
  const state = row.yankedAt === null ? "offered" : "yanked";
  return [row.model, formatBytes(row.sizeBytes), row.visibility, row.license, published, state];
}

async function show(session: Session, reference: string): Promise<void> {
  const { name, version } = parsePublishedReference(reference);
  const gateway = await openGateway(session);
  const rows = await listVersions(gateway, name, session.signal);
  const others = rows.map(versionOf);
  const offered = rows.filter(({ yankedAt }) => yankedAt === null).map(versionOf);
  const isNamed = version !== undefined && others.includes(version);
  const wanted = newestVersion(isNamed || offered.length === 0 ? others : offered, version);
  if (wanted === undefined)
    throw new PeerError("not_found", `"${name}" has no version ${version ?? ""}.`, {
      hint: `The last published are ${others.slice(-5).join(", ")}.`,
    });
  const { signed: document, ...row } = await showVersion(gateway, `${name}:${wanted}`, session.signal);
  const { manifest } = readSignedManifest(document);
  session.printer.result({ ...row, versions: others, manifest: document }, () =>
    session.printer.facts([
      ["model", modelId(manifest)],
      ["summary", manifest.summary === "" ? "-" : manifest.summary],
      ["license", manifest.license],
      ["visibility", manifest.visibility],
      ["architecture", `${manifest.facts.architecture}, ${manifest.facts.quantisation}`],
      ["parameters", manifest.facts.parameters.toLocaleString("en")],
      ["context", `${manifest.facts.contextLength} tokens`],
      ["size", formatBytes(manifest.sizeBytes)],
      ["digest", manifest.digest],
      ["royalty", `$${formatUsd(manifest.prices.royaltyPer100kTokens)} per 100,000 tokens`],
      ["price", `$${formatUsd(manifest.prices.once)} once, $${formatUsd(manifest.prices.monthly)} a month`],
      ["state", row.yankedAt === null ? "offered" : "yanked"],
      ["versions", others.join(", ")],
    ]),
  );
}

function versionOf({ model }: PublishedRow): string {
  return model.slice(model.indexOf(":") + 1);
}

async function yank(session: Session, reference: string): Promise<void> {
  const { name, version } = parsePublishedReference(reference);
  if (version === undefined || !isExactVersion(version)) {
    throw new PeerError("usage_invalid", `Say which version of ${name} to withdraw, as ${name}:1.2.0.`);
  }
  const { networkUrl, apiKey } = await ensureAccess(session);
  const gateway = createGateway({ url: networkUrl, apiKey });
  const key = await producerKey(session.home);
  const row = await yankModel(gateway, `${name}:${version}`, key, session.signal);
  session.printer.result({ model: row.model, yankedAt: row.yankedAt }, () => `${row.model} is withdrawn.`);
}
