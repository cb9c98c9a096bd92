import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod";
import { launchd, launchdPlist } from "../../commands/launchd.ts";
import { runTool, type ServiceManager, serviceName } from "../../commands/service.ts";
import { systemd, systemdUnit } from "../../commands/systemd.ts";
import { homeAt, packageFile } from "../../src/paths.ts";
import { peerllm, temporaryFolder, unknownUser } from "../worlds/command.ts";
import { serviceTools } from "../worlds/service-tools.ts";

const { signal } = new AbortController();

/** A user of their own, whose service managers are scripts. */
async function user() {
  const folder = await temporaryFolder();
  const tools = await serviceTools(join(folder, "tools"));
  const env = { PATH: tools.path, HOME: folder, XDG_CONFIG_HOME: join(folder, "config"), XDG_RUNTIME_DIR: folder };
  const service = (words: readonly string[], home = join(folder, "home"), group = "host") =>
    peerllm([group, "service", ...words, "--json"], { home, env });
  /** Within this process, as on the platform that the manager is for. */
  const within = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    const before = { ...process.env };
    Object.assign(process.env, env);
    try {
      return await act();
    } finally {
      process.env = before;
    }
  };
  return { folder, tools, env, service, within };
}

const stateSchema = z.looseObject({ unit: z.string() });

/** The command line of what was installed, its words unquoted. */
async function commandOf(folder: string, unit: string): Promise<string> {
  if (process.platform === "linux") {
    const text = await readFile(join(folder, "config", "systemd", "user", unit), "utf8");
    return systemdWords(/^ExecStart=(.*)$/m.exec(text)?.[1] ?? "").join(" ");
  }
  const plist = await readFile(join(folder, "Library", "LaunchAgents", `${unit}.plist`), "utf8");
  const words = /<key>ProgramArguments<\/key>\s*<array>(.*?)<\/array>/s.exec(plist)?.[1] ?? "";
  return [...words.matchAll(/<string>(.*?)<\/string>/g)].map(([, word]) => word).join(" ");
}

function example(home: string) {
  const command = ["/usr/bin/node", "/opt/peer llm/dist/peerllm.js", "host", "up", "--foreground", "--home", home];
  return { name: "peerllm-host", title: "host", home, command };
}

test("a service is installed once, is left alone by a second install, and is gone after uninstall", {
  timeout: 180_000,
}, async () => {
  const { tools, service } = await user();
  expect((await service(["status"])).json()).toMatchObject({ installed: false, enabled: false, running: false });

  const installed = await service(["install", "--local", "--threads", "1"]);
  expect(installed).toMatchObject({ code: 0, stderr: "" });
  expect(installed.json()).toMatchObject({ installed: true, enabled: true, running: true });
  const first = await tools.calls();
  expect(first.length).toBeGreaterThan(0);
  expect((await service(["status"])).json()).toEqual(installed.json());

  expect((await service(["install", "--local", "--threads", "1"])).code).toBe(0);
  expect((await tools.calls()).filter((call) => / restart | bootout /.test(call))).toHaveLength(
    first.filter((call) => / restart | bootout /.test(call)).length,
  );

  expect((await service(["uninstall"])).json()).toMatchObject({ removed: true, installed: false, running: false });
  expect((await service(["uninstall"])).json()).toMatchObject({ removed: false, installed: false });
});

test("each home has a service of its own, that names the home", { timeout: 180_000 }, async () => {
  const { folder, service } = await user();
  const homes = [join(folder, "a", "office"), join(folder, "b", "office")];
  const units: string[] = [];
  for (const home of homes) {
    const { unit } = stateSchema.parse((await service(["install", "--local"], home)).json());
    expect(unit).toContain("peerllm-host-office-");
    units.push(unit);
  }
  expect(new Set(units).size).toBe(2);
  const [one = "", other = ""] = homes;
  expect((await service(["uninstall"], one)).json()).toMatchObject({ installed: false });
  expect((await service(["status"], other)).json()).toMatchObject({ installed: true });
});

test("where no service manager answers, install says what to run instead, and changes nothing", async () => {
  const { folder, tools, service } = await user();
  await tools.silence();
  const ran = await service(["install", "--local", "--port", "0"]);
  expect(ran.code).toBe(4);
  expect(ran.json()).toMatchObject({ error: { code: "daemon_unreachable", hint: expect.any(String) } });
  if (process.platform === "linux") {
    const hint = expect.stringContaining(
      `peerllm host up --foreground --home ${join(folder, "home")} --local --port 0`,
    );
    expect(ran.json()).toMatchObject({ error: { hint } });
  }
  expect(await readdir(folder)).not.toContain("config");
  expect(await service(["status"])).toMatchObject({ code: 0 });
});

