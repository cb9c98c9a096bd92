import { Command } from "commander";
import * as z from "zod";
import { callDaemon, streamDaemon } from "../src/client/control.ts";
import { hostMethods } from "../src/protocol/control-methods.ts";
import { formatBytes } from "./printer.ts";
import { action, type Session } from "./session.ts";

const none = z.object({});

/** `peerllm host models …`: the models a running host keeps. */
export function hostModelsCommand(): Command {
  const models = new Command("models").description("the models a running host keeps");
  models.addCommand(
    new Command("list")
      .description("list them")
      .addHelpText("after", "\nExample:\n  peerllm host models list")
      .action(action(none, list)),
  );
  models.addCommand(
    new Command("pull")
      .description("fetch a model, verify it and serve it, until the host ends")
      .argument("<model>", "owner/name:version")
      .addHelpText("after", "\nExample:\n  peerllm host models pull acme/tiny:1.2.0")
      .action(action(none, (session, _, [model = ""]) => pull(session, model))),
  );
  models.addCommand(
    new Command("remove")
      .description("stop serving a model and delete its file")
      .argument("<model>", "owner/name:version, or the digest of one that isn't served any more")
      .addHelpText("after", "\nExample:\n  peerllm host models remove acme/tiny:1.2.0")
      .action(
        action(none, async (session, _, [model = ""]) => {
          const removed = await callDaemon(
            session.home,
            "host",
            hostMethods["models-remove"],
            { model },
            session.signal,
          );
          session.printer.result(
            removed,
            () => `${removed.model} is removed: ${formatBytes(removed.freedBytes)} freed.`,
          );
        }),
      ),
  );
  models.addCommand(pinCommand("pin", "serve a model at every start too, and keep it from being removed", true));
  models.addCommand(pinCommand("unpin", "let a model be removed, and not served at the next start", false));
  models.addCommand(
    new Command("capacity")
      .description("show room on disk and in memory")
      .addHelpText("after", "\nExample:\n  peerllm host models capacity")
      .action(action(none, capacity)),
  );
  models.addHelpText(
    "after",
    "\nThe files of models stay until they are removed. A host that is started again serves what --model names and what is\npinned on its network.\n\nExamples:\n  peerllm host models pull acme/tiny:1.2.0\n  peerllm host models pin acme/tiny:1.2.0\n  peerllm host models list",
  );
  return models;
}

async function list(session: Session): Promise<void> {
  const listed = await callDaemon(session.home, "host", hostMethods["models-list"], {}, session.signal);
  session.printer.result(listed, () =>
    session.printer.table(
      ["MODEL", "SIZE", "LOADED", "PINNED", "DIGEST"],
      listed.models.map((model) => [
        model.model,
        formatBytes(model.sizeBytes),
        model.isLoaded ? "yes" : "no",
        model.isPinned ? "yes" : "no",
        model.digest ?? "-",
      ]),
    ),
  );
}

async function pull(session: Session, model: string): Promise<void> {
  const progress = session.printer.progress();
  try {
    for await (const item of streamDaemon(
      session.home,
      "host",
      hostMethods["models-pull"],
      { model },
      session.signal,
    )) {
      const { doneBytes, totalBytes } = item;
      const total = totalBytes === null ? {} : { total: totalBytes };
      progress.update({ step: `Fetching ${model}`, done: doneBytes, ...total });
      if (item.kind === "done") {
        progress.end();
        session.printer.result({ model: item.model, sizeBytes: doneBytes }, () => `${item.model} is here and served.`);
      }
    }
  } finally {
    progress.end();
  }
}

function pinCommand(name: string, description: string, isPinned: boolean): Command {
  return new Command(name)
    .description(description)
    .argument("<model>", "owner/name:version")
    .addHelpText("after", `\nExample:\n  peerllm host models ${name} acme/tiny:1.2.0`)
    .action(
      action(none, async (session, _, [model = ""]) => {
        const params = { model, isPinned };
        const changed = await callDaemon(session.home, "host", hostMethods["models-pin"], params, session.signal);
        session.printer.result(changed, () => `${changed.model} is ${changed.isPinned ? "pinned" : "not pinned"}.`);
      }),
    );
}

async function capacity(session: Session): Promise<void> {
  const now = await callDaemon(session.home, "host", hostMethods["models-capacity"], {}, session.signal);
  session.printer.result(now, () =>
    session.printer.facts([
      ["models", `${now.models}, ${formatBytes(now.usedBytes)}`],
      ["free on disk", formatBytes(now.freeBytes)],
      ["free memory", formatBytes(now.memoryBytes)],
    ]),
  );
}
