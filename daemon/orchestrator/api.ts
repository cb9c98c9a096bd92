import type { z } from "zod";
import { PeerError } from "../../src/errors.ts";
import { type Account, type AccountStore, ownerOf } from "../../src/identity/account.ts";
import type { ApiKey, Scope } from "../../src/identity/api-key.ts";
import type { InviteStore } from "../../src/identity/invite.ts";
import { type NetworkId, parseId } from "../../src/ids.ts";
import { type Books, dayOf, type UsageRow } from "../../src/ledger/books.ts";
import type { PriceSheet } from "../../src/ledger/pricing.ts";
import { modelId, signedManifestJson } from "../../src/models/manifest.ts";
import type { PublishedModel } from "../../src/models/model-store.ts";
import { addUsd, formatUsd, type NanoUsd, parseUsd, zeroUsd } from "../../src/money.ts";
import { packageVersion } from "../../src/paths.ts";
import { type RouteName, type Routes, routes } from "../../src/protocol/api.ts";
import { protocolVersion } from "../../src/protocol/handshake.ts";
import type { ReceiptStore } from "../../src/verification/receipt-store.ts";
import { type Exchange, jsonRoute, type Method, type Route } from "../http/route.ts";
import { authenticate, type Member } from "./backend.ts";
import type { NetworkCatalogue } from "./catalogue.ts";
import { receiptDocument } from "./receipt-document.ts";

export interface ApiOptions {
  readonly networkId: NetworkId;
  readonly isPrivate: boolean;
  readonly accounts: AccountStore;
  readonly invites: InviteStore;
  readonly books: Books;
  readonly receipts: ReceiptStore;
  readonly catalogue: NetworkCatalogue;
  priceSheet(): Promise<PriceSheet>;
}

type Body<Name extends RouteName> = z.output<Routes[Name]["request"]>;
type Answer<Name extends RouteName> = z.input<Routes[Name]["response"]>;

const dayMs = 86_400_000;
const ownScopes: readonly Scope[] = ["consume", "produce", "host"];

/** The orchestrator's own HTTP API: what src/protocol/api.ts describes. */
export function apiRoutes(options: ApiOptions): readonly Route[] {
  const { accounts, books, catalogue, receipts } = options;

  const own = <Request extends z.ZodType, Response extends z.ZodType>(
    route: ApiRoute<Request, Response>,
    handle: (member: Member, body: z.output<Request>, exchange: Exchange) => Promise<z.input<Response>>,
  ) =>
    open(route, async (body, exchange) => handle(await authenticate(exchange.request, accounts, null), body, exchange));

  return [
    open(routes["network-show"], async () => {
      const sheet = await options.priceSheet();
      return {
        networkId: options.networkId,
        version: packageVersion(),
        protocolVersion,
        enrolment: options.isPrivate ? ("invite" as const) : ("open" as const),
        billing: sheet.billing,
        usdPer100kTokens: formatUsd(sheet.per100kTokens),
        hostSharePercent: String(sheet.hostShareBasisPoints / 100),
        hostSubscriptionUsd: formatUsd(sheet.hostSubscription),
        priceVersion: sheet.version,
      };
    }),
    open(routes["account-create"], (body) => createAccount(body, options)),
    own(routes["account-show"], async ({ account }) => accountRow(account)),
    own(routes["keys-list"], async ({ account }) => ({ keys: (await accounts.keys(account.id)).map(keyRow) })),
    own(routes["keys-create"], async ({ account, key: asking }, body) => {
      if (body.scopes.some((scope) => !asking.scopes.includes(scope))) {
        throw new PeerError("permission_denied", "A key can't make a key that may do more than itself.");
      }
      const budget = { perDay: usdOrNull(body.budgetUsdPerDay), perMonth: usdOrNull(body.budgetUsdPerMonth) };
      const { key, secret } = await accounts.createKey(account.id, { name: body.name, scopes: body.scopes, budget });
      return { keyId: key.id, apiKey: secret };
    }),
    own(routes["keys-revoke"], async ({ account }, _body, { parameters }) => {
      const key = await accounts.revokeKey(account.id, parseId("key", parameters.keyId ?? ""));
      return { keyId: key.id, revokedAt: key.revokedAt ?? 0 };
    }),
    own(routes["billing-balance"], async ({ account }) => {
      const { available, held } = await books.balance(account.id);
      return { available: formatUsd(available), held: formatUsd(held) };
    }),
    own(routes["billing-usage"], async ({ account }, { by, days }) => {
      const now = Date.now();
      const range = { from: dayOf(now - (days - 1) * dayMs), to: dayOf(now) };
      return { rows: groupUsage(await books.usage(account.id, range), by) };
    }),
    own(routes["receipt-show"], async ({ account }, _body, { parameters }) => {
      const id = parseId("receipt", parameters.receipt ?? "");
      const receipt = await receipts.find(account.id, id);
      if (receipt === null) throw new PeerError("not_found", `This account has no receipt ${id}.`);
      return receiptDocument(receipt, await books.transfer(receipt.receipt.transfer));
    }),
    own(routes["models-list"], async ({ account }, { search }) => {
      const words = (search ?? "").split(/\s+/).filter((word) => word !== "");
      const models = await catalogue.list(account.id, words);
      return { models: models.map((model) => modelRow(model, catalogue)) };
    }),
    own(routes["models-show"], async ({ account }, { version }, { parameters }) => {
      const name = `${parameters.owner}/${parameters.name}`;
      const model = await catalogue.find(version === undefined ? name : `${name}:${version}`, account.id);
      return { ...modelRow(model, catalogue), manifest: signedManifestJson(model.signed) };
    }),
  ];
}

