import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** systemctl, loginctl and launchctl that do nothing but remember: no test may touch the machine's own services. */
export interface ServiceTools {
  /** What PATH must be for them to be found first. */
  readonly path: string;
  /** Every call so far, "systemctl --user start peerllm-host.service", without those that only ask. */
  calls(): Promise<readonly string[]>;
  /** No manager answers any more, as in a container. */
  silence(): Promise<void>;
  /** What it keeps running ends by itself, as after a crash. */
  end(): Promise<void>;
}

const script = `#!/bin/sh
cd "$(dirname "$0")" || exit 9
tool=$(basename "$0")
test -e silent && { echo "Failed to connect to bus: No medium found" >&2; exit 1; }
case "$tool $*" in
  *"--user show"*|*"is-enabled"*|*"is-active"*|*"show-user"*|"launchctl print"*) ;;
  *) echo "$tool $*" >> calls ;;
esac
case "$tool $*" in
  *" is-enabled "*) test -e enabled; exit ;;
  *" is-active "*) test -e active; exit ;;
  *" enable "*) touch enabled ;;
  *" start "*|*" restart "*) touch active ;;
  *" disable "*) rm -f enabled active ;;
  *" show-user "*) echo no ;;
  "launchctl print gui/"*"/"*) test -e loaded || exit 113; test -e active && printf '\\tstate = running\\n'; exit 0 ;;
  *" bootstrap "*) touch loaded active ;;
  *" bootout "*) rm -f loaded active ;;
esac
exit 0
`;

export async function serviceTools(directory: string): Promise<ServiceTools> {
  await mkdir(directory, { recursive: true });
  for (const tool of ["systemctl", "loginctl", "launchctl"]) {
    await writeFile(join(directory, tool), script);
    await chmod(join(directory, tool), 0o755);
  }
  return {
    path: `${directory}${delimiter}${process.env.PATH ?? ""}`,
    async calls() {
      const text = await readFile(join(directory, "calls"), "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
    silence: () => writeFile(join(directory, "silent"), ""),
    end: () => rm(join(directory, "active"), { force: true }),
  };
}
