/** Nano-dollars a token costs on the first price sheet, and the host's part of them. */
const perToken = 10_000n;
const hostPerToken = 9_500n;
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

  reverse(name: string, amount: bigint): boolean {
    if (amount > this.granted) return false;
    this.granted -= amount;
    const consumer = this.consumer(name);
    const taken = amount < consumer.available ? amount : consumer.available;
    consumer.available -= taken;
    consumer.owed += amount - taken;
    return true;
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
