import type * as z from "zod";
import type { Clock } from "../../src/clock.ts";
import { PeerError } from "../../src/errors.ts";
import { type Account, type AccountStore, ownerOf } from "../../src/identity/account.ts";
import type { InviteStore } from "../../src/identity/invite.ts";
import { newId, parseId } from "../../src/ids.ts";
import type { Books } from "../../src/ledger/books.ts";
import type { CodeStore } from "../../src/ledger/code.ts";
import type { PriceBook } from "../../src/ledger/price-book.ts";
import { modelId } from "../../src/models/manifest.ts";
import { formatUsd, type NanoUsd, parseUsd } from "../../src/money.ts";
import type { Hosts } from "../../src/pipeline/ports.ts";
import { type HostRow, networkMethods } from "../../src/protocol/control-methods.ts";
import type { ControlHandler } from "../control/server.ts";
import type { Treasury } from "../paypal/treasury.ts";
import { auditNetwork, reconcileNetwork } from "./audit.ts";
import type { Traffic } from "./backend.ts";
import type { NetworkCatalogue } from "./catalogue.ts";
import type { HostGate } from "./host-gate.ts";
import type { HostSession } from "./host-session.ts";
import type { PolicyFile } from "./policy-file.ts";
import { setPrice, showPrice } from "./price-control.ts";
import type { Vitals } from "./vitals.ts";

export interface NetworkControlOptions {
  readonly networkId: string;
  readonly url: string;
  readonly isPrivate: boolean;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly accounts: AccountStore;
  readonly invites: InviteStore;
  readonly books: Books;
  readonly prices: PriceBook;
  readonly codes: CodeStore;
  readonly treasury: Treasury | null;
  readonly catalogue: NetworkCatalogue;
  readonly hosts: Hosts;
  readonly gate: HostGate;
  readonly policy: PolicyFile;
  readonly traffic: Traffic;
  readonly vitals: Pick<Vitals, "snapshot">;
}

type Methods = typeof networkMethods;
type Result<Name extends keyof Methods> = z.input<Methods[Name]["result"]>;

const hourMs = 3_600_000;
const accountsMax = 100;

/** What the operator's commands ask of a running orchestrator. */
export function networkControl(options: NetworkControlOptions): Readonly<Record<keyof Methods, ControlHandler>> {
  const { accounts, books, prices, invites, clock, gate, hosts, policy } = options;
  return {
    status: () => status(options),
    invite: async (params) => {
      const { uses, hours } = networkMethods.invite.params.parse(params);
      const expiresAt = Math.round(clock.now() + hours * hourMs);
      return { invite: await invites.create({ uses, expiresAt }), uses, expiresAt };
    },
    credit: async (params) => {
      const { account, usd } = networkMethods.credit.params.parse(params);
      const accountId = parseId("account", account);
      // The books take any id: what a typing error names would keep the credit for good.
      if ((await accounts.find(accountId)) === null) {
        throw new PeerError("not_found", `There is no account ${accountId} on this network.`);
      }
      const amount = creditOf(usd);
      const idempotencyKey = `grant:${newId("transfer")}`;
      const source = { kind: "promotion" } as const;
      const transfer = await books.credit({ accountId, amount, source, idempotencyKey, reference: null });
      const available = formatUsd((await books.balance(accountId)).available);
      return { accountId, credited: formatUsd(amount), available, transfer } satisfies Result<"credit">;
    },
    reverse: async (params) => {
      const transfer = parseId("transfer", networkMethods.reverse.params.parse(params).transfer);
      const { accountId, amount } = await books.reverseGrant(transfer);
      const balance = await books.balance(accountId);
      const [available, owed] = [formatUsd(balance.available), formatUsd(balance.owed)];
      return { accountId, reversed: formatUsd(amount), available, owed } satisfies Result<"reverse">;
    },
    audit: () => auditNetwork(books, options.treasury),
    reconcile: async () => reconcileNetwork(options.treasury),
    "code-create": async (params) => {
      const amount = creditOf(networkMethods["code-create"].params.parse(params).usd);
      return { code: await options.codes.create(amount), usd: formatUsd(amount) } satisfies Result<"code-create">;
    },
    "price-show": async () => showPrice(prices),
    "price-set": async (params) =>
      setPrice(networkMethods["price-set"].params.parse(params), { prices, clock, treasury: options.treasury }),
    accounts: async (params) => {
      const { words } = networkMethods.accounts.params.parse(params);
      const found = await accounts.search(words, accountsMax + 1);
      const rows = found.slice(0, accountsMax).map((account) => accountRow(account, books));
      return { accounts: await Promise.all(rows), isWhole: found.length <= accountsMax } satisfies Result<"accounts">;
    },
    hosts: async () => ({ hosts: hostRows(gate, hosts) }) satisfies Result<"hosts">,
    models: async () => ({ models: await modelRows(options) }),
    vouch: async (params) => {
      const { account, isVouched } = networkMethods.vouch.params.parse(params);
      const vouched = await accounts.vouch(parseId("account", account), isVouched);
      for (const session of gate.sessions()) {
        if (session.accountId === vouched.id) session.owner = ownerOf(vouched);
      }
      return { accountId: vouched.id, isVouched: vouched.vouchedAt !== null } satisfies Result<"vouch">;
    },
    "policy-show": async () => ({ policy: policy.current() }),
    "policy-set": async (params) => {
      const { policy: wanted } = networkMethods["policy-set"].params.parse(params);
      await policy.replace(wanted);
      return { policy: policy.current() };
    },
  };
}