test("a host that was started by hand is not taken over", { timeout: 180_000 }, async () => {
  const { folder, service, tools } = await user();
  const home = join(folder, "home");
  expect((await peerllm(["host", "up", "--local", "--port", "0", "--gpu", "off"], { home })).code).toBe(0);
  try {
    const ran = await service(["install", "--local"]);
    expect(ran.code).toBe(2);
    expect(ran.json()).toMatchObject({ error: { code: "already_running" } });
    expect(await tools.calls()).toEqual([]);
  } finally {
    await peerllm(["host", "down", "--now"], { home });
  }
});

test("a user whom the system doesn't know by name has services too", async () => {
  const { folder, env } = await user();
  const options = { home: join(folder, "home"), env: { ...env, ...unknownUser } };
  const status = await peerllm(["host", "service", "status", "--json"], options);
  expect(status.json()).toMatchObject({ installed: false });
});

test("wrong options are refused before anything is installed", async () => {
  const { tools, service } = await user();
  expect((await service(["install", "--local", "--threads", "none"])).code).toBe(2);
  expect((await service(["install", "--local", "--upstream", "http://127.0.0.1:9"])).code).toBe(2);
  expect((await service(["install", "--network", "http://127.0.0.1:9"])).code).toBe(4);
  expect(await tools.calls()).toEqual([]);
});

test("systemd is told to reload, enable and start, and to start anew where the options changed", async () => {
  const { folder, tools, within } = await user();
  const manager = (home: string): ServiceManager => systemd(example(home), signal);
  await within(async () => {
    await manager("/srv/one").install();
    await manager("/srv/one").install();
    await manager("/srv/two").install();
    expect(await manager("/srv/two").state()).toMatchObject({ enabled: true, running: true, lingers: false });
    await tools.end();
    expect(await manager("/srv/two").state()).toMatchObject({ installed: true, enabled: true, running: false });
    expect(await manager("/srv/two").uninstall()).toBe(true);
  });
  const each = (verb: string) => ["daemon-reload", "enable peerllm-host.service", `${verb} peerllm-host.service`];
  const words = [...each("restart"), ...each("start"), ...each("restart"), "disable --now peerllm-host.service"];
  expect(await tools.calls()).toEqual([...words, "daemon-reload"].map((word) => `systemctl --user ${word}`));
  expect(await readdir(join(folder, "config", "systemd", "user"))).toEqual([]);
});

test("a unit can be removed where systemd is gone", async () => {
  const { tools, within } = await user();
  await within(async () => {
    const manager = systemd(example("/srv/one"), signal);
    await manager.install();
    expect((await stat(manager.file)).mode & 0o777).toBe(0o600);
    await tools.silence();
    expect(await manager.uninstall()).toBe(true);
    expect(await manager.state()).toMatchObject({ installed: false, enabled: false, running: false });
  });
});

test("systemd itself finds nothing wrong with the unit, whatever the home is called", async () => {
  const folder = await temporaryFolder();
  const { within } = await user();
  const home = join(folder, `100% "odd" $HOME 'home'\\n`);
  const command = [process.execPath, packageFile("dist/peerllm.js"), "host", "up", "--foreground", "--home", home];
  const unit = systemdUnit({ name: "peerllm-host", title: "host", home, command });
  const line = /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? "";
  expect(systemdWords(line)).toEqual(command);
  await within(async () => {
    const manager = systemd({ name: "peerllm-host", title: "host", home, command }, signal);
    await manager.install();
    const { exitCode, stderr } = await runTool("systemd-analyze", ["verify", "--user", manager.file], signal);
    // Null where systemd isn't installed.
    expect([0, null], stderr).toContain(exitCode);
    if (exitCode !== null) expect(stderr).not.toContain("peerllm-host.service");
  });
});

/** The words that systemd makes of a command line: systemd.syntax(7), and "COMMAND LINES" of systemd.service(5). */
function systemdWords(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = ""]) =>
    word.replace(/\\(.)/g, "$1").replaceAll("%%", "%").replaceAll("$$", "$"),
  );
}

test("launchd is told to load the agent once, and anew where the options changed", async () => {
  const { folder, tools, within } = await user();
  const manager = (home: string): ServiceManager => launchd(example(home), signal);
  await within(async () => {
    await manager("/srv/one").install();
    await manager("/srv/one").install();
    expect(await manager("/srv/one").state()).toMatchObject({ installed: true, enabled: true, running: true });
    await manager("/srv/two").install();
    expect(await manager("/srv/two").uninstall()).toBe(true);
    expect(await manager("/srv/two").uninstall()).toBe(false);
  });
  const verbs = (await tools.calls()).map((call) => call.split(" ")[1]);
  expect(verbs.filter((verb) => verb === "bootstrap")).toHaveLength(2);
  expect(verbs.at(-1)).toBe("bootout");
  expect(await readdir(join(folder, "Library", "LaunchAgents"))).toEqual([]);
});

