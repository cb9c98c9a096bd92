import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import type { AccountStore } from "../../src/identity/account.ts";
import type { InviteStore } from "../../src/identity/invite.ts";
import { loadOrCreateKeyPair } from "../../src/identity/key-file.ts";
import type { HostStore } from "../../src/identity/known-host.ts";
import { type AccountId, base32, type HostId } from "../../src/ids.ts";
import type { Books } from "../../src/ledger/books.ts";
import type { CodeStore } from "../../src/ledger/code.ts";
import type { PaymentStore } from "../../src/ledger/payment.ts";
import type { PayoutStore } from "../../src/ledger/payout.ts";
import type { PriceBook } from "../../src/ledger/price-book.ts";
import { type BillingMode, firstPriceSheet } from "../../src/ledger/pricing.ts";
import type { SalesStore } from "../../src/ledger/sale.ts";
import type { SubscriptionStore } from "../../src/ledger/subscription.ts";
import type { Log } from "../../src/log.ts";
import { verifyClaim } from "../../src/models/claim.ts";
import { type ModelManifest, modelId } from "../../src/models/manifest.ts";
import type { ModelStore } from "../../src/models/model-store.ts";
import type { Home } from "../../src/paths.ts";
import type { Guard, HostLink, Hosts, Tokenizers } from "../../src/pipeline/ports.ts";
import { hostLinkPath, networkIdOf } from "../../src/protocol/handshake.ts";
import type { NetworkStart } from "../../src/protocol/start.ts";
import { HostPool } from "../../src/scheduling/pool.ts";
import type { ReceiptStore } from "../../src/verification/receipt-store.ts";
import type { ControlHandler } from "../control/server.ts";
import type { TlsIdentity } from "../http/listener.ts";
import { openaiRoutes } from "../http/openai-routes.ts";
import { createHttpServer } from "../http/server.ts";
import type { PayerSeen } from "../paypal/memberships.ts";
import type { Treasury } from "../paypal/treasury.ts";
import type { Registry, RegistryRules } from "../registry/registry.ts";
import { apiRoutes } from "./api.ts";
import { authenticate, networkBackend, type Traffic } from "./backend.ts";
import { NetworkCatalogue } from "./catalogue.ts";
import { networkControl } from "./control.ts";
import { economyApi, requireTreasury } from "./economy.ts";
import { keepEnrolment } from "./enrolment.ts";
import { HostGate } from "./host-gate.ts";
import { newLicences } from "./licences.ts";
import { mayServe, paypalRoutes } from "./paypal-link.ts";
import { PolicyFile } from "./policy-file.ts";
import { RateLimit } from "./rate-limit.ts";
import { RetriedBooks } from "./retried-books.ts";
import { salesApi } from "./sales.ts";
import { openVitals } from "./vitals.ts";
import { watchedBooks } from "./watched-books.ts";

/** What the orchestrator runs on; made, and closed after it, by whoever starts it. */
export interface OrchestratorAdapters {
  readonly accounts: AccountStore;
  readonly invites: InviteStore;
  readonly knownHosts: HostStore;
  readonly books: Books;
  readonly prices: PriceBook;
  readonly receipts: ReceiptStore;
  readonly models: ModelStore;
  readonly tokenizers: Tokenizers;
  readonly guard: Guard | null;
  readonly codes: CodeStore;
  readonly payouts: PayoutStore;
  readonly payments: PaymentStore;
  readonly subscriptions: SubscriptionStore;
  readonly sales: SalesStore;
  /** Null where billing is not `paypal`. */
  readonly openTreasury: ((network: TreasuryNetwork) => Treasury) | null;
  openRegistry(rules: RegistryRules): Registry;
}

/** The network that a treasury is of. */
export interface TreasuryNetwork {
  readonly networkId: string;
  readonly url: string;
  readonly payerSeen: PayerSeen;
}

export interface OrchestratorContext {
  readonly home: Home;
  readonly log: Log;
  readonly clock: Clock;
}

