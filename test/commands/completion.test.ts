import { execa } from "execa";
import { expect, test } from "vitest";
import { peerllm } from "../worlds/command.ts";

/** What bash offers after the words, the last of them being typed. */
async function offered(script: string, words: readonly string[]): Promise<string[]> {
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _peerllm; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa("bash", ["-c", `${script}\n${ask}`, "bash", "peerllm", ...words]);
  return stdout.split("\n");
}

test("bash is offered the subcommands and options of the command typed so far", async () => {
  const { stdout, code } = await peerllm(["completion", "bash"]);
  expect(code).toBe(0);
  expect(await offered(stdout, ["net"])).toEqual(["network"]);
  expect(await offered(stdout, ["host", "models", "p"])).toEqual(["pull", "pin"]);
  expect(await offered(stdout, ["host", "up", "--mod"])).toEqual(["--model"]);
  expect(await offered(stdout, ["--json", "host", "up", "--loc"])).toEqual(["--local"]);
});

test("bash takes the value of an option for no command, and leaves it to be a file", async () => {
  const { stdout } = await peerllm(["completion", "bash"]);
  expect(await offered(stdout, ["--home", "host", "net"])).toEqual(["network"]);
  expect(await offered(stdout, ["network", "up", "--tls-cert", ""])).toEqual([""]);
  expect(await offered(stdout, ["network", "up", "--tls-cert", "chain.pem", "--tls-k"])).toEqual(["--tls-key"]);
});

test("zsh and fish get scripts that name every command", async () => {
  for (const shell of ["zsh", "fish"]) {
    const { stdout } = await peerllm(["completion", shell]);
    for (const name of ["network", "credit", "publish", "consume"]) expect(stdout).toContain(name);
  }
  expect(await peerllm(["completion", "tcsh"])).toMatchObject({ code: 2 });
});