test("a launch agent's list says each word as it is", () => {
  const plist = launchdPlist("network.peerllm-host", example("/Users/R & D <1>"));
  expect(plist).toContain("<string>/Users/R &amp; D &lt;1&gt;</string>");
  expect(plist.match(/<string>/g)).toHaveLength(8);
});

test("only the platform's own home has the plain name", () => {
  expect(serviceName(homeAt(undefined), "host")).toBe("peerllm-host");
  expect(serviceName(homeAt("/srv/Büro 2"), "host")).toMatch(/^peerllm-host-b-ro-2-[0-9a-f]{8}$/);
  expect(serviceName(homeAt("/"), "network")).toMatch(/^peerllm-network-[0-9a-f]{8}$/);
});

test("what the config file says is left to it, and a file is named so that it is found from anywhere", async () => {
  const { folder, service } = await user();
  await peerllm(["config", "set", "host.threads", "2"], { home: join(folder, "home") });
  const model = packageFile("src/models/demo/demo.gguf");
  const words = ["install", "--local", "--model", relative(process.cwd(), model), "--sequences", "2"];
  const { unit } = stateSchema.parse((await service(words)).json());
  const command = await commandOf(folder, unit);
  expect(command).toContain("--sequences");
  expect(command).toContain(model);
  expect(command).not.toContain("--threads");
});

test("what was said counts, also where it is the default and the config file says otherwise", async () => {
  const { folder, env, service } = await user();
  const home = join(folder, "home");
  const settings = {
    "network.port": "9999",
    "network.listen": "0.0.0.0",
    "host.gpu": "off",
    "host.schedule": "22:00-07:00",
  };
  for (const [key, value] of Object.entries(settings)) await peerllm(["config", "set", key, value], { home });
  const network = await service(["install", "--listen", "127.0.0.1", "--port", "7420"], home, "network");
  expect(await commandOf(folder, stateSchema.parse(network.json()).unit)).toEqual(
    expect.stringMatching(/ --home \S+ --port 7420 --listen 127\.0\.0\.1$/),
  );
  const words = ["host", "service", "install", "--local", "--schedule", "always", "--json"];
  const host = await peerllm(words, { home, env: { ...env, PEERLLM_GPU: "auto" } });
  expect(await commandOf(folder, stateSchema.parse(host.json()).unit)).toEqual(
    expect.stringMatching(/ --home \S+ --local --gpu auto --schedule always$/),
  );
});

test("an orchestrator and an endpoint are services too, each with its own command and options", {
  timeout: 180_000,
}, async () => {
  const { folder, tools, service } = await user();
  const home = join(folder, "home");
  const install = async (group: string, words: readonly string[]) => {
    const ran = await service(["install", ...words], home, group);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    return stateSchema.parse(ran.json()).unit;
  };
  const network = await install("network", ["--port", "0", "--billing", "off"]);
  expect(network).toContain("peerllm-network-home-");
  expect(await commandOf(folder, network)).toEqual(
    expect.stringMatching(/ network up --foreground --home \S+ --port 0 --billing off$/),
  );

  // An endpoint without an account of its home's could not start by itself.
  const calls = await tools.calls();
  const refused = await service(["install", "--network", "http://127.0.0.1:9"], home, "consume");
  expect(refused.code).toBe(4);
  expect(await tools.calls()).toEqual(calls);

  const up = await peerllm(["network", "up", "--port", "0", "--billing", "off", "--json"], { home });
  try {
    const { url } = z.looseObject({ url: z.string() }).parse(up.json());
    const endpoint = await install("consume", ["--network", url, "--port", "0", "--privacy", "strict"]);
    expect(await commandOf(folder, endpoint)).toEqual(
      expect.stringMatching(/ consume --home \S+ --network \S+ --port 0 --privacy strict$/),
    );
    await peerllm(["config", "set", "privacy.level", "strict"], { home });
    await peerllm(["config", "set", "consume.fallback", "local"], { home });
    await install("consume", ["--network", url, "--privacy", "standard", "--fallback", "none"]);
    expect(await commandOf(folder, endpoint)).toEqual(
      expect.stringMatching(/ --network \S+ --privacy standard --fallback none$/),
    );
  } finally {
    await peerllm(["network", "down", "--now"], { home });
  }
});
