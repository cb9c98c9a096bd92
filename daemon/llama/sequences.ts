import type { LlamaContext, LlamaContextSequence, Token } from "node-llama-cpp";

/** One of the context's sequences, with the tokens of the last answer left in it. */
export interface Slot {
  sequence: LlamaContextSequence;
  /** Whose tokens it holds; null while it holds none. */
  cacheKey: string | null;
  isBusy: boolean;
  /** Order of release; the smallest is the least recently used. */
  releasedAt: number;
}

/** The context's sequences: handed out with the longest prefix they still hold, taken back with what they hold now. */
export class SequencePool {
  readonly #context: LlamaContext;
  readonly #slots: Slot[];
  #releases = 0;

  constructor(context: LlamaContext) {
    this.#context = context;
    this.#slots = Array.from({ length: context.totalSequences }, () => ({
      sequence: context.getSequence(),
      cacheKey: null,
      isBusy: false,
      releasedAt: 0,
    }));
  }

  get freeCount(): number {
    return this.#slots.filter((slot) => !slot.isBusy).length;
  }

  /**
   * A free slot that holds nothing but a prefix of `tokens`, at least one token short of it; undefined when none is
   * free. What another key left behind is erased whole, so that timing tells no one what others asked.
   */
  async acquire(cacheKey: string, tokens: readonly Token[]): Promise<Slot | undefined> {
    const slot = this.#choose(cacheKey, tokens);
    if (slot === undefined) return undefined;
    slot.isBusy = true;
    try {
      const isOwn = slot.cacheKey === cacheKey;
      await slot.sequence.adaptStateToTokens(isOwn ? tokens.slice(0, -1) : [], false);
      slot.cacheKey = cacheKey;
      return slot;
    } catch (error) {
      await this.#renew(slot);
      throw error;
    }
  }

  release(slot: Slot): void {
    slot.isBusy = false;
    this.#releases += 1;
    slot.releasedAt = this.#releases;
  }

  /** Gives back a slot whose state is not known any more. */
  async discard(slot: Slot): Promise<void> {
    await this.#renew(slot);
  }

  #choose(cacheKey: string, tokens: readonly Token[]): Slot | undefined {
    const free = this.#slots.filter((slot) => !slot.isBusy);
    let best: Slot | undefined;
    let bestShared = 0;
    for (const slot of free) {
      const shared = slot.cacheKey === cacheKey ? sharedLength(slot, tokens) : 0;
      if (shared > bestShared && isWorthTaking(slot, tokens, shared)) {
        best = slot;
        bestShared = shared;
      }
    }
    return best ?? free.toSorted((a, b) => leastUseful(a) - leastUseful(b))[0];
  }

  async #renew(slot: Slot): Promise<void> {
    await slot.sequence.dispose();
    slot.sequence = this.#context.getSequence();
    slot.cacheKey = null;
    slot.isBusy = false;
    slot.releasedAt = 0;
  }
}

/** A short common opening is no reason to throw away another long conversation. */
function isWorthTaking(slot: Slot, tokens: readonly Token[], shared: number): boolean {
  return shared * 2 >= Math.min(slot.sequence.nextTokenIndex, tokens.length);
}

function sharedLength(slot: Slot, tokens: readonly Token[]): number {
  return slot.sequence.compareContextTokens([...tokens]).firstDifferentIndex;
}

function leastUseful(slot: Slot): number {
  return slot.cacheKey === null ? -1 : slot.releasedAt;
}
