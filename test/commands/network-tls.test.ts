import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { packageFile } from "../../src/paths.ts";
import { makeCertificate } from "../worlds/certificates.ts";
import { peerllm, temporaryFolder } from "../worlds/command.ts";

test("a network with a certificate is joined over TLS by all who trust it, and by nobody else", async () => {
  const folder = await temporaryFolder();
  const [operator, member] = [join(folder, "operator"), join(folder, "member")];
  onTestFinished(async () => {
    await peerllm(["host", "down", "--now"], { home: member });
    await peerllm(["network", "down", "--now"], { home: operator });
  });
  const certificate = makeCertificate({ subject: "localhost" });
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await writeFile(certFile, certificate.pem);
  await writeFile(keyFile, certificate.key.privateKey.export({ type: "pkcs8", format: "pem" }));

  const words = ["network", "up", "--json", "--port", "0", "--billing", "off", "--listen", "0.0.0.0"];
  const up = await peerllm([...words, "--tls-cert", certFile, "--tls-key", keyFile], { home: operator });
  const { url } = z.looseObject({ url: z.url({ protocol: /^https$/ }) }).parse(up.json());
  const onNetwork = ["--json", "--network", `https://localhost:${new URL(url).port}`];

  const stranger = await peerllm(["account", "create", ...onNetwork], { home: join(folder, "stranger") });
  expect([stranger.code, stranger.json()]).toMatchObject([
    4,
    { error: { code: "network_unreachable", hint: expect.stringContaining("NODE_EXTRA_CA_CERTS") } },
  ]);

  const run = async (more: string[]) => {
    const ran = await peerllm([...more, ...onNetwork], { home: member, env: { NODE_EXTRA_CA_CERTS: certFile } });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    return ran.json();
  };
  const model = packageFile("src/models/demo/demo.gguf");
  await run(["producer", "publish", model, "--name", "acme/tiny", "--version", "1.0.0", "--license", "MIT"]);
  await run(["host", "up", "--model", "acme/tiny", "--threads", "1", "--gpu", "off"]);
  const answer = await run(["chat", "What is PeerLLM?", "--max-tokens", "4", "--temperature", "0"]);
  expect(answer).toMatchObject({ usage: { completionTokens: 4 }, peerllm: { hosts: 1 } });
});
