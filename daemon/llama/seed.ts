/**
 * The seed of the sampler that chooses the token at `position` of the sequence, from the request's own seed. Being a
 * function of the position alone, it lets an answer be continued elsewhere with the same choices.
 * Both unsigned 32-bit. Source: the finaliser of MurmurHash3 (Appleby, 2011) over a Weyl sequence.
 */
export function seedAt(baseSeed: number, position: number): number {
  let hash = (baseSeed + Math.imul(position + 1, 0x9e3779b9)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
