import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { peerllm, temporaryFolder } from "../worlds/command.ts";

const header = "time,kind,account,amount_usd,transfer,reference\r\n";

/** A network whose statement of any month is so many pages of one line each. */
async function pagedNetwork(pages: number): Promise<string> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://localhost");
    const page = Number(url.searchParams.get("after") ?? "0");
    const line = { at: page, kind: "credit", account: "consumer-credit", usd: "1.00", transfer: `t${page}` };
    const document = {
      month: url.searchParams.get("month"),
      openingUsd: page === 0 ? "0.00" : null,
      closingUsd: page + 1 === pages ? `${pages}.00` : null,
      lines: [{ ...line, reference: null }],
      csv: `${header}${page},credit,consumer-credit,1.00,t${page},\r\n`,
      next: page + 1 < pages ? String(page + 1) : null,
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

test("a month's statement is whole, however many pages it comes in", async () => {
  const options = { home: await temporaryFolder(), env: { PEERLLM_API_KEY: "sk-peer-any" } };
  const words = ["billing", "statement", "--month", "2026-11", "--network", await pagedNetwork(3)];
  const [csv, json] = await Promise.all([
    peerllm([...words, "--csv"], options),
    peerllm([...words, "--json"], options),
  ]);
  const rows = [0, 1, 2].map((page) => `${page},credit,consumer-credit,1.00,t${page},\r\n`);
  expect(csv).toMatchObject({ code: 0, stdout: `${header}${rows.join("")}` });
  expect(json.json()).toMatchObject({
    openingUsd: "0.00",
    closingUsd: "3.00",
    lines: [{ transfer: "t0" }, { transfer: "t1" }, { transfer: "t2" }],
    csv: csv.stdout,
  });
});
