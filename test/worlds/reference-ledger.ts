/** Nano-dollars a token costs on the first price sheet, and the host's part of them. */
const perToken = 10_000n;
const hostPerToken = 9_500n;
/** What `settleShared` pays a producer on top. */
const royaltyPerToken = 2_000n;
const perCent = 10_000_000n;

interface Consumer {
  available: bigint;
  owed: bigint;
}

/**
 * What books must come to, in the simplest arithmetic that can be right: plain numbers, no entries, no rounding (a token's
 * price divides exactly). Holds are by key; each method says whether real books accept it.
 */
export class ReferenceLedger {
  readonly consumers = new Map<string, Consumer>();
  readonly payable = new Map<string, bigint>();
  readonly holds = new Map<string, { readonly consumer: string; readonly amount: bigint }>();
  granted = 0n;
  network = 0n;
  royalties = 0n;
  atPaypal = 0n;
  paypalFees = 0n;

  consumer(name: string): Consumer {
    const consumer = this.consumers.get(name) ?? { available: 0n, owed: 0n };
    this.consumers.set(name, consumer);
    return consumer;
  }

  held(name: string): bigint {
    return [...this.holds.values()].reduce((sum, hold) => (hold.consumer === name ? sum + hold.amount : sum), 0n);
  }

  credit(name: string, amount: bigint): boolean {
    this.granted += amount;
    this.#give(name, amount);
    return true;
  }

  /** Credit paid for, of which PayPal keeps `fee`. */
  pay(name: string, amount: bigint, fee: bigint): void {
    this.atPaypal += amount - fee;
    this.paypalFees += fee;
    this.#give(name, amount);
  }

  /** A payment given back, also where PayPal has no longer as much; its fee is not. */
  refund(name: string, amount: bigint): void {
    this.atPaypal -= amount;
    this.#takeBack(name, amount);
  }

  reverse(name: string, amount: bigint): boolean {
    if (amount > this.granted) return false;
    this.granted -= amount;
    this.#takeBack(name, amount);
    return true;
  }

  #takeBack(name: string, amount: bigint): void {
    const consumer = this.consumer(name);
    const taken = amount < consumer.available ? amount : consumer.available;
    consumer.available -= taken;
    consumer.owed += amount - taken;
  }

  hold(key: string, name: string, amount: bigint): boolean {
    const consumer = this.consumer(name);
    if (amount > 0n && (consumer.owed > 0n || amount > consumer.available)) return false;
    consumer.available -= amount;
    this.holds.set(key, { consumer: name, amount });
    return true;
  }

  /** Null where no such hold is open; else what the consumer paid. */
  settle(key: string, host: string, tokens: number): bigint | null {
    const hold = this.holds.get(key);
    if (hold === undefined) return null;
    const price = BigInt(tokens) * perToken;
    const charged = price < hold.amount ? price : hold.amount;
    const earned = price === charged ? BigInt(tokens) * hostPerToken : (charged * 95n) / 100n;
    this.payable.set(host, (this.payable.get(host) ?? 0n) + earned);
    this.network += charged - earned;
    this.holds.delete(key);
    this.#give(hold.consumer, hold.amount - charged);
    return charged;
  }

  /** Whether a hold is open that pays for so many tokens, royalty included. */
  covers(key: string, tokens: number): boolean {
    return BigInt(tokens) * (perToken + royaltyPerToken) <= (this.holds.get(key)?.amount ?? -1n);
  }

  /** What one host began and others went on with, of a model with a royalty, where the hold covers it. */
  settleShared(key: string, delivered: readonly { readonly host: string; readonly tokens: number }[]): bigint {
    const tokens = BigInt(delivered.reduce((sum, part) => sum + part.tokens, 0));
    for (const part of delivered) {
      this.payable.set(part.host, (this.payable.get(part.host) ?? 0n) + BigInt(part.tokens) * hostPerToken);
    }
    this.network += tokens * (perToken - hostPerToken);
    this.royalties += tokens * royaltyPerToken;
    const charged = tokens * (perToken + royaltyPerToken);
    const hold = this.holds.get(key);
    this.holds.delete(key);
    if (hold !== undefined) this.#give(hold.consumer, hold.amount - charged);
    return charged;
  }

  release(key: string): void {
    const hold = this.holds.get(key);
    if (hold === undefined) return;
    this.holds.delete(key);
    this.#give(hold.consumer, hold.amount);
  }

  /** What `name` earned pays what it owes. */
  setOff(name: string): void {
    const consumer = this.consumer(name);
    const earned = this.payable.get(name) ?? 0n;
    const repaid = earned < consumer.owed ? earned : consumer.owed;
    consumer.owed -= repaid;
    this.payable.set(name, earned - repaid);
  }

  /** What is sent of `name`'s earnings: whole cents of what is left of them when what it owes is paid. */
  payOut(name: string): bigint {
    this.setOff(name);
    const earned = this.payable.get(name) ?? 0n;
    this.payable.set(name, earned % perCent);
    return earned - (earned % perCent);
  }

  #give(name: string, amount: bigint): void {
    const consumer = this.consumer(name);
    const repaid = amount < consumer.owed ? amount : consumer.owed;
    consumer.owed -= repaid;
    consumer.available += amount - repaid;
  }
}