interface ApiRoute<Request extends z.ZodType, Response extends z.ZodType> {
  readonly method: Method;
  readonly path: string;
  readonly request: Request;
  readonly response: Response;
}

function open<Request extends z.ZodType, Response extends z.ZodType>(
  { method, path, request }: ApiRoute<Request, Response>,
  handle: (body: z.output<Request>, exchange: Exchange) => Promise<z.input<Response>>,
): Route {
  return jsonRoute(method, path, request, handle);
}

async function createAccount(body: Body<"account-create">, options: ApiOptions): Promise<Answer<"account-create">> {
  if (options.isPrivate) {
    if (body.invite === undefined) {
      throw new PeerError("permission_denied", "This network is private: it takes an invite to join.", {
        hint: 'Ask its operator for one ("peerllm network invite") and give it with --invite.',
      });
    }
    await options.invites.accept(body.invite);
  }
  const account = await options.accounts.create({ name: body.name ?? "" });
  const { secret } = await options.accounts.createKey(account.id, { name: "first", scopes: ownScopes });
  return { accountId: account.id, apiKey: secret };
}

function accountRow(account: Account): Answer<"account-show"> {
  return {
    accountId: account.id,
    name: account.name === "" ? null : account.name,
    createdAt: account.createdAt,
    isVouched: account.vouchedAt !== null,
    owner: ownerOf(account),
  };
}

function keyRow(key: ApiKey): Answer<"keys-list">["keys"][number] {
  const { id, name, scopes, createdAt, revokedAt, prefix } = key;
  return { keyId: id, name, scopes: [...scopes], createdAt, lastUsedAt: null, revokedAt, prefix };
}

function modelRow(model: PublishedModel, catalogue: NetworkCatalogue): Answer<"models-list">["models"][number] {
  const { manifest } = model.signed;
  return {
    model: modelId(manifest),
    digest: `sha256:${manifest.digest}`,
    sizeBytes: manifest.sizeBytes,
    summary: manifest.summary,
    license: manifest.license,
    contextLength: manifest.facts.contextLength,
    royaltyUsdPer100kTokens: formatUsd(manifest.prices.royaltyPer100kTokens),
    priceUsd: priceOrNull(manifest.prices.once),
    usdPerMonth: priceOrNull(manifest.prices.monthly),
    hosts: catalogue.hostsOf(model),
  };
}

function groupUsage(rows: readonly UsageRow[], by: "day" | "model" | "key"): Answer<"billing-usage">["rows"] {
  const groups = new Map<string, { requests: number; promptTokens: number; completionTokens: number; cost: NanoUsd }>();
  for (const row of rows) {
    const group = by === "day" ? row.day : by === "model" ? row.model : row.apiKeyId;
    const sum = groups.get(group) ?? { requests: 0, promptTokens: 0, completionTokens: 0, cost: zeroUsd };
    groups.set(group, {
      requests: sum.requests + row.requests,
      promptTokens: sum.promptTokens + row.promptTokens,
      completionTokens: sum.completionTokens + row.completionTokens,
      cost: addUsd(sum.cost, row.amount),
    });
  }
  return [...groups].map(([group, { cost, ...counts }]) => ({ group, ...counts, costUsd: formatUsd(cost) }));
}

function priceOrNull(price: NanoUsd): string | null {
  return price === 0n ? null : formatUsd(price);
}

function usdOrNull(text: string | null): NanoUsd | null {
  return text === null ? null : parseUsd(text);
}
