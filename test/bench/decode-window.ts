/**
 * The rate at which several answers are decoded together: counted from the moment the last of them has begun to the
 * moment the first of them ends, so that all of them are at work all the time.
 */
export interface DecodeWindow {
  /** A token of answer `index` came at `nowMs`. */
  token(index: number, nowMs: number): void;
  end(index: number, nowMs: number): void;
  readonly tokensPerSecond: number;
}

export function createDecodeWindow(answers: number): DecodeWindow {
  const begun = new Set<number>();
  let openedAt: number | undefined;
  let closedAt: number | undefined;
  let tokens = 0;
  let lastTokenAt = 0;
  return {
    token(index, nowMs) {
      if (openedAt !== undefined && closedAt === undefined) {
        tokens += 1;
        lastTokenAt = nowMs;
      }
      begun.add(index);
      if (begun.size === answers) openedAt ??= nowMs;
    },
    end(_index, nowMs) {
      if (openedAt !== undefined) closedAt ??= nowMs;
    },
    get tokensPerSecond() {
      return openedAt === undefined || tokens === 0 ? 0 : (tokens * 1000) / (lastTokenAt - openedAt);
    },
  };
}
