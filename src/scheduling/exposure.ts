/** A part of a prompt that one host gets to see. */
export interface ShownPart {
  /** Tells it from the request's other parts. */
  readonly name: string;
  readonly tokens: number;
}

/** How much of one request's masked prompt each owner has been shown, in tokens: backups and replacements count. */
export class Exposure {
  readonly #tokensByOwner = new Map<string, number>();
  /** Room set aside for parts that were not shown yet, by their name. */
  readonly #reserved = new Map<string, { readonly owner: string; readonly tokens: number }>();
  readonly #promptTokens: number;
  /** Most tokens that one owner may see. */
  readonly #tokensMax: number;

  /** `promptTokens` is the whole masked prompt's; `shareMax` (0..1, or infinite) bounds what one owner may see of it. */
  constructor(promptTokens: number, shareMax: number) {
    this.#promptTokens = promptTokens;
    this.#tokensMax = shareMax === Number.POSITIVE_INFINITY ? shareMax : promptTokens * shareMax;
  }

  /** Whether a part of this size may be shown to anyone at all. */
  mayShowAnyone(tokens: number): boolean {
    return tokens <= this.#tokensMax;
  }

  /**
   * Sets room aside for each part with one of `owners`, so that none is left over when the others are placed. False
   * where there is not room for all; then none is set aside.
   */
  reserve(parts: readonly ShownPart[], owners: readonly string[]): boolean {
    const placed = this.#placed(parts, owners, "roomiest") ?? this.#placed(parts, owners, "first");
    for (const [name, place] of placed ?? []) this.#reserved.set(name, place);
    return placed !== null;
  }

  mayShow(owner: string, { name, tokens }: ShownPart): boolean {
    let room = this.#tokensMax - this.#seenBy(owner) - tokens;
    for (const [other, reserved] of this.#reserved) {
      if (other !== name && reserved.owner === owner) room -= reserved.tokens;
    }
    return room >= 0;
  }

  record(owner: string, { name, tokens }: ShownPart): void {
    this.#tokensByOwner.set(owner, this.#seenBy(owner) + tokens);
    this.#reserved.delete(name);
  }

  /** Owners shown anything yet; subtasks go to others first. */
  owners(): ReadonlySet<string> {
    return new Set(this.#tokensByOwner.keys());
  }

  /** The largest fraction one owner was shown, 0..1: a prompt shown twice to one owner is still one prompt. */
  largestShare(): number {
    const most = Math.max(0, ...this.#tokensByOwner.values());
    return this.#promptTokens === 0 ? 0 : Math.min(1, most / this.#promptTokens);
  }

  /** The largest parts first, each with the owner of most room, or with the first that has enough. */
  #placed(parts: readonly ShownPart[], owners: readonly string[], choice: "roomiest" | "first") {
    const rooms = owners.map((owner) => ({ owner, room: this.#tokensMax - this.#seenBy(owner) }));
    const placed = new Map<string, { readonly owner: string; readonly tokens: number }>();
    for (const { name, tokens } of parts.toSorted((one, other) => other.tokens - one.tokens)) {
      if (choice === "roomiest") rooms.sort((one, other) => other.room - one.room);
      const place = rooms.find(({ room }) => tokens <= room);
      if (place === undefined) return null;
      place.room -= tokens;
      placed.set(name, { owner: place.owner, tokens });
    }
    return placed;
  }

  #seenBy(owner: string): number {
    return this.#tokensByOwner.get(owner) ?? 0;
  }
}