function creditOf(usd: string): NanoUsd {
  const amount = parseUsd(usd);
  if (amount > 0n) return amount;
  throw new PeerError("request_invalid", `Credit is more than zero, not "${usd}".`);
}

async function status(options: NetworkControlOptions): Promise<Result<"status">> {
  const { traffic, hosts, gate } = options;
  const { active, completed, failed, refused } = traffic;
  return {
    networkId: options.networkId,
    url: options.url,
    pid: process.pid,
    startedAt: options.startedAt,
    billing: (await options.prices.current()).billing,
    isPrivate: options.isPrivate,
    accounts: await options.accounts.count(),
    hosts: hostRows(gate, hosts),
    requests: { active, queued: hosts.queueLength(), completed, failed, refused },
    tokens: { prompt: traffic.promptTokens, completion: traffic.completionTokens },
    ...options.vitals.snapshot(),
  };
}

async function accountRow(account: Account, books: Books): Promise<Result<"accounts">["accounts"][number]> {
  const { available, owed } = await books.balance(account.id);
  return {
    accountId: account.id,
    name: account.name === "" ? null : account.name,
    email: account.email,
    createdAt: account.createdAt,
    isVouched: account.vouchedAt !== null,
    available: formatUsd(available),
    owed: formatUsd(owed),
  };
}

function hostRows(gate: HostGate, hosts: Hosts): HostRow[] {
  return gate.sessions().map((session) => hostRow(session, hosts));
}

function hostRow(session: HostSession, hosts: Hosts): HostRow {
  const offers = session.offers();
  const rates = offers.map((offer) => offer.decodeTokensPerSecond);
  return {
    hostId: session.hostId,
    owner: session.owner,
    state: stateOf(session, hosts),
    models: offers.map((offer) => offer.model),
    sequences: offers.reduce((sum, offer) => sum + offer.sequences, 0),
    activeStreams: hosts.activeSubtasksOf(session.hostId),
    decodeTokensPerSecond: rates.length === 0 ? null : Math.max(...rates),
    connectedAt: session.connectedAt,
  };
}

/** Degraded: it offers nothing, as while its engine restarts, or kept failing and gets no work for a while. */
function stateOf(session: HostSession, hosts: Hosts): HostRow["state"] {
  if (!session.isAccepting) return "paused";
  return session.offers().length === 0 || hosts.isResting(session.hostId) ? "degraded" : "serving";
}

async function modelRows({ catalogue }: NetworkControlOptions): Promise<Result<"models">["models"]> {
  const models = await catalogue.listAll();
  return models.map((model) => ({
    model: modelId(model.manifest),
    digest: `sha256:${model.manifest.digest}`,
    sizeBytes: model.manifest.sizeBytes,
    hosts: catalogue.hostsOf(model),
  }));
}
