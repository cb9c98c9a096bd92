/** Q8_0: blocks of 32 values, each a half-precision scale and 32 signed bytes, 34 bytes a block. */
export function quantizedQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / 32;
  const bytes = new Uint8Array(blocks * 34);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < blocks; block++) {
    const slice = values.subarray(block * 32, block * 32 + 32);
    let largest = 0;
    for (const value of slice) largest = Math.max(largest, Math.abs(value));
    const scale = largest / 127;
    view.setUint16(block * 34, halfBits(scale), true);
    slice.forEach((value, index) => {
      view.setInt8(block * 34 + 2 + index, scale === 0 ? 0 : Math.round(value / scale));
    });
  }
  return bytes;
}

/** IEEE 754 binary16 bits of a number ≥ 0 and < 65,504, rounded to nearest; too small becomes subnormal or zero. */
export function halfBits(value: number): number {
  if (value < 2 ** -14) return Math.round(value * 2 ** 24);
  const exponent = Math.floor(Math.log2(value));
  const fraction = Math.round((value / 2 ** exponent - 1) * 1024);
  return ((exponent + 15) << 10) + fraction;
}
