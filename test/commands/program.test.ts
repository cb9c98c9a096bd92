import type { Command } from "commander";
import { expect, test } from "vitest";
import { commandTree } from "../../commands/global-options.ts";
import { createProgram } from "../../commands/program.ts";

function helpOf(command: Command): string {
  const parts: string[] = [];
  command.configureOutput({ writeOut: (part) => parts.push(part) }).outputHelp();
  return parts.join("");
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** The lines that show a command, without what a shell or a remark makes of their ends. */
function examplesOf(help: string): string[] {
  return help.split("\n").flatMap((line) => /^ {2}(peerllm(?: [^ |<>]+)*)/.exec(line)?.[1]?.trim() ?? []);
}

/** What is wrong with the words of an example; empty where they name a command, and options that it has. */
function wrongWords(program: Command, example: string): string[] {
  let [command, rest] = [program, example.split(/ +/).slice(1)];
  for (let next: Command | undefined = program; next !== undefined; ) {
    [command, next] = [next, next.commands.find((each) => each.name() === rest[0])];
    if (next !== undefined) rest = rest.slice(1);
  }
  const isGroup = command.commands.length > 0;
  const isKnown = (word: string) => command.options.some(({ long }) => long === word);
  return rest.filter((word, index) => (word.startsWith("--") ? !isKnown(word) : isGroup && index === 0));
}

test("every command's help has an example, and each of them is a command with options it has", async () => {
  const program = await createProgram([]);
  const wrong = [...commandTree(program)].flatMap((command) => {
    const examples = examplesOf(helpOf(command));
    const own = command === program ? examples : examples.filter((each) => each.startsWith(nameOf(command)));
    if (own.length === 0) return [`${nameOf(command)} has none`];
    return examples.flatMap((each) => wrongWords(program, each).map((word) => `${each}: ${word}`));
  });
  expect(wrong).toEqual([]);
});

test("every command's usage and table of options fit 80 columns", async () => {
  const program = await createProgram([]);
  const wide = [...commandTree(program)].flatMap((command) => {
    command.configureHelp({ ...command.configureHelp(), helpWidth: 80 });
    return command
      .helpInformation()
      .split("\n")
      .filter((line) => line.length > 80);
  });
  expect(wide).toEqual([]);
});
