import type * as z from "zod";
import { type Clock, dayMs } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { type Account, type AccountStore, type NewApiKey, ownerOf } from "../../src/identity/account.ts";
import { type ApiKey, scopes } from "../../src/identity/api-key.ts";
import type { InviteStore } from "../../src/identity/invite.ts";
import { type ApiKeyId, type NetworkId, parseId } from "../../src/ids.ts";
import { type Books, dayOf } from "../../src/ledger/books.ts";
import type { PriceSheet } from "../../src/ledger/pricing.ts";
import { modelId, signedManifestJson } from "../../src/models/manifest.ts";
import type { PublishedModel } from "../../src/models/model-store.ts";
import { formatUsd, type NanoUsd, parseUsd } from "../../src/money.ts";
import { packageVersion } from "../../src/paths.ts";
import { type RouteName, type Routes, routes } from "../../src/protocol/api.ts";
import { protocolVersion } from "../../src/protocol/handshake.ts";
import type { ReceiptStore } from "../../src/verification/receipt-store.ts";
import { jsonRoute, type Route } from "../http/route.ts";
import { type ApiRoute, accountRoutes } from "./account-routes.ts";
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
  readonly clock: Clock;
  priceSheet(): Promise<PriceSheet>;
  /** Told of every key that is revoked. */
  keyRevoked(keyId: ApiKeyId): void;
}

type Body<Name extends RouteName> = z.output<Routes[Name]["request"]>;
type Answer<Name extends RouteName> = z.input<Routes[Name]["response"]>;

/** The orchestrator's own HTTP API: what src/protocol/api.ts describes. */
export function apiRoutes(options: ApiOptions): readonly Route[] {
  const { accounts, books, catalogue, receipts } = options;
  const own = accountRoutes(accounts);

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
        graceDays: sheet.graceDays,
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
      const { key, secret } = await accounts.createKey(account.id, newKeyOf(body));
      return { keyId: key.id, apiKey: secret };
    }),
    own(routes["keys-revoke"], async ({ account }, _body, { parameters }) => {
      const key = await accounts.revokeKey(account.id, parseId("key", parameters.keyId ?? ""));
      options.keyRevoked(key.id);
      return { keyId: key.id, revokedAt: key.revokedAt ?? 0 };
    }),
    own(routes["billing-balance"], async ({ account }) => {
      const { available, held, owed } = await books.balance(account.id);
      const debt = owed === 0n ? {} : { owed: formatUsd(owed) };
      return { available: formatUsd(available), held: formatUsd(held), ...debt };
    }),
    own(routes["billing-usage"], async ({ account }, { by, days }) => {
      const now = options.clock.now();
      const range = { from: dayOf(now - (days - 1) * dayMs), to: dayOf(now) };
      const rows = await books.usage(account.id, range, by);
      const keys = by === "key" ? await accounts.keys(account.id) : [];
      const names = new Map<string, string>(keys.map(({ id, name }) => [id, name]));
      return {
        rows: rows.map(({ amount, ...row }) => ({
          ...row,
          costUsd: formatUsd(amount),
          name: names.get(row.group) ?? null,
        })),
      };
    }),
    own(routes["receipt-show"], async ({ account }, _body, { parameters }) => {
      const id = parseId("receipt", parameters.receipt ?? "");
      const receipt = await receipts.find(account.id, id);
      if (receipt === null) throw new PeerError("not_found", `This account has no receipt ${id}.`);
      return receiptDocument(receipt, await books.transfer(receipt.receipt.transfer));
    }),
    own(routes["models-list"], async ({ account }, { search, after }) => {
      const words = (search ?? "").split(/\s+/).filter((word) => word !== "");
      const { models, next } = await catalogue.list(account.id, words, after ?? null);
      return { models: models.map((model) => modelRow(model, catalogue)), next };
    }),
    own(routes["models-show"], async ({ account }, { version }, { parameters }) => {
      const name = `${parameters.owner}/${parameters.name}`;
      const model = await catalogue.find(version === undefined ? name : `${name}:${version}`, account.id);
      return { ...modelRow(model, catalogue), manifest: signedManifestJson(await catalogue.signed(model)) };
    }),
  ];
}

function open<Request extends z.ZodType, Response extends z.ZodType>(
  { method, path, request }: ApiRoute<Request, Response>,
  handle: (body: z.output<Request>) => Promise<z.input<Response>>,
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
  const account = await options.accounts.create({ name: body.name ?? "", email: body.email ?? null });
  const { secret } = await options.accounts.createKey(account.id, { name: "first", scopes });
  return { accountId: account.id, apiKey: secret };
}

function accountRow(account: Account): Answer<"account-show"> {
  return {
    accountId: account.id,
    name: account.name === "" ? null : account.name,
    email: account.email,
    createdAt: account.createdAt,
    isVouched: account.vouchedAt !== null,
    owner: ownerOf(account),
  };
}

/** Throws `request_invalid` for a budget that its key could get around, by making another key. */
function newKeyOf(body: Body<"keys-create">): NewApiKey {
  const { name, scopes, requestsPerMinute, tokensPerMinute } = body;
  const budget = { perDay: usdOrNull(body.budgetUsdPerDay), perMonth: usdOrNull(body.budgetUsdPerMonth) };
  if (scopes.includes("admin") && (budget.perDay !== null || budget.perMonth !== null)) {
    throw new PeerError("request_invalid", 'A key with the scope "admin" manages the account: no budget holds it.', {
      hint: "Leave out the budget or the scope.",
      parameter: "scopes",
    });
  }
  return { name, scopes, budget, rateLimits: { requestsPerMinute, tokensPerMinute } };
}

function keyRow({ id, budget, rateLimits, ...key }: ApiKey): Answer<"keys-list">["keys"][number] {
  const { name, scopes, createdAt, revokedAt, prefix } = key;
  const [budgetUsdPerDay, budgetUsdPerMonth] = [usdTextOrNull(budget.perDay), usdTextOrNull(budget.perMonth)];
  const limits = { budgetUsdPerDay, budgetUsdPerMonth, ...rateLimits };
  return { keyId: id, name, scopes: [...scopes], createdAt, revokedAt, prefix, ...limits };
}

function modelRow(model: PublishedModel, catalogue: NetworkCatalogue): Answer<"models-list">["models"][number] {
  const { manifest } = model;
  return {
    model: modelId(manifest),
    digest: `sha256:${manifest.digest}`,
    sizeBytes: manifest.sizeBytes,
    summary: manifest.summary === "" ? null : manifest.summary,
    license: manifest.license,
    contextLength: manifest.facts.contextLength,
    royaltyUsdPer100kTokens: formatUsd(manifest.prices.royaltyPer100kTokens),
    priceUsd: priceOrNull(manifest.prices.once),
    usdPerMonth: priceOrNull(manifest.prices.monthly),
    hosts: catalogue.hostsOf(model),
  };
}

function priceOrNull(price: NanoUsd): string | null {
  return price === 0n ? null : formatUsd(price);
}

function usdTextOrNull(amount: NanoUsd | null): string | null {
  return amount === null ? null : formatUsd(amount);
}

function usdOrNull(text: string | null): NanoUsd | null {
  return text === null ? null : parseUsd(text);
}