export interface RunningOrchestrator {
  readonly ready: { readonly url: string; readonly pid: number; readonly networkId: string };
  readonly control: Readonly<Record<string, ControlHandler>>;
  drain(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Requests waiting for a host, over all accounts. */
const queueMax = 4_096;
/** How soon a host whose month was paid, or ended, notices. */
const entitlementsMs = 2_000;

/**
 * The network: one HTTP server for OpenAI's surface, the API, the registry and the hosts' links. Holds that a crash
 * left open are released first: nothing is under way when a network starts.
 */
export async function startOrchestrator(
  options: NetworkStart,
  adapters: OrchestratorAdapters,
  context: OrchestratorContext,
): Promise<RunningOrchestrator> {
  const { home, log, clock } = context;
  const { accounts, books, prices, receipts, models, invites } = adapters;
  const isPrivate = await keepEnrolment(home, options.isPrivate);
  const networkKey = await loadOrCreateKeyPair(join(home.keysDirectory, "network.pem"));
  const networkId = networkIdOf(networkKey.publicKey);
  const holdsReleased = await books.releaseAll();
  await setBilling(prices, options.billing, clock);

  const vitals = await openVitals(books, clock);
  const hosts: Hosts = new HostPool<HostLink>({ clock, queueMax, observe: vitals.event });
  const isEntitled = async (hostId: HostId) =>
    (await billing()) !== "paypal" || mayServe(hostId, { subscriptions: adapters.subscriptions, prices, clock });
  const { knownHosts, codes, payments, payouts, subscriptions, sales } = adapters;
  const billing = async () => (await prices.current()).billing;
  const mayRead: RegistryRules["mayRead"] = (model, accountId) => catalogue.mayRead(model, accountId);
  const licences = newLicences({ billing, prices, models, payments, subscriptions, clock, log, mayRead });
  const { servable } = licences;
  const gate = new HostGate({ networkKey, accounts, knownHosts, hosts, clock, log, vitals, isEntitled, servable });
  const policy = await PolicyFile.open(join(home.root, "policy.json"));
  const registry = adapters.openRegistry({
    networkId,
    producerOf: async (request) => (await authenticate(request, accounts, "produce")).account.id,
    accountOf: (request) => accountOf(request, accounts),
    mayRead,
    requireClaim: async (manifest, accountId, claim) => {
      if (claim !== null) return verifyClaim(manifest, { networkId, accountId }, claim);
      if (!isPrivate || (await billing()) !== "off") throw unclaimed(manifest);
    },
    requireLicence: licences.require,
  });
  const catalogue = new NetworkCatalogue({ models, hosts, isPrivate, blobFile: (digest) => registry.blobFile(digest) });
  const retriedBooks = new RetriedBooks(
    watchedBooks(books, (result) => vitals.settled(result)),
    log,
  );
  const ports = {
    clock,
    log,
    hosts,
    catalogue,
    books: retriedBooks,
    receipts,
    networkKey,
    tokenizers: adapters.tokenizers,
    guard: adapters.guard,
    maskingKey: createHmac("sha256", networkKey.exportPem()).update("masking").digest(),
    ownWords: options.maskedWords,
    priceSheet: () => prices.current(),
    policy: () => policy.current(),
  };
  const traffic: Traffic = { active: 0, completed: 0, failed: 0, refused: 0, promptTokens: 0, completionTokens: 0 };
  const rateLimit = new RateLimit(clock);
  let treasury: Treasury | null = null;
  const economy = { accounts, books, codes, payouts, subscriptions, knownHosts, prices, sales, clock };
  const server = await createHttpServer({
    address: options.listen,
    port: options.port,
    ...(await tlsOf(options)),
    allowInsecure: options.allowsClear,
    allowedHosts: options.hostNames,
    allowedOrigins: options.allowedOrigins,
    routes: [
      ...openaiRoutes(networkBackend({ accounts, catalogue, rateLimit, ports, traffic, vitals })),
      ...apiRoutes({
        networkId,
        isPrivate,
        accounts,
        invites,
        books,
        receipts,
        catalogue,
        clock,
        priceSheet: ports.priceSheet,
        keyRevoked: (keyId) => gate.keyRevoked(keyId),
      }),
      ...economyApi({ ...economy, treasury: () => treasury }),
      ...salesApi({
        billing,
        accounts,
        catalogue,
        payments,
        subscriptions,
        sales,
        prices,
        paypal: () => requireTreasury(treasury),
        now: () => clock.now(),
      }),
      ...paypalRoutes(() => treasury),
      ...registry.routes,
    ],
    log,
  });
  server.onUpgrade(hostLinkPath, (request, socket, head) => gate.upgrade(request, socket, head));
  const { url } = server;
  log.info("network-serving", { networkId, url, billing: await billing(), holdsReleased });

  const payerKey = createHmac("sha256", networkKey.exportPem()).update("payers").digest();
  const payerSeen: PayerSeen = async (accountId, payerId, proof) => {
    const digest = base32(createHmac("sha256", payerKey).update(payerId).digest().subarray(0, 16));
    if (await accounts.setPaymentIdentity(accountId, digest, proof)) await gate.reviewOwners();
  };
  treasury = adapters.openTreasury?.({ networkId, url, payerSeen }) ?? null;
  const review = async () => {
    await retriedBooks.writeAgain();
    if ((await billing()) !== "off") await licences.renewDue();
    await gate.reviewEntitlements();
  };
  const reviews = startReviews(review, log);

  const startedAt = clock.now();
  const controlled = { networkId, url, isPrivate, startedAt, clock, accounts, invites, books, prices, codes, treasury };
  return {
    ready: { url, pid: process.pid, networkId },
    control: networkControl({ ...controlled, catalogue, hosts, gate, policy, traffic, vitals }),
    drain: (signal) => server.drain(signal),
    async close() {
      gate.close();
      await reviews.close();
      await treasury?.close();
      await server.close();
      await registry.close();
    },
  };
}

/** Looks every `entitlementsMs` at what was paid, what has ended and what is still to be written, one look at a time. */
function startReviews(review: () => Promise<void>, log: Log): { close(): Promise<void> } {
  let underway = Promise.resolve();
  let isIdle = true;
  const look = async () => {
    isIdle = false;
    await review().catch((error: unknown) => log.error("review-failed", { error }));
    isIdle = true;
  };
  const timer = setInterval(() => {
    if (isIdle) underway = look();
  }, entitlementsMs);
  return {
    async close() {
      clearInterval(timer);
      await underway;
    },
  };
}

/** Starts the price list, or continues it with the billing mode that was asked for, if another is in force. */
async function setBilling(prices: PriceBook, billing: BillingMode | null, clock: Clock): Promise<void> {
  const sheets = await prices.list();
  const last = sheets.at(-1);
  if (last === undefined) {
    const { version: _first, ...sheet } = firstPriceSheet(billing ?? "credits", clock.now());
    await prices.add(sheet);
  } else if (billing !== null && last.billing !== billing) {
    const { version: _last, ...sheet } = last;
    await prices.add({ ...sheet, billing, effectiveFrom: Math.max(clock.now(), last.effectiveFrom) });
  }
}

/** Whoever earns from a model must be its producer's account: a signed manifest can be copied by anyone. */
function unclaimed(manifest: ModelManifest): PeerError {
  const why = "nothing proves that this account publishes it for its producer";
  return new PeerError("permission_denied", `${modelId(manifest)} is not published here: ${why}.`, {
    hint: 'Publish with "peerllm producer publish", where the producer\'s key is.',
  });
}

/** A key that proves nothing is refused; no key at all is a stranger. */
async function accountOf(request: IncomingMessage, accounts: AccountStore): Promise<AccountId | null> {
  if (request.headers.authorization === undefined) return null;
  return (await authenticate(request, accounts, null)).account.id;
}

/** One of the two alone is a slip, and no wish to listen in clear. */
async function tlsOf(options: NetworkStart): Promise<{ tls?: TlsIdentity }> {
  const { tlsCertificate, tlsKey } = options;
  if (tlsCertificate === null && tlsKey === null) return {};
  if (tlsCertificate === null || tlsKey === null) {
    throw new PeerError("usage_invalid", "TLS takes a certificate and its key: --tls-cert and --tls-key go together.");
  }
  return { tls: { certificate: await readFile(tlsCertificate, "utf8"), key: await readFile(tlsKey, "utf8") } };
}
