import { Command } from "commander";
import * as z from "zod";
import { PeerError } from "../src/errors.ts";
import { commandTree } from "./global-options.ts";
import { action } from "./session.ts";

const shells = { bash, zsh, fish } as const;

/** `peerllm completion SHELL`: a script that completes commands and options, made from the commands themselves. */
export function completionCommand(program: () => Command): Command {
  return new Command("completion")
    .description("print a completion script")
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText(
      "after",
      "\nExamples:\n  peerllm completion bash > ~/.local/share/bash-completion/completions/peerllm\n  peerllm completion zsh > ~/.zfunc/_peerllm\n  peerllm completion fish > ~/.config/fish/completions/peerllm.fish",
    )
    .action(
      action(z.object({}), async (session, _, [shell = ""]) => {
        if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
          throw new PeerError("usage_invalid", `No completion for "${shell.slice(0, 32)}": bash, zsh or fish.`);
        }
        const tree = program();
        const script = shells[shell](wordsByPath(tree), valueOptions(tree));
        session.printer.result({ shell, script }, () => script);
      }),
    );
}

/** What may follow each command path ("", "host", "host models"): its subcommands and options. */
function wordsByPath(program: Command): Map<string, string[]> {
  const words = new Map<string, string[]>();
  for (const command of commandTree(program)) {
    const options = command.options.flatMap((option) => (option.long ? [option.long] : []));
    const path = pathOf(command).slice(1).join(" ");
    words.set(path, [...command.commands.map((child) => child.name()), ...options, "--help"]);
  }
  return words;
}

/** The options, of any command, that the next word belongs to. */
function valueOptions(program: Command): string[] {
  const options = [...commandTree(program)].flatMap((command) => command.options);
  const valued = options.flatMap((option) => (option.long && !option.isBoolean() ? [option.long] : []));
  return [...new Set(valued)];
}

function pathOf(command: Command): string[] {
  return command.parent === null ? [command.name()] : [...pathOf(command.parent), command.name()];
}

/**
 * Finds the longest command path among the words typed so far (`typed`), and sets `next` to what may follow it: nothing
 * after an option that takes a value, so that the shell offers files.
 */
function search(words: Map<string, string[]>, valued: readonly string[], typed: string): string {
  const paths = [...words.keys()].filter((path) => path !== "");
  return [
    '  local at="" next="" word option=""',
    `  for word in ${typed}; do`,
    '    if [ -n "$option" ]; then option=""; continue; fi',
    `    case "$word" in ${valued.join("|")}) option="$word"; continue ;; esac`,
    '    case "$at $word" in',
    ...paths.map((path) => `      "${path.includes(" ") ? path : ` ${path}`}") at="${path}" ;;`),
    "    esac",
    "  done",
    '  case "$at" in',
    ...[...words].map(([path, next]) => `    "${path}") next="${next.join(" ")}" ;;`),
    "  esac",
    '  if [ -n "$option" ]; then next=""; fi',
  ].join("\n");
}

function bash(words: Map<string, string[]>, valued: readonly string[]): string {
  return `# bash completion of peerllm
_peerllm() {
${search(words, valued, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
  mapfile -t COMPREPLY < <(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _peerllm peerllm
`;
}

function zsh(words: Map<string, string[]>, valued: readonly string[]): string {
  return `#compdef peerllm
# zsh completion of peerllm
_peerllm() {
${search(words, valued, `"\${(@)words[2,CURRENT-1]}"`)}
  if [ -n "$option" ]; then _files; else compadd -- \${=next}; fi
}
if [ "$funcstack[1]" = "_peerllm" ]; then _peerllm "$@"; else compdef _peerllm peerllm; fi
`;
}

function fish(words: Map<string, string[]>, valued: readonly string[]): string {
  const lines = [...words].flatMap(([path, next]) => {
    const seen = path
      .split(" ")
      .filter((name) => name !== "")
      .map((name) => `__fish_seen_subcommand_from ${name}`);
    const commands = next.filter((word) => !word.startsWith("--"));
    const unseen = commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${commands.join(" ")}`];
    const condition = [...seen, ...unseen].join("; and ") || "true";
    return next.map((word) =>
      word.startsWith("--")
        ? `complete -c peerllm -n '${condition}' -l ${word.slice(2)}${valued.includes(word) ? " -r -F" : ""}`
        : `complete -c peerllm -n '${condition}' -a ${word}`,
    );
  });
  return ["# fish completion of peerllm", "complete -c peerllm -f", ...lines, ""].join("\n");
}
